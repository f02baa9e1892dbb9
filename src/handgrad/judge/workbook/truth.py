"""A training step at random numbers: what every column must be, whatever the numbers of the sheet happen to be.

A formula is right if it gives what its head says whenever the cells that it reads hold what theirs say. Tried at numbers
drawn at random, two formulas that agree are the same formula; on the numbers of one sheet a wrong one may agree by chance
(equal targets, equal weights, a unit that is dead, an input of 0).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.backprop.graph.compiled import compile_step, first_value_names
from handgrad.backprop.graph.graph import Graph, Kind

Floats = NDArray[np.float64]
BEFORE, AFTER = -2, 1
"""Rows so far above and below the judged one are known as steps of one run."""
FAR = 99
"""Any other row of the table: a state of its own, of the same data."""
DRAWN = 48
"""So many random points are drawn, of which those are used that tell most apart."""
SAME = 2e-6
"""Relative distance within which two values are one: e typed as 2.71828 passes, 2.718 does not."""


class Truth:
    """All quantities of a step and of the steps around it, at ``points`` random states.

    ``rows[0][name]`` is an array of *points* values in the row that is judged, ``rows[-1]`` in the row above it.
    ``fixed`` are quantities that have one value only, since it is typed into formulas. With ``varied`` each row has data
    of its own, else all rows share theirs.
    """

    def __init__(self, graph: Graph, fixed: Mapping[str, float], *, varied: bool = False, points: int = 4) -> None:
        self.graph, self.points = graph, points
        # One seed for all: the same book gets the same verdict each time.
        self._random = np.random.default_rng(20_261_130)
        names = first_value_names(graph)
        step = compile_step(graph, graph.names, arrays=True)
        state = {name: self._drawn(name, fixed) for name in names}
        self._normalised(state)
        data = [name for name in names if graph[name].kind in (Kind.INPUT, Kind.TARGET)]
        self.rows: dict[int, dict[str, Floats]] = {}
        with np.errstate(all="ignore"):
            # Some rows around the judged one, each following from the one before: what reads a row too high or too low
            # gives other numbers.
            for row in range(BEFORE, AFTER + 1):
                self.rows[row] = self._whole(step, [state[name] for name in names])
                state = state | {name: self.rows[row][after] for name, after in graph.successors.items()}
                if varied:
                    state |= {name: self._drawn(name, fixed) for name in data}
                    self._normalised(state)
            other = {name: self._drawn(name, fixed) for name in names}
            kept = {
                name: state[name] for name in names if name not in graph.successors and not (varied and name in data)
            }
            # A state of its own for every other row, in which only what never changes is the same.
            self.rows[FAR] = self._whole(step, [(other | kept)[name] for name in names])
        chosen = self._telling()
        self.rows = {row: {name: value[chosen] for name, value in whole.items()} for row, whole in self.rows.items()}

    def _telling(self) -> list[int]:
        """Which of the drawn points to use: units with a kink (ReLU) must be seen on both sides of it."""
        sums = [self.rows[0][q.name] for q in self.graph.of_kind(Kind.PRE_ACTIVATION)]
        sides = np.array([side for each in sums for side in (each > 0.0, each < 0.0)])
        chosen: list[int] = []
        for _ in range(self.points):
            gained = sides.sum(axis=0) + 1.0
            gained[chosen] = 0.0
            # Greedily: each point is the one that shows most sides not seen so far.
            chosen.append(int(np.argmax(gained)))
            sides = sides[~sides[:, chosen[-1]]] if len(sides) else sides
        return sorted(chosen)

    def _whole(self, step: Any, values: list[Floats]) -> dict[str, Floats]:
        found = step(values)
        return {
            name: np.broadcast_to(np.asarray(value, np.float64), (DRAWN,))
            for name, value in zip(self.graph.names, found, strict=True)
        }

    def _drawn(self, name: str, fixed: Mapping[str, float]) -> Floats:
        if name in fixed:
            return np.full(DRAWN, fixed[name])
        random, kind = self._random, self.graph[name].kind
        if kind is Kind.SETTING:
            low, high = {"learning_rate": (0.2, 0.9), "epsilon": (1e-3, 1e-2)}.get(name, (0.5, 0.95))
            return np.asarray(random.uniform(low, high, DRAWN))
        if name == "step":
            # Few steps, as what Adam divides by is 1 within all digits after many.
            return np.arange(DRAWN, dtype=np.float64) % self.points + 3.0
        if kind is Kind.MEMORY:
            return np.asarray(random.uniform(0.05, 0.3, DRAWN))
        if kind is Kind.TARGET:
            # Inside of 0 and 1, where every loss has its logarithms.
            return np.asarray(random.uniform(0.1, 0.9, DRAWN))
        size = {Kind.INPUT: (0.3, 1.3)}.get(kind, (0.2, 1.2))
        # Of both signs and never near 0, where mistakes of sign and of size hide.
        drawn: Floats = random.uniform(*size, DRAWN) * random.choice([-1.0, 1.0], DRAWN)
        return drawn

    def _normalised(self, state: dict[str, Floats]) -> None:
        """Make targets under softmax add up to 1 in each sample, on which the short form of its delta rests."""
        if "softmax" not in self.graph.network.loss:
            return
        for sample in range(1, len(self.graph.network.samples) + 1):
            names = [q.name for q in self.graph.of_kind(Kind.TARGET) if q.sample == sample]
            whole = sum(state[name] for name in names)
            state.update({name: state[name] / whole for name in names})

    def expected(self, name: str) -> Floats:
        """Return what a column must hold in the judged row."""
        return self.rows[0][name]

    def value(self, name: str, away: int | None, point: int) -> float:
        """Return a quantity so many rows away (None: a cell beside the table) at one point."""
        beside = FAR if name in self.graph.successors else 0
        row = beside if away is None else away if away in self.rows else FAR
        return float(self.rows[row][name][point])


def same(found: Floats, expected: Floats) -> bool:
    """Return whether two quantities agree at every point at which the second is a finite number."""
    with np.errstate(all="ignore"):
        near = np.abs(found - expected) <= SAME * np.abs(expected) + 1e-10
    known = np.isfinite(expected)
    return bool(known.any()) and bool(near[known].all())
