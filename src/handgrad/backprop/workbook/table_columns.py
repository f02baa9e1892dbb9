"""A training step as one row of a table: which columns it has, and the formula of each in the first and later rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from handgrad.backprop.graph.graph import FIRST_VALUES, Graph, Kind, Quantity
from handgrad.backprop.simulate import Trace
from handgrad.backprop.symbols.expression import Call, Node, substitute, walk
from handgrad.backprop.workbook.looks import CELL, COUNT, RESULT, VALUE
from handgrad.backprop.workbook.plan import Column
from handgrad.xlsx.writer import Look, Value, column_letters

DIVERGED = "diverged"
UNBOUNDED = frozenset({"relu", "leaky-relu", "identity"})
LARGE = 1e6
"""Input cells take numbers up to this size; networks whose every activation is bounded cannot overflow then."""
READS_TEXT_AS_NUMBER = frozenset({"relu", "relu_slope", "leaky_relu", "leaky_relu_slope", "largest"})
"""Functions that would turn the word *diverged* into a number: MAX passes over text, and text is above every number."""


def guarded(graph: Graph) -> bool:
    """Return whether numbers of this network can overflow, so that its formulas must be able to say *diverged*."""
    bounded = all(layer.activation not in UNBOUNDED for layer in graph.network.layers)
    return not bounded or any(abs(quantity.value or 0.0) > LARGE for quantity in graph)


def guard(formula: str, numbers: Iterable[str] = ()) -> str:
    """Return the formula, or *diverged* where it is an error or one of ``numbers`` (cells) is not a number."""
    # COUNT counts numbers alone: fewer than there are cells means a word among them, which MAX would pass over.
    cells = list(numbers)
    if cells:
        return f'IF(COUNT({",".join(cells)})={len(cells)},IFERROR({formula},"{DIVERGED}"),"{DIVERGED}")'
    return f'IFERROR({formula},"{DIVERGED}")'


def _own_columns(graph: Graph) -> frozenset[str]:
    """Return the next values (``w5_next``) that something in the same row needs, and so have a column of their own.

    All others are written straight into the next row: there, w5 is the old w5 less learning rate times gradient.
    """
    following = set(graph.successors.values())
    own: set[str] = set()
    # From everything that is not a next value: what they use of this row's next values must stand somewhere in this
    # row.
    waiting = [q.name for q in graph if q.name not in following]
    while waiting:
        for name in graph.dependencies(waiting.pop()):
            if name in following and name not in own:
                own.add(name)
                waiting.append(name)
    return frozenset(own)


def step_columns(graph: Graph) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the quantities of a row: the training table's own, and those in a place of their own."""
    inlined = set(graph.successors.values()) - _own_columns(graph)
    return graph.main_columns, tuple(name for name in graph.extra_columns if name not in inlined)


def without_slopes(graph: Graph) -> Graph:
    """Return the same step with dE/da and da/dz written into the deltas: fewer cells a row, for tables that are long."""
    slopes: dict[str, Node] = {}
    kept: list[Quantity] = []
    for quantity in graph:
        if quantity.expression is None:
            kept.append(quantity)
            continue
        # In order, so that a slope put in has had its own slopes put in already.
        expression = substitute(quantity.expression, slopes)
        if quantity.kind in (Kind.ERROR_SLOPE, Kind.ACTIVATION_SLOPE):
            slopes[quantity.name] = expression
        else:
            kept.append(replace(quantity, expression=expression))
    return Graph(graph.network, tuple(kept), graph.successors)


def needed_columns(graph: Graph) -> tuple[str, ...]:
    """Return the columns without which the next row could not be found, in the order of the table; nothing that is
    constant.
    """
    needed: set[str] = set()
    waiting = ["E_total", *graph.successors, *graph.successors.values()]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting.extend(graph.dependencies(name))
    main, extra = step_columns(graph)
    constant = {q.name for q in graph.of_kind(*FIRST_VALUES) if q.name not in graph.successors}
    return tuple(name for name in (*main, *extra) if name in needed and name not in constant)


