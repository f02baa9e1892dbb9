"""What a training did to the error, as one of a few outcomes, each true by a rule that stands here as data.

The sheet, the notes and the page say the same of the same run because they follow the same list: a rule is a few
comparisons between numbers that a run is boiled down to (`Features`), so it can be computed here, run in a browser and
written as a formula of a cell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import IntEnum, StrEnum
from functools import cache
from itertools import pairwise
from operator import ge, gt, le
from typing import Any

from handgrad.backprop.graph.build import build_graph
from handgrad.backprop.graph.graph import Graph, Kind
from handgrad.backprop.network.network import Network
from handgrad.backprop.simulate import RateSweep, Trace, evaluate

SLACK, NOISE = 1e-9, 1e-15
"""An error rose or fell if it moved by more than rounding can move it: spreadsheets compare with less than 16 digits."""
FLAT = 0.01
"""A unit is saturated where the slope of its activation is less than this part of its steepest: beyond ±6 for sigmoid."""
LOW = 0.05
"""An error below this part of the first one is not a failure, however flat the units are: trained outputs are flat."""
STILL = 1e-3
"""A run stands still if its second half moved the error by less than this part of the first error."""
BARELY = 0.9
"""A run barely moves if the error at its end is at least this part of the first one."""
OFTEN = 0.25
"""A run zigzags if the error rose in more than this part of the steps of its second half; a true zigzag rises in half."""
STEEPEST = {"sigmoid": 0.25, "tanh": 1.0, "softmax": 0.25, "relu": 1.0}
"""The steepest slope of each activation that can flatten out; leaky ReLU and the identity never do."""
PLAIN_LOSS = "half-squared-error"
"""Where loss and activation fit each other the step has no slope of its own to look at; under this loss it has."""


class Flat(IntEnum):
    """Which layer has lost its slope in every unit and sample; a number, so that a cell can hold it."""

    NONE = 0
    OUTPUTS = 1
    HIDDEN = 2
    DEAD = 3


class Outcome(StrEnum):
    """What a training did to the error, in the words that are shown."""

    DIVERGES = "diverges"
    NOT_TRAINED = "no step was made"
    NOTHING = "nothing to learn"
    STUCK_OUTPUTS = "stuck (outputs saturated)"
    STUCK_HIDDEN = "stuck (hidden units saturated)"
    STUCK_DEAD = "stuck (hidden units dead)"
    RISES = "rises"
    ZIGZAGS = "falls, then zigzags"
    ZIGZAGS_ONLY = "zigzags"
    BARELY_MOVES = "barely moves"
    FALLS_WITH_RISES = "falls, with rises on the way"
    FALLS = "falls at every step"
    STANDS_STILL = "falls, then stops changing"
    NEVER_RISES = "never rises"


MEANING = {
    Outcome.DIVERGES: "the error is no longer a finite number",
    Outcome.NOT_TRAINED: "",
    Outcome.NOTHING: "the error is 0 from the beginning",
    Outcome.STUCK_OUTPUTS: "every output is saturated: its slope, and so each step, is almost 0",
    Outcome.STUCK_HIDDEN: "every unit of a hidden layer is saturated and passes no slope back",
    Outcome.STUCK_DEAD: "every unit of a hidden layer is below 0, where ReLU is flat, and passes no slope back",
    Outcome.RISES: "the error ends higher than it began",
    Outcome.ZIGZAGS: "in the second half the error rises again and again: steps go past the lowest point",
    Outcome.ZIGZAGS_ONLY: "in the second half the error rises again and again, and it has hardly fallen",
    Outcome.BARELY_MOVES: "these steps lower the error by less than a tenth",
    Outcome.FALLS_WITH_RISES: "the error ends lower, but not every step lowers it",
    Outcome.FALLS: "",
    Outcome.STANDS_STILL: "at the end the error changes only by rounding",
    Outcome.NEVER_RISES: "but at some steps the error changes only by rounding",
}
"""What each outcome says of the run, true wherever its rule holds."""


@dataclass(frozen=True)
class Features:
    """The numbers that a run is boiled down to.

    ``rows`` were asked for (the steps and one), ``numbers`` of them come before the first error that is not finite; all
    others look at these alone. ``before`` is the error one step before the last, ``middle`` the one halfway;
    ``late_rises`` and
    ``late_falls`` count in the ``late_steps`` after that.
    """

    rows: int
    numbers: int
    first: float
    last: float
    before: float
    highest: float
    middle: float
    rises: int
    falls: int
    steps: int
    late_rises: int
    late_falls: int
    late_steps: int
    flat: Flat = Flat.NONE


@dataclass(frozen=True)
class Test:
    """``left sign times · right + plus``, where left and right are names of `Features`."""

    left: str
    sign: str
    right: str
    times: float = 1.0
    plus: float = 0.0

    def holds(self, features: Mapping[str, float]) -> bool:
        """Return whether the comparison is true; with NaN none is."""
        signs = {">": gt, ">=": ge, "<=": le}
        # One form for all comparisons, so that a rule is five values, which JavaScript and a cell's formula read as
        # well.
        return bool(signs[self.sign](features[self.left], self.times * features[self.right] + self.plus))


def _above(left: str, right: str) -> Test:
    return Test(left, ">", right, 1 + SLACK, NOISE)


def _at_most(left: str, number: float) -> Test:
    return Test(left, "<=", left, 0.0, number)


def _more_than(left: str, number: float) -> Test:
    return Test(left, ">", left, 0.0, number)


def _stuck(flat: Flat) -> tuple[Test, ...]:
    still = (Test("middle", "<=", "last", 1 + STILL, NOISE), Test("last", "<=", "middle", 1 + STILL, NOISE))
    is_flat = (Test("flat", ">=", "flat", 0.0, flat), _at_most("flat", flat))
    return (*is_flat, *still, Test("last", ">", "first", LOW))


_OFTEN_UP_AND_DOWN = (
    Test("late_rises", ">", "late_steps", OFTEN),
    _more_than("late_rises", 1),
    _more_than("late_falls", 0),
)
RULES: tuple[tuple[Outcome, tuple[Test, ...]], ...] = (
    # First of all: of an error that is not a number nothing else is true.
    (Outcome.DIVERGES, (Test("rows", ">", "numbers"),)),
    (Outcome.NOT_TRAINED, (_at_most("steps", 0),)),
    (Outcome.NOTHING, (_at_most("highest", NOISE),)),
    # Before "rises" and "barely moves", which such runs do as well: the cause says more than the course.
    (Outcome.STUCK_OUTPUTS, _stuck(Flat.OUTPUTS)),
    (Outcome.STUCK_HIDDEN, _stuck(Flat.HIDDEN)),
    (Outcome.STUCK_DEAD, _stuck(Flat.DEAD)),
    (Outcome.RISES, (_above("last", "first"),)),
    (Outcome.ZIGZAGS, (*_OFTEN_UP_AND_DOWN, Test("first", ">", "last", 1 / BARELY))),
    (Outcome.ZIGZAGS_ONLY, _OFTEN_UP_AND_DOWN),
    (Outcome.BARELY_MOVES, (Test("last", ">=", "first", BARELY),)),
    (Outcome.FALLS_WITH_RISES, (_more_than("rises", 0),)),
    (Outcome.FALLS, (Test("falls", ">=", "steps"),)),
    (Outcome.STANDS_STILL, (Test("before", "<=", "last", 1 + SLACK, NOISE),)),
    (Outcome.NEVER_RISES, ()),
)
"""The outcome of a run is the first whose tests all hold; the last holds always."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of a run; ``at`` is the step at which it diverged, None where it did not."""

    outcome: Outcome
    at: int | None = None

    @property
    def words(self) -> str:
        """Return the outcome as shown: ``diverges at step 37``, ``falls at every step``."""
        return self.outcome.value if self.at is None else f"{self.outcome.value} at step {self.at}"

    def __str__(self) -> str:
        meaning = MEANING[self.outcome]
        return f"{self.words}: {meaning}" if meaning else self.words


