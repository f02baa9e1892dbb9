"""Finds every training table of a workbook by its heads: on every sheet, side by side, one below the other."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from handgrad.judge.workbook.heads import ABOVE, Head, heads_of, holds_number, text_at
from handgrad.judge.workbook.spelling import LEARNING_RATE, labelled_number, number_in, spelled
from handgrad.judge.workbook.table_rows import MIN_NAMES, MIN_WEIGHTS, rows_below, starts_in
from handgrad.xlsx.reader import Book, Cell, CellError, Place, Sheet, Value
from handgrad.xlsx.rows import column_letters

Values = Mapping[str, Mapping[Place, Value]]
"""Sheet → place → value."""

GIVEN = re.compile(r"[itwb]\d+(?:\[\d+\])?")


@dataclass(frozen=True)
class Table:
    """A table of steps: where each column stands, by its name as spelled, and its rows.

    ``columns`` holds a head that is not understood as ``?`` and its text, since the network may know it. ``starts`` are
    the rows, counted in ``rows``, in which a run begins again. ``partial`` is whether the last row holds the state alone.
    """

    sheet: str
    header: int
    columns: Mapping[str, int]
    heads: Mapping[str, str]
    rows: tuple[int, ...]
    starts: tuple[int, ...] = (0,)
    partial: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Return how many columns and rows it has."""
        return len(self.columns), len(self.rows)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Return the names of columns whose heads are not understood."""
        return tuple(name for name in self.columns if name.startswith("?"))


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
    """Return a cell's number, also one typed as text (``0,05``); None for anything else."""
    if isinstance(value, bool | CellError) or value is None:
        return None
    if isinstance(value, str):
        return number_in(value)
    return float(value) if math.isfinite(value) else None


def tables(book: Book) -> list[Table]:
    """Return every training table, in the order of the sheets, visible ones first."""
    return [table for sheet in sorted(book.sheets, key=lambda sheet: sheet.hidden) for table in _in_sheet(sheet)]


def _in_sheet(sheet: Sheet) -> list[Table]:
    words: dict[int, list[int]] = {}
    for (row, column), cell in sheet.cells.items():
        if isinstance(cell.value, str) and cell.formula is None and not isinstance(cell.value, CellError):
            words.setdefault(row, []).append(column)
    found: list[Table] = []
    for row in sorted(words):
        near = [column for back in range(ABOVE + 1) for column in words.get(row - back, ())]
        heads = heads_of(sheet, row, min(near), max(near))
        known = [head.column for head in heads if head.name is not None]
        # Heads that stand above a row of numbers are not the heads *of* that row.
        numbers = sum(holds_number(sheet.cells.get((row, column))) for column in known)
        if len(known) >= MIN_NAMES and 3 * numbers < len(known):
            for part in _segments(_marks(heads)):
                table = _table(sheet, row, part)
                if table is not None:
                    found.append(table)
    # Heads over two rows are found twice, once for each.
    return [table for table in found if not any(_covers(other, table) for other in found)]


def _covers(one: Table, other: Table) -> bool:
    """Whether both are the same rows under heads in two rows, and the first reads more of them."""
    if one is other or one.rows[0] != other.rows[0] or not set(one.columns.values()) & set(other.columns.values()):
        return False
    known = [len(table.columns) - len(table.unknown) for table in (one, other)]
    return known[0] > known[1] or (known[0] == known[1] and one.header > other.header)


def _marks(heads: list[Head]) -> list[Head]:
    """The heads, where no sample but [1] occurs without it: there it is the unit of a number without one."""
    if any(head.name and re.search(r"\[([2-9]|1\d)\]", head.name) for head in heads):
        return heads
    plain = [Head(head.column, head.name and head.name.replace("[1]", ""), head.text) for head in heads]
    return [Head(head.column, "E_total" if head.name == "E" else head.name, head.text) for head in plain]


def _segments(heads: list[Head]) -> list[list[Head]]:
    """One list a table: a name that comes again begins another table, at the gap before it where there is one."""
    parts: list[list[Head]] = [[]]
    for head in heads:
        if head.name is not None and any(head.name == other.name for other in parts[-1]):
            parts.append(_since_gap(parts[-1], head))
        parts[-1].append(head)
    kept: list[list[Head]] = []
    for part in parts:
        if kept and not _is_table(part):
            # Too small for a table of its own: the names that come again are not understood.
            known = {head.name for head in kept[-1]}
            kept[-1] += [Head(h.column, None if h.name in known else h.name, h.text) for h in part]
        else:
            kept.append(part)
    return kept


def _since_gap(part: list[Head], head: Head) -> list[Head]:
    """Take the heads between the last free column and this one out of a part; they belong to what begins here."""
    after = head.column
    moved: list[Head] = []
    while part and part[-1].column == after - 1 and part[-1].name != head.name:
        after = part[-1].column
        moved.insert(0, part.pop())
    if not part or (part[-1].column == after - 1) or any(h.name is not None for h in moved):
        part += moved
        return []
    return moved


