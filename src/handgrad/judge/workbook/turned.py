"""Tables that run from left to right, one column per step: read in a book whose rows and columns are exchanged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from handgrad.judge.workbook.spelling import spelled
from handgrad.judge.workbook.table import Table, Values, tables
from handgrad.judge.workbook.table_rows import MIN_NAMES
from handgrad.judge.workbook.trial import references, tree_of
from handgrad.xlsx.formula import FormulaError
from handgrad.xlsx.formula_text import turned
from handgrad.xlsx.reader import Book, Cell, CellError, Sheet


@dataclass(frozen=True, slots=True)
class Turned:
    """The tables that run from left to right, and the book in which they stand upright.

    ``once`` is where the first of those begins that holds one value a name, and is none of ``tables``; None without one.
    """

    book: Book
    tables: list[Table]
    once: str | None = None


def turned_tables(book: Book, upright: list[Table]) -> Turned:
    """Return the tables that run from left to right, beside those found *upright*."""
    sheets = tuple(sheet for sheet in book.sheets if _has_names(sheet))
    if not any(tables(replace(book, sheets=(_exchanged(sheet, formulas=False),))) for sheet in sheets):
        return Turned(book, [])
    # All sheets are turned, so that a formula that reads areas of two sheets still reads the like of both.
    other = replace(
        book,
        sheets=tuple(_exchanged(sheet, formulas=True) for sheet in book.sheets),
        names={name: _formula(text) for name, text in book.names.items()},
        turned=True,
    )
    named = {sheet.name for sheet in sheets}
    found = [table for table in tables(other) if table.sheet in named]
    kept = [table for table in found if len(table.rows) > 1]
    if upright:
        # Beside a table of steps, a list of its first and last values is a summary and no table of its own.
        kept = [table for table in kept if _follows_itself(other, table)]
    once = next((table for table in found if len(table.rows) == 1), None)
    where = None if once is None else f"{once.sheet}!{other.address(once.header, min(once.columns.values()))}"
    return Turned(other, kept, where)


def turned_values(values: Values) -> Values:
    """Return the values with rows and columns exchanged."""
    return {sheet: {(column, row): value for (row, column), value in cells.items()} for sheet, cells in values.items()}


def _has_names(sheet: Sheet) -> bool:
    """Whether a column holds enough names to be the heads of a table; most sheets hold none, and are not turned."""
    words: dict[int, set[str]] = {}
    for (_, column), cell in sheet.cells.items():
        if isinstance(cell.value, str) and cell.formula is None and not isinstance(cell.value, CellError):
            words.setdefault(column, set()).add(cell.value)
    return any(_named(texts) >= MIN_NAMES for texts in words.values())


def _named(texts: Iterable[str]) -> int:
    return sum(spelled(text) is not None for text in texts)


def _exchanged(sheet: Sheet, *, formulas: bool) -> Sheet:
    """The sheet with rows and columns exchanged; without ``formulas`` to see where tables are, which is quicker."""
    cells = {
        (column, row): Cell(cell.value, _formula(cell.formula), cell.array) if formulas and cell.formula else cell
        for (row, column), cell in sheet.cells.items()
    }
    return Sheet(sheet.name, sheet.hidden, cells)


def _formula(text: str) -> str:
    try:
        return turned(text)
    except FormulaError:
        # Nothing that reads it understands it either.
        return text


def _follows_itself(book: Book, table: Table) -> bool:
    """Whether most formulas of its second row read the table itself."""
    sheet = book.sheet(table.sheet)
    inside = {(table.sheet, row, column) for row in table.rows for column in table.columns.values()}
    reads: list[bool] = []
    for column in table.columns.values():
        cell = None if sheet is None else sheet.cells.get((table.rows[1], column))
        tree = None if cell is None or cell.formula is None else tree_of(cell.formula)
        if tree is not None:
            reads.append(any((ref.sheet, ref.row, ref.column) in inside for ref in references(book, table.sheet, tree)))
    return 2 * sum(reads) > len(table.columns)
