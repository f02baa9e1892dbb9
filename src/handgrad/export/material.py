"""What an export is made of: the run, its plan, the very data that it was made with, and its own answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handgrad.digits.data.dataset import Dataset
from handgrad.digits.data.load import dataset_of
from handgrad.errors import DamagedRunError
from handgrad.export.plan import Plan
from handgrad.export.proof import Expected
from handgrad.runs.read import Run
from handgrad.version import __version__

CALIBRATION = 1000
"""Training images from which the scales of 8-bit numbers are read."""


@dataclass(frozen=True, eq=False)
class Material:
    """Everything that a rendering may need: the run, its plan, its data, and its own answers."""

    run: Run
    plan: Plan
    dataset: Dataset
    expected: Expected

    @property
    def images(self) -> NDArray[np.uint8]:
        """The test images, bytes ``[n, 28, 28]``."""
        return self.dataset.test_images.numpy()

    @property
    def training_images(self) -> NDArray[np.uint8]:
        """The first training images, enough to read scales from."""
        return self.dataset.train_images[:CALIBRATION].numpy()

    @property
    def head(self) -> list[str]:
        """What it is, in a sentence for the head of the file."""
        run = self.run
        return [
            f"{run.network}, trained by handgrad {__version__}: recipe {run.title}, seed {run.seed}, dataset {run.dataset}, "
            f"run {run.name}. {self.plan.numbers:,} numbers; BatchNorm and the normalisation of the input are inside them."
        ]


def material_of(run: Run, plan: Plan, data: str | Path | None, download: bool) -> Material:
    """Return all that a rendering of *run* needs; raises `MissingError` where the run's own test set cannot be had."""
    assert run.evidence is not None and run.result is not None
    dataset = dataset_of(
        run.dataset,
        run.environment.dataset_sha256,
        data if data is not None else run.environment.data,
        download=download,
    )
    expected = Expected(run.evidence.log_probabilities, run.evidence.labels, run.result.last_epoch.correct)
    if not np.array_equal(dataset.test_labels.numpy(), expected.labels):
        raise DamagedRunError(f"{run.path}: its evidence is of other test images than {dataset.name} – train again")
    return Material(run, plan, dataset, expected)
