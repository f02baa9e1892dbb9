"""Tries the formulas of a table at the numbers of :mod:`truth`: each cell that a formula reads holds what its head says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np

from handgrad.judge.workbook.table import Table
from handgrad.judge.workbook.truth import Floats, Truth, same
from handgrad.xlsx.calculation import At, Calculation
from handgrad.xlsx.formula import (
    TOKEN,
    Area,
    FormulaError,
    Name,
    Number,
    Reference,
    Tree,
    parse,
    parts,
    reference,
)
from handgrad.xlsx.functions import Result, Unsupported
from handgrad.xlsx.reader import Book, Sheet, Value
from handgrad.xlsx.rows import column_letters

ROUNDING = frozenset(("ROUND", "ROUNDUP", "ROUNDDOWN", "TRUNC"))
FINE = 2
"""Rounding to so many decimals, or more, is how a value is shown; to fewer it is another value."""

TRUE_MARK = "\0"

Meant = tuple[str, int | None]
"""A quantity, and the row of the table it is read from (None: a cell beside the table)."""


# A column of ten thousand copies is asked for by several judges, each with its formulas written out.
@lru_cache(maxsize=20_000)
def tree_of(formula: str) -> Tree | None:
    """Return a formula as a tree, or None where it is not understood."""
    try:
        return parse(formula)
    except FormulaError:
        return None


class Ground:
    """Which cell holds which quantity: the columns of a table, and labelled cells beside it (``roles``)."""

    def __init__(self, book: Book, table: Table, names: Mapping[str, str], roles: Mapping[At, str]) -> None:
        self.book, self.table, self.roles = book, table, roles
        self.columns = {table.columns[head]: name for head, name in names.items()}
        self.places = {name: column for column, name in self.columns.items()}
        self.index = {row: place for place, row in enumerate(table.rows)}
        sheet = book.sheet(table.sheet)
        self.cells = {} if sheet is None else sheet.cells

    def meant(self, sheet: str, row: int, column: int) -> Meant | None:
        """Return what a cell holds by its head or label, or None."""
        if sheet == self.table.sheet and row in self.index and column in self.columns:
            return self.columns[column], self.index[row]
        role = self.roles.get((sheet, row, column))
        return None if role is None else (role, None)

    def formula(self, name: str, place: int) -> str | None:
        """Return the formula of a column in a row of the table, or None."""
        cell = self.cells.get((self.table.rows[place], self.places[name]))
        return None if cell is None else cell.formula


class Trial(Calculation):
    """A calculation in which the table and what stands beside it hold the true numbers of one point."""

    def __init__(self, ground: Ground, truth: Truth, point: int, place: int) -> None:
        super().__init__(ground.book)
        self._ground, self._truth, self._point, self._place = ground, truth, point, place

    def value(self, sheet: str, row: int, column: int) -> Value:
        """Return what the cell should hold, or, where it has no head or label, what its own formula makes of such cells."""
        meant = self._ground.meant(sheet, row, column)
        if meant is None:
            return super().value(sheet, row, column)
        # What the head says and not what its formula makes: so a mistake in one column is not one of the next.
        name, place = meant
        return self._truth.value(name, None if place is None else place - self._place, self._point)

    def result(self, tree: Tree) -> float:
        """Return the number that a formula of the table's sheet gives; NaN for an error or words.

        Raises :class:`Unsupported` where it uses what is not calculated here.
        """
        found = self._one(self._of(tree, self._ground.table.sheet))
        if found is None:
            return 0.0
        return float(found) if isinstance(found, float | int) else math.nan

    def _named(self, name: str, sheet: str) -> Result:
        if name.startswith(TRUE_MARK):
            quantity, _, away = name[1:].rpartition("|")
            return self._truth.value(quantity, int(away), self._point)
        return super()._named(name, sheet)

    def _call(self, name: str, arguments: Sequence[Tree], sheet: str) -> Result:
        # Rounded to so many digits a right formula would miss the true number by more than is allowed, and is right all
        # the same.
        if name in ROUNDING and len(arguments) == 2 and isinstance(arguments[1], Number) and arguments[1].value >= FINE:
            return self._of(arguments[0], sheet)
        return super()._call(name, arguments, sheet)


def true_value(quantity: str, away: int = 0) -> Name:
    """Return a part of a formula that stands for a quantity so many rows away, whatever cell holds it."""
    return Name(f"{TRUE_MARK}{quantity}|{away}")


def gives(ground: Ground, truth: Truth, tree: Tree, place: int, *, wanted: Floats) -> bool:
    """Return whether a formula gives these values; most that do not are told apart at the first point."""
    try:
        for point in range(truth.points):
            # Point by point, because this is asked thousands of times for one cell.
            found = np.array([Trial(ground, truth, point, place).result(tree)])
            if np.isfinite(wanted[point]) and not same(found, wanted[point : point + 1]):
                return False
    except (Unsupported, RecursionError):
        return False
    return bool(np.isfinite(wanted).any())


def tried(ground: Ground, truth: Truth, tree: Tree, place: int) -> Floats | None:
    """Return what a formula in a row of the table gives at every point, or None where it cannot be calculated here."""
    try:
        return np.array([Trial(ground, truth, point, place).result(tree) for point in range(truth.points)])
    except (Unsupported, RecursionError):
        return None


def fills(sheet: Sheet, rows: Sequence[int], column: int) -> list[tuple[str | None, list[int]]]:
    """Return the formulas of a column, alike as filling makes them, each with the rows (counted from 0) that have it.

    Cells without a formula are those of None. The order is that of their first rows.
    """
    found: dict[str | None, list[int]] = {}
    last: tuple[str, list[str | tuple[str, int]]] | None = None
    for place, row in enumerate(rows):
        cell = sheet.cells.get((row, column))
        formula = None if cell is None else cell.formula
        if formula is None:
            found.setdefault(None, []).append(place)
            continue
        # Written out for this row, the pattern of the cell above is nearly always this cell's formula.
        if last is None or "".join(p if isinstance(p, str) else f"{p[0]}{row + p[1]}" for p in last[1]) != formula:
            pattern = _pattern(formula, row)
            last = ("".join(p if isinstance(p, str) else f"{p[0]}[{p[1]}]" for p in pattern), pattern)
        found.setdefault(last[0], []).append(place)
    return list(found.items())


def _pattern(formula: str, row: int) -> list[str | tuple[str, int]]:
    found: list[str | tuple[str, int]] = []
    at = 0
    while at < len(formula):
        match = TOKEN.match(formula, at)
        if match is None:
            return [formula]
        if match.lastgroup == "ref" and "$" not in match["ref"].lstrip("$"):
            ref = reference(match["ref"], None)
            before = match.group()[: match.start("ref") - match.start()]
            found.append(before)
            found.append((("$" if ref.fixed_column else "") + column_letters(ref.column), ref.row + 1 - row))
        else:
            found.append(match.group())
        at = match.end()
    return found


def references(book: Book, sheet: str, tree: Tree) -> Iterator[Reference]:
    """Yield every cell a formula reads by itself, with its sheet; corners of areas, and cells behind names."""
    for part in parts(tree):
        if isinstance(part, Reference):
            page = book.sheet(part.sheet or sheet)
            if page is not None:
                yield Reference(page.name, part.row, part.column, part.fixed_row, part.fixed_column)
        elif isinstance(part, Name) and (text := book.names.get(part.value.casefold())) is not None:
            named = tree_of(text)
            if isinstance(named, Reference) and (page := book.sheet(named.sheet or sheet)) is not None:
                yield Reference(page.name, named.row, named.column, True, True)


def cells_read(book: Book, sheet: str, tree: Tree) -> Iterator[At]:
    """Yield every cell a formula reads, those inside areas too (up to 200 of each)."""
    for part in parts(tree):
        if isinstance(part, Area):
            page = book.sheet(part.first.sheet or sheet)
            rows = range(min(part.first.row, part.last.row), max(part.first.row, part.last.row) + 1)
            columns = range(min(part.first.column, part.last.column), max(part.first.column, part.last.column) + 1)
            # A sum over a whole column reads no quantity by itself.
            if page is not None and len(rows) * len(columns) <= 200:
                yield from ((page.name, row, column) for row in rows for column in columns)
    for ref in references(book, sheet, tree):
        yield (ref.sheet or sheet, ref.row, ref.column)
