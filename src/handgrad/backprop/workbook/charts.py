"""The book's charts, and the sheet that holds their points: every k-th row of a long table, and never an error code."""

from __future__ import annotations

from dataclasses import replace

from handgrad.backprop.pictures.palette import rate_colours
from handgrad.backprop.workbook.content import RATES, Material
from handgrad.backprop.workbook.end_names import ROOM, WAY, Ends, put_ends
from handgrad.backprop.workbook.looks import CURVE, DASHES, HEADER, NOTE, SMALL, STEP, SUBTITLE, TITLE, VALUE
from handgrad.backprop.workbook.plan import Page, SheetPlan
from handgrad.backprop.workbook.rates_working import RATES_LEFT, RATES_TOP, rate_values
from handgrad.xlsx.writer import Chart, Series, Value, address

CHART_DATA = "Chart data"
# A chart in a sheet draws every row that it is given: more than this the eye cannot tell apart, and programs wait.
POINTS = 200
HEAD, TOP = 5, 6
# A diverging run would press every other curve flat: what is drawn is cut off at a height that this row computes.
CAP_ROW, END_ROW = 3, 4
TALLEST, RANGE = 2.0, 1e12
"""A curve that leaves the chart is drawn along its edge: at twice the first error, so that what happens fills the chart; on the
logarithmic axis at 10¹² times the first error and at that part of it, below which there is only rounding."""


