"""What an author trains with and a recipe has no words for: another normalisation, brighter images, own rates.

Only the judge trains so, and only where it is asked to take the recipe that is found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from handgrad.digits.training.loop import Images, State, train
from handgrad.digits.training.recipe import Recipe, Schedule
from handgrad.runs.kind import MEAN, STANDARD_DEVIATION
from handgrad.runs.record import EpochScore
from handgrad.toml_records import Strict, within

SIDE = 28


@dataclass(frozen=True)
class Plateau(Strict):
    """When the rate falls: torch's ``ReduceLROnPlateau`` by the loss in training; a factor of 1 never lowers it."""

    factor: float = 1.0
    patience: int = 10
    threshold: float = 1e-4
    cooldown: int = 0
    min_lr: float = 0.0

    def __post_init__(self) -> None:
        within("factor", self.factor, 0, 1, open_low=True)
        within("patience", self.patience, 0, 10_000)
        within("threshold", self.threshold, 0, 1)
        within("cooldown", self.cooldown, 0, 10_000)
        within("min_lr", self.min_lr, 0, 1e9)


@dataclass(frozen=True)
class Beyond(Strict):
    """What goes beyond a recipe. ``brightness`` and ``contrast`` are the limits of factors, drawn evenly for each image.

    ``crop`` pixels in the middle are enlarged to the whole with a chance of ``crop_chance``; ``rates`` are factors of the
    optimizer's rate, one per epoch.
    """

    mean: float = MEAN
    deviation: float = STANDARD_DEVIATION
    brightness: tuple[float, ...] = ()
    contrast: tuple[float, ...] = ()
    crop: int = SIDE
    crop_chance: float = 0.0
    rates: tuple[float, ...] = ()
    plateau: Plateau = field(default_factory=Plateau)

    def __post_init__(self) -> None:
        within("mean", self.mean, -10, 10)
        within("deviation", self.deviation, 0, 1000, open_low=True)
        for name in ("brightness", "contrast"):
            limits = getattr(self, name)
            if len(limits) not in (0, 2):
                raise ValueError(f"{name} has {len(limits)} numbers – give a lowest and a highest factor")
            for each in limits:
                within(name, each, 0, 100)
        within("crop", self.crop, 1, SIDE)
        within("crop_chance", self.crop_chance, 0, 1)
        for each in self.rates:
            within("rates", each, 0, 1e6)

    @property
    def images_change(self) -> bool:
        """Whether a network is shown other images than a recipe's."""
        # Against the defaults as a whole, so that a further setting is counted here by itself.
        return replace(self, rates=(), plateau=Plateau()) != Beyond()


class Prepared(nn.Module):
    """A network behind the author's own preparation of its images: changes in training, and its normalisation always."""

    def __init__(self, network: nn.Module, beyond: Beyond) -> None:
        super().__init__()
        self.network, self.beyond = network, beyond

    def forward(self, images: Tensor) -> Tensor:
        """Return the answers ``[batch, 10]`` to *images* ``[batch, 1, 28, 28]``, normalised as everywhere in this program."""
        # Back to grey values first: the program normalises in one place, and this network was promised its own numbers.
        grey = images * STANDARD_DEVIATION + MEAN
        if self.training:
            grey = changed_images(grey.clamp(0, 1), self.beyond)
        answers: Tensor = self.network((grey - self.beyond.mean) / self.beyond.deviation)
        return answers


def changed_images(grey: Tensor, beyond: Beyond) -> Tensor:
    """Return *grey* ``[batch, 1, 28, 28]`` in 0…1 with the middle enlarged, brighter or darker, with more or less contrast.

    As torchvision's CenterCrop with Resize, adjust_brightness and adjust_contrast: each result is kept within 0…1.
    """
    count = len(grey)
    if beyond.crop_chance:
        edge = (SIDE - beyond.crop) // 2
        middle = grey[:, :, edge : edge + beyond.crop, edge : edge + beyond.crop]
        large = F.interpolate(middle, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        grey = torch.where(torch.rand(count, 1, 1, 1) < beyond.crop_chance, large, grey)
    if beyond.brightness:
        grey = (grey * _between(beyond.brightness, count)).clamp(0, 1)
    if beyond.contrast:
        factor, mean = _between(beyond.contrast, count), grey.mean((1, 2, 3), keepdim=True)
        grey = (factor * grey + (1 - factor) * mean).clamp(0, 1)
    return grey


def _between(limits: tuple[float, ...], count: int) -> Tensor:
    """Return a factor for each of *count* images, drawn evenly."""
    return torch.empty(count, 1, 1, 1).uniform_(*limits)


def train_beyond(
    state: State, recipe: Recipe, beyond: Beyond, seed: int, *, training: Images, evaluation: Images
) -> Iterator[EpochScore]:
    """Train as `train` does, with own rates where there are any: an epoch at a time, each at its constant rate."""
    plateau = beyond.plateau
    if not beyond.rates and plateau.factor == 1:
        yield from train(state, recipe, seed, training, evaluation)
        return
    peak, epochs = recipe.optimizer.learning_rate, recipe.epochs
    # torch's own rule decides when; it lowers the rate of an optimizer of nothing, which is read for the next epoch.
    rate_holder = torch.optim.SGD([torch.zeros(1)], lr=peak)
    rule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        rate_holder,
        # torch refuses a factor of 1, which stands for "never lowers" and is not used then.
        factor=min(plateau.factor, 0.999999),
        patience=plateau.patience,
        threshold=plateau.threshold,
        cooldown=plateau.cooldown,
        min_lr=plateau.min_lr,
    )
    for epoch in range(state.epoch, epochs):
        rate = (
            peak * beyond.rates[min(epoch, len(beyond.rates) - 1)]
            if beyond.rates
            else rate_holder.param_groups[0]["lr"]
        )
        # A rate of 0 is none of a recipe's; what is next to it moves no weight either.
        optimizer = replace(recipe.optimizer, learning_rate=max(rate, 1e-30))
        # The loop goes on from the state's epoch, so "one epoch more" is a recipe that ends there.
        one = replace(recipe, epochs=epoch + 1, optimizer=optimizer, schedule=Schedule("constant"))
        for score in train(state, one, seed, training, evaluation):
            yield score
            rule.step(score.training.loss)
