"""What a training begins with, the same for one run, for many seeds and for a population."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from handgrad.digits.data.dataset import Dataset, hold_out, without_test
from handgrad.digits.data.kinds import for_scores
from handgrad.digits.data.load import load_dataset
from handgrad.digits.layers.shape_check import check_classes, scores_given
from handgrad.digits.networks.lazy import with_weights
from handgrad.digits.networks.load import load_network
from handgrad.digits.start import Start, start_of
from handgrad.digits.training.checks import check_augmentation, check_batches, check_trains
from handgrad.digits.training.device import device_of
from handgrad.digits.training.loop import Images
from handgrad.digits.training.recipe import Recipe
from handgrad.errors import UsageError, counted
from handgrad.runs.environment import Machine
from handgrad.runs.kind import DIGITS

TRIAL = 128
"""Images in the batch that a network is tried with before its data are trained on."""
HOLDOUT_SEED = 12345
"""Every run that holds out n images holds out the same n, whatever its own seed: so seeds can be compared on them."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A recipe whose network and data were found and fit each other."""

    recipe: Recipe
    network: nn.Module
    """Freshly made, to be looked at: every run makes its own from its seed."""
    whole: Dataset
    """With the real test set, read once, after the last epoch."""
    seen: Dataset
    """What every epoch trains and is evaluated on; with a hold-out, that replaces the test set."""
    place: str | None
    """The folder that holds the data, where one was named."""
    made: Callable[[], nn.Module] | None = None
    """What makes the network where Python handed it in; else the recipe names it."""
    start: Start | None = None
    """The weights that it begins with, and what is frozen; None where all are drawn from the seed and learn."""

    def build(self) -> nn.Module:
        """Return the network, made again."""
        network = self.made() if self.made is not None else load_network(self.recipe.network)
        network = with_weights(network, self.whole.kind.shape)
        if self.start is not None:
            self.start.into(network)
        return network

    @property
    def factors(self) -> dict[str, float]:
        """Return by name what the learning rate of a parameter is multiplied with, where that is not 1."""
        return {} if self.start is None else self.start.factors(self.network)

    def training_images(self, machine: Machine) -> Images:
        """Return the images to train on, on the device of *machine*."""
        return Images(self.seen.train_images, self.seen.train_labels, self.seen.kind).to(device_of(machine))

    def evaluation_images(self, machine: Machine) -> Images:
        """Return the images that every epoch is evaluated on, on the device of *machine*."""
        return Images(self.seen.test_images, self.seen.test_labels, self.seen.kind).to(device_of(machine))

    def test_images(self, machine: Machine) -> Images:
        """Return the test set, on the device of *machine*."""
        return Images(self.whole.test_images, self.whole.test_labels, self.whole.kind).to(device_of(machine))


def prepare(
    recipe: Recipe,
    *,
    data: Path | str | Dataset | None,
    holdout: int,
    download: bool,
    watched: bool,
    made: Callable[[], nn.Module] | None = None,
    weights_of: Path | str | None = None,
    freeze: Sequence[str] = (),
    rates: Mapping[str, float] | None = None,
) -> Prepared:
    """Return *recipe* with its network and the data in *data*, *holdout* training images kept apart, once all of it fits.

    *weights_of* is a finished run that it begins with, *freeze* patterns of what learns nothing, *rates*
    patterns of what learns at another rate (see `start_of`).

    Raises `UsageError` for a network, data or a hold-out that is not valid, `MissingError` for data.
    """
    # What is trained on, before the network, which must fit it; but nothing is downloaded for a network that is not there.
    whole = find_dataset(data, download=download, watched=watched) if data is not None else None
    with torch.random.fork_rng(devices=[]):  # its first weights are never used
        network = made() if made is not None else load_network(recipe.network)
        network = with_weights(network, (whole.kind if whole else DIGITS).shape)
    if whole is None:
        check_classes(network, name=recipe.network)
        whole = find_dataset(None, download=download, watched=watched)
    else:
        whole = fitting(whole, network, recipe.network)
    check_augmentation(recipe, whole.kind)
    start = start_of(weights_of, freeze, network, rates=rates)
    if start is not None:
        start.into(network)
    # After the shapes: holding out from data that do not fit would be told first.
    seen = for_training(whole, recipe, holdout)
    check_batches(len(seen.train_labels), recipe)
    check_trains(network, len(seen.train_labels), recipe, whole.kind)
    return Prepared(recipe, network, whole, seen, whole.folder, made, start)


def fitting(whole: Dataset, network: nn.Module, name: str) -> Dataset:
    """Return *whole* once *network* takes its images and gives a score for each of its classes. Raises `UsageError`."""
    kind = whole.kind
    if kind == DIGITS:
        check_classes(network, name=name)
        return whole
    try:
        scores = scores_given(network, kind.count, input_size=kind.shape, batch=TRIAL, name=name)
    except UsageError as error:
        raise UsageError(f"{error} (dataset {whole.name}: {kind.words})") from error
    kind = for_scores(kind, scores)
    if scores != kind.count:
        raise UsageError(
            f"{name} gives {counted(scores, 'score')} per image – "
            f"dataset {whole.name} has {kind.count:,} classes: its last layer must "
            f"give one score per class"
        )
    return replace(whole, kind=kind)


def find_dataset(place: Path | str | Dataset | None, *, download: bool, watched: bool) -> Dataset:
    """Return the dataset that *place* names, else MNIST; a download shows its bar where someone watches."""
    if isinstance(place, Dataset):
        return place
    return load_dataset(place or None, download=download, progress=watched)


def for_training(whole: Dataset, recipe: Recipe, holdout: int) -> Dataset:
    """Return what a run trains with, and instead of the test set what every epoch is evaluated on."""
    if holdout:
        return hold_out(whole, holdout, HOLDOUT_SEED)
    return without_test(whole) if recipe.test == "once" else whole
