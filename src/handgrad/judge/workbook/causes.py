"""Why a column is wrong: from its formula where it has one, else from its values."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from handgrad.backprop.graph.graph import FIRST_VALUES, Kind
from handgrad.backprop.mistakes.exchanged import misread
from handgrad.backprop.mistakes.kinds import MistakeKind
from handgrad.backprop.mistakes.of_a_formula import FIRST, PREVIOUS, suspects
from handgrad.backprop.symbols.expression import Node, names_in
from handgrad.judge.workbook.changes import Made, everywhere
from handgrad.judge.workbook.reading import Flags, value_of
from handgrad.judge.workbook.repairs import (
    Formula,
    bracket_repair,
    literal_repair,
    outside_repair,
    reference_repair,
    sign_repair,
)
from handgrad.judge.workbook.trial import Ground, references, tree_of, tried, true_value
from handgrad.judge.workbook.truth import BEFORE, FAR, Floats, same
from handgrad.judge.workbook.view import View
from handgrad.xlsx.formula import Area, Reference, Tree, parts
from handgrad.xlsx.formula_text import signature
from handgrad.xlsx.rows import column_letters

EVIDENT = (MistakeKind.TYPED_OVER, MistakeKind.TEXT, MistakeKind.CIRCULAR)
"""Mistakes whatever the values are."""
READS = re.compile(r"reads (\S+) where (\S+) belongs")


@dataclass(frozen=True, slots=True)
class Finding:
    """The likely mistake in a column and what to say; ``row`` is the first wrong row, counted from 0 in the table."""

    likely: MistakeKind
    words: str
    row: int


@dataclass(frozen=True)
class Causes:
    """Explains wrong columns of a table read one way."""

    view: View
    _values: dict[int, dict[str, Any]] = field(default_factory=dict)
    _suspected: dict[bool, dict[str, Any]] = field(default_factory=dict)

    @property
    def ground(self) -> Ground:
        """Return which cell holds which quantity."""
        return self.view.ground

    def at(self, name: str, place: int) -> str:
        """Return the address of a column's cell."""
        return self.ground.book.address(self.ground.table.rows[place], self.ground.places[name])

    def of_formula(self, name: str, place: int) -> Finding:
        """Return the likely mistake of a formula that does not give what its head says."""
        text = self.ground.formula(name, place) or ""
        tree = tree_of(text)
        if tree is None:
            return Finding(MistakeKind.UNKNOWN, f"the formula of {self.at(name, place)} is not understood", place)
        formula = Formula(self.ground, self.view.truth, name, place, text, tree, self.view.truth.expected(name))
        # From what is certain to what is likely: a formula that reads itself is wrong whatever else it does.
        strays = self._strays(formula)
        stray = self._misplaced(formula, *strays[0]) if strays else None
        made = self._circular(formula) or (stray if self._right_in_its_row(formula, strays) else None)
        made = made or outside_repair(formula) or literal_repair(formula)
        made = made or self._suspect(formula) or reference_repair(formula) or bracket_repair(formula)
        # Not right in its own row either, and no other change mends it: still the first thing to look at.
        made = made or stray
        # Signs last: among so many changes of sign some make a formula right by accident.
        made = made or self._read_twice(formula) or sign_repair(formula)
        broken = self._breaks(name, place)
        if made is None:
            if broken:
                return Finding(
                    MistakeKind.STOPS, f"the formula of {self.at(name, place)} differs from the one above", place
                )
            return Finding(MistakeKind.UNKNOWN, "no known mistake gives this formula", place)
        kind, words = made
        if broken and kind is MistakeKind.UNKNOWN:
            kind = MistakeKind.STOPS
        return Finding(kind, words + (f"; the formula changes at {self.at(name, place)}" if broken else ""), place)

    def _circular(self, formula: Formula) -> Made | None:
        """A formula that reads its own cell, or a state that reads what is made from it in the same row."""
        table = self.ground.table
        for ref in references(self.ground.book, table.sheet, formula.tree):
            if (ref.sheet, ref.row, ref.column) == (
                table.sheet,
                table.rows[formula.place],
                self.ground.places[formula.name],
            ):
                return MistakeKind.CIRCULAR, f"{formula.at} reads itself: the row above belongs there"
        return None

    def _strays(self, formula: Formula) -> list[tuple[Reference, str]]:
        """References to cells of the table in a row that the formula should not read, with what they hold."""
        graph, table, allowed = self.view.convention.graph, self.ground.table, self._own_row(formula)
        found = []
        for ref in references(self.ground.book, table.sheet, formula.tree):
            meant = self.ground.meant(ref.sheet or table.sheet, ref.row, ref.column)
            if meant is None or meant[1] is None or meant[1] == allowed or self.still(meant[0]):
                continue
            if graph[meant[0]].kind is Kind.UPDATED and formula.state:
                continue
            found.append((ref, meant[0]))
        return found

    def _own_row(self, formula: Formula) -> int:
        """The row of the table that the formula should read."""
        return formula.place - 1 if formula.state and formula.place else formula.place

    def _right_in_its_row(self, formula: Formula, strays: list[tuple[Reference, str]]) -> bool:
        """Whether the formula would be right if it read the same quantities in its own row; not asked of whole areas."""
        held = {(ref.sheet, ref.row, ref.column): name for ref, name in strays}
        sheet, away = self.ground.table.sheet, self._own_row(formula) - formula.place
        tree = formula.tree
        if not held or any(isinstance(part, Area) for part in parts(tree)):
            return bool(held)

        def change(part: Tree) -> Iterator[tuple[Tree, Made]]:
            page = self.ground.book.sheet(part.sheet or sheet) if isinstance(part, Reference) else None
            if isinstance(part, Reference) and page is not None and (page.name, part.row, part.column) in held:
                yield true_value(held[page.name, part.row, part.column], away), (MistakeKind.STOPS, "")

        while (found := next(everywhere(tree, change), None)) is not None:
            tree = found[0]
        return formula.right(tree)

    def still(self, name: str) -> bool:
        """Return whether a column is data that stays as it is in every row."""
        graph = self.view.convention.graph
        constant = graph[name].kind in (Kind.INPUT, Kind.TARGET, Kind.BIAS) and name not in graph.successors
        return (constant and not self.view.source.varied) or name == "learning_rate"

    def _misplaced(self, formula: Formula, ref: Reference, known: str) -> Made:
        graph, rows = self.view.convention.graph, self.ground.table.rows
        book = self.ground.book
        right = book.address(rows[self._own_row(formula)], ref.column)
        label = graph[known].label
        if ref.fixed_row:
            fixed = book.address(ref.row, ref.column, fixed=True)
            words = f"{formula.at} reads {fixed} ({label}): the $ stops it from following, {right} belongs there"
            return MistakeKind.STOPS, words
        words = f"{formula.at} reads {book.address(ref.row, ref.column)} ({label}), another row: {right} belongs there"
        later = ref.row > rows[formula.place] and graph[known].kind is Kind.WEIGHT
        return (MistakeKind.NEXT_ROW if later else MistakeKind.STOPS), words

    def _suspect(self, formula: Formula) -> Made | None:
        """A way to go wrong that gives what the formula gives at every point."""
        found = tried(self.ground, self.view.truth, formula.tree, formula.place)
        if found is None or not np.isfinite(found).any():
            return None
        graph = self.view.convention.graph
        target = graph.successors.get(formula.name, formula.name)
        if graph[target].expression is None:
            return None
        values = self._true_values(formula.state)
        for suspect in suspects(graph, target):
            with np.errstate(all="ignore"):
                try:
                    value = np.broadcast_to(np.asarray(value_of(suspect.expression, values), np.float64), found.shape)
                except KeyError:
                    continue
            # Both may be no number at a point; a formula that is none anywhere was turned away above.
            if same(np.where(np.isfinite(value), found, value), value) and np.isfinite(value).any():
                return suspect.kind, suspect.advice
        return None

    def _true_values(self, state: bool) -> Mapping[str, Any]:
        if state not in self._suspected:
            rows = self.view.truth.rows
            here = -1 if state else 0
            values: dict[str, Any] = dict(rows[here])
            values |= {name + PREVIOUS: value for name, value in rows[max(BEFORE, here - 1)].items()}
            # A state far away stands for the first row: what is fixed there must not move with the row.
            values |= {name + FIRST: value for name, value in rows[FAR].items()}
            self._suspected[state] = values
        return self._suspected[state]

    def _read_twice(self, formula: Formula) -> Made | None:
        """A wrong quantity read in several places of a formula: right once all of them read another."""
        graph, table = self.view.convention.graph, self.ground.table
        for ref in dict.fromkeys(references(self.ground.book, table.sheet, formula.tree)):
            meant = self.ground.meant(ref.sheet or table.sheet, ref.row, ref.column)
            if meant is None:
                continue
            for other in self.ground.places:
                column = self.ground.places[other]
                if other == meant[0] or graph[other].kind is not graph[meant[0]].kind:
                    continue
                text = _exchanged(formula.text, ref.column, column)
                tree = tree_of(text)
                if tree is not None and text != formula.text and formula.right(tree):
                    return misread(graph[formula.name], graph[other], graph[meant[0]])
        return None

    def _breaks(self, name: str, place: int) -> bool:
        if place <= (1 if self.view.convention.graph[name].kind in FIRST_VALUES else 0):
            return False
        before, here = self.ground.formula(name, place - 1), self.ground.formula(name, place)
        if before is None or here is None:
            return False
        rows, column = self.ground.table.rows, self.ground.places[name]
        return signature(before, rows[place - 1], column) != signature(here, rows[place], column)

    def by_chance(self, finding: Finding, name: str) -> Finding:
        """Return the finding with a word on why its values are right anyway, where they are."""
        if self.view.reading.wrong[name].any() or finding.likely in EVIDENT:
            return finding
        why = "right only as long as nothing is changed"
        if (match := READS.search(finding.words)) is not None:
            labels = {q.label: q.name for q in self.view.convention.graph}
            values = self._sheet_values(0)
            one, other = (values.get(labels.get(label, "")) for label in (match[1], match[2]))
            if one is not None and other is not None and np.allclose(one, other, rtol=1e-9, equal_nan=True):
                why = f"equal here only because {match[1]} = {match[2]}"
        return Finding(finding.likely, f"{finding.words}; {why}", finding.row)

    def of_values(self, name: str, wrong: Flags) -> Finding:
        """Return the likely mistake of a column of typed numbers."""
        place = int(np.argmax(wrong))
        if math.isnan(self.view.reading.found[name][place]):
            return Finding(MistakeKind.NO_NUMBER, f"{self.at(name, place)} shows no number", place)
        graph = self.view.convention.graph
        target, start = (name, 0) if name not in graph.successors else (graph.successors[name], 1)
        if graph[target].expression is None:
            return Finding(MistakeKind.STOPS, "should keep its first value in every row", place)
        column = self.view.reading.found[name][start:]
        chosen = wrong[start:] & np.isfinite(column)
        values = self._sheet_values(start)
        error = self.view.reading.errors.get(name, np.zeros(1))
        error = error[start:] if error.size > 1 else error
        if chosen.any():
            for suspect in suspects(graph, target):
                try:
                    value = value_of(suspect.expression, values)
                except KeyError:
                    continue
                with np.errstate(all="ignore"):
                    value = np.broadcast_to(np.asarray(value, np.float64), column.shape)
                    agree = np.abs(column - value) <= 1e-6 * np.abs(value) + 1e-11 + self._loose(
                        suspect.expression, start, error
                    )
                if agree[chosen].all() and np.isfinite(value[chosen]).all():
                    return Finding(suspect.kind, suspect.advice, place)
        return Finding(MistakeKind.UNKNOWN, "no known mistake gives these values", place)

    def _loose(self, expression: Node, start: int, own: Floats) -> Any:
        """How far an expression of rounded columns may be from its true value."""
        errors = self.view.reading.errors
        values = self._sheet_values(start)
        base = value_of(expression, values)
        total: Any = 2.0 * own
        for name in names_in(expression):
            plain = name.partition("@")[0]
            if plain in errors and errors[plain].any():
                # By trying: how far rounding of one column reaches through an expression needs no derivative of it.
                moved = value_of(expression, {**values, name: values[name] + float(errors[plain].max())})
                total = total + np.abs(np.nan_to_num(moved - base))
        return total

    def _sheet_values(self, start: int) -> Mapping[str, Any]:
        """Values of the sheet by name, for expressions of a row (start 0), or of the row before (start 1)."""
        if start not in self._values:
            reading = self.view.reading
            rows = len(reading.table.rows)
            full: dict[str, Any] = {**reading.given, **reading.read, **reading.found}
            values: dict[str, Any] = {}
            for name, value in full.items():
                column = np.broadcast_to(np.asarray(value, dtype=np.float64), (rows,))
                values[name] = column[: rows - start] if start else column
                values[name + PREVIOUS] = np.concatenate([[math.nan], values[name][:-1]])
                values[name + FIRST] = np.full(values[name].shape, values[name][0] if values[name].size else math.nan)
            self._values[start] = values
        return self._values[start]


def _exchanged(text: str, one: int, other: int) -> str:
    """The formula with every reference to a column leading to another."""
    letters, new = column_letters(one), column_letters(other)
    return re.sub(rf"(?<![A-Za-z$!'])(\$?){letters}(\$?\d+)(?![\w(])", rf"\g<1>{new}\g<2>", text)
