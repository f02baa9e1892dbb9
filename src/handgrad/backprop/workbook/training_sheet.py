"""The training table: row k is the state before update k."""

from __future__ import annotations

from itertools import groupby

from handgrad.backprop.graph.graph import Kind
from handgrad.backprop.workbook.charts import error_chart
from handgrad.backprop.workbook.content import TABLE_LEFT, TABLE_TOP, TRAINING, Material
from handgrad.backprop.workbook.looks import GROUP, HEADER, NOTE, STEP, SUBTITLE, TITLE
from handgrad.backprop.workbook.plan import Column, Page, SheetPlan, Table
from handgrad.xlsx.writer import Print

GROUPS = {
    Kind.TARGET: "data",
    Kind.INPUT: "data",
    Kind.WEIGHT: "weights",
    Kind.BIAS: "biases",
    Kind.PRE_ACTIVATION: "forward",
    Kind.ACTIVATION: "forward",
    Kind.ERROR: "errors",
    Kind.SAMPLE_ERROR: "errors",
    Kind.TOTAL: "errors",
    Kind.GRADIENT: "gradients",
    Kind.SOFTMAX_PART: "parts of softmax",
    Kind.ERROR_SLOPE: "slopes and deltas",
    Kind.ACTIVATION_SLOPE: "slopes and deltas",
    Kind.DELTA: "slopes and deltas",
    Kind.MEMORY: "optimizer",
    Kind.UPDATE_PART: "optimizer",
    Kind.UPDATED: "updated already",
}
# More on one printed page would be too small to read.
COLUMNS_A_PAGE = 34
COLUMNS_A_TITLE = 16
# The frame of a chart that began right beside the repeated column would be a line down every printed page.
CHART_LEFT = 2


def training_sheet(material: Material) -> SheetPlan:
    """Return the sheet with the training, a row per step, and its error curve."""
    page = Page(TRAINING)
    # Not in column A, which is repeated on every printed page: there the words would be cut.
    page.text(0, 1, "Training", TITLE)
    page.text(
        1,
        1,
        "Row k is the state before update k: the error after n updates is in row n. Every cell is a formula.",
        SUBTITLE,
    )
    where = f"The error curve is below the table, at row {material.last_row + 3}, and on the sheet Network, which prints it."
    page.text(2, 1, f"{where} {material.left_out}".rstrip(), NOTE)
    page.text(TABLE_TOP - 2, 0, "step", HEADER, span=(2, 1))
    for names in (material.main, material.extra):
        _header(page, material, names)
    page.tables.append(_table(material))
    page.widths[0] = 7
    for name, column in material.layout.columns.items():
        page.widths[column] = 9.5 if len(material.graph[name].label) < 8 else 11
    page.widths[TABLE_LEFT + len(material.main)] = 2
    page.charts.append(error_chart(material, material.last_row + 2, CHART_LEFT, 900, height=380))
    columns = len(material.layout.columns) + 2
    page.names["training_header"] = (TABLE_TOP - 1, TABLE_LEFT, TABLE_TOP - 1, TABLE_LEFT + len(material.main) - 1)
    return page.done(
        freeze=(TABLE_TOP, 1),
        # Without the curve below the table, which a page would cut; it is printed on the first sheet.
        printing=Print(
            -(-columns // COLUMNS_A_PAGE),
            (TABLE_TOP - 2, TABLE_TOP - 1),
            (0, 0),
            area=(0, 0, material.last_row, max(material.layout.columns.values())),
        ),
    )


def _header(page: Page, material: Material, names: tuple[str, ...]) -> None:
    columns = material.layout.columns

    def group(name: str) -> str:
        quantity = material.graph[name]
        several = len(material.network.samples) > 1 and quantity.sample is not None
        return GROUPS[quantity.kind] + (f", sample {quantity.sample}" if several else "")

    for title, members in groupby(names, group):
        # A long group has its title again and again, so that it is seen on every page and wherever one scrolls.
        grouped = list(members)
        for start in range(0, len(grouped), COLUMNS_A_TITLE):
            part = grouped[start : start + COLUMNS_A_TITLE]
            page.text(TABLE_TOP - 2, columns[part[0]], title, GROUP, span=(1, len(part)))
    for name in names:
        page.text(TABLE_TOP - 1, columns[name], material.graph[name].label, HEADER)


def _table(material: Material) -> Table:
    count = Column(0, "step", None, "A{-1}+1", [float(step) for step in range(material.steps + 1)], STEP)
    layout = material.layout
    return Table(TABLE_TOP, (count, *(layout.column(name, material.values[name]) for name in layout.columns)))
