"""What went wrong in a column: from its formulas first, then from its values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from handgrad.backprop.graph.graph import FIRST_VALUES, Kind
from handgrad.backprop.mistakes.kinds import MistakeKind
from handgrad.backprop.mistakes.of_a_formula import FIRST, PREVIOUS, suspects
from handgrad.backprop.symbols.expression import Node, names_in
from handgrad.judge.workbook.rate import literals, references, tree_at
from handgrad.judge.workbook.reading import Flags, Reading, value_of
from handgrad.xlsx.formula import Reference, Tree, signature
from handgrad.xlsx.reader import Book, Cell
from handgrad.xlsx.rows import address, column_letters

USUAL = frozenset({0.0, 0.5, 1.0, 2.0, 2.718281828459045, 2.71828, 2.7182818, 2.718281828, 2.718})
"""Numbers that formulas of a training step hold rightly."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The likely mistake in a column and what to say; ``row`` is the first wrong row, counted from 0 in the table."""

    likely: MistakeKind
    words: str
    row: int


@dataclass(frozen=True)
class Diagnosis:
    """Explains wrong columns of a reading. ``book`` holds the formulas."""

    book: Book
    reading: Reading
    _cache: dict[int, dict[str, Any]] = field(default_factory=dict)

    def cell(self, name: str, row: int) -> Cell | None:
        """The cell of a column in a row of the table; None where it is empty."""
        sheet = self.book.sheet(self.reading.table.sheet)
        return None if sheet is None else sheet.cells.get((self.reading.table.rows[row], self.reading.places[name]))

    def at(self, name: str, row: int) -> str:
        """The address of a column's cell."""
        return address(self.reading.table.rows[row], self.reading.places[name])

    @cached_property
    def formulas(self) -> dict[str, list[bool]]:
        """By column: which rows hold a formula."""
        rows = range(len(self.reading.table.rows))
        return {
            name: [(cell := self.cell(name, row)) is not None and cell.formula is not None for row in rows]
            for name in self.reading.places
        }

    def judged_from(self, name: str) -> int:
        """The first row that a formula of this column can be asked for."""
        return 1 if self.reading.convention.graph[name].kind in FIRST_VALUES else 0

    def typed_over(self, name: str) -> int | None:
        """The first row of a column of formulas that holds a typed number instead."""
        start = self.judged_from(name)
        written = self.formulas[name][start:]
        if len(written) < 3 or sum(written) <= len(written) / 2 or all(written):
            return None
        return start + written.index(False)

    def explain(self, name: str, wrong: Flags) -> Finding:
        """The likely mistake of a column that is wrong in these rows."""
        row = int(np.argmax(wrong))
        found = self._in_cells(name, row) or self._in_references(name, row) or self._in_literals(name, row)
        if found is not None:
            return found
        suspect = self._by_value(name, wrong)
        broken = self._breaks(name, row)
        if suspect is not None:
            likely, words = suspect
            if broken and likely is MistakeKind.UNKNOWN:
                likely = MistakeKind.STOPS
            return Finding(likely, words + (f"; the formula changes at {self.at(name, row)}" if broken else ""), row)
        if self._constant_column(name):
            return Finding(MistakeKind.STOPS, "should keep its first value in every row", row)
        if broken:
            return Finding(MistakeKind.STOPS, f"the formula of {self.at(name, row)} differs from the one above", row)
        return Finding(MistakeKind.UNKNOWN, "no usual mistake gives these values", row)

    def _constant_column(self, name: str) -> bool:
        graph = self.reading.convention.graph
        return graph[name].kind in (Kind.INPUT, Kind.TARGET, Kind.BIAS) and name not in graph.successors

    def _in_cells(self, name: str, row: int) -> Finding | None:
        cell = self.cell(name, row)
        at = self.at(name, row)
        if math.isnan(self.reading.found[name][row]):
            what = "is empty" if cell is None else "shows no number"
            misplaced = None if cell is None else self._in_references(name, row)
            if misplaced is not None:
                return misplaced
            return Finding(MistakeKind.NO_NUMBER, f"{at} {what}", row)
        if cell is None or cell.formula is not None or not any(map(any, self.formulas.values())):
            return None
        if self.typed_over(name) is not None:
            return Finding(MistakeKind.TYPED_OVER, f"{at} holds a typed number where the column has formulas", row)
        if self._constant_column(name):
            return Finding(MistakeKind.TYPED_OVER, f"{at} is not the first row's value", row)
        if not any(self.formulas[name][self.judged_from(name) :]):
            return Finding(
                MistakeKind.CONSTANT, f"{at} and the rest of the column are typed numbers, not formulas", row
            )
        return None

    def tree(self, name: str, row: int) -> Tree | None:
        """The formula in that cell, parsed; None where it holds none."""
        sheet = self.book.sheet(self.reading.table.sheet)
        if sheet is None:
            return None
        return tree_at(sheet, self.reading.table.rows[row], self.reading.places[name])

    def _in_references(self, name: str, row: int) -> Finding | None:
        """A cell of the table in a row that the formula should not read."""
        tree = self.tree(name, row)
        if tree is None:
            return None
        graph, rows = self.reading.convention.graph, self.reading.table.rows
        columns = {column: known for known, column in self.reading.places.items()}
        allowed = {rows[row - 1]} if name in graph.successors and row else {rows[row]}
        for ref in references(self.book, self.reading.table.sheet, tree):
            known = columns.get(ref.column)
            if ref.sheet != self.reading.table.sheet or known is None or ref.row in allowed:
                continue
            if ref.row not in rows:
                continue
            if self.still(known):
                continue
            return Finding(MistakeKind.STOPS, self._misplaced(name, ref, known, row, allowed), row)
        return None

    def still(self, name: str) -> bool:
        """Whether a column is data that stays as it is in every row."""
        return self._constant_column(name) or name == "learning_rate"

    def _misplaced(self, name: str, ref: Reference, known: str, row: int, allowed: set[int]) -> str:
        where = address(ref.row, ref.column)
        right = address(min(allowed), ref.column)
        label = self.reading.convention.graph[known].label
        if ref.fixed_row:
            fixed = f"{column_letters(ref.column)}${ref.row + 1}"
            return f"{self.at(name, row)} reads {fixed} ({label}): the $ keeps it from following, {right} belongs there"
        return f"{self.at(name, row)} reads {where} ({label}), another row: {right} belongs there"

    def _in_literals(self, name: str, row: int) -> Finding | None:
        """A number typed into the formula that is the value of something it should read."""
        tree = self.tree(name, row)
        if tree is None:
            return None
        for value in literals(tree):
            if (meant := self.meant(name, value)) is not None:
                words = f"{self.at(name, row)} has {value:g} typed in where {meant} should be read from its cell"
                return Finding(MistakeKind.CONSTANT, words, row)
        return None

    def meant(self, name: str, value: float) -> str | None:
        """What a number typed into a formula of this column stands for, or None for the usual numbers."""
        graph = self.reading.convention.graph
        update = name in graph.successors or graph[name].kind is Kind.UPDATED
        rate = self.reading.rate
        if update and not isinstance(rate, np.ndarray) and _near(value, rate):
            return "the learning rate"
        if any(_near(value, usual) for usual in USUAL):
            return None
        for known, column in self.reading.found.items():
            if any(_near(value, float(shown), 1e-4) for shown in column[:2]):
                return graph[known].label
        return "a value"

    def _breaks(self, name: str, row: int) -> bool:
        if row <= self.judged_from(name):
            return False
        before, here = self.cell(name, row - 1), self.cell(name, row)
        if before is None or here is None or before.formula is None or here.formula is None:
            return False
        rows, column = self.reading.table.rows, self.reading.places[name]
        return signature(before.formula, rows[row - 1], column) != signature(here.formula, rows[row], column)

    def _by_value(self, name: str, wrong: Flags) -> tuple[MistakeKind, str] | None:
        graph = self.reading.convention.graph
        successor = graph.successors.get(name)
        if graph[name].expression is None and successor is None:
            return None
        target, start = (name, 0) if successor is None else (successor, 1)
        found = self.reading.found[name][start:]
        chosen = wrong[start:] & np.isfinite(found)
        if not chosen.any():
            return None
        values = self._values(start)
        reads = self._reads(name, start + int(np.argmax(chosen)))
        best: tuple[int, MistakeKind, str] | None = None
        for suspect in suspects(graph, target):
            with np.errstate(all="ignore"):
                try:
                    value = np.broadcast_to(np.asarray(value_of(suspect.expression, values), np.float64), found.shape)
                except KeyError:
                    continue
            agree = np.isfinite(value) & self.reading.tolerance.close(found, value)
            if agree[chosen].all():
                # Several ways can give one number (i2 may be twice i1): the formula's own references decide.
                apart = 0 if reads is None else len(reads ^ self._needed(suspect.expression))
                if best is None or apart < best[0]:
                    best = (apart, suspect.kind, suspect.advice)
        return None if best is None else best[1:]

    def _reads(self, name: str, row: int) -> frozenset[str] | None:
        """The columns that a cell's formula reads, by graph name; None for a cell without one."""
        tree = self.tree(name, row)
        if tree is None:
            return None
        columns = {column: known for known, column in self.reading.places.items()}
        sheet = self.reading.table.sheet
        refs = references(self.book, sheet, tree)
        return frozenset(
            columns[ref.column]
            for ref in refs
            if ref.sheet == sheet and ref.column in columns and ref.row in self.reading.table.rows
        )

    def _needed(self, expression: Node) -> frozenset[str]:
        """The columns that an expression reads; what has no column is found from what has."""
        graph, found, seen = self.reading.convention.graph, set[str](), set[str]()
        waiting = [name.partition("@")[0] for name in names_in(expression)]
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            if name in self.reading.places:
                found.add(name)
            elif name in graph:
                waiting.extend(graph.dependencies(name))
        return frozenset(found)

    def _values(self, start: int) -> Mapping[str, Any]:
        """Values by name for expressions of a row (start 0), or of the row before (start 1)."""
        if start not in self._cache:
            rows = len(self.reading.table.rows)
            full: dict[str, Any] = {**self.reading.given, **self.reading.read, **self.reading.found}
            values: dict[str, Any] = {}
            for name, value in full.items():
                column = np.broadcast_to(np.asarray(value, dtype=np.float64), (rows,))
                values[name] = column[: rows - start] if start else column
                values[name + PREVIOUS] = np.concatenate([[math.nan], values[name][:-1]])
                values[name + FIRST] = np.full(values[name].shape, values[name][0] if values[name].size else math.nan)
            self._cache[start] = values
        return self._cache[start]


def _near(one: float, other: float, share: float = 1e-9) -> bool:
    return math.isclose(one, other, rel_tol=share, abs_tol=0.0)
