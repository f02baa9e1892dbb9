"""The runs at the compared learning rates, in full: one block of rows a rate, on a sheet of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from handgrad.backprop.symbols.names import defined_name
from handgrad.backprop.workbook.content import RATES, RATES_WORKING, RATES_WORKING_LEFT, Material
from handgrad.backprop.workbook.looks import HEADER, STEP, SUBTITLE, TITLE, VALUE
from handgrad.backprop.workbook.plan import Column, Page, SheetPlan, Table
from handgrad.backprop.workbook.table_columns import Layout, shown_values
from handgrad.xlsx.writer import Value, address

RATES_TOP, RATES_LEFT = 5, 1
"""On the sheet Learning rates: the first row of the table and the column of the first rate."""
# Blocks follow one another without a free row, so that one formula of a column serves every block.
HEAD, BLOCKS_TOP = 3, 4


@cache
def rate_values(material: Material, number: int) -> dict[str, list[Value]]:
    """Return the run at one rate, by quantity, as shown."""
    return shown_values(material.rate_runs[number])


def block_top(material: Material, number: int) -> int:
    """Return the first row of a rate's block."""
    return BLOCKS_TOP + number * (material.rate_steps + 1)


def working_cell(material: Material, name: str, number: int, step: int) -> str:
    """Return the cell of a quantity in the block of a rate."""
    column = material.rate_columns[name]
    return f"'{RATES_WORKING}'!{address(block_top(material, number) + step, column)}"


def rates_working_sheet(material: Material, finish: Callable[[Page, Material], None]) -> SheetPlan:
    """Return every quantity of every run that the comparison shows; ``finish`` puts what is said of them beside them."""
    page = Page(RATES_WORKING)
    page.text(0, 0, "Rates working", TITLE)
    page.text(
        1,
        0,
        "The runs behind the sheet Learning rates, one below the other. Each is a training table with its own rate. "
        "On paper only the beginning is printed.",
        SUBTITLE,
    )
    page.text(HEAD, 0, "η", HEADER)
    page.text(HEAD, 1, "step", HEADER)
    columns = material.rate_columns

    def setting(name: str) -> str:
        # The rate from the row's own first column: the formulas can then be the same in every block.
        return "$A{+0}" if name == "learning_rate" else defined_name(name)

    layout = Layout(material.compact, columns, defined_name, setting, material.guarded)
    for name, column in columns.items():
        page.text(HEAD, column, material.graph[name].label, HEADER)
    # The formulas are the same in every block, as they name no row.
    written = [layout.column(name, []) for name in columns]
    height = material.rate_steps + 1
    steps: list[Value] = [float(step) for step in range(height)]
    for number, rate in enumerate(material.rates):
        source = f"'{RATES}'!{address(RATES_TOP - 1, RATES_LEFT + number, fixed=True)}"
        values = rate_values(material, number)
        rates = Column(0, "learning_rate", source, source, [rate] * height, VALUE)
        count = Column(1, "step", None, "B{-1}+1", steps, STEP)
        quantities = (replace(column, values=values[column.name]) for column in written)
        page.tables.append(Table(block_top(material, number), (rates, count, *quantities)))
    page.widths |= dict.fromkeys((0, 1, *columns.values()), 10)
    finish(page, material)
    return page.done(freeze=(BLOCKS_TOP, RATES_WORKING_LEFT), printing=page.first_page(), working=True)


__all__ = ["block_top", "rate_values", "rates_working_sheet", "working_cell"]
