"""What the checks find in a book just written: counted from its numbers, and never taken for granted.

Each verdict here is that of a formula on the sheet *Checks*, found again by the program, so that the number of failed
checks is right also in a viewer that does not calculate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from handgrad.backprop.graph.autodiff import ErrorSlopes, error_slopes
from handgrad.backprop.graph.compiled import evaluate_expression
from handgrad.backprop.graph.graph import Kind
from handgrad.backprop.network.network import UpdateOrder
from handgrad.backprop.symbols.expression import Call, walk
from handgrad.backprop.workbook.checks_working import BASE, Checked, OldWeights, drawn
from handgrad.backprop.workbook.content import Material
from handgrad.backprop.workbook.table_columns import DIVERGED
from handgrad.xlsx.writer import Value

AGREES, DIFFERS, KINK, NOT_COMPARED = "agrees", "DIFFERS", "at a kink", "numbers changed"
TOLERANCE = 1e-5
"""Of a finite difference, relative; and a thousandth of it, absolute, for each unit of the error."""
PROGRAM_TOLERANCE, PROGRAM_FLOOR = 1e-9, 1e-13
"""Between two exact ways to compute the same: relative, and absolute for each unit of the error."""
ROWS_TOLERANCE, ROWS_FLOOR = 1e-9, 1e-3
"""Between a column and its rule: relative to the column's sum, or to a thousandth where that is smaller."""
BACKWARD = (Kind.ERROR_SLOPE, Kind.ACTIVATION_SLOPE, Kind.DELTA)


@dataclass(frozen=True, slots=True)
class ByDifference:
    """A gradient beside its finite difference; ``compared`` is the gradient from the old weights."""

    difference: Value
    compared: Value
    off: Value
    allowed: Value
    verdict: str


@dataclass(frozen=True, slots=True)
class ByProgram:
    """A number of row 0 beside the one that automatic differentiation found."""

    value: Value
    compared: Value
    off: Value
    verdict: str


@dataclass(frozen=True, slots=True)
class ByRows:
    """All rows of a column beside the rule applied to the row's other cells: Σ |cell − rule|."""

    off: Value
    verdict: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the sheet: a quantity and what was found of it; None where a check does not concern it."""

    name: str
    parameter: str | None = None
    by_difference: ByDifference | None = None
    by_program: ByProgram | None = None
    by_rows: ByRows | None = None


@dataclass(frozen=True)
class Checks:
    """All checks of a book."""

    material: Material

    @cached_property
    def checked(self) -> Checked:
        """Return the forward passes with one weight moved in each."""
        return Checked(self.material)

    @cached_property
    def old(self) -> OldWeights:
        """Return the step with all gradients from the old weights."""
        return OldWeights(self.checked)

    @cached_property
    def slopes(self) -> ErrorSlopes:
        """Return error and gradient by automatic differentiation."""
        return error_slopes(self.material.graph)

    @property
    def output_first(self) -> bool:
        """Return whether the table's hidden gradients are not those of the error."""
        return self.material.network.order is UpdateOrder.OUTPUT_FIRST

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Return the error and every checked gradient, as the sheet lists them."""
        return tuple(self._gradients())

    @cached_property
    def backward_lines(self) -> tuple[Line, ...]:
        """Return the slopes and deltas: they have no finite difference of their own, but a rule that every row keeps."""
        graph = self.material.graph
        # A rule with IF or MAX in it cannot be applied to whole columns inside SUMPRODUCT.
        names = tuple(
            q.name
            for q in graph.of_kind(*BACKWARD)
            if q.expression is not None and not any(isinstance(node, Call) for node in walk(q.expression))
        )
        return tuple(Line(name, by_rows=self._rows(name)) for name in drawn(names, self.material.network.seed))

    @property
    def failed(self) -> int:
        """Return how many checks fail."""
        found = (one for line in (*self.lines, *self.backward_lines) for one in _verdicts(line))
        return sum(verdict == DIFFERS for verdict in found)

    def _gradients(self) -> Iterator[Line]:
        yield Line("E_total", by_program=self._program("E_total", self.slopes.error))
        for parameter in self.checked.parameters:
            name = f"dE/d{parameter}"
            yield Line(
                name,
                parameter,
                self._difference(parameter),
                self._program(name, self.slopes.gradient[parameter]),
                self._rows(name),
            )

    def _compared(self, name: str) -> Value:
        """Return the number that must be the derivative of the error: in the other order, that from the old weights."""
        values = self.old.values if self.output_first and name != "E_total" else self.material.values
        return values[name][0]

    def _difference(self, parameter: str) -> ByDifference:
        checked, total = self.checked, self.material.values["E_total"][0]
        up, down = checked.row(parameter, 1.0), checked.row(parameter, -1.0)
        errors, moved = checked.values["E_total"], checked.moved[parameter]
        above, below = up - BASE, down - BASE
        change = minus(errors[above], errors[below])
        difference = change if isinstance(change, str) else change / float(moved[above] - moved[below])
        compared = self._compared(f"dE/d{parameter}")
        off = minus(compared, difference)
        allowed: Value = DIVERGED
        if not isinstance(difference, str) and not isinstance(total, str):
            allowed = TOLERANCE * (abs(difference) + 0.001 * max(1.0, total))
        bent = checked.kinks(up) + checked.kinks(down) > 0
        return ByDifference(difference, compared, off, allowed, KINK if bent else _verdict(difference, off, allowed))

    def _program(self, name: str, found: float) -> ByProgram:
        compared, total = self._compared(name), self.material.values["E_total"][0]
        # Forty digits reach further than a double: where that has overflowed there is nothing to compare.
        value: Value = compared if isinstance(compared, str) else found
        off = minus(compared, value)
        if isinstance(off, str):
            return ByProgram(value, compared, off, AGREES if isinstance(value, str) else DIFFERS)
        size = 1.0 if isinstance(total, str) else max(1.0, total)
        close = abs(off) <= PROGRAM_TOLERANCE * abs(found) + PROGRAM_FLOOR * size
        return ByProgram(value, compared, off, AGREES if close else DIFFERS)

    def _rows(self, name: str) -> ByRows:
        graph, values = self.material.graph, self.material.values
        expression = graph[name].expression
        assert expression is not None
        used = (name, *graph.dependencies(name))
        if any(isinstance(value, str) for one in used for value in values[one]):
            return ByRows(DIVERGED, DIVERGED if self.material.guarded else DIFFERS)
        columns = {one: np.asarray(values[one], dtype=np.float64) for one in used}
        off = float(np.abs(columns[name] - evaluate_expression(expression, columns, arrays=True)).sum())
        close = off <= ROWS_TOLERANCE * (ROWS_FLOOR + float(np.abs(columns[name]).sum()))
        return ByRows(off, AGREES if close else DIFFERS)


def minus(first: Value, second: Value) -> Value:
    """Return a difference, or *diverged* where one of the two is not a number."""
    return DIVERGED if isinstance(first, str) or isinstance(second, str) else first - second


def _verdict(difference: Value, off: Value, allowed: Value) -> str:
    if isinstance(difference, str):
        return DIVERGED
    if isinstance(off, str) or isinstance(allowed, str):
        return DIFFERS
    return AGREES if abs(off) <= allowed else DIFFERS


def _verdicts(line: Line) -> Iterator[str]:
    for one in (line.by_difference, line.by_program, line.by_rows):
        if one is not None:
            yield one.verdict
