"""The values of a workbook: from LibreOffice, from the file, or calculated here; and which of these."""

from __future__ import annotations

from handgrad.errors import counted
from handgrad.judge.workbook.table import Table, Values, number
from handgrad.xlsx.calculation import Calculation
from handgrad.xlsx.libreoffice import recalculated
from handgrad.xlsx.reader import Book, Value

OFFICE, STORED, HERE = "LibreOffice", "the file", "handgrad's own calculation"
STALE_ROWS = 60
"""Where the stored values of so many rows are what their formulas give, the rest is taken as stored."""


def values_of(book: Book, office: bool) -> tuple[Values, str, tuple[str, ...]]:
    """Sheet → place → value, where they come from, and what is to be said of it."""
    if office and (found := recalculated(book)) is not None:
        return found, OFFICE, ()
    stored = {sheet.name: {place: cell.value for place, cell in sheet.cells.items()} for sheet in book.sheets}
    calculation = Calculation(book)
    missing = 0
    for sheet in book.sheets:
        for place in sorted(place for place, cell in sheet.cells.items() if cell.formula and cell.value is None):
            stored[sheet.name][place] = calculation.value(sheet.name, *place)
            missing += (sheet.name, *place) not in calculation.beyond
    if missing:
        return (
            stored,
            HERE,
            (f"The file stores no value for {counted(missing, 'formula')}; handgrad calculated the rest.",),
        )
    return stored, STORED, ()


def refreshed(book: Book, values: Values, table: Table) -> Values | None:
    """The values with the table calculated here, where the file stores others than its formulas give; else None."""
    calculation = Calculation(book)
    sheet = book.sheet(table.sheet)
    found = dict(values[table.sheet])
    if sheet is None:
        return None
    stale = 0
    for row in table.rows:
        for column in sorted(table.columns.values()):
            cell = sheet.cells.get((row, column))
            if cell is None or cell.formula is None:
                continue
            value = calculation.value(sheet.name, row, column)
            if (sheet.name, row, column) not in calculation.beyond and not _agree(found[row, column], value):
                found[row, column] = value
                stale += 1
        if row - table.rows[0] >= STALE_ROWS and not stale:
            break
    return {**values, table.sheet: found} if stale else None


def _agree(stored: Value, value: Value) -> bool:
    one, other = number(stored), number(value)
    if one is None or other is None:
        return one is other
    return abs(one - other) <= 1e-9 * max(abs(one), abs(other)) + 1e-12
