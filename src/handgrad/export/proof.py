"""What is proven of a file that leaves: its answers to the whole test set, beside those of the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import HandgradError
from handgrad.export.evaluate import probabilities
from handgrad.export.plan import Array

MOST_LOSS = 0.05
"""Percentage points that an export may lose without being told to."""


class LossError(HandgradError):
    """What was exported gives fewer right answers than the run, and more so than is allowed (status 1)."""

    status = 1


@dataclass(frozen=True, eq=False)
class Expected:
    """The run's own answers to its test set: ``log_probabilities [n, 10]``, and the true ``labels [n]``."""

    log_probabilities: Array
    labels: NDArray[np.integer[Any]]
    correct: int
    """How many the run counted as right."""

    @property
    def total(self) -> int:
        """How many images there are."""
        return len(self.labels)


@dataclass(frozen=True)
class Proof:
    """Counts over the test set: right, right in the run, the same answer in both; the largest difference of log-probabilities.

    ``by`` says what computed the answers: a compiler, onnxruntime, the plan in numpy.
    """

    correct: int
    total: int
    run_correct: int
    same: int
    largest: float
    by: str

    @property
    def sentence(self) -> str:
        """The proof in words, as it stands in the head of the file."""
        fewer = self.run_correct - self.correct
        beside = "as the run" if fewer == 0 else f"{abs(fewer):,} {'fewer' if fewer > 0 else 'more'} than the run"
        return (
            f"{self.correct:,} of {self.total:,} test images right, {beside}; the same answer on {self.same:,} of "
            f"{self.total:,}; largest difference of a log-probability {self.largest:.1g}; computed by {self.by}"
        )


def prove(scores: Array, expected: Expected, by: str) -> Proof:
    """Return what *scores* ``[n, 10]`` for the whole test set prove."""
    # A probability of exactly 0 has the logarithm -∞, which is what it should say.
    with np.errstate(divide="ignore"):
        logs = np.log(probabilities(scores))
    answers = scores.argmax(axis=1)
    apart = np.abs(logs - expected.log_probabilities)
    # Where both say that a class is impossible, infinity beside infinity is no difference.
    apart = np.where(np.isneginf(logs) & np.isneginf(expected.log_probabilities), 0, apart)
    return Proof(
        correct=int((answers == expected.labels).sum()),
        total=expected.total,
        run_correct=expected.correct,
        same=int((answers == expected.log_probabilities.argmax(axis=1)).sum()),
        largest=float(apart.max()),
        by=by,
    )


def check_loss(proof: Proof, accepted: bool) -> None:
    """Raise `LossError` where more than `MOST_LOSS` points of accuracy are lost, unless that is *accepted*."""
    lost = 100 * (proof.run_correct - proof.correct) / proof.total
    if lost > MOST_LOSS and not accepted:
        raise LossError(
            f"{proof.correct:,} of {proof.total:,} right, the run has {proof.run_correct:,} – {lost:.2f} points lost, "
            f"{MOST_LOSS} are allowed – nothing was written, --accept-loss writes it anyway"
        )
