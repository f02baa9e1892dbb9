"""Writes a plan, and makes the plan of a network's book. Knows no calculus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from handgrad.backprop.network import Network
from handgrad.backprop.workbook.charts import chart_data_sheet
from handgrad.backprop.workbook.checks_sheet import checks_sheet
from handgrad.backprop.workbook.checks_table import checks_working_sheet
from handgrad.backprop.workbook.conventions_sheet import conventions_sheet
from handgrad.backprop.workbook.derivation_sheet import derivation_sheet
from handgrad.backprop.workbook.material import gather
from handgrad.backprop.workbook.network_sheet import network_sheet
from handgrad.backprop.workbook.plan import Cell, CellKind, Plan, SheetPlan, quoted
from handgrad.backprop.workbook.rates_sheet import rates_sheet
from handgrad.backprop.workbook.rates_table import rates_working_sheet
from handgrad.backprop.workbook.training_sheet import training_sheet
from handgrad.errors import UsageError
from handgrad.runs.files import write_atomically
from handgrad.sheet import Book, Sheet, address

RATES = (0.1, 0.2, 0.5, 0.8, 1.0, 2.0)
WORKING_TAB, TAB = "#9AA5B1", "#1F4E79"


def workbook_plan(network: Network, *, steps: int = 100, rates: Sequence[float] = RATES) -> Plan:
    """The sheets of a network's book as data, with the value of every cell.

    Raises :class:`UsageError` where steps or rates cannot be meant, or the network is too large for a sheet.
    """
    material = gather(network, steps, rates)
    sheets = (
        network_sheet,
        derivation_sheet,
        training_sheet,
        rates_sheet,
        checks_sheet,
        conventions_sheet,
        rates_working_sheet,
        checks_working_sheet,
        chart_data_sheet,
    )
    return Plan(f"Backpropagation by hand: {network.name}", tuple(make(material) for make in sheets))


def write_workbook(
    network: Network,
    path: Path,
    *,
    steps: int = 100,
    rates: Sequence[float] = RATES,
    overwrite: bool = False,
) -> Path:
    """Write the book of a network and return its path.

    ``steps`` is how many updates the training table shows; ``rates`` are the learning rates compared. Raises
    :class:`UsageError` where the file exists (unless ``overwrite``), steps or rates cannot be meant, or the network is
    too large for a sheet; :class:`DiskError` where the disk refuses.
    """
    path = Path(path)
    check_free(path, overwrite)
    return write_plan(workbook_plan(network, steps=steps, rates=rates), path, overwrite=overwrite)


def write_plan(plan: Plan, path: Path, *, overwrite: bool = False) -> Path:
    """Write a plan as an .xlsx file; raises as :func:`write_workbook` does."""
    check_free(path, overwrite)
    write_atomically(path, workbook_bytes(plan))
    return path


def check_free(path: Path, overwrite: bool) -> None:
    """Refuse a path that is taken, or that no file can have."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder – give the name of a file")
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists – add --overwrite or choose another name")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: no such folder – make {path.parent} first")


def workbook_bytes(plan: Plan) -> bytes:
    """The plan as the bytes of an .xlsx file; the same plan gives the same bytes."""
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
    for (row, column), cell in plan.cells.items():
        _write_cell(sheet, row, column, cell)
    for table in plan.tables:
        columns = table.columns
        sheet.table(
            table.top,
            [column.index for column in columns],
            [column.first for column in columns],
            [column.following for column in columns],
            [column.values for column in columns],
            [column.look for column in columns],
        )
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
    if cell.span == (0, 0):
        return
    if cell.span != (1, 1):
        sheet.merge(row, column, cell.span, cell.look)
    match cell.kind:
        case CellKind.FORMULA if cell.formula is not None and cell.value is not None:
            sheet.formula(row, column, cell.formula, cell.value, cell.look)
        case CellKind.TEXT:
            sheet.text(row, column, str(cell.value), cell.look, cell.link)
        case CellKind.NUMBER | CellKind.INPUT if isinstance(cell.value, float | int):
            sheet.number(row, column, float(cell.value), cell.look)
        case CellKind.BLANK | CellKind.INPUT:
            sheet.blank(row, column, cell.look)
        case _:
            raise ValueError(f"{sheet.name}!{address(row, column)}: {cell} is not complete")
