"""The numbers of a table against the graph's: each column judged by what its formula should read, and from the first row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.backprop.graph.compiled import compile_step, first_value_names
from handgrad.backprop.graph.graph import FIRST_VALUES, Kind
from handgrad.backprop.symbols.expression import Call, Const, Neg, Node, Power, Product, Quotient, Ref, Sum
from handgrad.judge.workbook.conventions import UnderstoodConvention
from handgrad.judge.workbook.table import Table, number
from handgrad.xlsx.reader import Place, Value

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
# A formula differs from ours by rounding alone, which a long training makes larger; the second is for values next to 0.
EXACT, TINY = 1e-6, 1e-11
SLACK = 1.05
"""A half of the last digit, and a little for what the digits' own storage costs."""
FORWARD = frozenset({*FIRST_VALUES, Kind.PRE_ACTIVATION, Kind.SOFTMAX_PART, Kind.ACTIVATION})


def value_of(node: Node, values: Mapping[str, Any]) -> Any:
    """An expression's value, with numbers or arrays of them."""

    def of(part: Node) -> Any:
        return value_of(part, values)

    match node:
        case Ref(name):
            return values[name]
        case Const(value):
            return value
        case Neg(operand):
            return -of(operand)
        case Sum(terms):
            total = of(terms[0])
            for term in terms[1:]:
                total = total + of(term)
            return total
        case Product(factors):
            result = of(factors[0])
            for factor in factors[1:]:
                result = result * of(factor)
            return result
        case Quotient(numerator, denominator):
            return of(numerator) / of(denominator)
        case Power(base, exponent):
            return of(base) ** of(exponent)
        case Call(function, arguments):
            return function.of_array(*[np.asarray(of(part), dtype=np.float64) for part in arguments])
    raise TypeError(f"not an expression: {node!r}")


