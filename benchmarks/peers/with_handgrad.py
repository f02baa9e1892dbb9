"""The same training with Handgrad: a recipe, and the verb. Device, precision and threads are what its probe chooses.

It evaluates after every epoch and leaves a run folder with checkpoints, as always; nothing is turned off.
"""

from pathlib import Path  # measurement

import handgrad
from given import Clock, Given
from handgrad.digits.data.dataset import Dataset  # measurement
from handgrad.digits.training.loop import State  # measurement
from handgrad.digits.training.recipe import Augmentation, Optimizer, Recipe
from handgrad.digits.watcher import Silent  # measurement
from handgrad.runs.record import EpochScore, EvaluatedOn


class Watch(Silent):  # measurement
    """Tells the clock: an epoch begins when training does, or when the one before is evaluated and saved."""

    def __init__(self, clock: Clock, epochs: int) -> None:  # measurement
        self.clock, self.epochs = clock, epochs  # measurement

    def begins(self, folder: Path, dataset: Dataset, parameters: int, epochs: int) -> None:  # measurement
        """See `Watcher`."""
        self.clock.epoch_begins()  # measurement

    def step(self, state: State, steps: int, learning_rate: float) -> None:  # measurement
        """See `Watcher`."""
        self.clock.batch_ends()  # measurement

    def epoch(self, score: EpochScore, evaluated_on: EvaluatedOn) -> None:  # measurement
        """See `Watcher`."""
        if score.epoch < self.epochs:  # measurement
            self.clock.epoch_begins()  # measurement


def main(given: Given, clock: Clock) -> None:
    """Train and print the accuracy."""
    recipe = Recipe(
        network=given.network,
        epochs=given.epochs,
        batch_size=given.batch_size,
        optimizer=Optimizer(learning_rate=given.learning_rate, momentum=given.momentum),
        augmentation=Augmentation(rotation=given.rotation),
    )
    summary = handgrad.train(
        recipe,
        data=given.data,
        watcher=Watch(clock, given.epochs),  # measurement
    )
    print(f"test {summary.last_epoch.accuracy:.2f} %")
    clock.ends(summary.last_epoch.accuracy, summary.parameters)  # measurement
