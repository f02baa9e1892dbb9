"""Writes a plan as an .xlsx file. Knows no calculus."""

from __future__ import annotations

from pathlib import Path

from handgrad.backprop.workbook.plan import Cell, CellKind, Plan, SheetPlan, quoted
from handgrad.files import check_free, write_whole
from handgrad.xlsx.rows import TableRows
from handgrad.xlsx.writer import Book, Sheet, address

WORKING_TAB, TAB = "#9AA5B1", "#1F4E79"
ROW_HEIGHT = 15.0
"""Points, of a row that was given no height."""


def write_plan(plan: Plan, path: Path, *, overwrite: bool = False) -> Path:
    """Write a plan as an .xlsx file; raises as :func:`write_workbook` does."""
    check_free(path, overwrite=overwrite)
    return write_whole(path, workbook_bytes(plan))


def workbook_bytes(plan: Plan) -> bytes:
    """Return the plan as the bytes of an .xlsx file; the same plan gives the same bytes."""
    book = Book(plan.title)
    for sheet in plan.sheets:
        _write_sheet(book, book.sheet(sheet.name, WORKING_TAB if sheet.working else TAB), sheet, plan.title)
        for name, place in sheet.names.items():
            ends = (place[:2], place[2:]) if len(place) == 4 else (place,)
            cells = ":".join(address(at[0], at[1], fixed=True) for at in ends)
            book.define(name, f"{quoted(sheet.name)}!{cells}")
    return book.data()


def _write_sheet(book: Book, sheet: Sheet, plan: SheetPlan, title: str) -> None:
    sheet.widths(plan.widths)
    sheet.heights(plan.heights)
    sheet.fold({row: plan.heights.get(row, ROW_HEIGHT) for row in sorted(plan.folded)})
    for (row, column), cell in plan.cells.items():
        _write_cell(sheet, row, column, cell)
    for table in plan.tables:
        columns = table.columns
        indexes, templates = tuple(column.index for column in columns), tuple(column.following for column in columns)
        rows = TableRows(table.top, indexes, templates, [column.values for column in columns])
        sheet.table(rows, [column.first for column in columns], [column.look for column in columns])
    for rule in plan.rules:
        sheet.rule(rule)
    for bounds in plan.bounds:
        sheet.bounds(bounds)
    for chart in plan.charts:
        sheet.chart(chart)
    sheet.lines(plan.lines)
    if plan.freeze != (0, 0):
        sheet.freeze(*plan.freeze)
    sheet.protect()
    if plan.hidden:
        sheet.hide()
    # In headers & is a command, so the title's own are doubled.
    sheet.print_setup(plan.printing, f"&L{title.replace('&', '&&')}&R&A", "&L&D&RPage &P of &N")


def _write_cell(sheet: Sheet, row: int, column: int, cell: Cell) -> None:
    # Covered by a merged cell beside or above it.
    if cell.span == (0, 0):
        return
    if cell.span != (1, 1):
        sheet.merge(row, column, cell.span, cell.look)
    match cell.kind:
        case CellKind.FORMULA if cell.formula is not None and cell.value is not None:
            sheet.formula(row, column, cell.formula, value=cell.value, look=cell.look)
        case CellKind.TEXT:
            sheet.text(row, column, str(cell.value), cell.look, link=cell.link)
        case CellKind.NUMBER | CellKind.INPUT if isinstance(cell.value, float | int):
            sheet.number(row, column, float(cell.value), cell.look)
        case CellKind.BLANK | CellKind.INPUT:
            sheet.blank(row, column, cell.look)
        case _:
            raise ValueError(f"{sheet.name}!{address(row, column)}: {cell} is not complete")
