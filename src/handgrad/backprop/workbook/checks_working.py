"""The forward passes behind the finite differences: one row a nudged weight, every cell a formula."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from handgrad.backprop.graph.build import build_graph
from handgrad.backprop.graph.graph import FIRST_VALUES, FORWARD, Graph, Kind
from handgrad.backprop.network.network import UpdateOrder
from handgrad.backprop.simulate import DIFFERENCE, Floats, evaluate
from handgrad.backprop.symbols.names import defined_name
from handgrad.backprop.workbook.content import CHECKS_WORKING, Material
from handgrad.backprop.workbook.looks import HEADER, HEADING, LABEL, NOTE, SMALL, STEP, SUBTITLE, TITLE, VALUE
from handgrad.backprop.workbook.plan import Page, SheetPlan
from handgrad.backprop.workbook.table_columns import DIVERGED, Layout
from handgrad.xlsx.rows import fill
from handgrad.xlsx.writer import Value, address, column_letters

# Each checked parameter takes two forward passes of cells: all 960 of the largest network would be a sheet of its own
# kind.
MOST_CHECKED = 24
FLAGS, HEAD, BASE = 3, 4, 5
"""Rows: which columns bend (ReLU), the header, the pass with nothing moved."""
# The first columns tell which parameter the row's forward pass has moved, and by how much.
LEFT = 3
NUDGE = "nudge"
BENDING = frozenset({"relu", "leaky-relu"})


@dataclass(frozen=True)
class Checked:
    """Which parameters are checked, and the passes with each of them moved up and down."""

    material: Material

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Return all parameters, or of many a sample drawn with the network's seed, in their own order."""
        return drawn(self.material.graph.parameters, self.material.network.seed)

    @cached_property
    def moves(self) -> tuple[tuple[str, float], ...]:
        """Return one pass each: the parameter and the sign of its nudge."""
        return tuple((name, sign) for name in self.parameters for sign in (1.0, -1.0))

    @cached_property
    def columns(self) -> dict[str, int]:
        """Return the column of each forward quantity on the working sheet."""
        return {q.name: LEFT + number for number, q in enumerate(self.material.graph.of_kind(*FORWARD))}

    @cached_property
    def moved(self) -> dict[str, Floats]:
        """Return each parameter's value in the base pass and in every move."""
        base = {name: self.material.first_value(name) for name in self.parameters}
        rows = 1 + len(self.moves)
        # A weight given as a whole number must not make an array of whole numbers: the nudge would be cut off.
        values = {name: np.full(rows, value, dtype=np.float64) for name, value in base.items()}
        for row, (name, sign) in enumerate(self.moves, start=1):
            # The value after rounding, which the sheet computes as well: the difference is divided by what was really
            # moved.
            values[name][row] = base[name] + sign * DIFFERENCE
        return values

    @cached_property
    def values(self) -> dict[str, list[Value]]:
        """Return every forward quantity of every pass, as shown."""
        return _passes(self.material.graph, self.moved, 1 + len(self.moves))

    @cached_property
    def bends(self) -> tuple[str, ...]:
        """Return the pre-activations at which the network has a kink."""
        layers = self.material.network.layers
        pre = self.material.graph.of_kind(Kind.PRE_ACTIVATION)
        return tuple(q.name for q in pre if q.layer is not None and layers[q.layer - 1].activation in BENDING)

    @cached_property
    def users(self) -> dict[str, list[str]]:
        """Return parameter → the forward quantities in which it stands itself."""
        found: dict[str, list[str]] = {name: [] for name in self.parameters}
        for name in self.columns:
            for used in self.material.graph.dependencies(name):
                if used in found:
                    found[used].append(name)
        return found

    @property
    def kink_column(self) -> int:
        """Return the column that counts the units on the other side of their kink."""
        return LEFT + len(self.columns)

    def row(self, name: str, sign: float) -> int:
        """Return the row of the pass in which the parameter is moved by *sign* times the difference."""
        return BASE + 1 + self.moves.index((name, sign))

    def cell(self, column: int, row: int) -> str:
        """Return a cell of the working sheet, as formulas of other sheets write it."""
        return f"'{CHECKS_WORKING}'!{address(row, column)}"

    def kinks(self, row: int) -> float:
        """Return how many units are on the other side of their kink than in the base pass."""

        def above(name: str, number: int) -> bool:
            value = self.values[name][number]
            # A word counts as above, as text does in a comparison of a spreadsheet.
            return isinstance(value, str) or value > 0

        return float(sum(above(name, row - BASE) != above(name, 0) for name in self.bends))


def drawn(names: tuple[str, ...], seed: int) -> tuple[str, ...]:
    """Return at most 24 of the names, in their own order."""
    if len(names) <= MOST_CHECKED:
        return names
    # With the network's own seed: the same book from the same file, and another sample for who wants one.
    chosen = np.random.default_rng(seed).choice(len(names), MOST_CHECKED, replace=False)
    return tuple(names[number] for number in sorted(chosen))