@dataclass(frozen=True)
class Layout:
    """Where each quantity of a row stands, and where first values come from.

    ``columns``: name → column. ``first_value``: the address of a first value, by name; ``settings`` the same for learning
    rate and its like, which may be templates (``$A{+0}``).
    """

    graph: Graph
    columns: Mapping[str, int]
    first_value: Callable[[str], str]
    settings: Callable[[str], str]
    guarded: bool

    @cached_property
    def bases(self) -> dict[str, str]:
        """Return the map ``w5_next`` → ``w5``."""
        return {successor: base for base, successor in self.graph.successors.items()}

    def first(self, name: str) -> str | None:
        """Return the template of the first row, or None for a plain number."""
        kind = self.graph[name].kind
        if kind is Kind.MEMORY:
            return None
        return self.first_value(name) if kind in FIRST_VALUES else self.within(name)

    def following(self, name: str) -> str | None:
        """Return the template of a later row."""
        if self.graph[name].kind not in FIRST_VALUES:
            return self.within(name)
        successor = self.graph.successors.get(name)
        if successor is None:
            return self.first_value(name)
        if successor in self.columns:
            return f"{column_letters(self.columns[successor])}{{-1}}"
        return self.formula(successor, self._from_row_before)

    def within(self, name: str) -> str:
        """Return the template of a quantity computed from others of its row."""
        return self.formula(name, self.here)

    def here(self, name: str) -> str:
        """Return a quantity of the same row, or a setting."""
        if self.graph[name].kind is Kind.SETTING:
            return self.settings(name)
        if name not in self.columns:
            return self.first_value(name)
        return f"{column_letters(self.columns[name])}{{+0}}"

    def formula(self, name: str, address: Callable[[str], str]) -> str:
        """Return a quantity's formula with these addresses, able to say *diverged* where that can happen."""
        formula = self.graph.formula(name, address)
        if not self.guarded:
            return formula
        expression = self.graph[name].expression
        calls = () if expression is None else (n.function.name for n in walk(expression) if isinstance(n, Call))
        blind = READS_TEXT_AS_NUMBER.intersection(calls)
        return guard(formula, map(address, self.graph.dependencies(name)) if blind else ())

    def _from_row_before(self, name: str) -> str:
        """Return what an update refers to: the row before, except a memory already renewed, which this row holds."""
        if self.graph[name].kind is Kind.SETTING:
            return self.settings(name)
        if name in self.columns:
            return f"{column_letters(self.columns[name])}{{-1}}"
        base = self.bases[name]
        return f"{column_letters(self.columns[base])}{{+0}}"

    def column(self, name: str, values: list[Value]) -> Column:
        """Return the whole column of a quantity."""
        return Column(
            self.columns[name], name, self.first(name), self.following(name), values, look_of(self.graph, name)
        )


def look_of(graph: Graph, name: str) -> Look:
    """Return how the cells of a quantity look."""
    match graph[name].kind:
        case Kind.TARGET | Kind.INPUT:
            return CELL
        case Kind.TOTAL:
            return RESULT
    return COUNT if name.startswith("step") else VALUE


def shown_values(run: Trace) -> dict[str, list[Value]]:
    """Return the columns of a run as a sheet shows them: *diverged* where a number, or one it depends on, overflowed."""
    graph = run.graph
    table = np.array([run[name] for name in graph.names])
    finite = np.isfinite(table).all(axis=0)
    columns: dict[str, list[Value]] = {name: run[name].tolist() for name in graph.names}
    if finite.all():
        return columns
    depends = {name: graph.dependencies(name) for name in graph.names}
    carried = {name: graph.successors.get(name) for name in graph.names}
    bad_before: set[str] = set()
    # From the first row that is not whole: those before it are shown as they are, which in long tables is nearly all.
    for row in range(int(np.argmin(finite)), run.steps + 1):
        bad: set[str] = set()
        for name in graph.names:
            value = run[name][row]
            # A formula that reads a word gives an error or the word; so must the value that is written beside it.
            if not math.isfinite(value) or carried[name] in bad_before or not bad.isdisjoint(depends[name]):
                bad.add(name)
                columns[name][row] = DIVERGED
        bad_before = bad
    return columns
