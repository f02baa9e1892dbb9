"""Finds every training table of a workbook by its heads: on every sheet, side by side, one below the other."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from handgrad.backprop.limits import MAX_STEPS
from handgrad.judge.workbook.heads import ABOVE, Head, heads_of, holds_number, text_at
from handgrad.judge.workbook.spelling import LEARNING_RATE, labelled_number, number_in, spelled
from handgrad.xlsx.formula import Area, Binary, FormulaError, Function, Reference, Tree, parse, parts
from handgrad.xlsx.reader import Book, Cell, CellError, Place, Sheet, Value
from handgrad.xlsx.rows import column_letters

Values = Mapping[str, Mapping[Place, Value]]
"""Sheet → place → value."""

# Fewer known heads occur in other tables by chance: a list of points has i1 and o1 as well.
MIN_NAMES, MIN_WEIGHTS = 5, 2
MAX_TABLE_ROWS = MAX_STEPS + 1
"""As many as our own workbook can have: step 0 and all after it."""
# Between heads and numbers people put units, a line of words, empty rows.
FIRST_ROW_WITHIN = 6
GAP = 3
"""So many empty rows may stand inside a table."""
GIVEN = re.compile(r"[itwb]\d+(?:\[\d+\])?")
TOTALS = re.compile(
    r"\b(total|totals|average|averages|avg|mean|sum|min|max|summe|mittelwert|moyenne)\b|[Σ∑ø]", re.IGNORECASE
)


@dataclass(frozen=True)
class Table:
    """A table of steps: where each column stands, by its name as spelled, and its rows.

    ``columns`` holds a head that is not understood as ``?`` and its text, since the network may know it. ``starts`` are
    the rows, counted in ``rows``, in which a run begins anew. ``partial`` is whether the last row holds the state alone.
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
    rows, partial = _rows(sheet.cells, header, columns)
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
            shown = text or f"column {column_letters(column)}, which has no head"
            name = f"?{shown}" if f"?{shown}" not in columns else f"?{shown} ({column_letters(column)})"
            columns[name], texts[name] = column, shown
    return Table(sheet.name, header, columns, texts, rows, _starts(sheet.cells, rows, columns), partial)


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


def _rows(cells: Mapping[Place, Cell], header: int, columns: Mapping[str, int]) -> tuple[tuple[int, ...], bool]:
    """The rows of numbers below a header, and whether the last holds the state alone."""
    weights = [column for name, column in columns.items() if re.fullmatch(r"w\d+", name)]
    known = list(columns.values())
    below = range(header + 1, header + 1 + FIRST_ROW_WITHIN)
    first = next((row for row in below if _filled(cells, row, weights)), None)
    if first is None or any(_names(cells, row, known) >= MIN_NAMES for row in range(header + 1, first)):
        return (), False
    rows: list[int] = []
    row = first
    while len(rows) < MAX_TABLE_ROWS:
        if _filled(cells, row, known, least=0.5) and not _is_totals(cells, row, known, rows):
            rows.append(row)
            row += 1
            continue
        later = next((r for r in range(row + 1, row + 1 + GAP) if _filled(cells, r, known, least=0.5)), None)
        blank = all(not holds_number(cells.get((r, c))) for r in range(row, later or row) for c in known)
        if (
            later is None
            or not blank
            or _is_totals(cells, later, known, rows)
            or any(_names(cells, r, known) >= MIN_NAMES for r in range(row, later))
        ):
            break
        row = later
    partial = _filled(cells, row, weights, least=1.0) and not _is_totals(cells, row, known, rows)
    return (*rows, *([row] if partial and row not in rows else [])), partial


def _names(cells: Mapping[Place, Cell], row: int, columns: list[int]) -> int:
    return sum(spelled(text_at(cells, row, column)) is not None for column in columns)


def _filled(cells: Mapping[Place, Cell], row: int, columns: list[int], least: float = 0.6) -> bool:
    """Whether the row holds formulas, numbers, or what stands for them in most of these columns."""
    count = sum(holds_number(cells.get((row, column))) for column in columns)
    return count >= least * len(columns) and count > 0


def _is_totals(cells: Mapping[Place, Cell], row: int, columns: list[int], rows: list[int]) -> bool:
    """Whether a row sums up the rows above it: it says so, or most of its formulas gather a part of their column."""
    if not rows:
        return False
    left = min(columns)
    for column in range(max(0, left - 3), left + 3):
        text = text_at(cells, row, column)
        if text and TOTALS.search(text):
            return True
    formulas = [cell.formula for column in columns if (cell := cells.get((row, column))) is not None and cell.formula]
    return bool(formulas) and 2 * sum(map(_gathers, formulas)) > len(formulas)


def _gathers(formula: str) -> bool:
    if ":" not in formula:
        return False
    tree = _parsed(formula)
    return tree is not None and any(
        isinstance(part, Area) and part.first.row != part.last.row and part.first.column == part.last.column
        for part in parts(tree)
    )


def _parsed(formula: str) -> Tree | None:
    try:
        return parse(formula)
    except FormulaError:
        return None


def _starts(cells: Mapping[Place, Cell], rows: tuple[int, ...], columns: Mapping[str, int]) -> tuple[int, ...]:
    """The rows in which every weight is given anew, after rows in which they were calculated."""
    weights = [column for name, column in columns.items() if re.fullmatch(r"w\d+", name)]
    inside = {(row, column) for row in rows for column in columns.values()}
    found = [0]
    made = False
    for place, row in enumerate(rows):
        given = [_is_given(cells.get((row, column)), inside) for column in weights]
        if made and all(given):
            found.append(place)
            made = False
        made = made or (place > found[-1] and not any(given))
    return tuple(found)


def _is_given(cell: Cell | None, inside: set[Place]) -> bool:
    """Whether a cell holds a number, or a formula that only takes one over from outside the table."""
    if cell is None or cell.formula is None:
        return cell is not None
    if any(sign in cell.formula for sign in "+-*/(,;"):
        return False
    tree = _parsed(cell.formula)
    if isinstance(tree, Reference) and tree.sheet is None:
        return (tree.row, tree.column) not in inside
    return tree is not None and not isinstance(tree, Binary | Function)


def labelled(book: Book, values: Values, table: Table, found: list[Table]) -> list[Labelled]:
    """Return numbers beside a label that is one of the names, outside every table. Nearest sheet first."""
    places: list[Labelled] = []
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