def _passes(graph: Graph, changes: Mapping[str, Floats], rows: int) -> dict[str, list[Value]]:
    """Return all quantities of a step with these changes; what overflowed, or depends on what did, is *diverged*."""
    found = evaluate(graph, changes)
    bad: dict[str, Floats] = {}
    shown: dict[str, list[Value]] = {}
    for quantity in graph:
        values = np.broadcast_to(np.asarray(found[quantity.name], dtype=np.float64), (rows,))
        wrong = ~np.isfinite(values)
        for name in graph.dependencies(quantity.name):
            # Carried along by name, because 0 times infinity may come back as a number, and MAX can lose a NaN.
            wrong = wrong | bad[name]
        bad[quantity.name] = wrong
        shown[quantity.name] = [DIVERGED if w else v for w, v in zip(wrong.tolist(), values.tolist(), strict=True)]
    return shown


def checks_working_sheet(material: Material, checked: Checked) -> SheetPlan:
    """Return the passes, and for the order *output layer first* one step with all gradients from the old weights."""
    page = Page(CHECKS_WORKING)
    page.text(0, 0, "Checks working", TITLE)
    page.text(
        1,
        0,
        "Forward passes from the first weights, one weight moved a little in each. The finite differences are computed from "
        "them. On paper only the beginning is printed.",
        SUBTITLE,
    )
    heads = ("moved", "by", "to", *(material.graph[name].label for name in checked.columns))
    for column, head in enumerate(heads):
        page.text(HEAD, column, head, HEADER)
        page.widths[column] = 11
    if checked.bends:
        page.text(FLAGS, 0, "has a kink", NOTE)
        for name, column in checked.columns.items():
            page.number(FLAGS, column, float(name in checked.bends), STEP)
        page.text(HEAD, checked.kink_column, "kinks passed", HEADER)
        page.widths[checked.kink_column] = 13
    page.text(BASE, 0, "nothing", LABEL)
    templates = _templates(checked, None)
    _pass(page, checked, BASE, templates)
    for number, (name, sign) in enumerate(checked.moves, start=1):
        row = BASE + number
        page.text(row, 0, name, LABEL)
        page.formula(row, 1, NUDGE if sign > 0 else f"-{NUDGE}", sign * DIFFERENCE, SMALL)
        page.formula(row, 2, f"{defined_name(name)}+B{row + 1}", float(checked.moved[name][number]), VALUE)
        _pass(page, checked, row, templates | _templates(checked, name))
    if material.network.order is UpdateOrder.OUTPUT_FIRST:
        OldWeights(checked).write(page)
    return page.done(freeze=(BASE, LEFT), printing=page.first_page(), working=True)


def _templates(checked: Checked, moved: str | None) -> dict[str, str]:
    """Return the formulas of a pass; with ``moved``, only those in which the moved weight itself stands."""
    graph = checked.material.graph

    def here(name: str) -> str:
        if name == moved:
            return "$C{+0}"
        if graph[name].kind in FIRST_VALUES:
            return defined_name(name)
        return f"{column_letters(checked.columns[name])}{{+0}}"

    layout = Layout(graph, checked.columns, defined_name, defined_name, checked.material.guarded)
    names = checked.columns if moved is None else checked.users[moved]
    return {name: layout.formula(name, here) for name in names}


def _pass(page: Page, checked: Checked, row: int, templates: Mapping[str, str]) -> None:
    for name, column in checked.columns.items():
        page.formula(row, column, fill(templates[name], row + 1), checked.values[name][row - BASE], VALUE)
    if checked.bends and row != BASE:
        first, last = LEFT, LEFT + len(checked.columns) - 1

        def cells(at: int) -> str:
            return f"${column_letters(first)}${at + 1}:${column_letters(last)}${at + 1}"

        # SUMPRODUCT, because it takes whole rows in every version; an array formula would have to be entered as one.
        formula = f"SUMPRODUCT({cells(FLAGS)}*(({cells(row)}>0)<>({cells(BASE)}>0)))"
        page.formula(row, checked.kink_column, formula, checked.kinks(row), STEP)


@dataclass(frozen=True)
class OldWeights:
    """One step with all gradients from the old weights: what finite differences belong to, whatever the update order."""

    checked: Checked

    @cached_property
    def graph(self) -> Graph:
        """Return the step with the update order set to old weights."""
        return build_graph(dataclasses.replace(self.checked.material.network, order=UpdateOrder.OLD_WEIGHTS))

    @property
    def row(self) -> int:
        """Return the one row that it takes, below the passes."""
        return BASE + len(self.checked.moves) + 5

    @cached_property
    def columns(self) -> dict[str, int]:
        """Return the column of each quantity in that row."""
        kinds = (*FORWARD, Kind.ERROR_SLOPE, Kind.ACTIVATION_SLOPE, Kind.DELTA, Kind.GRADIENT)
        return {q.name: LEFT + number for number, q in enumerate(self.graph.of_kind(*kinds))}

    @cached_property
    def values(self) -> dict[str, list[Value]]:
        """Return every quantity, as shown."""
        return _passes(self.graph, {}, 1)

    def write(self, page: Page) -> None:
        """Put heads, formulas and values on *page*."""
        page.text(self.row - 2, 0, "One step with all gradients from the old weights", HEADING)
        layout = Layout(self.graph, self.columns, defined_name, defined_name, self.checked.material.guarded)

        def here(name: str) -> str:
            return defined_name(name) if self.graph[name].kind in FIRST_VALUES else layout.here(name)

        for name, column in self.columns.items():
            page.text(self.row - 1, column, self.graph[name].label, HEADER)
            formula = fill(layout.formula(name, here), self.row + 1)
            page.formula(self.row, column, formula, self.values[name][0], VALUE)
