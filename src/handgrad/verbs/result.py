"""What a training in Python gives back: the figures, and everything else that its run folder holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from handgrad.digits.trained import load_weights, trained_module
from handgrad.errors import UsageError, counted
from handgrad.runs.evidence import Evidence
from handgrad.runs.folder import MODEL, REPORT
from handgrad.runs.kind import DataKind
from handgrad.runs.read import Run, read_run
from handgrad.runs.record import EpochScore, RunSummary
from handgrad.score import percent
from handgrad.shown.record import Shown
from handgrad.shown.view import Curve, View


@dataclass(frozen=True, repr=False)
class TrainedRun(Shown, RunSummary):
    """A finished run: the figures of ``summary.json``, and the other results by name.

    ``module`` the trained network in ``eval()``; ``predictions`` int64 ``[n]``, the answer to each test image;
    ``probabilities`` float32 ``[n, classes]``; ``confusion`` int64 ``[classes, classes]``, the row the true class, the column
    the answer; ``report`` the page, made on first use; ``run`` everything in the folder as plain data.
    """

    @classmethod
    def of(cls, summary: RunSummary, make: Callable[[], nn.Module] | None = None) -> TrainedRun:
        """Return the run of *summary*; *make* makes its network, where no file holds that."""
        found = cls(**{each.name: getattr(summary, each.name) for each in fields(RunSummary)})
        object.__setattr__(found, "_make", make)
        return found

    @property
    def folder(self) -> Path:
        """Return the run folder."""
        return Path(self.path)

    @cached_property
    def record(self) -> Run:
        """Return everything that the run folder holds, as plain data."""
        return read_run(self.folder)

    @property
    def module(self) -> nn.Module:
        """Return the trained network in ``eval()`` on the CPU: normalised images ``[n, *kind.shape]`` to scores."""
        make: Callable[[], nn.Module] | None = getattr(self, "_make", None)
        if make is None:
            return trained_module(self.record)
        network = make()
        load_weights(network, self.folder / MODEL)
        return network.eval()

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Return the probability of each class for every test image, ``[n, classes]``."""
        return np.exp(self._evidence.log_probabilities)

    @property
    def predictions(self) -> NDArray[np.int64]:
        """Return the answer to every test image, ``[n]``."""
        return self._evidence.answers

    @property
    def labels(self) -> NDArray[np.integer[Any]]:
        """Return the true class of every test image, ``[n]``."""
        return self._evidence.labels

    @property
    def kind(self) -> DataKind:
        """Return the shape of the images and the classes; ``kind.classes`` are their names."""
        return self.record.kind

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Return counts ``[classes, classes]``: the row is the true class, the column the answer."""
        return self._evidence.confusion()

    @property
    def report(self) -> Path:
        """Return the report of the run, ``report.html``; made where it is not there yet."""
        from handgrad.report.page import write_report

        path = self.folder / REPORT
        return path if path.is_file() else write_report(self.folder)

    def view(self) -> View:
        """Return the headline, the epochs as a table, the accuracy as curves."""
        last, best = self.last_epoch, self.best_epoch
        low, high = last.interval95
        epochs = self.record.epochs
        on = self.record.evaluated_on.words
        chosen = (
            f"best epoch ({best.epoch}): {percent(best.correct, best.total)} – selected on the {best.chosen_on.words}"
            if best.chosen_on is not None
            else "the test set was read once, after the last epoch"
        )
        lines = (
            f"last epoch ({self.epochs}): {percent(last.correct, last.total)} ({last.correct:,} of {last.total:,}; "
            f"95 % interval {low:.2f} to {high:.2f} %)",
            chosen,
            f"{self.seconds_training:.1f} s of training ({self.device}, {self.precision}, "
            f"{counted(self.threads, 'thread')}) → {self.path}",
        )
        numbers = [epoch.epoch for epoch in epochs]
        training, evaluation = [e.training.accuracy for e in epochs], [e.evaluation.accuracy for e in epochs]
        return View(
            title=f"{self.recipe} ({short(self.network)}, {self.parameters:,} parameters, seed {self.seed}, "
            f"dataset: {self.dataset})",
            lines=lines,
            head=("epoch", "training loss", "training", on),
            rows=tuple(epoch_row(epoch) for epoch in epochs),
            curves=(Curve(on, numbers, evaluation), Curve("training", numbers, training)),
            x_name="epoch",
            y_name="accuracy in %",
            columns={
                "epoch": numbers,
                "learning_rate": [e.learning_rate for e in epochs],
                "training_loss": [e.training.loss for e in epochs],
                "training_accuracy": training,
                "evaluation_loss": [e.evaluation.loss for e in epochs],
                "evaluation_accuracy": evaluation,
                "seconds_training": [e.seconds_training for e in epochs],
            },
        )

    @property
    def _evidence(self) -> Evidence:
        evidence = self.record.evidence
        if evidence is None:
            raise UsageError(f"{self.path} holds no answers to its test set – train again")
        return evidence


def short(network: str) -> str:
    """Return a network's name without the folders of its file."""
    return network.replace("\\", "/").rpartition("/")[2]


def epoch_row(epoch: EpochScore) -> tuple[str, str, str, str]:
    """Return an epoch as the table shows it."""
    training, evaluation = epoch.training, epoch.evaluation
    return (
        str(epoch.epoch),
        f"{training.loss:.4f}",
        percent(training.correct, training.total),
        percent(evaluation.correct, evaluation.total),
    )
