"""What a training begins with, the same for one run, for many seeds and for a population."""

from __future__ import annotations

from pathlib import Path

from handgrad.digits.data.dataset import Dataset, hold_out, load_dataset, without_test
from handgrad.digits.training.recipe import Recipe


def looked_up(place: Path | str | None, download: bool, *, watched: bool) -> Dataset:
    """Return the dataset in folder *place*, or the cached or downloaded one; a download shows its bar where someone watches."""
    return load_dataset(Path(place) if place else None, download=download, progress=watched)


HOLDOUT_SEED = 12345
"""Every run that holds out n images holds out the same n, whatever its own seed."""


def evaluated_each_epoch(whole: Dataset, recipe: Recipe, holdout: int) -> Dataset:
    """Return what a run trains with, and in the place of the test set what every epoch is evaluated on."""
    if holdout:
        return hold_out(whole, holdout, HOLDOUT_SEED)
    return without_test(whole) if recipe.test == "once" else whole
