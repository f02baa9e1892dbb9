"""What a training run is: plain frozen records, read from TOML by `handgrad.digits.training.recipe_file`.

Only the standard library here, so that the training core runs wherever torch runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from handgrad.toml_records import NAME, Strict, within


@dataclass(frozen=True)
class Optimizer(Strict):
    """How a gradient becomes a step. Adam and AdamW use ``beta1``, ``beta2``; SGD uses ``momentum``, ``nesterov``; Muon all;
    RMSprop ``momentum`` and, as torch's alpha, ``beta2``.
    """

    name: Literal["sgd", "adam", "adamw", "rmsprop", "muon"] = "sgd"
    """How a gradient becomes a step."""
    learning_rate: float = 0.01
    """The peak of the schedule."""
    momentum: float = 0.9
    """sgd and muon: how much of the last step goes into the next."""
    nesterov: bool = False
    """sgd and muon: look ahead along the last step."""
    weight_decay: float = 0.0
    """How strongly each step pulls the weights towards 0."""
    beta1: float = 0.9
    """adam, adamw and muon: how much the mean of the gradients keeps at each step."""
    beta2: float = 0.999
    """adam, adamw and muon: how much the mean of their squares keeps at each step."""
    others_rate: float = 0.2
    """muon: the learning rate of what is not a convolution, stepped by Adam, as a factor of ``learning_rate``."""

    def __post_init__(self) -> None:
        within("learning_rate", self.learning_rate, 0, 1e9, open_low=True)
        within("momentum", self.momentum, 0, 0.9999)
        within("weight_decay", self.weight_decay, 0, 10)
        within("beta1", self.beta1, 0, 0.9999)
        within("beta2", self.beta2, 0, 0.999999)
        within("others_rate", self.others_rate, 0, 1e9, open_low=True)
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs momentum – set momentum above 0")


@dataclass(frozen=True)
class Schedule(Strict):
    """The learning rate over the run, as a factor of the optimizer's (see `handgrad.digits.training.schedule`)."""

    name: Literal["constant", "step", "one-cycle", "cosine"] = "constant"
    """How the learning rate changes during the run."""
    every: int = 6
    """step: epochs between two drops."""
    milestones: tuple[int, ...] = ()
    """step: the epochs after which the rate drops, rising; where it names any, ``every`` is not used."""
    factor: float = 0.1
    """step: what the rate is multiplied with at each drop."""
    warmup: float = 0.25
    """one-cycle: the part of the run in which the rate rises."""
    start: float = 0.04
    """one-cycle: the first rate, as a factor of the peak."""
    end: float = 0.0
    """one-cycle and cosine: the last rate, as a factor of the peak."""
    shape: Literal["cosine", "linear"] = "cosine"
    """one-cycle: how the rate rises and falls."""

    def __post_init__(self) -> None:
        within("every", self.every, 1, 1000)
        for epoch in self.milestones:
            within("milestones", epoch, 1, 10_000)
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(f"milestones is {list(self.milestones)} – name each epoch once, rising, as in [10, 15]")
        within("factor", self.factor, 0, 1, open_low=True)
        within("warmup", self.warmup, 0, 0.9)
        within("start", self.start, 0, 1)
        within("end", self.end, 0, 1)


LIMITS = ("rotation", "shift", "scale", "shear", "stroke", "elastic")
"""The settings of an augmentation that change an image, each up to its limit."""


@dataclass(frozen=True)
class Augmentation(Strict):
    """The limits of the random changes of the training images; each amount is drawn evenly from ± its limit."""

    rotation: float = 0.0
    """Degrees."""
    shift: float = 0.0
    """Pixels along each axis."""
    scale: float = 0.0
    """Fraction: 0.1 is 90 % to 110 %."""
    shear: float = 0.0
    """Degrees."""
    stroke: float = 0.0
    """Pixels by which the edge of the ink moves out or in: pens thicker and thinner than MNIST's."""
    elastic: float = 0.0
    """Pixels along each axis by which each point of a 5×5 grid over the image moves, and smoothly what lies between."""
    anneal: float = 0.0
    """The last part of the run over which all limits shrink evenly to 0: 0.25 is its last quarter."""

    def __post_init__(self) -> None:
        within("rotation", self.rotation, 0, 180)
        within("shift", self.shift, 0, 14)
        within("scale", self.scale, 0, 0.9)
        within("shear", self.shear, 0, 80)
        within("stroke", self.stroke, 0, 1)
        within("elastic", self.elastic, 0, 4)
        within("anneal", self.anneal, 0, 1)

    @property
    def any(self) -> bool:
        """Whether anything is changed at all."""
        return any(getattr(self, name) for name in LIMITS)


@dataclass(frozen=True)
class Averaging(Strict):
    """An exponential moving average of weights and BatchNorm statistics, evaluated and kept in place of the last step's."""

    decay: float = 0.0
    """How much of the average stays at each step; 0 is no averaging."""

    def __post_init__(self) -> None:
        within("decay", self.decay, 0, 0.99999)


@dataclass(frozen=True)
class Recipe(Strict):
    """A complete training run but for its seed. A shipped file states only what differs from these defaults."""

    network: str
    """A name from `handgrad.digits.networks.published.NETWORKS`, or ``file.py:Class``."""
    name: str = "recipe"
    """What reports and run folders call it; left out, the name of the file."""
    note: str = ""
    """What a reader should know: where the recipe comes from, what was left unsaid and chosen here."""
    epochs: int = 19
    """How often all training images are shown."""
    batch_size: int = 128
    """Images for each step."""
    test: Literal["every epoch", "once"] = "every epoch"
    """When the test set is read. "once": after the last epoch alone, and every epoch answers for some training images."""
    drop_last: bool = False
    """Whether the last, short batch of an epoch is left out."""
    label_smoothing: float = 0.0
    """The part of each target that is spread over all classes."""
    dropout: float | None = None
    """The probability of every dropout layer; left out, the network's own hold."""
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    augmentation: Augmentation = field(default_factory=Augmentation)
    averaging: Averaging = field(default_factory=Averaging)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            found = self.name if len(self.name) <= 60 else f"{self.name[:20]}… ({len(self.name)} characters)"
            raise ValueError(
                f"name is {found!r} – use 1 to 60 letters, digits, spaces or . _ + -, beginning with a letter or digit"
            )
        within("epochs", self.epochs, 1, 10_000)
        within("batch_size", self.batch_size, 2, 60_000)
        within("label_smoothing", self.label_smoothing, 0, 0.9)
        if self.dropout is not None:
            within("dropout", self.dropout, 0, 0.95)
