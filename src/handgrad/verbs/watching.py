"""Who looks on in a notebook: one display that is brought up to date, one row per epoch, the curve beside it, and ■ to stop."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from handgrad.digits.data.dataset import Dataset
from handgrad.digits.training.loop import State
from handgrad.errors import counted
from handgrad.runs.folder import open_run
from handgrad.runs.record import EpochScore, EvaluatedOn
from handgrad.score import percent
from handgrad.shown.notebook import as_html
from handgrad.shown.record import Shown
from handgrad.shown.view import Curve, View

PAUSE = 0.5
"""Seconds between two updates of the display at least: more often than twice a second nobody reads."""


def in_notebook() -> bool:
    """Return whether this is a notebook's kernel: IPython with a front end that shows HTML, not its terminal."""
    # Looked up and not imported: outside a notebook it need not even be installed.
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None and hasattr(module, "get_ipython") else None
    return shell is not None and hasattr(shell, "kernel")


class NotebookDisplay:
    """A `handgrad.digits.watcher.Watcher` with one output, which stays in the notebook as it was last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._display: Any = import_module("IPython.display")
        self._clock, self._last = clock, float("-inf")
        self._handle: Any = None
        self._epochs: list[EpochScore] = []
        self._notes: list[str] = []
        self._title, self._planned, self._under_way, self._on = "", 0, "", "test set"
        self.folder: Path | None = None
        """The run folder, once there is one."""

    def begins(self, folder: Path, dataset: Dataset, parameters: int, epochs: int) -> None:
        """Show what is about to be trained."""
        self.folder = folder
        count = f"{len(dataset.train_labels):,} training images of {dataset.name}"
        self._title, self._planned = (
            f"{parameters:,} parameters, {count}, {counted(epochs, 'epoch')} → {folder}",
            epochs,
        )
        if dataset.notice:
            self._notes.append(dataset.notice)
        self._show(always=True)

    def step(self, state: State, steps: int, learning_rate: float) -> None:
        """Show how far the epoch is."""
        where = f"epoch {state.epoch + 1} of {self._planned}: step {state.step:,} of {steps:,}"
        self._under_way = f"{where}, learning rate {learning_rate:.3g}"
        self._show()

    def epoch(self, score: EpochScore, evaluated_on: EvaluatedOn) -> None:
        """Show the epoch as a row; after the last one nothing is under way."""
        self._epochs.append(score)
        self._on = evaluated_on.words
        self._under_way = "" if score.epoch == self._planned else f"epoch {score.epoch} of {self._planned} is done"
        self._show(always=score.epoch == self._planned)

    def note(self, line: str) -> None:
        """Show what the user should know."""
        self._notes.append(line)
        self._show(always=True)

    def view(self) -> View:
        """Return what the display shows."""
        numbers = [score.epoch for score in self._epochs]
        return View(
            title=self._title,
            lines=(*self._notes, *([self._under_way] if self._under_way else [])),
            head=("epoch", "training loss", "training", self._on, "seconds"),
            rows=tuple(_row(score) for score in self._epochs),
            curves=(
                Curve(self._on, numbers, [score.evaluation.accuracy for score in self._epochs]),
                Curve("training", numbers, [score.training.accuracy for score in self._epochs]),
            ),
            x_name="epoch",
            y_name="accuracy in %",
        )

    def _show(self, *, always: bool = False) -> None:
        now = self._clock()
        if not always and now - self._last < PAUSE:
            return
        self._last = now
        html = self._display.HTML(as_html(self.view()))
        if self._handle is None:
            self._handle = self._display.display(html, display_id=True)
        else:
            self._handle.update(html)


def _row(score: EpochScore) -> tuple[str, ...]:
    training, evaluation = score.training, score.evaluation
    right = (percent(training.correct, training.total), percent(evaluation.correct, evaluation.total))
    return (str(score.epoch), f"{training.loss:.4f}", *right, f"{score.seconds_training:.1f}")


@dataclass(frozen=True, repr=False)
class StoppedRun(Shown):
    """A run that ■ stopped in a notebook, saved after its last batch; ``handgrad.resume(run)`` continues it."""

    path: str
    reason: str

    def view(self) -> View:
        """Return where it stopped and how to go on, and the epochs that were finished."""
        epochs = open_run(Path(self.path)).metrics()
        rows = tuple((str(each["epoch"]), f"{each['evaluation']['accuracy']:.2f} %") for each in epochs)
        return View(f"stopped: {self.path}", (self.reason,), ("epoch", "accuracy"), rows)


@contextmanager
def stop_button() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether ■ was pressed: the interrupt then ends no batch in the middle.

    A second press interrupts at once, as it does elsewhere. Outside the main thread no handler can be set, and it says no.
    """
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def press(number: int, frame: Any) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, press)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
