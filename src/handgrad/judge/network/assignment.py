"""What is asked of a network: an assignment, plain data from a TOML file. The presets lie in ``assignments/``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from handgrad.digits.training.recipe import Recipe
from handgrad.errors import counted, did_you_mean
from handgrad.judge.network.grading import ClaimCounts, Gradescope, PointsTable
from handgrad.text import and_joined
from handgrad.toml_records import NAME, Strict, within

HANDED_IN = "handed-in"
"""What stands for the network in an assignment's recipe; whoever trains puts the file's network in its place."""

Layer = Literal["batch_norm", "dropout", "global_average_pooling", "fully_connected", "convolution", "max_pooling"]
WORDS: dict[str, str] = {
    "batch_norm": "BatchNorm",
    "dropout": "Dropout",
    "global_average_pooling": "global average pooling",
    "fully_connected": "a fully connected layer",
    "convolution": "a convolution",
    "max_pooling": "max pooling",
}
"""How each kind of layer reads in a sentence."""


@dataclass(frozen=True)
class Range(Strict):
    """Limits of a whole number; what is left out sets none. ``exactly`` goes with no other."""

    fewer_than: int | None = None
    """The number must be below this."""
    at_most: int | None = None
    """It may be this and no more."""
    at_least: int | None = None
    """It must be this or more."""
    exactly: int | None = None
    """It must be this."""

    def __post_init__(self) -> None:
        for name in ("fewer_than", "at_most", "at_least", "exactly"):
            value = getattr(self, name)
            if value is not None:
                within(name, value, 1, 10**9)
        if self.exactly is not None and (self.fewer_than or self.at_most or self.at_least):
            raise ValueError("exactly goes with no other limit – leave the others out")
        if self.fewer_than is not None and self.at_most is not None:
            raise ValueError("fewer_than and at_most say the same thing twice – keep one")
        largest = self.at_most if self.at_most is not None else (self.fewer_than or 10**10) - 1
        if self.at_least is not None and self.at_least > largest:
            raise ValueError(f"at_least {self.at_least:,} is not below the upper limit – correct one of them")

    @property
    def any(self) -> bool:
        """Whether anything is asked."""
        return any(value is not None for value in (self.fewer_than, self.at_most, self.at_least, self.exactly))

    def allows(self, value: int) -> bool:
        """Whether *value* keeps to the limits."""
        return not (
            (self.fewer_than is not None and value >= self.fewer_than)
            or (self.at_most is not None and value > self.at_most)
            or (self.at_least is not None and value < self.at_least)
            or (self.exactly is not None and value != self.exactly)
        )

    def words(self) -> str:
        """Return the limits as in ``fewer than 20,000`` or ``12,000 to 18,000``."""
        if self.exactly is not None:
            return f"exactly {self.exactly:,}"
        if self.at_least is not None and self.at_most is not None:
            return f"{self.at_least:,} to {self.at_most:,}"
        upper = f"fewer than {self.fewer_than:,}" if self.fewer_than is not None else None
        upper = f"at most {self.at_most:,}" if self.at_most is not None else upper
        lower = f"at least {self.at_least:,}" if self.at_least is not None else None
        return " and ".join(each for each in (lower, upper) if each)

    def of(self, what: str) -> str:
        """Return the limits of so many *what*: ``at most 1 epoch``, ``fewer than 20 epochs``."""
        words = self.words()
        return f"{words} {what}{'' if words.endswith(' 1') else 's'}"


@dataclass(frozen=True)
class Accuracy(Strict):
    """How accurate on the test images, and when: in the last epoch, in each of the last ``epochs``, or in any epoch."""

    at_least: float = 99.4
    """Percent."""
    held: Literal["last", "each-of-last", "any"] = "last"
    """In which epoch it must be reached: the last, each of the last `epochs`, or any."""
    epochs: int = 1
    """each-of-last: how many epochs at the end."""

    def __post_init__(self) -> None:
        within("at_least", self.at_least, 0, 100, open_low=True)
        within("epochs", self.epochs, 1, 1000)
        if self.held != "each-of-last" and self.epochs != 1:
            raise ValueError('epochs goes with held = "each-of-last" – leave it out')

    @property
    def share(self) -> Fraction:
        """The line as an exact fraction, of the decimal digits that the file shows: 99.4 % is 994/1000."""
        # By way of the shortest decimal that names the float, which is what the file's author typed.
        return Fraction(repr(self.at_least)) / 100

    def words(self) -> str:
        """Return the condition as in ``at least 99.4 % in the last epoch``."""
        held = {"last": "in the last epoch", "any": "in any epoch", "each-of-last": "in the last epoch"}[self.held]
        if self.epochs > 1:
            held = f"in each of the last {self.epochs} epochs"
        return f"at least {self.at_least:g} % {held}"


@dataclass(frozen=True)
class AfterPooling(Strict):
    """What a convolution on the single position that global average pooling leaves counts as, and why, for the author to read.

    It computes what a fully connected layer does, and many call it fully convolutional anyway.
    """

    counts_as: Literal["fully_connected", "convolution"] = "fully_connected"
    """What `layers` takes it for."""
    because: str = ""
    """The reason, which the verdict shows to the author."""


@dataclass(frozen=True)
class Layers(Strict):
    """Which kinds of layer must take part in computing the output, and which must not."""

    required: list[Layer] = field(default_factory=list)
    """Kinds of layer that must take part."""
    forbidden: list[Layer] = field(default_factory=list)
    """Kinds of layer that must not."""
    dropout: float | None = None
    """A probability that one dropout must have exactly."""

    def __post_init__(self) -> None:
        if self.dropout is not None:
            within("dropout", self.dropout, 0, 0.95, open_low=True)
            if "dropout" in self.forbidden:
                raise ValueError("dropout is forbidden, but also has a probability – keep one")
        both = [kind for kind in self.required if kind in self.forbidden]
        if both:
            raise ValueError(f"{both[0]} is required and forbidden – keep one")


@dataclass(frozen=True)
class Training(Strict):
    """What the recipe must hold to; what is left out is free."""

    batch_size: int | None = None
    """Images for each step."""
    rotation: float | None = None
    """Degrees: the training images are turned at random by up to ± this much, no more and no less."""

    def __post_init__(self) -> None:
        if self.batch_size is not None:
            within("batch_size", self.batch_size, 2, 60_000)
        if self.rotation is not None:
            within("rotation", self.rotation, 0, 180)


@dataclass(frozen=True)
class Seeds(Strict):
    """In how many trainings of how many the accuracy must be reached; with more trainings the same share must."""

    meet: int = 1
    """How many trainings must reach it."""
    of: int = 1
    """Out of how many."""

    def __post_init__(self) -> None:
        within("of", self.of, 1, 1000)
        within("meet", self.meet, 1, self.of)


@dataclass(frozen=True)
class Assignment(Strict):
    """Everything that is asked of a network, and the recipe that trains a file which brings none."""

    name: str = "assignment"
    """What verdicts call it; left out, the name of the file."""
    note: str = ""
    """What a learner should read beside the conditions."""
    parameters: Range = field(default_factory=Range)
    epochs: Range = field(default_factory=Range)
    accuracy: Accuracy = field(default_factory=Accuracy)
    layers: Layers = field(default_factory=Layers)
    convolution_after_pooling: AfterPooling = field(default_factory=AfterPooling)
    training: Training = field(default_factory=Training)
    seeds: Seeds = field(default_factory=Seeds)
    claim: ClaimCounts = field(default_factory=ClaimCounts)
    points: PointsTable = field(default_factory=PointsTable)
    gradescope: Gradescope = field(default_factory=Gradescope)
    recipe: Recipe = field(default_factory=lambda: Recipe(network=HANDED_IN))
    """How a file without a recipe of its own is trained; `network` is left out, because it is the file's."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"name is {self.name[:60]!r} – use 1 to 60 letters, digits, spaces or . _ + -")
        if self.accuracy.held == "each-of-last" and not self.epochs.allows(max(self.accuracy.epochs, 1)):
            # A lower limit alone leaves room enough; only an upper one can make the condition impossible.
            upper = self.epochs.at_most or self.epochs.exactly or (self.epochs.fewer_than or 10**9) - 1
            if upper < self.accuracy.epochs:
                raise ValueError(
                    f"accuracy.epochs is {self.accuracy.epochs}, but at most {counted(upper, 'epoch')} may be trained"
                )

        names = self.condition_names()
        for name in self.points.conditions:
            if spoken(name) not in map(spoken, names):
                hint = did_you_mean(name, names) or f" – asked are {', '.join(names)}"
                raise ValueError(f"points.conditions.{name[:40]} is not a condition of this assignment{hint}")

    def condition_names(self) -> list[str]:
        """Return what the conditions are called in verdicts, in the order in which they are judged."""
        names = ["output", "answers", *(["parameters"] if self.parameters.any else []), *self.layers.required]
        names += ["dropout probability"] if self.layers.dropout is not None else []
        names += [f"no {kind}" for kind in self.layers.forbidden]
        names += ["epochs"] if self.epochs.any else []
        names += ["batch size"] if self.training.batch_size is not None else []
        names += ["rotation"] if self.training.rotation is not None else []
        return [*names, "accuracy", *(["claim"] if self.claim.counts != "no" else [])]

    def words(self) -> list[str]:
        """Return the conditions as sentences without full stops, in the order in which they are judged."""
        return list(_sentences(self))


