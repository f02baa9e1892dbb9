"""Several seeds with Handgrad's study, one epoch each: for the scaling over seeds. The clock's epoch is the whole study."""

import handgrad
from given import Clock, Given
from handgrad.digits.training.recipe import Augmentation, Optimizer, Recipe


def main(given: Given, clock: Clock) -> None:
    """Train the seeds and print their mean accuracy."""
    recipe = Recipe(
        network=given.network,
        epochs=given.epochs,
        batch_size=given.batch_size,
        optimizer=Optimizer(learning_rate=given.learning_rate, momentum=given.momentum),
        augmentation=Augmentation(rotation=given.rotation),
    )
    clock.epoch_begins()
    study = handgrad.study(recipe, seeds=range(given.seeds), data=given.data)
    clock.batch_ends()
    if study.mean is None or study.failed:
        raise SystemExit(f"{len(study.failed)} of {given.seeds} seeds failed: {study.failed}")
    print(f"test {study.mean:.2f} % ({study.n} seeds, {study.jobs} at a time)")
    clock.ends(study.mean, study.parameters)
