"""The comparison of learning rates: errors by step, what is seen, two charts; the rates themselves are input cells."""

from __future__ import annotations

from dataclasses import replace

from handgrad.backprop.limits import MAX_RATE_CELLS
from handgrad.backprop.workbook.charts import rates_chart
from handgrad.backprop.workbook.content import RATES, Material
from handgrad.backprop.workbook.looks import (
    AS_WRITTEN,
    COUNT,
    HEADER,
    HEADING,
    INPUT,
    LABEL,
    NOTE,
    PROSE,
    RULE,
    STEP,
    SUBTITLE,
    TEXT,
    TITLE,
    VALUE,
)
from handgrad.backprop.workbook.network_drawing import ROW
from handgrad.backprop.workbook.plan import Page, SheetPlan
from handgrad.backprop.workbook.rates_verdicts import (
    feature_cell,
    lowest_formula,
    rate_features,
    rate_verdict,
    verdict_formula,
)
from handgrad.backprop.workbook.rates_words import what_many_rates_do
from handgrad.backprop.workbook.rates_working import RATES_LEFT, RATES_TOP, rate_values, working_cell
from handgrad.backprop.workbook.table_columns import LARGE
from handgrad.errors import counted
from handgrad.xlsx.writer import Bounds, Look, Print, Rule, address, column_letters

SIDE_WIDTHS = (10, 16, 17, 48)
# A merged cell does not grow with its text: the paragraph gets the rows that its longest wording needs.
SIDE_WIDTH, PARAGRAPH_ROWS = len(SIDE_WIDTHS), 3
LINE_ROWS, CHART_ROWS, USUAL_RATES, ROOM_FOR_HEAD = 2, 14, 6, 3
"""A verdict with its meaning takes two rows of the table beside it. All that is said of six rates stands beside the first fifty
steps, and so on the first printed page."""
SAID = Look(size=9, border=RULE, align="left", indent=1, wrap=True)
RATE_INPUT = replace(INPUT, align="center", number='"η = "General')


def rates_sheet(material: Material) -> SheetPlan:
    """Return the sheet that compares learning rates, with the error curves."""
    page = Page(RATES)
    page.text(0, 0, "Learning rates", TITLE)
    page.text(1, 0, "The same network trained at several learning rates η, all from the same first weights.", SUBTITLE)
    page.text(2, 0, f"The rates in the yellow cells can be changed; {_follows(material)}", NOTE)
    page.text(RATES_TOP - 2, 0, "step", HEADER, span=(2, 1))
    count = len(material.rates)
    head = "E_total before update k, at learning rate" if count >= ROOM_FOR_HEAD else "E_total"
    page.text(RATES_TOP - 2, RATES_LEFT, head, HEADER, span=(1, count))
    for number, rate in enumerate(material.rates):
        at = (RATES_TOP - 1, RATES_LEFT + number)
        page.input(*at, rate, RATE_INPUT)
        page.names[f"rate_{number + 1}"] = at
        page.bounds.append(Bounds(at, at, 0, max(LARGE, rate), "A learning rate is a number from 0 up."))
    _table(page, material)
    side = RATES_LEFT + count + 1
    row = _summary(page, material, side)
    row = _words(page, material, row + 1, side) + 1
    for number in range(2):
        page.charts.append(rates_chart(material, bool(number), row, side, width=620, height=CHART_ROWS * ROW - 8))
        row += CHART_ROWS
    page.widths |= {0: 7, side - 1: 3} | {RATES_LEFT + n: 12 for n in range(count)}
    page.widths |= {side + number: width for number, width in enumerate(SIDE_WIDTHS)}
    # Fewer rates make the sheet narrower, and a page of it larger letters: empty columns keep both charts on the first page.
    empty = max(0, USUAL_RATES - count)
    page.widths |= {side + SIDE_WIDTH + n: 12 for n in range(empty)}
    last = max(RATES_TOP + material.rate_steps, row)
    area = (0, 0, last, side + SIDE_WIDTH - 1 + empty) if empty else None
    return page.done(freeze=(RATES_TOP, 1), printing=Print(1, (RATES_TOP - 2, RATES_TOP - 1), area=area))


def _follows(material: Material) -> str:
    """Return what follows a change, and how many of the steps are left out where not all fit."""
    follow = "table, verdicts and charts follow."
    if material.rate_steps == material.steps:
        return follow
    return (
        f"{follow} Shown are the first {material.rate_steps:,} of {material.steps:,} steps: more would be over "
        f"{MAX_RATE_CELLS:,} cells. Fewer rates leave room for more steps."
    )


def _table(page: Page, material: Material) -> None:
    columns = [rate_values(material, number)["E_total"] for number in range(len(material.rates))]
    for step in range(material.rate_steps + 1):
        row = RATES_TOP + step
        page.number(row, 0, float(step), STEP)
        for number, values in enumerate(columns):
            cell = working_cell(material, "E_total", number, step)
            page.formula(row, RATES_LEFT + number, cell, values[step], VALUE)


def _summary(page: Page, material: Material, side: int) -> int:
    """Write what each rate does, two rows a rate: its last error, how often it rose, the verdict in words, all live."""
    # Below the rows that are repeated on every printed page.
    row = RATES_TOP
    page.text(row, side, "Result", HEADING)
    for number, head in enumerate(
        ("η", f"E after {counted(material.rate_steps, 'step')}", "steps with a rise", "verdict")
    ):
        page.text(row + 1, side + number, head, HEADER)
    first_line = row + 2
    for number, rate in enumerate(material.rates):
        line, span = first_line + LINE_ROWS * number, (LINE_ROWS, 1)
        letters = column_letters(RATES_LEFT + number)
        last = f"{letters}{RATES_TOP + material.rate_steps + 1}"
        name = replace(LABEL, align="center", indent=0, bold=True)
        page.formula(line, side, f"{letters}{RATES_TOP}", rate, name, span)
        page.formula(line, side + 1, last, rate_values(material, number)["E_total"][-1], VALUE, span)
        rises = feature_cell(material, number, "rises")
        page.formula(line, side + 2, rises, float(rate_features(material, number).rises), COUNT, span)
        said = str(rate_verdict(material, number))
        page.formula(line, side + 3, verdict_formula(material, number), said, SAID, span)
    end = first_line + LINE_ROWS * len(material.rates)
    rates, lasts = (
        f"{address(first_line, column, True)}:{address(end - 1, column, True)}" for column in (side, side + 1)
    )
    formula, lowest = lowest_formula(material, lasts, rates)
    page.formula(end, side, formula, lowest, replace(TEXT, bold=True), span=(1, SIDE_WIDTH))
    return end + 1


def _words(page: Page, material: Material, row: int, side: int) -> int:
    """Write what many more rates were seen to do, over several rows, so that the table's rows beside keep their height."""
    written, changed = "For the numbers as written", "For the numbers as first written"
    page.formula(row, side, f'IF(inputs_changed>0,"{changed}","{written}")', written, HEADING, span=(1, SIDE_WIDTH))
    paragraph = what_many_rates_do(material)
    rows = PARAGRAPH_ROWS
    page.text(row + 1, side, paragraph, PROSE, span=(rows, SIDE_WIDTH))
    area = (row, side), (row + rows, side + SIDE_WIDTH - 1)
    page.rules.append(Rule(*area, "inputs_changed>0", *AS_WRITTEN))
    return row + 1 + rows


__all__ = ["rates_sheet"]
