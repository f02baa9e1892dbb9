"""Finds the training tables of a workbook by their column names, and labelled numbers beside them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from handgrad.judge.workbook.spelling import labelled_number, number_in, spelled
from handgrad.xlsx.reader import Book, CellError, Place, Value

Values = Mapping[str, Mapping[Place, Value]]
"""Sheet → place → value."""

MIN_NAMES, MIN_WEIGHTS = 6, 2
MAX_STEPS = 10_001
FIRST_ROW_WITHIN = 4
GIVEN_LETTERS = ("i", "t", "w", "b")


@dataclass(frozen=True)
class Table:
    """A table of steps: where each named column stands (as spelled, see :mod:`spelling`), and its rows."""

    sheet: str
    header: int
    columns: Mapping[str, int]
    heads: Mapping[str, str]
    rows: tuple[int, ...]

    @property
    def size(self) -> tuple[int, int]:
        """How many columns and rows it has."""
        return len(self.columns), len(self.rows)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A number beside its label: ``name`` as spelled, its cell, and the value."""

    name: str
    sheet: str
    place: Place
    value: float
    inside: bool = False
    """Whether label and number are one text cell (``η = 0.5``), which formulas cannot read."""


def number(value: Value) -> float | None:
    """A cell's number, also one typed as text (``0,05``); None for anything else."""
    if isinstance(value, bool | CellError) or value is None:
        return None
    if isinstance(value, str):
        return number_in(value)
    return float(value) if math.isfinite(value) else None


def tables(book: Book, values: Values) -> list[Table]:
    """Every training table, the best first: most columns known, then most rows, visible sheets before hidden ones."""
    found = [
        (sheet.hidden, order, table)
        for order, sheet in enumerate(book.sheets)
        for table in _in_sheet(sheet.name, values[sheet.name])
    ]
    found.sort(key=lambda each: (each[0], -each[2].size[0], -each[2].size[1], each[1], each[2].header))
    return [table for _, _, table in found]


def _in_sheet(sheet: str, cells: Mapping[Place, Value]) -> Iterator[Table]:
    by_row: dict[int, list[tuple[int, str, str]]] = {}
    for (row, column), value in cells.items():
        if isinstance(value, str) and not isinstance(value, CellError) and (name := spelled(value)) is not None:
            by_row.setdefault(row, []).append((column, name, value))
    headers = sorted(by_row)
    for row in headers:
        for part in _segments(_marks(sorted(by_row[row]))):
            names = {name: column for column, name, _ in part}
            if len(names) < MIN_NAMES or sum(name[0] == "w" for name in names) < MIN_WEIGHTS:
                continue
            rows = _rows(cells, row, names)
            if rows:
                heads = {name: text for _, name, text in part}
                yield Table(sheet, row, names, heads, rows)


def _marks(heads: list[tuple[int, str, str]]) -> list[tuple[int, str, str]]:
    """The heads, where no sample but [1] occurs without it: there it is the unit of a number without one."""
    if any(re.search(r"\[([2-9]|1\d)\]", name) for _, name, _ in heads):
        return heads
    plain = [(column, name.replace("[1]", ""), text) for column, name, text in heads]
    return [(column, "E_total" if name == "E" else name, text) for column, name, text in plain]


def _segments(heads: list[tuple[int, str, str]]) -> list[list[tuple[int, str, str]]]:
    """One list a table: a name that comes again begins another table, unless that one would be too small."""
    parts: list[list[tuple[int, str, str]]] = [[]]
    for head in heads:
        if any(head[1] == name for _, name, _ in parts[-1]):
            parts.append([])
        parts[-1].append(head)
    kept: list[list[tuple[int, str, str]]] = []
    for part in parts:
        small = len(part) < MIN_NAMES or sum(name[0] == "w" for _, name, _ in part) < MIN_WEIGHTS
        if kept and small:
            known = {name for _, name, _ in kept[-1]}
            kept[-1] += [head for head in part if head[1] not in known]
        else:
            kept.append(part)
    return kept


def _rows(cells: Mapping[Place, Value], header: int, names: Mapping[str, int]) -> tuple[int, ...]:
    """The rows of numbers below a header."""
    weights = [column for name, column in names.items() if name[0] == "w" and not name.endswith("_next")]
    first = next(
        (row for row in range(header + 1, header + 1 + FIRST_ROW_WITHIN) if _filled(cells, row, weights)), None
    )
    if first is None:
        return ()
    rows: list[int] = []
    row = first
    while len(rows) < MAX_STEPS and _filled(cells, row, list(names.values()), least=0.5):
        rows.append(row)
        row += 1
    return tuple(rows)


def _filled(cells: Mapping[Place, Value], row: int, columns: list[int], least: float = 0.6) -> bool:
    """Whether the row holds numbers (or errors and words that stand for numbers) in most of these columns."""
    count = 0
    for column in columns:
        value = cells.get((row, column))
        if number(value) is not None or isinstance(value, CellError) or value == "diverged":
            count += 1
    return count >= least * len(columns) and count > 0


def labelled(book: Book, values: Values, table: Table) -> list[Labelled]:
    """Numbers beside a label that is one of the names, outside the table; defined names too. Nearest sheet first."""
    found: list[Labelled] = []
    for sheet in sorted(book.sheets, key=lambda sheet: (sheet.name != table.sheet, sheet.hidden)):
        cells = values[sheet.name]
        for (row, column), value in sorted(cells.items()):
            if not isinstance(value, str) or isinstance(value, CellError):
                continue
            if sheet.name == table.sheet and row == table.header and column in table.columns.values():
                continue
            found += _beside(sheet.name, cells, row, column, value)
    return found


def _beside(sheet: str, cells: Mapping[Place, Value], row: int, column: int, text: str) -> Iterator[Labelled]:
    name = spelled(text)
    if name is None:
        if (pair := labelled_number(text)) is not None:
            yield Labelled(pair[0], sheet, (row, column), pair[1], inside=True)
        return
    if name != "learning_rate" and name[0] not in GIVEN_LETTERS:
        return
    for place in ((row, column + 1), (row, column + 2), (row + 1, column)):
        value = cells.get(place)
        if (found := number(value)) is not None:
            yield Labelled(name, sheet, place, found)
            return
        if isinstance(value, str) and value.strip() not in ("", "=", ":", "→"):
            if place[0] == row:
                continue
            return
