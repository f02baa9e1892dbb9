"""The comparison of learning rates: errors by step, what is seen, two charts; the rates themselves are input cells."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from handgrad.backprop.limits import MAX_RATE_CELLS
from handgrad.backprop.workbook.charts import rates_chart
from handgrad.backprop.workbook.content import RATES, Material
from handgrad.backprop.workbook.looks import (
    COUNT,
    HEADER,
    HEADING,
    INPUT,
    LABEL,
    NOTE,
    PROSE,
    STEP,
    SUBTITLE,
    TITLE,
    VALUE,
    VERDICT,
)
from handgrad.backprop.workbook.plan import Page, SheetPlan
from handgrad.backprop.workbook.rates_words import NOISE, SLACK, what_is_seen
from handgrad.backprop.workbook.rates_working import RATES_LEFT, RATES_TOP, rate_values, working_cell
from handgrad.backprop.workbook.table_columns import DIVERGED, LARGE
from handgrad.xlsx.writer import Bounds, Print, Value, address, column_letters

SIDE_WIDTH, LINE = 5, 95
HIGHER, ROSE, FELL = "ended higher than it began", "ended lower, rose on the way", "never rose"
NO_COUNT = "–"
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
    page.charts.append(rates_chart(material, False, row + 1, side, 620, 330))
    page.charts.append(rates_chart(material, True, row + 19, side, 620, 330))
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
    """Write one line a rate: first and last error, how often it rose, and the verdict in a word, all live."""
    row = RATES_TOP - 2
    page.text(row, side, "What is seen", HEADING)
    heads = ("η", "E at first", f"E after {material.rate_steps} steps", "steps up", "verdict")
    for number, head in enumerate(heads):
        page.text(row + 1, side + number, head, HEADER)
    for number, rate in enumerate(material.rates):
        values = rate_values(material, number)["E_total"]
        top, bottom = RATES_TOP + 1, RATES_TOP + material.rate_steps + 1
        letters = column_letters(RATES_LEFT + number)
        first, last, whole = f"{letters}{top}", f"{letters}{bottom}", f"{letters}{top}:{letters}{bottom}"
        line = row + 2 + number
        page.formula(line, side, f"{letters}{RATES_TOP}", rate, replace(LABEL, align="center", indent=0, bold=True))
        page.formula(line, side + 1, first, values[0], VALUE)
        page.formula(line, side + 2, last, values[-1], VALUE)
        count = material.rate_steps + 1
        before, after = f"{letters}{top}:{letters}{bottom - 1}", f"{letters}{top + 1}:{letters}{bottom}"
        rises = f"SUMPRODUCT(--({after}>{before}*(1+{SLACK:g})+{NOISE:g}))" if material.rate_steps else "0"
        broken = any(isinstance(value, str) for value in values)
        rose: Value = NO_COUNT if broken else _rises(values)
        page.formula(line, side + 3, f'IF(COUNT({whole})<{count},"{NO_COUNT}",{rises})', rose, COUNT)
        up = address(line, side + 3)
        verdict = (
            f'IF(COUNT({whole})<{count},"{DIVERGED} at step "&COUNT({whole}),'
            f'IF({last}>{first}*(1+{SLACK:g})+{NOISE:g},"{HIGHER}",IF({up}>0,"{ROSE}","{FELL}")))'
        )
        page.formula(line, side + 4, verdict, verdict_of(values), VERDICT)
    return row + 2 + len(material.rates)


def _rises(values: list[Value]) -> float:
    """Return at how many steps to the next the error rose."""
    return float(sum(above(after, before) for before, after in pairwise(values)))


def above(after: Value, before: Value) -> bool:
    """Return whether an error is higher than another by more than rounding."""
    return not isinstance(after, str) and not isinstance(before, str) and after > before * (1 + SLACK) + NOISE


def verdict_of(values: list[Value]) -> str:
    """Return the verdict's words for one run."""
    numbers = [value for value in values if not isinstance(value, str)]
    if len(numbers) < len(values):
        return f"{DIVERGED} at step {len(numbers)}"
    if above(numbers[-1], numbers[0]):
        return HIGHER
    return ROSE if _rises(values) else FELL


def _words(page: Page, material: Material, row: int, side: int) -> int:
    """Write the paragraphs over several rows each, so that the table's rows beside them keep their height."""
    page.text(row, side, "For the numbers as written", HEADING)
    row += 1
    for paragraph in what_is_seen(material):
        rows = -(-len(paragraph) // LINE)
        page.text(row, side, paragraph, PROSE, span=(rows, SIDE_WIDTH))
        row += rows
    return row


__all__ = ["rates_sheet", "verdict_of"]
