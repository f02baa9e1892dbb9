"""The comparison of learning rates: errors by step, what is seen, two charts; the rates themselves are input cells."""

from __future__ import annotations

from dataclasses import replace

from handgrad.backprop.limits import MAX_RATE_CELLS
from handgrad.backprop.verdicts import MEANING
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
    STEP,
    SUBTITLE,
    TEXT,
    TITLE,
    VALUE,
    VERDICT,
)
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
from handgrad.xlsx.writer import Bounds, Print, Rule, address, column_letters

SIDE_WIDTH, PARAGRAPH_ROWS = 5, 4
RATE_INPUT = replace(INPUT, align="center", number='"η = "General')


def rates_sheet(material: Material) -> SheetPlan:
    """Return the sheet that compares learning rates, with the error curves."""
    page = Page(RATES)
    page.text(0, 0, "Learning rates", TITLE)
    page.text(1, 0, "The same network trained at several learning rates η, all from the same first weights.", SUBTITLE)
    page.text(2, 0, f"The rates in the yellow cells can be changed; {_follows(material)}", NOTE)
    page.text(RATES_TOP - 2, 0, "step", HEADER, span=(2, 1))
    count = len(material.rates)
    page.text(RATES_TOP - 2, RATES_LEFT, "E_total before update k, at learning rate", HEADER, span=(1, count))
    for number, rate in enumerate(material.rates):
        at = (RATES_TOP - 1, RATES_LEFT + number)
        page.input(*at, rate, RATE_INPUT)
        page.names[f"rate_{number + 1}"] = at
        page.bounds.append(Bounds(at, at, 0, max(LARGE, rate), "A learning rate is a number from 0 up."))
    _table(page, material)
    side = RATES_LEFT + count + 1
    row = _summary(page, material, side)
    row = _words(page, material, row + 1, side)
    page.charts.append(rates_chart(material, False, row + 1, side, width=620, height=330))
    page.charts.append(rates_chart(material, True, row + 19, side, width=620, height=330))
    _meanings(page, row + 37, side)
    page.widths |= {0: 7, side - 1: 3, side: 10} | {RATES_LEFT + n: 12 for n in range(count)}
    page.widths |= {side + number: 15 for number in range(1, SIDE_WIDTH)}
    page.widths[side + SIDE_WIDTH - 1] = 34
    return page.done(freeze=(RATES_TOP, 1), printing=Print(1, (RATES_TOP - 2, RATES_TOP - 1)))


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
    """Write one line a rate: first and last error, how often it rose, and the verdict in words, all live."""
    # Below the rows that are repeated on every printed page.
    row = RATES_TOP
    page.text(row, side, "What is seen", HEADING)
    heads = ("η", "E at first", f"E after {material.rate_steps:,} steps", "steps up", "verdict")
    for number, head in enumerate(heads):
        page.text(row + 1, side + number, head, HEADER)
    for number, rate in enumerate(material.rates):
        values = rate_values(material, number)["E_total"]
        letters = column_letters(RATES_LEFT + number)
        first, last = f"{letters}{RATES_TOP + 1}", f"{letters}{RATES_TOP + material.rate_steps + 1}"
        line = row + 2 + number
        page.formula(line, side, f"{letters}{RATES_TOP}", rate, replace(LABEL, align="center", indent=0, bold=True))
        page.formula(line, side + 1, first, values[0], VALUE)
        page.formula(line, side + 2, last, values[-1], VALUE)
        rises = feature_cell(material, number, "rises")
        page.formula(line, side + 3, rises, float(rate_features(material, number).rises), COUNT)
        said = rate_verdict(material, number).words
        page.formula(line, side + 4, verdict_formula(material, number), said, VERDICT)
    row += 2
    last_row = row + len(material.rates) - 1
    rates, lasts = (f"{address(row, column, True)}:{address(last_row, column, True)}" for column in (side, side + 2))
    formula, lowest = lowest_formula(material, lasts, rates)
    page.formula(last_row + 1, side, formula, lowest, replace(TEXT, bold=True), span=(1, SIDE_WIDTH))
    return last_row + 2


def _meanings(page: Page, row: int, side: int) -> None:
    """Write what each verdict means, as far as the words do not say it."""
    page.text(row, side, "What the verdicts mean", HEADING)
    told = [(outcome, meaning) for outcome, meaning in MEANING.items() if meaning]
    for line, (outcome, meaning) in enumerate(told, start=row + 1):
        page.text(line, side, outcome.value, replace(TEXT, bold=True, size=9))
        page.text(line, side + 2, meaning, replace(TEXT, size=9))


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
