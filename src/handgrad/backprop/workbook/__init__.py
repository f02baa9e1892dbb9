"""The workbook: a network's training as sheets of live formulas.

``material`` holds the network's runs; each sheet is a function from it to a :class:`SheetPlan` (plain data);
``write`` turns the plan into a file.
"""

from __future__ import annotations

from handgrad.backprop.workbook.file import workbook_bytes, write_plan
from handgrad.backprop.workbook.plan import Cell, CellKind, Column, Page, Plan, SheetPlan, Table
from handgrad.backprop.workbook.write import workbook_plan, write_workbook

__all__ = [
    "Cell",
    "CellKind",
    "Column",
    "Page",
    "Plan",
    "SheetPlan",
    "Table",
    "workbook_bytes",
    "workbook_plan",
    "write_plan",
    "write_workbook",
]
