"""The numbers of a table against the graph's: each column judged by what its formula should read, and from the first row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.backprop.graph.graph import FIRST_VALUES, Kind
from handgrad.backprop.simulate import trace
from handgrad.backprop.symbols.expression import Call, Const, Neg, Node, Power, Product, Quotient, Ref, Sum
from handgrad.judge.workbook.conventions import Convention
from handgrad.judge.workbook.table import Table, number
from handgrad.xlsx.reader import Place, Value

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
EXACT, TINY = 1e-6, 1e-11
FORWARD = frozenset({*FIRST_VALUES, Kind.PRE_ACTIVATION, Kind.SOFTMAX_PART, Kind.ACTIVATION})


@dataclass(frozen=True)
class Tolerance:
    """How far a number may be from what is expected: relative to it, and at least ``least``."""

    relative: float = EXACT
    least: float = TINY
    decimals: int | None = None

    def close(self, found: Floats, expected: Floats) -> Flags:
        """Where both agree; where nothing finite is expected, anything does."""
        with np.errstate(all="ignore"):
            near = np.abs(found - expected) <= self.relative * np.abs(expected) + self.least
        return near | ~np.isfinite(expected)


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
    """A table read one way. ``found[name]`` is a column by its graph name, NaN where it shows no number."""

    convention: Convention
    table: Table
    cells: Mapping[Place, Value]
    rate: float | Floats
    tolerance: Tolerance
    changed: Mapping[str, float] = field(default_factory=dict)
    """Given values without a column that are others than the network's, by name."""

    @cached_property
    def places(self) -> dict[str, int]:
        """Graph name → column of the sheet."""
        return {known: self.table.columns[name] for name, known in self.convention.names.items()}

    @cached_property
    def found(self) -> dict[str, Floats]:
        """Graph name → the numbers in its column, NaN where a cell holds none."""
        rows = self.table.rows
        columns: dict[str, Floats] = {}
        for name, column in self.places.items():
            shown = [number(self.cells.get((row, column))) for row in rows]
            columns[name] = np.array([math.nan if value is None else value for value in shown])
        return columns

    @cached_property
    def given(self) -> dict[str, Any]:
        """Given values without a column, by name: numbers, or the learning rate's own column."""
        graph = self.convention.graph
        values = {q.name: q.value for q in graph.of_kind(*FIRST_VALUES)}
        return values | dict(self.changed) | {"learning_rate": self.rate}

    def computed(self, known: Mapping[str, Floats]) -> dict[str, Any]:
        """Every quantity of each row, found from the ``known`` columns wherever it reads one of them."""
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
        """What every quantity should be, given the columns that its formula should read."""
        return self.computed(self.found)

    @cached_property
    def levels(self) -> tuple[dict[str, Any], ...]:
        """The same from all columns, from the forward pass and the weights, from the row's weights and data alone."""
        graph = self.convention.graph
        forward = {name: column for name, column in self.found.items() if graph[name].kind in FORWARD}
        state = {name: column for name, column in self.found.items() if graph[name].kind in FIRST_VALUES}
        return self.read, self.computed(forward), self.computed(state)

    @cached_property
    def true(self) -> dict[str, Floats]:
        """Every column as it must be from the first row on."""
        first = {name: float(column[0]) for name, column in self.found.items() if self._is_given(name)}
        if not isinstance(self.rate, np.ndarray):
            first = {**self.changed, **first, "learning_rate": float(self.rate)}
            run = trace(self.convention.graph, len(self.table.rows) - 1, list(self.found), first)
            return {name: run[name] for name in self.found}
        return dict(self.found)

    def _is_given(self, name: str) -> bool:
        return self.convention.graph[name].kind in FIRST_VALUES and name != "learning_rate"

    def expected(self, name: str, level: Mapping[str, Any]) -> Floats:
        """A whole column as this level expects it; the first row's state is taken as it is."""
        graph, column = self.convention.graph, self.found[name]
        if graph[name].kind not in FIRST_VALUES:
            return np.broadcast_to(np.asarray(level[name], dtype=np.float64), column.shape)
        if name == "learning_rate":
            return column
        result = column.copy()
        successor = graph.successors.get(name)
        if successor is None:
            result[1:] = column[0]
        else:
            result[1:] = np.broadcast_to(level[successor], column.shape)[:-1]
        return result

    @cached_property
    def wrong(self) -> dict[str, Flags]:
        """By column: in which rows it is wrong, judged by the level that explains most of it."""
        result: dict[str, Flags] = {}
        for name, column in self.found.items():
            best: Flags | None = None
            for level in self.levels:
                flags = ~self.tolerance.close(column, self.expected(name, level))
                if best is None or (not flags.any() and best.any()):
                    best = flags
            result[name] = best if best is not None else np.zeros(0, dtype=bool)
        return result

    @cached_property
    def untrue(self) -> dict[str, Flags]:
        """By column: in which rows it is not what it must be from the first row on."""
        # What is stored rounded drifts further with every row.
        times = 1 if self.tolerance.decimals is None else 10
        drift = Tolerance(self.tolerance.relative * times, self.tolerance.least * times)
        return {name: ~drift.close(column, self.true[name]) for name, column in self.found.items()}