@dataclass(frozen=True)
class Reading:
    """A table read one way. ``found[name]`` is a column by its graph name, NaN where it shows no number.

    ``errors`` says by name how far each number of a column may be from the true one, because it was typed off a screen:
    see :func:`digits.rounding`. ``varied`` is whether the data change from row to row.
    """

    convention: UnderstoodConvention
    table: Table
    cells: Mapping[Place, Value]
    rate: float | Floats
    errors: Mapping[str, Floats] = field(default_factory=dict)
    varied: bool = False
    changed: Mapping[str, float] = field(default_factory=dict)
    """Given values without a column, by name."""

    @cached_property
    def places(self) -> dict[str, int]:
        """Return graph name → column of the sheet."""
        return {known: self.table.columns[name] for name, known in self.convention.names.items()}

    @cached_property
    def found(self) -> dict[str, Floats]:
        """Return graph name → the numbers in its column, NaN where a cell holds none."""
        rows = self.table.rows
        columns: dict[str, Floats] = {}
        for name, column in self.places.items():
            shown = [number(self.cells.get((row, column))) for row in rows]
            columns[name] = np.array([math.nan if value is None else value for value in shown])
        return columns

    @cached_property
    def given(self) -> dict[str, Any]:
        """Return given values without a column, by name: numbers, or the learning rate's own column."""
        graph = self.convention.graph
        values = {q.name: q.value for q in graph.of_kind(*FIRST_VALUES)}
        return values | dict(self.changed) | {"learning_rate": self.rate}

    def computed(self, known: Mapping[str, Floats]) -> dict[str, Any]:
        """Return every quantity of each row, found from the ``known`` columns wherever it reads one of them."""
        values: dict[str, Any] = {**self.given, **known}
        found: dict[str, Any] = {}
        with np.errstate(all="ignore"):
            for quantity in self.convention.graph:
                if quantity.expression is None:
                    continue
                found[quantity.name] = value_of(quantity.expression, values)
                values.setdefault(quantity.name, found[quantity.name])
        return found

    @cached_property
    def read(self) -> dict[str, Any]:
        """Return what every quantity should be, given the columns that its formula should read."""
        return self.computed(self.found)

    @cached_property
    def _known(self) -> tuple[dict[str, Floats], ...]:
        """The columns to start from: all, those of the forward pass and the weights, the row's weights and data alone."""
        graph = self.convention.graph
        forward = {name: column for name, column in self.found.items() if graph[name].kind in FORWARD}
        state = {name: column for name, column in self.found.items() if graph[name].kind in FIRST_VALUES}
        return self.found, forward, state

    @cached_property
    def levels(self) -> tuple[tuple[dict[str, Any], dict[str, Any]], ...]:
        """Return, for each set of columns to start from, every quantity and how far it may be from its true value."""
        return tuple((self.computed(known), self._carried(known)) for known in self._known)

    def _carried(self, known: Mapping[str, Floats]) -> dict[str, Any]:
        """How far every quantity can move when each of the known numbers moves by its own rounding."""
        loose = {name: self.errors[name] for name in known if name in self.errors and self.errors[name].any()}
        moved: dict[str, Any] = {}
        if not loose:
            return moved
        base = self.computed(known)
        for name, error in loose.items():
            other = self.computed({**known, name: known[name] + error})
            for each, value in other.items():
                with np.errstate(all="ignore"):
                    step = np.abs(value - base[each])
                # Where both have overflowed their difference is no number, and would make every later comparison false.
                moved[each] = moved.get(each, 0.0) + np.nan_to_num(step)
        return moved

    @cached_property
    def true(self) -> dict[str, Floats]:
        """Return every column as it must be from the first row on (from each row in which a run begins again)."""
        graph = self.convention.graph
        names = first_value_names(graph)
        # Plain floats, a row at a time: each row begins from the one before, so there is nothing that arrays could do
        # at once.
        step = compile_step(graph, (*self.found, *graph.successors.values()), arrays=False)
        state = {name: float(np.asarray(self.given[name]).flat[0]) for name in names}
        rows = np.empty((len(self.table.rows), len(self.found)))
        starts = set(self.table.starts)
        data = [n for n in names if n in self.found and n not in graph.successors]
        begun = [n for n in names if n in self.found]
        rates = np.broadcast_to(np.asarray(self.rate, np.float64), (len(self.table.rows),))
        for place in range(len(self.table.rows)):
            for name in begun if place in starts else data if self.varied else ():
                state[name] = float(self.found[name][place])
            state["learning_rate"] = float(rates[place])
            try:
                results = step([state[name] for name in names])
            except (OverflowError, ZeroDivisionError, ValueError):
                # A training that has overflowed: from here on nothing is expected, and nothing called wrong.
                rows[place:] = math.nan
                break
            rows[place] = results[: len(self.found)]
            state.update(zip(graph.successors, results[len(self.found) :], strict=True))
        return {name: rows[:, place] for place, name in enumerate(self.found)}

    def expected(self, name: str, level: Mapping[str, Any], otherwise: Floats | None = None) -> Floats:
        """Return a whole column as this level expects it; a run's first state, and data that vary, are taken as they are.

        With ``otherwise`` a rounding is asked for instead of a value: that is what stands where nothing is expected.
        """
        graph = self.convention.graph
        column = self.found[name] if otherwise is None else otherwise
        if graph[name].kind not in FIRST_VALUES:
            value = level[name] if otherwise is None else level.get(name, 0.0)
            return np.broadcast_to(np.asarray(value, dtype=np.float64), column.shape)
        if name == "learning_rate" or (self.varied and name not in graph.successors):
            return column
        result = column.copy()
        successor = graph.successors.get(name)
        if successor is None:
            result[1:] = column[0]
        else:
            value = level[successor] if otherwise is None else level.get(successor, 0.0)
            result[1:] = np.broadcast_to(value, column.shape)[:-1]
        for start in self.table.starts:
            result[start] = column[start]
        return result

    def _off(self, name: str, expected: Floats, carried: Floats) -> Flags:
        """Where a column is further from what is expected than its digits and those of what it reads explain."""
        own = self.errors.get(name, np.zeros(1))
        column = self.found[name]
        with np.errstate(all="ignore"):
            near = np.abs(column - expected) <= EXACT * np.abs(expected) + TINY + own * SLACK + carried * SLACK
        flags: Flags = ~(near | ~np.isfinite(expected))
        if self.table.partial and np.isnan(column[-1]):
            # A last row that holds only the weights after the last step.
            flags[-1] = False
        return flags

    @cached_property
    def wrong(self) -> dict[str, Flags]:
        """Return by column in which rows its value is wrong, judged by the level that explains most of it."""
        result: dict[str, Flags] = {}
        for name, column in self.found.items():
            best: Flags | None = None
            for level, carried in self.levels:
                loose = self.expected(name, carried, np.zeros(column.shape))
                flags = self._off(name, self.expected(name, level), loose)
                # The first level stands, unless a later one explains the whole column.
                if best is None or (not flags.any() and best.any()):
                    best = flags
            result[name] = best if best is not None else np.zeros(0, dtype=bool)
        return result

    @cached_property
    def untrue(self) -> dict[str, Flags]:
        """Return by column in which rows it is not what it must be from the first row on."""
        # What is stored rounded drifts further with every row.
        drift = 10.0 * sum((float(np.max(each, initial=0.0)) for each in self.errors.values()), start=0.0)
        return {name: self._off(name, self.true[name], np.full(1, drift)) for name in self.found}
