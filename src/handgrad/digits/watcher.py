"""Who looks on while a training runs, and how it is asked to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from handgrad.digits.data.dataset import Dataset
from handgrad.digits.training.loop import State
from handgrad.runs.record import EpochScore, EvaluatedOn


class Watcher(Protocol):
    """Who looks on while a training runs: the command line's progress bar, or `Silent`."""

    def begins(self, folder: Path, dataset: Dataset, parameters: int, epochs: int) -> None:
        """Take note that training is about to begin, or to go on."""

    def step(self, state: State, steps: int, learning_rate: float) -> None:
        """Take note that one step is done, of *steps* in the epoch."""

    def epoch(self, score: EpochScore, evaluated_on: EvaluatedOn) -> None:
        """Take note that one epoch is done, evaluated and saved."""

    def note(self, line: str) -> None:
        """Tell the user what they should know: a checkpoint passed over, a run that was complete already."""


class Silent:
    """Looks on and says nothing."""

    def begins(self, folder: Path, dataset: Dataset, parameters: int, epochs: int) -> None:
        """See `Watcher`."""

    def step(self, state: State, steps: int, learning_rate: float) -> None:
        """See `Watcher`."""

    def epoch(self, score: EpochScore, evaluated_on: EvaluatedOn) -> None:
        """See `Watcher`."""

    def note(self, line: str) -> None:
        """See `Watcher`."""


class StopError(Exception):
    """Raised between two steps when a stop was asked for."""


def never() -> bool:
    """Return that no stop was asked for."""
    return False
