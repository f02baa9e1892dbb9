"""The first sheet: what may be changed, the drawing, the error curve, how to read the book."""

from __future__ import annotations

from dataclasses import replace

from handgrad.backprop.network.words import hints, in_one_line
from handgrad.backprop.workbook.charts import CHART_DATA, error_chart
from handgrad.backprop.workbook.content import (
    CHECKS,
    CHECKS_WORKING,
    CONVENTIONS,
    DERIVATION,
    NETWORK,
    RATES,
    RATES_WORKING,
    TRAINING,
    Material,
)
from handgrad.backprop.workbook.looks import (
    GREEN,
    GREEN_FILL,
    HEADING,
    LINK,
    NOTE,
    NOTE_WRAPPED,
    PROSE,
    RED,
    RED_FILL,
    SUBTITLE,
    TITLE,
    VERDICT,
)
from handgrad.backprop.workbook.network_drawing import Drawing
from handgrad.backprop.workbook.network_panel import LEAST_ROWS, WIDTHS, Place, printed, put_panel
from handgrad.backprop.workbook.plan import Page, SheetPlan, quoted
from handgrad.errors import counted
from handgrad.xlsx.writer import Print, Rule

# Right of the panel of settings, so that a change there is seen here without scrolling.
PANEL_TOP, DRAWING_LEFT = 3, 4
TEXT_COLUMNS, TEXT_ROWS = 8, 2
GUIDE = (
    (TRAINING, "One row per step, one column per quantity, every cell a formula. Row k is the state before update k."),
    (DERIVATION, "Each equation in symbols, with the current numbers, its value, and its cell."),
    (RATES, "The same training with several learning rates; you can change the rates."),
    (CHECKS, "Every gradient against a finite difference made in the sheet. Red where they disagree."),
    (CONVENTIONS, "The choices other texts make differently, and the numbers that change with them."),
    (RATES_WORKING, f"This sheet, {CHECKS_WORKING} and {CHART_DATA} (grey tabs) hold the numbers from which the other sheets "
        f"are computed."),
)  # fmt: skip


def network_sheet(material: Material, checks_failed: int) -> SheetPlan:
    """Return the first sheet: the network drawn, every number that may be changed, and how many checks fail."""
    page = Page(NETWORK)
    page.text(0, 0, f"Backpropagation by hand: {material.network.name}", TITLE)
    page.text(1, 0, f"{in_one_line(material.network)}; {counted(material.steps, 'step')}", SUBTITLE)
    for hint in hints(material.network):
        page.text(2, 0, f"Hint: {hint}.", NOTE)
    page.widths |= dict(enumerate(WIDTHS))
    drawing = Drawing(page, material, PANEL_TOP, DRAWING_LEFT)
    row = drawing.bottom + 1
    end = _guide(page, material, row)
    _checks_verdict(page, checks_failed, end)
    page.charts.append(error_chart(material, row, DRAWING_LEFT + TEXT_COLUMNS + 1, 470, height=340))
    right = max(drawing.right, DRAWING_LEFT + TEXT_COLUMNS + 9)
    bottom = max(end + TEXT_ROWS + 1, row + 18)
    place = Place(PANEL_TOP, max(bottom - 1, LEAST_ROWS), right + 2)
    put_panel(page, material, place)
    several = len(place.lefts) > 1
    if not drawing.numbered:
        count = f"A drawing of {len(material.network.weights):,} weights"
        on = ", and from there on at the right of the drawing" if several else ""
        said = f"{count} has no numbers on its arrows: they are in the list at the left{on}."
        page.text(end + 1, DRAWING_LEFT, said, NOTE_WRAPPED, span=(TEXT_ROWS, TEXT_COLUMNS))
    printing = printed(page, place, right) if several else Print(pages_high=1)
    return page.done(freeze=(2, 0), printing=printing)


def _guide(page: Page, material: Material, row: int) -> int:
    """Write what each sheet is for; return the first row below."""
    left = DRAWING_LEFT
    page.text(row, left, "How to read this book", HEADING)
    row += 1
    whole = (TEXT_ROWS, TEXT_COLUMNS)
    start = (
        "Change a yellow cell and every sheet follows; all other cells are protected, without a password. "
        f"Type a step at the left, 0 to {material.steps:,}, and the drawing and the derivation show that row of the table."
    )
    page.text(row, left, start, PROSE, span=whole)
    row += TEXT_ROWS
    for name, text in GUIDE:
        page.text(row, left, name, replace(LINK, bold=True, vertical="top"), (TEXT_ROWS, 2), f"{quoted(name)}!A1")
        page.text(row, left + 2, text, PROSE, span=(TEXT_ROWS, TEXT_COLUMNS - 2))
        row += TEXT_ROWS
    return row


def _checks_verdict(page: Page, failed: int, row: int) -> None:
    passed, one, more, where = "All checks pass.", " check fails", " checks fail", ": see the sheet Checks."
    formula = f'IF(checks_failed=0,"{passed}",checks_failed&IF(checks_failed=1,"{one}","{more}")&"{where}")'
    shown = f"{failed}{one if failed == 1 else more}{where}" if failed else passed
    page.formula(row, DRAWING_LEFT, formula, shown, VERDICT, span=(1, TEXT_COLUMNS))
    at = (row, DRAWING_LEFT), (row, DRAWING_LEFT + TEXT_COLUMNS - 1)
    page.rules.append(Rule(*at, "checks_failed=0", GREEN, GREEN_FILL))
    page.rules.append(Rule(*at, "checks_failed<>0", RED, RED_FILL))