def _shown_steps(steps: int) -> list[int]:
    """Return every k-th step and the last, about 200 of them at most."""
    every = max(1, -(-steps // POINTS))
    chosen = list(range(0, steps + 1, every))
    return chosen if chosen[-1] == steps else [*chosen, steps]


def chart_data_sheet(material: Material) -> SheetPlan:
    """Return columns: step and error of the training table; step and errors of the rates, twice (linear, logarithmic)."""
    page = Page(CHART_DATA)
    page.text(0, 0, "Chart data", TITLE)
    page.text(1, 0, "The points the charts draw: every k-th row of a long table, kept inside the chart.", SUBTITLE)
    first = material.values["E_total"][0]
    tallest = 1.0 if isinstance(first, str) else TALLEST * first
    page.text(CAP_ROW, 0, "tallest", HEADER)
    page.formula(CAP_ROW, 1, f"IFERROR({TALLEST:g}*{material.cell('E_total')},1)", tallest, VALUE)
    page.text(CAP_ROW, 2, "what is larger, or diverged, is drawn along the upper edge", NOTE)
    top = address(CAP_ROW, 1, fixed=True)
    smallest = 1 / RANGE if isinstance(first, str) or not first else first / RANGE
    page.text(CAP_ROW + 1, 0, "smallest", HEADER)
    low = f"IF({material.cell('E_total')}>0,{material.cell('E_total')}/{RANGE:.0E},{1 / RANGE:.0E})"
    page.formula(CAP_ROW + 1, 1, f"IFERROR({low},{1 / RANGE:.0E})", smallest, SMALL)
    page.text(HEAD, 0, "step", HEADER)
    page.text(HEAD, 1, "E_total", HEADER)
    values = material.values["E_total"]
    for row, step in enumerate(_shown_steps(material.steps), start=TOP):
        page.number(row, 0, float(step), STEP)
        cell = material.cell("E_total", step)
        page.formula(row, 1, _kept(cell, top), _kept_value(values[step], tallest), VALUE)
    _rates(page, material, top, (tallest, smallest))
    page.widths |= {0: 9, 1: 11, 2: 3}
    return page.done(freeze=(TOP, 0), printing=page.first_page(), working=True)


def _rates(page: Page, material: Material, top: str, ends: tuple[float, float]) -> None:
    tallest, smallest = ends
    low = address(CAP_ROW + 1, 1, fixed=True)
    high, largest = f"{low}*{RANGE**2:.0E}", smallest * RANGE**2
    count = len(material.rates)
    page.text(HEAD, 3, "step", HEADER)
    for number in range(count):
        source = f"'{RATES}'!{address(RATES_TOP - 1, RATES_LEFT + number, fixed=True)}"
        for column in (4 + number, 4 + count + number):
            page.formula(HEAD, column, f'"η = "&{source}', f"η = {material.rates[number]:.15g}", HEADER)
            page.widths[column] = 11
    columns = [rate_values(material, number)["E_total"] for number in range(count)]
    for row, step in enumerate(_shown_steps(material.rate_steps), start=TOP):
        page.number(row, 3, float(step), STEP)
        for number, values in enumerate(columns):
            cell = f"'{RATES}'!{address(RATES_TOP + step, RATES_LEFT + number, fixed=True)}"
            value = values[step]
            page.formula(row, 4 + number, _kept(cell, top), _kept_value(value, tallest), VALUE)
            logarithmic = f"IF(ISNUMBER({cell}),MIN(MAX({cell},{low}),{high}),{high})"
            drawn = largest if isinstance(value, str) else min(max(value, smallest), largest)
            page.formula(row, 4 + count + number, logarithmic, drawn, SMALL)
    _names(page, material)


def _names(page: Page, material: Material) -> None:
    """Write where the names of the lines stand: how far beyond the last step, and how high."""
    page.text(END_ROW, 3, "names at", NOTE)
    last = float(max(material.rate_steps, 1))
    page.number(END_ROW, 4, last, STEP)
    page.number(END_ROW, 5, (1 + WAY) * last, replace(STEP, number="0.##"))
    for log in (False, True):
        put_ends(page, _ends(material, log))


def _ends(material: Material, log: bool) -> Ends:
    """Return where the ends of a chart's lines stand, right of all points: first those of the linear axis."""
    count, last = len(material.rates), TOP + len(_shown_steps(material.rate_steps)) - 1
    left = 4 + (count if log else 0)
    return Ends(TOP, 4 + 2 * count + (6 if log else 1), ((TOP, left), (last, left + count - 1)), log)


def _kept(cell: str, top: str) -> str:
    return f"IF(ISNUMBER({cell}),MIN({cell},{top}),{top})"


def _kept_value(value: Value, tallest: float) -> float:
    return tallest if isinstance(value, str) else min(value, tallest)


def error_chart(material: Material, row: int, column: int, width: int, *, height: int) -> Chart:
    """Return the error by step."""
    last = TOP + len(_shown_steps(material.steps)) - 1
    series = Series("E_total", _points(0, last), _points(1, last), CURVE, width=2.25)
    return Chart(
        row, column, width, height, "The error, step by step", "step", "E_total", (series,),
        x_max=float(max(material.steps, 1)),
    )  # fmt: skip


def rates_chart(material: Material, log: bool, row: int, column: int, *, width: int, height: int) -> Chart:
    """Return the error by step for each learning rate, on a linear or a logarithmic axis."""
    last, count = TOP + len(_shown_steps(material.rate_steps)) - 1, len(material.rates)
    # The colours go by the size of the rate, as first written.
    order = sorted(range(count), key=lambda number: material.rates[number])
    colours = [rate_colours(count)[order.index(number)] for number in range(count)]
    start, ends = 4 + (count if log else 0), _ends(material, log)
    names = [f"='{CHART_DATA}'!{address(HEAD, start + number, fixed=True)}" for number in range(count)]
    lines = tuple(
        Series(
            names[number],
            _points(3, last),
            _points(start + number, last),
            colours[number],
            DASHES[number % len(DASHES)],
        )
        for number in range(count)
    )
    x = f"='{CHART_DATA}'!{address(END_ROW, 4, fixed=True)}:{address(END_ROW, 5, fixed=True)}"
    ways = tuple(
        ends.series(CHART_DATA, number, name=names[number], x=x, ink=colours[number]) for number in range(count)
    )
    title = "E_total by learning rate" + (", logarithmic axis" if log else "")
    return Chart(
        row, column, width, height, title, "step", "E_total", (*lines, *ways), log, float(max(material.rate_steps, 1)), ROOM
    )  # fmt: skip


def _points(column: int, last: int) -> str:
    return f"='{CHART_DATA}'!{address(TOP, column, fixed=True)}:{address(last, column, fixed=True)}"
