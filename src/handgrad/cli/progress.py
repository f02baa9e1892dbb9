"""What a person sees while a network trains: a bar and a line per epoch in a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from handgrad.errors import counted
from handgrad.score import percent

if TYPE_CHECKING:
    from handgrad.digits.data.dataset import Dataset
    from handgrad.digits.training.loop import State
    from handgrad.runs.record import EpochScore, EvaluatedOn


class ProgressLines:
    """A watcher that prints to standard error, so that what a command answers stays alone on standard output."""

    def __init__(self) -> None:
        self.bar: Any = None
        self.epochs = 0

    def begins(self, folder: Path, dataset: Dataset, parameters: int, epochs: int) -> None:
        """Say what is about to be trained, where its record is, and what the user should know about the data."""
        self.epochs = epochs
        if dataset.notice:
            self.say(f"note: {dataset.notice}")
        count, name = len(dataset.train_labels), dataset.name
        self.say(
            f"{parameters:,} parameters, {count:,} training images of dataset: {name}, {counted(epochs, 'epoch')} → {folder}"
        )

    def step(self, state: State, steps: int, learning_rate: float) -> None:
        """Move the bar: the loss and accuracy are those of all images seen in this epoch so far."""
        if self.bar is None:
            # disable=None: no bar where standard error is not a terminal.
            form = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]"
            self.bar = tqdm(total=steps, initial=state.step - 1, disable=None, bar_format=form, dynamic_ncols=True)
        loss, accuracy = state.meter.loss, state.meter.accuracy
        text = f"loss={loss:.4f} batch_id={state.step - 1} accuracy={accuracy:.2f}"
        self.bar.set_description_str(text, refresh=False)
        self.bar.update()

    def epoch(self, score: EpochScore, evaluated_on: EvaluatedOn) -> None:
        """Close the bar and print the epoch's line."""
        shown = self.bar is not None and not self.bar.disable
        if self.bar is not None:
            self.bar.close()
            self.bar = None
        found = score.evaluation
        words = evaluated_on.words
        name = words[:1].upper() + words[1:]
        exact = percent(found.correct, found.total).replace(" ", "")
        line = f"{name}: Average loss: {found.loss:.4f}, Accuracy: {found.correct}/{found.total} ({exact})"
        if not shown:
            seen = score.training
            line = (
                f"epoch {score.epoch}/{self.epochs} loss={seen.loss:.4f} accuracy={percent(seen.correct, seen.total)} "
                + (f"seconds={score.seconds_training:.1f} {line}")
            )
        self.say(line)

    def note(self, line: str) -> None:
        """Print what the user should know."""
        self.say(f"note: {line}")

    def say(self, line: str) -> None:
        """Print one line at once. Where nobody reads any more (``2>&1 | head``) the training goes on in silence."""
        try:
            print(line, file=sys.stderr, flush=True)
        except BrokenPipeError:
            # What is still in the buffer would fail once more when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