def spoken(name: str) -> str:
    """Return the name of a condition for comparing: a key in TOML may have ``_`` for a space."""
    return name.replace("_", " ")


def _sentences(assignment: Assignment) -> Iterator[str]:
    """Return one sentence for each condition."""
    if assignment.parameters.any:
        yield f"{assignment.parameters.words()} parameters that take part in computing the output"
    if assignment.layers.required:
        yield f"uses {and_joined([WORDS[kind] for kind in assignment.layers.required])}"
    if assignment.layers.dropout is not None:
        yield f"one dropout of exactly {assignment.layers.dropout:g}"
    for kind in assignment.layers.forbidden:
        # "a convolution" after "no" loses its article.
        yield f"no {WORDS[kind].removeprefix('a ')}"
    if assignment.epochs.any:
        yield assignment.epochs.of("epoch")
    if assignment.training.batch_size is not None:
        yield f"a batch size of exactly {assignment.training.batch_size}"
    if assignment.training.rotation is not None:
        yield f"random rotation of ±{assignment.training.rotation:g}°"
    seeds = assignment.seeds
    suffix = f", with {seeds.meet} of {seeds.of} seeds" if seeds.of > 1 else ""
    yield f"{assignment.accuracy.words()}{suffix}"
    if assignment.claim.counts != "no":
        yield claim_words(assignment.claim)


def claim_words(asked: ClaimCounts) -> str:
    """Return what is asked of the author's claim."""
    claimed = "an accuracy is claimed, and" if asked.required else "an accuracy that is claimed"
    least = "likely or possible" if asked.counts == "possible" else "likely"
    return f"{claimed} is {least}, compared with a training here"