def _is_table(heads: list[Head]) -> bool:
    names = [head.name for head in heads if head.name is not None]
    weights = [name for name in names if re.fullmatch(r"w\d+", name)]
    made = [name for name in names if not GIVEN.fullmatch(name) and name != LEARNING_RATE]
    # A network of one weight is told from words beside a number by its gradient.
    least = 1 if "dE/dw1" in names else MIN_WEIGHTS
    return len(names) >= MIN_NAMES and len(weights) >= least and len(made) >= 1


def _table(sheet: Sheet, header: int, heads: list[Head]) -> Table | None:
    if not _is_table(heads):
        return None
    columns = {head.name: head.column for head in heads if head.name is not None}
    texts = {head.name: head.text for head in heads if head.name is not None}
    rows, partial = rows_below(sheet.cells, header, columns)
    if not rows:
        return None
    first, last = min(columns.values()), max(columns.values())
    others = {head.column: head.text for head in heads if head.name is None}
    # Names that come again belong to the table wherever they stand: what is not understood must never pass for judged.
    again = [column for column, text in others.items() if spelled(text) is not None]
    first, last = min(first, *again, first), max(last, *again, last)
    for column in (
        *_beside(sheet.cells, rows, header, first, way=-1),
        *range(first, last + 1),
        *_beside(sheet.cells, rows, header, last, way=1),
    ):
        if column in columns.values() or not _numeric(sheet.cells, rows, column):
            continue
        text = others.get(column) or text_at(sheet.cells, header, column)
        if text or not _is_counter(sheet.cells, rows, column):
            shown = text or f"column {column_letters(column)}, which has no heading"
            name = f"?{shown}" if f"?{shown}" not in columns else f"?{shown} ({column_letters(column)})"
            columns[name], texts[name] = column, shown
    return Table(sheet.name, header, columns, texts, rows, starts_in(sheet.cells, rows, columns), partial)


def _beside(cells: Mapping[Place, Cell], rows: tuple[int, ...], header: int, column: int, *, way: int) -> Iterator[int]:
    """The columns that follow the outermost known one without a gap."""
    column += way
    while column >= 0 and text_at(cells, header, column) and _numeric(cells, rows, column):
        if spelled(text_at(cells, header, column)) is not None:
            return
        yield column
        column += way


def _numeric(cells: Mapping[Place, Cell], rows: tuple[int, ...], column: int) -> bool:
    held = sum(holds_number(cells.get((row, column))) for row in rows)
    return held > 0 and held >= len(rows) / 4


def _is_counter(cells: Mapping[Place, Cell], rows: tuple[int, ...], column: int) -> bool:
    """Whether a column without a head counts 0, 1, 2, … or is its own cell above and one more."""
    for place, row in enumerate(rows):
        cell = cells.get((row, column))
        if cell is None:
            return False
        if cell.formula is not None:
            if place and not re.fullmatch(
                rf"\$?{column_letters(column)}{rows[place - 1] + 1}\+1", cell.formula.replace(" ", "")
            ):
                return False
        elif number(cell.value) not in (place, place + 1):
            return False
    return True


def labelled(book: Book, values: Values, table: Table, found: list[Table]) -> list[Labelled]:
    """Return numbers beside a label that is one of the names, outside every table. Nearest sheet first."""
    places: list[Labelled] = []
    # False sorts before True: the table's own sheet first, hidden ones last.
    for sheet in sorted(book.sheets, key=lambda sheet: (sheet.name != table.sheet, sheet.hidden)):
        cells = values[sheet.name]
        here = [other for other in found if other.sheet == sheet.name]
        for (row, column), value in sorted(cells.items()):
            if not isinstance(value, str) or isinstance(value, CellError):
                continue
            if any(_inside(other, row, column) for other in here):
                continue
            places += [
                each
                for each in _valued(sheet.name, cells, row, column, text=value, turned=book.turned)
                if not any(_inside(o, *each.place) for o in here)
            ]
    return places


def _inside(table: Table, row: int, column: int) -> bool:
    """Whether a cell is part of a table, its heads included."""
    columns = table.columns.values()
    return (
        table.header - 1 <= row <= table.rows[-1]
        and min(columns) <= column <= max(columns)
        and (row >= table.header or (column in columns and row == table.header))
    )


def _valued(
    sheet: str, cells: Mapping[Place, Value], row: int, column: int, *, text: str, turned: bool
) -> Iterator[Labelled]:
    if (pair := labelled_number(text)) is not None:
        if pair[0] == LEARNING_RATE or GIVEN.fullmatch(pair[0]):
            yield Labelled(pair[0], sheet, (row, column), pair[1], inside=True)
        return
    name = spelled(text)
    if name is None:
        return
    if name != LEARNING_RATE and not GIVEN.fullmatch(name):
        return
    # Beside the label as people see it: in a turned book its right is below.
    beside = ((0, 1), (0, 2), (1, 0)) if not turned else ((1, 0), (2, 0), (0, 1))
    for down, right in beside:
        place = (row + down, column + right)
        if (found := number(cells.get(place))) is not None:
            yield Labelled(name, sheet, place, found)
            return
