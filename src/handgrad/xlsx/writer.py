"""The one caller of the spreadsheet library: plain cells, tables, charts and lines in, the bytes of a workbook out.

The library reports most mistakes by a return code; here each of them is an exception. Text is always written as text,
so that a name such as ``=1+1`` stays what it is. Long tables do not go through the library cell by cell: it writes
their first row, and :mod:`handgrad.xlsx.rows` the others (several times faster, and in less memory).
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import xlsxwriter

from handgrad.xlsx.charts import make_chart
from handgrad.xlsx.limits import MAX_COLUMNS, MAX_FORMULA, MAX_ROWS, MAX_TEXT
from handgrad.xlsx.looks import bounds_options, properties_of, size_formats
from handgrad.xlsx.package import LineShape, add_parts
from handgrad.xlsx.parts_of_a_sheet import Bars, Bounds, Chart, Look, Print, Rule, Series, Shade
from handgrad.xlsx.rows import TableRows, address, column_letters, fill

Value = float | str


class SheetError(RuntimeError):
    """A mistake of the program, not of its user: the spreadsheet library refused what it was given."""


class Sheet:
    """One sheet being written; rows and columns count from 0."""

    def __init__(self, book: Book, name: str, tab: str | None) -> None:
        self._book = book
        self.name = name
        self._sheet = book._workbook.add_worksheet(name)
        self._tables: list[TableRows] = []
        self._lines: tuple[LineShape, ...] = ()
        self._of_any_size: dict[float, list[tuple[int, int, int]]] = {}
        self._drawn = False
        # On the screen as well as on paper.
        self._sheet.hide_gridlines(2)
        if tab:
            self._sheet.set_tab_color(tab)

    def text(self, row: int, column: int, text: str, look: Look, *, link: str | None = None) -> None:
        """Write words, with *link* a link to a place in the book. Raises `SheetError` when they are too long."""
        # Checked here, because the library cuts longer ones off and says so by a code alone.
        if len(text) > MAX_TEXT:
            raise SheetError(f"{self._at(row, column)}: {len(text):,} characters – limit {MAX_TEXT:,}")
        if link is not None:
            form = self._book.format(look)
            self._done(self._sheet.write_url(row, column, f"internal:{link}", form, text), row, column)
            return
        self._done(self._sheet.write_string(row, column, text, self._book.format(look)), row, column)

    def number(self, row: int, column: int, value: float, look: Look) -> None:
        """Write a number."""
        self._note_size(row, column, 1, look)
        self._done(self._sheet.write_number(row, column, value, self._book.format(look)), row, column)

    def blank(self, row: int, column: int, look: Look) -> None:
        """Write an empty cell that has a look."""
        self._done(self._sheet.write_blank(row, column, None, self._book.format(look)), row, column)

    def formula(self, row: int, column: int, formula: str, *, value: Value, look: Look) -> None:
        """Write a formula (without ``=``) and the value it has now. Raises `SheetError` where it is empty or too long."""
        if not formula or len(formula) > MAX_FORMULA:
            raise SheetError(
                f"{self._at(row, column)}: a formula of {len(formula):,} characters – 1 to {MAX_FORMULA:,}"
            )
        self._note_size(row, column, 1, look)
        code = self._sheet.write_formula(row, column, f"={formula}", self._book.format(look), value)
        self._done(code, row, column)

    def merge(self, row: int, column: int, span: tuple[int, int], look: Look) -> None:
        """Join a block of cells; its first cell is written afterwards."""
        last = row + span[0] - 1, column + span[1] - 1
        self._done(self._sheet.merge_range(row, column, *last, "", self._book.format(look)), row, column)

    def table(self, rows: TableRows, first: Sequence[str | None], looks: Sequence[Look]) -> None:
        """Write a block with one row per step; ``first`` are the templates of its first row, ``rows`` holds all else.

        A template names this row as ``{+0}`` and the one before as ``{-1}``; None stands for a plain number. Raises
        `SheetError` where the block does not fit on a sheet.
        """
        top, height = rows.top, len(rows.values[0])
        if top + height > MAX_ROWS or max(rows.columns) >= MAX_COLUMNS:
            raise SheetError(f"{self.name}: a table of {height:,} rows and {len(rows.columns):,} columns does not fit")
        # The first row goes through the library: it alone makes the styles that the other rows take over.
        for column, formula, values, look in zip(rows.columns, first, rows.values, looks, strict=True):
            value = values[0]
            if formula is not None:
                self.formula(top, column, fill(formula, top + 1), value=value, look=look)
            elif isinstance(value, str):
                self.text(top, column, value, look)
            else:
                self.number(top, column, value, look)
            # The rows after the first are not written through this class, and must not be missed by the rule of size.
            self._note_size(top + 1, column, height - 1, look)
        self._tables.append(rows)

    def widths(self, widths: Mapping[int, float]) -> None:
        """Set column widths in characters."""
        for column, width in widths.items():
            self._done(self._sheet.set_column(column, column, width), 0, column)

    def heights(self, heights: Mapping[int, float]) -> None:
        """Set row heights in points."""
        for row, height in heights.items():
            self._done(self._sheet.set_row(row, height), row, 0)

    def fold(self, rows: Mapping[int, float]) -> None:
        """Hide rows of these heights in a group; the row above shows that they are there."""
        for row, height in rows.items():
            self._done(self._sheet.set_row(row, height, None, {"level": 1, "hidden": True}), row, 0)
        if rows:
            self._sheet.outline_settings(True, False, True, False)

    def freeze(self, row: int, column: int) -> None:
        """Keep the rows above and the columns before this cell in sight."""
        self._sheet.freeze_panes(row, column)

    def protect(self) -> None:
        """Protect without a password: against slips, not against people."""
        self._sheet.protect("", {"select_locked_cells": True, "format_columns": True, "format_rows": True})

    def zoom(self, percent: int) -> None:
        """Set the size at which the sheet opens."""
        self._sheet.set_zoom(percent)

    def activate(self) -> None:
        """Open the book with this sheet."""
        self._sheet.activate()

    def hide(self) -> None:
        """Hide the sheet; a right click on the others brings it back."""
        self._sheet.hide()

    def rule(self, rule: Rule) -> None:
        """Colour the cells in which a formula holds."""
        form = self._book._workbook.add_format({"font_color": rule.ink, "bg_color": rule.fill, "bold": True})
        options = {"type": "formula", "criteria": f"={rule.formula}", "format": form}
        self._done(self._sheet.conditional_format(*rule.first, *rule.last, options), *rule.first)

    def bounds(self, bounds: Bounds) -> None:
        """Refuse numbers outside of bounds, saying why."""
        options = bounds_options(bounds)
        self._done(self._sheet.data_validation(*bounds.first, *bounds.last, options), *bounds.first)

    def print_setup(self, setup: Print, header: str, footer: str) -> None:
        """Set paper, margins, repeated rows and columns, header and footer."""
        if not setup.portrait:
            self._sheet.set_landscape()
        # A4.
        self._sheet.set_paper(9)
        self._sheet.fit_to_pages(setup.pages_wide, setup.pages_high)
        if setup.breaks:
            self._done(self._sheet.set_h_pagebreaks(list(setup.breaks)), setup.breaks[0], 0)
        self._sheet.set_margins(left=0.5, right=0.5, top=0.75, bottom=0.7)
        if setup.area:
            self._print_areas((setup.area, *setup.more))
        if setup.rows:
            self._done(self._sheet.repeat_rows(*setup.rows), *setup.rows)
        if setup.columns:
            self._done(self._sheet.repeat_columns(*setup.columns), *setup.columns)
        self._done(self._sheet.set_header(header), 0, 0)
        self._done(self._sheet.set_footer(footer), 0, 0)

    def _print_areas(self, areas: Sequence[tuple[int, int, int, int]]) -> None:
        """Print these areas, each on pages of its own."""
        ranges = []
        for area in areas:
            self._done(self._sheet.print_area(*area), *area[:2])
            ranges.append(self._sheet.print_area_range)
        # The library's call takes one area, and keeps it as the text that it writes; the file format takes several with commas.
        self._sheet.print_area_range = ",".join(ranges)

    def lines(self, lines: tuple[LineShape, ...]) -> None:
        """Draw straight lines between points of cells."""
        self._lines = lines
        if lines and not self._drawn:
            # Lines go into the sheet's drawing, which the library makes only for an object of its own: an empty box.
            nothing = {"width": 1, "height": 1, "line": {"none": True}, "fill": {"none": True}, "object_position": 3}
            self._done(self._sheet.insert_textbox(0, 0, "", nothing), 0, 0)
            self._drawn = True

    def shade(self, shade: Shade) -> None:
        """Colour cells by their numbers."""
        options: dict[str, Any] = {"type": "2_color_scale", "min_color": shade.low, "max_color": shade.high}
        if shade.at is not None:
            options |= {"min_type": "num", "max_type": "num", "min_value": shade.at[0], "max_value": shade.at[1]}
        self._done(self._sheet.conditional_format(*shade.first, *shade.last, options), *shade.first)

    def chart(self, chart: Chart | Bars) -> None:
        """Place a chart over cells."""
        made = make_chart(self._book._workbook, chart)
        self._done(self._sheet.insert_chart(chart.row, chart.column, made, {"object_position": 1}), chart.row, 0)
        self._drawn = True

    def _note_size(self, row: int, column: int, height: int, look: Look) -> None:
        """Remember cells that need a power of ten where their number is very small or large."""
        if look.least and height:
            self._of_any_size.setdefault(look.least, []).append((row, column, row + height - 1))

    def finish(self) -> None:
        """Add what can be said of whole blocks of cells only once all of them are known."""
        for least, cells in self._of_any_size.items():
            for area, options in size_formats(least, cells, self._book.power_of_ten, self._book.zero):
                self._done(self._sheet.conditional_format(*area, options), *area[:2])

    def _at(self, row: int, column: int) -> str:
        return f"{self.name}!{address(row, column)}"

    def _done(self, code: Any, row: int, column: int) -> None:
        """Check what the library returned: 0 or nothing is well, anything else raises `SheetError`."""
        if code not in (None, 0, True):
            raise SheetError(f"{self._at(row, column)}: the spreadsheet library refused it ({code})")


class Book:
    """A workbook being written, in memory."""

    def __init__(self, title: str) -> None:
        self._bytes = io.BytesIO()
        options = {
            # No temporary files: a read-only or full disk is met only when the book is saved.
            "in_memory": True,
            # A network may be called "=1+1", or begin with "http:": texts stay texts.
            "strings_to_formulas": False,
            "strings_to_urls": False,
            # Then the library refuses them: a diverged value is written as a word by whoever knows what it means.
            "nan_inf_to_errors": False,
        }
        self._workbook = xlsxwriter.Workbook(self._bytes, options)
        self._formats: dict[Look, Any] = {}
        self.power_of_ten: Any = self._workbook.add_format({"num_format": "0.00E+00"})
        self.zero: Any = self._workbook.add_format({"num_format": "0"})
        self._sheets: list[Sheet] = []
        # A fixed date: the same network gives the same bytes.
        self._workbook.set_properties({"title": title, "created": datetime(2000, 1, 1, tzinfo=UTC)})
        # Excel recalculates when it opens the file, whatever its last book had chosen; the values in the file are for
        # viewers.
        self._workbook.set_calc_mode("auto")
        self._workbook.set_size(24_000, 14_000)

    @property
    def sheets(self) -> tuple[Sheet, ...]:
        """Return the sheets in their order."""
        return tuple(self._sheets)

    def sheet(self, name: str, tab: str | None = None) -> Sheet:
        """Add a sheet at the end of the book, its *tab* in a colour."""
        self._sheets.append(Sheet(self, name, tab))
        return self._sheets[-1]

    def define(self, name: str, reference: str) -> None:
        """Define a name for the whole book; the reference has no ``=``."""
        if self._workbook.define_name(name, f"={reference}") not in (None, 0):
            raise SheetError(f"{name} cannot name {reference}")

    def format(self, look: Look) -> Any:
        """Return the library's format for a look, made once."""
        if look not in self._formats:
            self._formats[look] = self._workbook.add_format(properties_of(look))
        return self._formats[look]

    def data(self) -> bytes:
        """Finish the book and return the bytes of the file."""
        for sheet in self._sheets:
            sheet.finish()
        self._workbook.close()
        tables = {sheet.name: sheet._tables for sheet in self._sheets}
        lines = {sheet.name: sheet._lines for sheet in self._sheets}
        return add_parts(self._bytes.getvalue(), [sheet.name for sheet in self._sheets], tables, lines)


__all__ = [
    "Bars",
    "Book",
    "Bounds",
    "Chart",
    "LineShape",
    "Look",
    "Print",
    "Rule",
    "Series",
    "Shade",
    "Sheet",
    "SheetError",
    "Value",
    "address",
    "column_letters",
]
