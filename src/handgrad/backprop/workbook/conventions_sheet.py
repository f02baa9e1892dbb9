"""The choices that other texts make differently, each with the number that changes, live where it can be."""

from __future__ import annotations

import math
from dataclasses import replace

from handgrad.backprop.conventions import Convention, conventions, split_name
from handgrad.backprop.graph.graph import Kind
from handgrad.backprop.symbols.expression import Node, names_in
from handgrad.backprop.symbols.names import defined_name
from handgrad.backprop.symbols.rendering import formula
from handgrad.backprop.workbook.content import CONVENTIONS, Material
from handgrad.backprop.workbook.looks import (
    AS_WRITTEN,
    CELL_WRAPPED,
    HEADER,
    LABEL,
    NOTE,
    NOTE_WRAPPED,
    SUBTITLE,
    TITLE,
    VALUE,
)
from handgrad.backprop.workbook.plan import Page, SheetPlan
from handgrad.backprop.workbook.table_columns import DIVERGED, guard
from handgrad.xlsx.writer import Print, Rule, Value, address

HEAD = 3
DIGITS = replace(VALUE, number="0.0000000000", least=1e-6)
"""Ten decimals: the order of the updates shows in the seventh."""
TOPIC, HERE, NUMBER, OURS, ELSEWHERE, THEIRS, FOLLOWS = range(7)
WIDTHS = (26, 42, 20, 15, 42, 15, 13)
HEADS = ("choice", "in this book", "number", "here", "elsewhere", "there", "this number is")
LIVE, WRITTEN, CHANGED = "live", "as written", "as first written"


def conventions_sheet(material: Material) -> SheetPlan:
    """Return the sheet that says which convention this book follows and what others would give."""
    page = Page(CONVENTIONS)
    page.text(0, 0, "Conventions", TITLE)
    said = (
        "Two correct texts can print different numbers. These are the choices made here, and what other choices give."
    )
    page.text(1, 0, said, SUBTITLE)
    for column, (head, width) in enumerate(zip(HEADS, WIDTHS, strict=True)):
        page.text(HEAD, column, head, HEADER)
        page.widths[column] = width
    row = HEAD
    for row, convention in enumerate(conventions(material.graph), start=HEAD + 1):
        _line(page, material, row, convention)
    note = (
        "Live numbers follow every change. Some numbers need the training of another network; the program computed them for "
        "the numbers as first written. They turn grey when a yellow cell is changed, because they are then no longer valid."
    )
    page.text(row + 2, 0, note, NOTE_WRAPPED, span=(2, len(HEADS)))
    return page.done(freeze=(HEAD + 1, 1), printing=Print(1, (HEAD, HEAD)))


def _line(page: Page, material: Material, row: int, convention: Convention) -> None:
    texts = ((TOPIC, convention.topic), (HERE, convention.here), (NUMBER, convention.number))
    for column, text in (*texts, (ELSEWHERE, convention.elsewhere)):
        page.text(row, column, text, replace(LABEL, bold=True, wrap=True) if column == TOPIC else CELL_WRAPPED)
    _number(page, material, (row, OURS), convention.ours, value=convention.value_here)
    live = _number(page, material, (row, THEIRS), convention.theirs, value=convention.value_elsewhere)
    if live:
        page.text(row, FOLLOWS, LIVE, NOTE)
    else:
        page.formula(row, FOLLOWS, f'IF(inputs_changed>0,"{CHANGED}","{WRITTEN}")', WRITTEN, NOTE)
        ink, fill = AS_WRITTEN
        page.rules.append(Rule((row, THEIRS), (row, FOLLOWS), f'{address(row, FOLLOWS, True)}="{CHANGED}"', ink, fill))
    lines = [-(-len(text) // (WIDTHS[column] - 3)) for column, text in (*texts, (ELSEWHERE, convention.elsewhere))]
    page.heights[row] = 14.5 * max(lines) + 3


def _number(page: Page, material: Material, at: tuple[int, int], node: Node | None, *, value: float) -> bool:
    """Write a number, as a formula where all that it is made of stands in this book; return whether it does."""
    shown: Value = value if math.isfinite(value) else DIVERGED
    if node is None or not all(_stands(material, name) for name in names_in(node)):
        if isinstance(shown, str):
            page.text(*at, shown, DIGITS)
        else:
            page.number(*at, shown, DIGITS)
        return False
    text = formula(node, lambda name: _cell(material, name))
    page.formula(*at, guard(text) if material.guarded else text, shown, DIGITS)
    return True


def _stands(material: Material, name: str) -> bool:
    """Return whether a quantity in a row has a cell: a table without steps has no row 1."""
    quantity, row = split_name(name)
    return material.graph[quantity].kind is Kind.SETTING or row <= material.steps


def _cell(material: Material, name: str) -> str:
    quantity, row = split_name(name)
    return defined_name(quantity) if material.graph[quantity].kind is Kind.SETTING else material.cell(quantity, row)
