"""The first sheet: what may be changed, the drawing, the error curve, how to read the book."""

from __future__ import annotations

from handgrad.backprop.graph import Kind
from handgrad.backprop.workbook.charts import error_chart
from handgrad.backprop.workbook.looks import HEADER, HEADING, INPUT, LABEL, SUBTITLE, TITLE, WRITTEN
from handgrad.backprop.workbook.material import Material
from handgrad.backprop.workbook.names import defined_name
from handgrad.backprop.workbook.plan import Page, SheetPlan
from handgrad.backprop.workbook.table import LARGE
from handgrad.sheet import Bounds, Print

NETWORK = "Network"
PANEL_TOP = 4
SECTIONS = (
    ("Settings", (Kind.SETTING,)),
    ("Data", (Kind.TARGET, Kind.INPUT)),
    ("First weights", (Kind.WEIGHT,)),
    ("Biases", (Kind.BIAS,)),
)


def network_sheet(material: Material) -> SheetPlan:
    page = Page(NETWORK)
    page.text(0, 0, f"Backpropagation by hand: {material.network.name}", TITLE)
    page.text(1, 0, "", SUBTITLE)
    _panel(page, material)
    page.charts.append(error_chart(material, 4, 4, 500, 300))
    page.widths |= {0: 16, 1: 12, 2: 12, 3: 3}
    return page.done(freeze=(3, 0), printing=Print())


def _panel(page: Page, material: Material) -> None:
    row = PANEL_TOP
    for title, kinds in SECTIONS:
        quantities = material.graph.of_kind(*kinds)
        if not quantities:
            continue
        page.text(row, 0, title, HEADING)
        row += 1
        for column, head in enumerate(("name", "value", "as written")):
            page.text(row, column, head, HEADER)
        for quantity in quantities:
            row += 1
            value = material.first_value(quantity.name)
            page.text(row, 0, quantity.label, LABEL)
            page.input(row, 1, value, INPUT)
            page.number(row, 2, value, WRITTEN)
            page.names[defined_name(quantity.name)] = (row, 1)
            low, high = (0.0 if quantity.kind is Kind.SETTING else -LARGE), LARGE
            bounds = Bounds(
                (row, 1), (row, 1), min(low, value), max(high, value), f"A number from {low:g} to {high:g}."
            )
            page.bounds.append(bounds)
        row += 2


__all__ = ["network_sheet"]
