"""What passes between the parts of a judgement: plain frozen records of plain values, so that each can become JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handgrad.shown.record import Shown
from handgrad.shown.view import View

Where = Literal["buffer", "closure", "constant", "global"]


@dataclass(frozen=True)
class HiddenTensor:
    """Numbers that help to compute the output and are no trained parameter of the network.

    ``name`` says where they are in words that its author understands (an attribute path, a variable, a line of the
    file); ``numbers`` how many of them count.
    """

    name: str
    numbers: int
    where: Where


@dataclass(frozen=True)
class UsedLayer:
    """One layer that took part in computing the output.

    ``kind`` is ``batch_norm``, ``dropout``, ``global_average_pooling``, ``fully_connected``, ``convolution``,
    ``max_pooling`` and the like; ``path`` the attribute path of the module, or ``function`` and a name; ``detail`` what
    else a reader should know; ``value`` the probability of a dropout.
    """

    kind: str
    path: str
    detail: str
    value: float | None = None
    on_one_position: bool = False
    after_pooling: bool = False
    """Of a convolution on a map of one position: whether global average pooling made it so."""


@dataclass(frozen=True)
class Weight:
    """A layer with a matrix ``[outputs, inputs]`` or kernels ``[outputs, inputs, rows, columns]``, and all its parameters."""

    path: str
    parameters: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Examination:
    """What was seen of a network: raw facts, no verdict.

    ``parameters`` are the trained ones of the module, each once; ``counted`` adds the hidden numbers that take part in
    computing the output, BatchNorm statistics left out; ``output_shape`` is that of a whole batch. ``problems`` say, one
    line each, what makes an answer worthless: it depends on its neighbours, or on chance in ``eval()``. ``largest`` names
    the module with the most parameters, as in ``conv3 has 9,248``; ``remarks`` are not faults, but worth knowing;
    ``idle`` are modules that count and take no part, with how many parameters each has; ``weights`` the layers with a matrix
    or kernels, in order.
    """

    network: str
    parameters: int
    hidden: tuple[HiddenTensor, ...]
    counted: int
    layers: tuple[UsedLayer, ...]
    defined_unused: tuple[str, ...]
    output_shape: tuple[int, ...]
    problems: tuple[str, ...]
    largest: str = ""
    remarks: tuple[str, ...] = ()
    idle: tuple[tuple[str, int], ...] = ()
    weights: tuple[Weight, ...] = ()


@dataclass(frozen=True)
class EpochAnswer:
    """How many test images the network had right after *epoch* (counted from 1), counted by the judge."""

    epoch: int
    correct: int
    total: int


@dataclass(frozen=True)
class SeedResult:
    """One training: an answer per epoch in order, and why it ended early where it did."""

    seed: int
    epochs: tuple[EpochAnswer, ...]
    failed: str | None = None


@dataclass(frozen=True)
class Requirement:
    """One condition of an assignment: what is asked, what was found, and whether it is met; None is not decided."""

    name: str
    asked: str
    found: str
    met: bool | None


@dataclass(frozen=True)
class PointsRow:
    """The points of one condition, of *most*; None is not decided. A bonus has a *most* of 0 and can only add."""

    name: str
    points: float | None
    most: float
    reason: str


@dataclass(frozen=True)
class Points:
    """What a hand-in is worth, row by row; ``total`` is None while one row is not decided, and then no grade is given."""

    rows: tuple[PointsRow, ...]
    total: float | None
    most: float


@dataclass(frozen=True)
class Claim:
    """What an author says a training reached: right answers of ``total`` in the best epoch (from 1) and in the last one.

    ``weighed`` says whether a training here explains it, None where nothing was trained. It counts nothing
    unless the assignment asks for it.
    """

    best: int
    best_epoch: int
    epochs: int
    last: int
    total: int
    where: str
    weighed: Literal["likely", "possible", "not explained"] | None = None


@dataclass(frozen=True, repr=False)
class Verdict(Shown):
    """The judgement of one hand-in; ``isolation`` is the one really in force, ``seconds`` how long the judging took.

    ``person`` is whose it is in a class, ``number`` what the learning platform knows them by. ``parameters`` is how many
    count and ``accuracy`` the percent of right answers that decide (the mean over the seeds), None where not known.
    """

    verdict: Literal["met", "not met", "no verdict"]
    file: str
    assignment: str
    requirements: tuple[Requirement, ...]
    isolation: str
    notes: tuple[str, ...]
    seconds: float
    claim: Claim | None = None
    said: tuple[str, ...] = ()
    """What the author says beside what was found, one line each; counts nothing."""
    advice: tuple[str, ...] = ()
    """What to change, the largest effect first."""
    training: tuple[str, ...] = ()
    """With what it was trained, and what it had right after each epoch, a line per seed."""
    judged: str = ""
    """Which part of what was handed in: ``cells 3 and 5, 42 lines``."""
    person: str = ""
    number: str = ""
    points: Points | None = None
    parameters: int | None = None
    accuracy: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether what was judged is met so far and the rest waits for a training."""
        return (
            self.verdict == "no verdict"
            and bool(self.requirements)
            and not any(each.met is False for each in self.requirements)
        )

    @property
    def word(self) -> str:
        """The verdict in a word: a pass without training that misses nothing is *open*, which is no lack of a verdict."""
        return "open" if self.is_open else self.verdict

    def view(self) -> View:
        """Return the verdict with what was asked and what was found."""
        said = {True: "met", False: "not met", None: "–"}
        rows = tuple((each.name, each.asked, each.found, said[each.met]) for each in self.requirements)
        return View(
            title=f"{self.word} – {self.file}, assignment {self.assignment}",
            lines=self.notes,
            head=("condition", "asked", "found", "met"),
            rows=rows,
            columns={
                "condition": [each.name for each in self.requirements],
                "asked": [each.asked for each in self.requirements],
                "found": [each.found for each in self.requirements],
                "met": [each.met for each in self.requirements],
            },
        )


def place_words(path: str) -> str:
    """Return how the place of a layer reads in a sentence: ``features.3`` is ``layer features.3``, ``conv1`` itself."""
    # Where torch keeps a weight that is made of another (tied, normalised) is nothing its author wrote.
    path = path.partition(".parametrizations.")[0]
    return f"layer {path}" if path.rpartition(".")[2].isdigit() else path
