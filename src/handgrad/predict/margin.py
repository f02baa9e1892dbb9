"""How far the first answer must lie before the second to be called sure: found on training images, kept beside the run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from handgrad.digits.data.dataset import hold_out
from handgrad.digits.data.load import dataset_of
from handgrad.errors import HandgradError
from handgrad.files import make_folder, write_whole
from handgrad.predict.network import TrainedNetwork
from handgrad.runs.folder import EXPORTS

# As many as are usually held out: a thousandth of them is five images.
IMAGES = 5_000
RIGHT = 0.999
"""Of the answers called sure so many must be right."""
LEAST = 0.5
"""No margin is smaller: images that the network was trained on flatter it, and photographs differ from them."""
KEPT = "margin.json"


@dataclass(frozen=True)
class Margin:
    """The least difference of the two highest probabilities of a sure answer, and in words where it comes from."""

    least: float
    words: str


def margin_of(network: TrainedNetwork, data: Path | None = None) -> Margin:
    """Return the margin of *network*: as kept, else found on the training images that its run held out, or else on others.

    Where the run's data is not available (nothing is downloaded for this) it is `LEAST`.
    """
    run = network.run
    if run is None:
        return Margin(LEAST, "a margin of 0.5, not calibrated: there is no run")
    kept = run.path / EXPORTS / KEPT
    try:
        table = json.loads(kept.read_text(encoding="utf-8"))
        return Margin(float(table["least"]), str(table["words"]))
    except (OSError, ValueError, TypeError, KeyError):
        pass  # not kept yet, or damaged: found again
    try:
        dataset = dataset_of(run.dataset, run.environment.dataset_sha256, data or run.environment.data, download=False)
    except HandgradError:
        return Margin(LEAST, "a margin of 0.5, not calibrated: the data of the run was not found")
    if run.holdout:
        held = hold_out(dataset, run.holdout, run.seed)
        images, labels, what = held.test_images[:IMAGES], held.test_labels[:IMAGES], "training images held out"
    else:
        images, labels = dataset.train_images[-IMAGES:], dataset.train_labels[-IMAGES:]
        what = "training images (none was held out)"
    found = calibrated(network.answer(images.numpy()).probabilities, labels)
    words = f"calibrated on {len(labels):,} {what}, {LEAST} at least"
    try:
        make_folder(kept.parent)
        write_whole(kept, (json.dumps({"least": found, "words": words}) + "\n").encode())
    except HandgradError:
        pass  # a run that cannot be written to is found again each time
    return Margin(found, words)


def calibrated(probabilities: NDArray[np.float64], labels: torch.Tensor) -> float:
    """Return the smallest margin, `LEAST` at least, above which `RIGHT` of the answers are right."""
    gaps = gaps_of(probabilities)
    right = probabilities.argmax(axis=1) == labels.numpy()
    order = np.argsort(-gaps)
    # From the surest answer down: the share of right ones if all up to here were called sure.
    shares = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(shares >= RIGHT)
    # The last place, not the first: one surest answer that is wrong must not forbid all others.
    return float(max(LEAST, gaps[order][enough[-1]])) if len(enough) else 1.0


def gaps_of(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each answer how far its probability lies before the second."""
    ranked = np.sort(probabilities, axis=1)
    return np.asarray(ranked[:, -1] - ranked[:, -2])