def features_of(errors: Sequence[float], flat: Flat = Flat.NONE) -> Features:
    """Return the numbers that the errors of a run, a row per step from the first on, are boiled down to."""
    broken = next((step for step, error in enumerate(errors) if not math.isfinite(error)), len(errors))
    kept = [float(error) for error in errors[:broken]]
    nothing = [math.nan]
    half = max(0, (len(kept) - 1) // 2)
    rose = [_moved_up(before, after) for before, after in pairwise(kept)]
    fell = [_moved_up(after, before) for before, after in pairwise(kept)]
    return Features(
        rows=len(errors),
        numbers=len(kept),
        first=(kept or nothing)[0],
        last=(kept or nothing)[-1],
        before=(kept[-2:] or nothing)[0],
        highest=max(kept or nothing),
        middle=(kept or nothing)[half],
        rises=sum(rose),
        falls=sum(fell),
        steps=max(len(errors) - 1, 0),
        late_rises=sum(rose[half:]),
        late_falls=sum(fell[half:]),
        late_steps=len(rose[half:]),
        flat=flat,
    )


def _moved_up(before: float, after: float) -> bool:
    return after > before * (1 + SLACK) + NOISE


def verdict_on(features: Features) -> Verdict:
    """Return what a run did, by the first rule that holds."""
    numbers = asdict(features)
    outcome = next(outcome for outcome, tests in RULES if all(test.holds(numbers) for test in tests))
    return Verdict(outcome, features.numbers if outcome is Outcome.DIVERGES else None)


def verdict_of(run: Trace) -> Verdict:
    """Return what a traced run did; the trace must hold E_total and every parameter."""
    last = {name: float(run[name][-1]) for name in run.graph.parameters}
    # A diverged run has no slopes that could be looked at.
    flat = Flat.NONE if run.diverged_at is not None else flat_layer(run.graph.network, last)
    return verdict_on(features_of([float(error) for error in run["E_total"]], flat))


def verdicts_of(network: Network, sweep: RateSweep) -> tuple[Verdict, ...]:
    """Return what the runs of a network at several learning rates did."""
    found: list[Verdict] = []
    for index in range(len(sweep.rates)):
        last = {name: float(values[index]) for name, values in sweep.last.items()}
        flat = Flat.NONE if sweep.diverged_at[index] is not None else flat_layer(network, last)
        found.append(verdict_on(features_of(sweep.errors[:, index].tolist(), flat)))
    return tuple(found)


def flat_layer(network: Network, parameters: Mapping[str, float]) -> Flat:
    """Return which layer has lost its slope in every unit and sample at these parameters, the output layer first."""
    graph = _plain_graph(network)
    values = evaluate(graph, {name: value for name, value in parameters.items() if name in graph})
    # From the output: a flat output layer passes nothing back, whatever lies below it.
    for layer in range(len(network.layers), 0, -1):
        activation = network.layers[layer - 1].activation
        names = own_slopes(graph, layer)
        if activation not in STEEPEST or not all(values[name] < FLAT * STEEPEST[activation] for name in names):
            continue
        if layer == len(network.layers):
            return Flat.OUTPUTS
        return Flat.DEAD if activation == "relu" else Flat.HIDDEN
    return Flat.NONE


def own_slopes(graph: Graph, layer: int) -> list[str]:
    """Return the slopes ∂a/∂z of a layer's units, each with respect to its own pre-activation (softmax has others)."""
    found = [q for q in graph.of_kind(Kind.ACTIVATION_SLOPE) if q.layer == layer]
    return [q.name for q in found if q.source in (None, q.unit)]


@cache
def _plain_graph(network: Network) -> Graph:
    return build_graph(replace(network, loss=PLAIN_LOSS))


def rules_as_data() -> dict[str, Any]:
    """Return rules, words and thresholds as plain data: what a page runs."""
    return {
        "slack": SLACK,
        "noise": NOISE,
        "flat": FLAT,
        "steepest": STEEPEST,
        "plainLoss": PLAIN_LOSS,
        "kinds": {kind.name.lower(): int(kind) for kind in Flat},
        "meaning": {outcome.value: words for outcome, words in MEANING.items()},
        "rules": [
            {
                "outcome": outcome.value,
                "tests": [[test.left, test.sign, test.right, test.times, test.plus] for test in tests],
            }
            for outcome, tests in RULES
        ],
    }
