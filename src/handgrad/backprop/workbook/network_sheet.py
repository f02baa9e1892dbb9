"""The first sheet: what may be changed, the drawing, the error curve, how to read the book."""

from __future__ import annotations

from dataclasses import replace

from handgrad.backprop.graph.graph import Kind
from handgrad.backprop.network.words import hints, in_one_line
from handgrad.backprop.symbols.names import defined_name
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
    CELL,
    GREEN,
    GREEN_FILL,
    HEADER,
    HEADING,
    INPUT,
    LABEL,
    LINK,
    NOTE,
    NOTE_WRAPPED,
    PROSE,
    RED,
    RED_FILL,
    SUBTITLE,
    TITLE,
    VERDICT,
    WRITTEN,
)
from handgrad.backprop.workbook.network_drawing import Drawing
from handgrad.backprop.workbook.plan import Page, SheetPlan, quoted
from handgrad.backprop.workbook.step_shown import SAMPLE_SHOWN, STEP_SHOWN
from handgrad.backprop.workbook.table_columns import LARGE
from handgrad.errors import counted
from handgrad.xlsx.writer import Bounds, Print, Rule, address

# Right of the panel of settings, so that a change there is seen here without scrolling.
PANEL_TOP, DRAWING_LEFT = 3, 4
TEXT_COLUMNS, TEXT_ROWS = 8, 2
SECTIONS = (
    ("Settings", (Kind.SETTING,)),
    ("Data", (Kind.TARGET, Kind.INPUT)),
    ("First weights", (Kind.WEIGHT,)),
    ("Biases", (Kind.BIAS,)),
)
SETTINGS = {
    "learning_rate": "learning rate",
    "momentum": "momentum",
    "beta1": "of the mean",
    "beta2": "of squares",
    "epsilon": "never ÷ 0",
}
"""What each setting is, in words that fit beside its sign."""
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
    page.widths |= {0: 17, 1: 11, 2: 11, 3: 3}
    _panel(page, material)
    drawing = Drawing(page, material, PANEL_TOP, DRAWING_LEFT)
    row = drawing.bottom + 1
    end = _guide(page, material, row)
    _checks_verdict(page, checks_failed, end)
    page.charts.append(error_chart(material, row, DRAWING_LEFT + TEXT_COLUMNS + 1, 470, height=340))
    if not drawing.numbered:
        count = f"A drawing of {len(material.network.weights):,} weights"
        said = (
            f"{count} has no numbers on its arrows: they are in the list at the left. On paper the list is cut; there they "
            f"are in the first row of the sheet {TRAINING}."
        )
        page.text(end + 1, DRAWING_LEFT, said, NOTE_WRAPPED, span=(TEXT_ROWS, TEXT_COLUMNS))
    # One page: of a large network the drawing and the list as far as it stands beside it.
    right = max(drawing.right, DRAWING_LEFT + TEXT_COLUMNS + 9)
    printing = Print(pages_high=1, area=(0, 0, max(end + TEXT_ROWS + 1, row + 18), right))
    return page.done(freeze=(2, 0), printing=printing if not drawing.numbered else Print(pages_high=1))


def _panel(page: Page, material: Material) -> None:
    row = _shown_section(page, material)
    for title, kinds in SECTIONS:
        quantities = material.graph.of_kind(*kinds)
        if not quantities:
            continue
        row = _section_head(page, row, title, ("name", "value", "as written"))
        for quantity in quantities:
            value = material.first_value(quantity.name)
            low = 0.0 if quantity.kind is Kind.SETTING else -LARGE
            short = SETTINGS.get(quantity.name)
            page.text(row, 0, f"{quantity.label} ({short})" if short else quantity.label, LABEL)
            page.input(row, 1, value, INPUT)
            page.number(row, 2, value, WRITTEN)
            page.names[defined_name(quantity.name)] = (row, 1)
            message = f"A number from {low:g} to {LARGE:,.0f}, please."
            page.bounds.append(Bounds((row, 1), (row, 1), min(low, value), max(LARGE, value), message))
            row += 1
        row += 1
    _changed(page, material)


def _section_head(page: Page, row: int, title: str, heads: tuple[str, ...]) -> int:
    page.text(row, 0, title, HEADING)
    for column, head in enumerate(heads):
        page.text(row + 1, column, head, HEADER)
    return row + 2


def _shown_section(page: Page, material: Material) -> int:
    row = PANEL_TOP
    page.text(row, 0, "Shown at the right", HEADING)
    lines = [(STEP_SHOWN, "step k", 0.0, float(material.steps))]
    if len(material.network.samples) > 1:
        lines.append((SAMPLE_SHOWN, "sample", 1.0, float(len(material.network.samples))))
    for name, label, low, high in lines:
        row += 1
        page.text(row, 0, label, LABEL)
        page.input(row, 1, low, replace(INPUT, number="0"))
        page.text(row, 2, f"{low:g} to {high:g}", replace(NOTE, align="center"))
        page.names[name] = (row, 1)
        page.bounds.append(
            Bounds((row, 1), (row, 1), low, high, f"A whole number from {low:g} to {high:g}.", whole=True)
        )
    return row + 2


def _changed(page: Page, material: Material) -> None:
    """Count how many of the numbers differ from those the book was written with."""
    rows = [page.names[defined_name(name)][0] for name in material.changeable]
    first, last = min(rows), max(rows)
    now, written = (f"{address(first, c, fixed=True)}:{address(last, c, fixed=True)}" for c in (1, 2))
    # Headings and blanks between the sections are the same text, or nothing, in both columns only where both are
    # numbers: so count numbers that differ.
    formula = f"SUMPRODUCT(ISNUMBER({now})*ISNUMBER({written})*({now}<>{written}))"
    blanks = f"SUMPRODUCT((NOT(ISNUMBER({now})))*ISNUMBER({written}))"
    page.text(last + 2, 0, "numbers changed", LABEL)
    page.formula(last + 2, 1, f"{formula}+{blanks}", 0.0, replace(CELL, align="right"))
    page.names["inputs_changed"] = (last + 2, 1)


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
