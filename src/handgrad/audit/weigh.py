"""How far a published trace lies from what a recipe gives over several seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from handgrad.audit.trace import SERIES, Trace
from handgrad.errors import UsageError, counted
from handgrad.report.chart import LEAST_ERROR
from handgrad.score import student_95

Word = Literal["likely", "possible", "outside"]
NEAR = 2
"""Epochs before and after whose spread is taken together: three seeds say too little of one epoch's."""
LEAST_LOSS = 1e-4
"""The last place that logs print."""
LEAST_SPREAD = 0.02
"""On the scale of `_placed`, about what one image is worth at 99.5 %: no figure is known better than that."""


@dataclass(frozen=True)
class Figure:
    """One printed figure beside a candidate's seeds. *low* and *high* are the 95 % prediction interval of one more seed."""

    series: str
    epoch: int
    printed: float
    mean: float
    low: float
    high: float
    word: Word


@dataclass(frozen=True)
class Weighed:
    """A candidate: its name, its seeds, every figure, and the distance of the whole trace from its seeds.

    The distance is the root mean square, over the epochs of a series and then over the series, of (printed - mean of the
    seeds) in units of a standard deviation that all candidates share; so a noisy recipe is not nearer for its noise. Both are
    taken of the logarithm of the errors or of the loss, as halving them is as much at 99 % as at 90 %.
    """

    name: str
    seeds: tuple[int, ...]
    distance: float
    figures: tuple[Figure, ...]

    def count(self, word: Word) -> int:
        """Return how many figures are called *word*."""
        return sum(figure.word == word for figure in self.figures)


@dataclass(frozen=True)
class Audit:
    """The trace of *source* against every candidate, the nearest first."""

    source: str
    figures: int
    epochs: int
    candidates: tuple[Weighed, ...]

    @property
    def best(self) -> Weighed:
        """Return the candidate that explains the trace best."""
        return self.candidates[0]

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return asdict(self)


def weigh(published: Trace, candidates: Mapping[str, Sequence[tuple[int, Trace]]]) -> Audit:
    """Return *published* weighed against *candidates*: by name, the seed and the trace of each of its runs.

    *likely*: inside the 95 % prediction interval of one more seed, mean ± t · s · √(1 + 1/n) of the logarithm of the errors
    (100 % - accuracy) or of the loss, where s is pooled over the epochs from two before to two after.
    *possible*: outside of it by at most its own half width. *outside*: further away.
    Raises `UsageError` for a candidate with fewer than two seeds.
    """
    for name, runs in candidates.items():
        if len(runs) < 2:
            raise UsageError(
                f"{name} has {counted(len(runs), 'finished seed')} – an audit needs at least 2 – give more with --seeds"
            )
    traces = {name: [trace for _, trace in runs] for name, runs in candidates.items()}
    # One spread for all: with its own a noisy candidate would seem near to everything.
    shared = _Spreads(list(traces.values()))
    found = []
    for name, runs in candidates.items():
        own = _Spreads([traces[name]])
        figures, squares = [], []
        for series in SERIES:
            marks = []
            for epoch, printed in sorted(published.series.get(series, {}).items()):
                places = _places(series, epoch, traces[name])
                # A seed that diverged has no figure there; one alone has no spread.
                if len(places) < 2:
                    continue
                figures.append(_figure(series, epoch, printed, places, spread=own.at(series, epoch)))
                marks.append(((_placed(series, printed) - statistics.fmean(places)) / shared.at(series, epoch)[0]) ** 2)
            if marks:
                # A mean a series first: fifty epochs of a loss would otherwise outweigh one accuracy.
                squares.append(statistics.fmean(marks))
        if not squares:
            raise UsageError(
                f"{published.source} and {name} have no epoch in common – set the recipe's epochs with --set"
            )
        distance = math.sqrt(statistics.fmean(squares))
        found.append(Weighed(name, tuple(seed for seed, _ in runs), distance, tuple(figures)))
    # By name where two are equally near, so that the order is the same each time.
    ranked = tuple(sorted(found, key=lambda each: (each.distance, each.name)))
    return Audit(published.source, published.figures, published.epochs, ranked)


def _placed(series: str, value: float) -> float:
    """Return the place of *value* on the scale on which seeds scatter evenly: rising with what is better."""
    if series.endswith("loss"):
        return -math.log(max(value, LEAST_LOSS))
    return -math.log(max(100 - value, LEAST_ERROR))


def _value(series: str, place: float) -> float:
    """Return the value at *place*: undoes `_placed`."""
    return math.exp(-place) if series.endswith("loss") else 100 - math.exp(-place)


def _places(series: str, epoch: int, traces: Sequence[Trace]) -> list[float]:
    """Return the places of what every one of *traces* has for an epoch."""
    return [_placed(series, trace.series[series][epoch]) for trace in traces if epoch in trace.series[series]]


def _figure(series: str, epoch: int, printed: float, places: Sequence[float], *, spread: tuple[float, int]) -> Figure:
    """Return one printed figure beside the *places* of the seeds."""
    s, freedom = spread
    mean = statistics.fmean(places)
    half = student_95(freedom) * s * math.sqrt(1 + 1 / len(places))
    off = abs(_placed(series, printed) - mean)
    word: Word = "likely" if off <= half else "possible" if off <= 2 * half else "outside"
    low, high = sorted(_value(series, mean + sign * half) for sign in (-1, 1))
    return Figure(series, epoch, printed, _value(series, mean), low, high, word)


class _Spreads:
    """The standard deviation between seeds of one recipe, pooled over neighbouring epochs and over *groups* of runs."""

    def __init__(self, groups: Sequence[Sequence[Trace]]) -> None:
        self.groups = groups

    def at(self, series: str, epoch: int) -> tuple[float, int]:
        """Return the standard deviation around *epoch* and its degrees of freedom."""
        squares, freedom = 0.0, 0
        for traces in self.groups:
            for near in range(epoch - NEAR, epoch + NEAR + 1):
                places = _places(series, near, traces)
                if len(places) > 1:
                    squares += statistics.variance(places) * (len(places) - 1)
                    freedom += len(places) - 1
        return max(math.sqrt(squares / freedom), LEAST_SPREAD), freedom
