"""Judges somebody's workbook: finds every table, reads each the way it is meant, says of every column whether it is right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from handgrad.errors import HandgradError, counted
from handgrad.judge.workbook.cell_values import HERE, STORED, refreshed, values_of
from handgrad.judge.workbook.choices import MisfitError
from handgrad.judge.workbook.column_verdicts import column_verdicts, head_texts
from handgrad.judge.workbook.columns import Columns, Judged
from handgrad.judge.workbook.digits import decimals_shown
from handgrad.judge.workbook.meaning import best_view, unread
from handgrad.judge.workbook.rate import rate_of
from handgrad.judge.workbook.table import Table, Values, labelled, number, tables
from handgrad.judge.workbook.task import is_task, judge_task
from handgrad.judge.workbook.turned import Turned, turned_tables, turned_values
from handgrad.judge.workbook.verdict import BookVerdict, TableVerdict, of_tables, plain
from handgrad.judge.workbook.view import Source, View
from handgrad.xlsx.others import read_table_file
from handgrad.xlsx.reader import Book, Cell, read_book

NO_TABLE = "no training table – a row (or column) of names is needed, such as w1 … w8, a_h1, E_total, ∂E/∂w1"
TASK = "a task made by handgrad – give the key that was written with it: --key KEY.xlsx"
ONCE = (
    "no training table – the names at {where} have one value each; a table of steps is judged: a row (or column) of"
    " names, such as w1 … w8, a_h1, E_total, ∂E/∂w1, and the numbers of each step below (or beside) it"
)
# Excel numbers other books ([1]), LibreOffice writes their address.
ELSEWHERE = re.compile(r"\[\d+\]|'?(?:file|https?)://")
NO_RATE = "no learning rate – label its cell “learning rate” or η"


def judge_workbook(path: Path, *, key: Path | None = None, office: bool = True) -> BookVerdict:
    """Judge a workbook: its training tables, or with ``key`` a task made by ``handgrad backprop --exercise`` or ``--test``.

    Values come from LibreOffice where it is installed (unless ``office`` is False), else from the file; where the file
    stores none, or stores what its formulas do not give, they are calculated here. The verdict says which.

    Raises :class:`UsageError` for what is not a workbook, too large or unsafe (macros, declared entities), and for a key
    that is none or belongs to another task; :class:`MissingError` where a file cannot be read.
    """
    book = read_table_file(Path(path))
    if key is not None:
        values, source, notes = values_of(book, office)
        return judge_task(book, values, source, read_book(Path(key)), notes=notes)
    return judge_tables(book, office=office)


def has_table(path: Path) -> bool:
    """Return whether a file can be read and holds a training table: a list of names or grades is none."""
    try:
        book = read_table_file(path)
    except (HandgradError, OSError):
        return False
    found = tables(book)
    return bool(found or turned_tables(book, found).tables)


def judge_tables(book: Book, *, office: bool) -> BookVerdict:
    """Judge every training table of a book."""
    file = plain(book.path.name, 100)
    upright = tables(book)
    across = turned_tables(book, upright)
    views = [view for view in ((book, upright), (across.book, across.tables)) if view[1]]
    if not views:
        # Nothing to calculate: no other program is started to find that out.
        return BookVerdict("no verdict", file, STORED, notes=(*book.notes, _why_none(book, across)))
    formulas = any(cell.formula is not None for read, found in views for table in found for cell in _cells(read, table))
    values, source, notes = values_of(book, office and formulas)
    judged: list[TableVerdict] = []
    stale = False
    for read, found in views:
        shown = turned_values(values) if read.turned else values
        # What LibreOffice has just calculated cannot be stale.
        for table in found if source == STORED and formulas else ():
            fresh = refreshed(read, shown, table)
            shown, stale = (shown, stale) if fresh is None else (fresh, True)
        judged += [_judged(read, shown, table, found) for table in found]
    if stale:
        source = HERE
        notes = (*notes, "The values in the file do not agree with its formulas; the table was calculated here.")
    return of_tables(file, source, judged, (*book.notes, *notes))


def _why_none(book: Book, across: Turned) -> str:
    if "key_facts" in book.names:
        return "this is the key of a task, not a hand-in – judge the task and give this as its key: --key"
    if is_task(book):
        return TASK
    return NO_TABLE if across.once is None else ONCE.format(where=across.once)


def _cells(book: Book, table: Table) -> Iterator[Cell]:
    sheet = book.sheet(table.sheet)
    for row in table.rows[:3] if sheet is not None else ():
        yield from (sheet.cells[row, column] for column in table.columns.values() if (row, column) in sheet.cells)  # type: ignore[union-attr]


def _reads_elsewhere(book: Book, table: Table) -> str | None:
    """The first cell of a table that reads another file, or None."""
    sheet = book.sheet(table.sheet)
    for row in table.rows if sheet is not None else ():
        for column in table.columns.values():
            cell = sheet.cells.get((row, column))  # type: ignore[union-attr]
            if cell is not None and cell.formula is not None and ELSEWHERE.search(cell.formula):
                return book.address(row, column)
    return None


def _judged(book: Book, values: Values, table: Table, found: list[Table]) -> TableVerdict:
    """Judge one table."""
    where = f"{plain(table.sheet)}!{book.address(table.header, min(table.columns.values()))}"
    none = TableVerdict("no verdict", plain(table.sheet), where, rows=len(table.rows))
    outside = _reads_elsewhere(book, table)
    if outside is not None:
        return replace(
            none,
            notes=(
                f"{outside} reads another file – break the link in the spreadsheet program, so that the numbers stand here",
            ),
        )
    labels = labelled(book, values, table, found)
    try:
        rate = rate_of(book, values, table, labels)
        if rate is None:
            return replace(none, notes=(NO_RATE,))
        view = best_view(Source(book, values, table, tuple(labels), rate))
    except MisfitError as misfit:
        return replace(none, notes=(str(misfit),))
    columns = Columns(view)
    result = columns.judged()
    if (step := columns.step_function(result)) is not None:
        return replace(
            none,
            notes=(f"{step} is a step function, which has no derivative: a perceptron of this kind is not judged",),
        )
    listed = tuple(column_verdicts(columns, result))
    uncalculated = tuple(plain(text, 40) for text in head_texts(columns.view, result.unvalued))
    unjudged = (*(plain(text, 40) for text in unread(view)), *uncalculated)
    right = all(column.right for column in listed)
    return replace(
        none,
        verdict="not met" if not right else "no verdict" if unjudged else "met",
        network="-".join(map(str, view.convention.network.sizes)),
        learning_rate=f"{rate.first:g}, from {plain(rate.where)}"
        if rate.cells
        else f"{rate.first:g}, {plain(rate.where)}",
        tolerance=_tolerance(view, columns),
        holds="formulas" if columns.live else "formulas and typed numbers" if columns.has_formulas else "typed numbers",
        columns=listed,
        not_judged=unjudged,
        not_calculated=uncalculated,
        notes=tuple(_notes(view, columns, result)),
    )


def _texts_read(view: View) -> Iterator[str]:
    """Numbers beside the table that are stored as text: what reads them is right, but not in every program."""
    for sheet, row, column in sorted(view.source.read_outside):
        page = view.source.book.sheet(sheet)
        cell = None if page is None else page.cells.get((row, column))
        if cell is None or cell.formula is not None or not isinstance(cell.value, str) or number(cell.value) is None:
            continue
        where = f"{plain(sheet)}!{view.source.book.address(row, column)}"
        yield f"{where} holds the number {plain(cell.value, 20)} as text: not every program calculates with it."


def _tolerance(view: View, columns: Columns) -> str:
    """What two numbers may differ by and still be one, in words."""
    if columns.live:
        return "none: formulas are tried with random numbers"
    shown = [
        decimals
        for column in view.ground.places.values()
        if (decimals := decimals_shown(_typed(view, row, column) for row in view.ground.table.rows)) is not None
    ]
    if not shown:
        return "1e-06 of a value"
    few, many = min(shown), max(shown)
    digits = counted(few, "decimal") if few == many else f"{few} to {many} decimals"
    return f"half of the last digit that a column shows ({digits}), and its effect on other cells"


def _typed(view: View, row: int, column: int) -> float | None:
    cell = view.ground.cells.get((row, column))
    return None if cell is None or cell.formula is not None else number(cell.value)


def _notes(view: View, columns: Columns, result: Judged) -> Iterator[str]:
    if view.source.book.turned:
        yield "The table runs from left to right: a row, as counted here, is a column of the sheet, and A is row 1."
    if view.source.rate.note:
        yield view.source.rate.note
    yield from _texts_read(view)
    if not columns.has_formulas:
        yield "The table holds no formulas: only its values could be judged."
    elif not columns.live:
        yield "Most columns hold typed numbers: they were judged by their values."
    if result.beyond:
        listed = ", ".join(plain(head, 20) for head in head_texts(columns.view, result.beyond[:8]))
        yield f"Judged only by their values, because their functions are not calculated here: {listed}."
    said = (*view.convention.said, *((view.biases.said,) if view.biases is not None else ()))
    if view.source.varied:
        said = (*said, "one sample per row")
    if said:
        yield f"Read as meant: {'; '.join(plain(each, 120) for each in said)}."
