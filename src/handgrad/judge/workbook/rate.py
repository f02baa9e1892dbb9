"""The learning rate of a table: its own column, a labelled cell or name, the cell that the updates read, or a typed number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.judge.workbook.spelling import LEARNING_RATE, spelled
from handgrad.judge.workbook.table import Labelled, Table, Values, number
from handgrad.xlsx.calculation import At
from handgrad.xlsx.formula import FormulaError, Name, Number, Reference, Tree, parse, parts
from handgrad.xlsx.reader import Book, Sheet, Value
from handgrad.xlsx.rows import address


@dataclass(frozen=True)
class Rate:
    """The learning rate, where it was found in words, and the cells that hold it (none where it is only typed)."""

    value: float | NDArray[np.float64]
    where: str
    cells: tuple[At, ...] = ()


def rate_of(book: Book, values: Values, table: Table, labels: list[Labelled]) -> Rate | None:
    """The learning rate, or None where nothing says what it is."""
    if LEARNING_RATE in table.columns:
        return _column(values, table)
    labelled = [each for each in labels if each.name == LEARNING_RATE]
    known = [(each.value, (each.sheet, *each.place)) for each in labelled if not each.inside] + list(
        _named(book, values)
    )
    reads = Counter(at for tree in _updates(book, table) for at in _outside(book, table, tree))
    used = [(value, at) for value, at in known if at in reads]
    if used:
        value, at = max(used, key=lambda each: reads[each[1]])
        return Rate(value, _where(at), _twins(known, value, at))
    if known:
        value, at = known[0]
        return Rate(value, _where(at), _twins(known, value, at))
    common = [at for at, count in reads.most_common() if count >= 2 and number(_value(values, at)) is not None]
    if common:
        found = number(_value(values, common[0]))
        if found:
            return Rate(found, f"{_where(common[0])}, which the updates read", (common[0],))
    if labelled:
        return Rate(labelled[0].value, f"the text of {_where((labelled[0].sheet, *labelled[0].place))}")
    return _typed(book, values, table)


def _value(values: Values, at: At) -> Value:
    return values.get(at[0], {}).get((at[1], at[2]))


def _twins(known: list[tuple[float, At]], value: float, first: At) -> tuple[At, ...]:
    return tuple(dict.fromkeys((first, *(at for other, at in known if other == value))))


def _where(at: At) -> str:
    return f"{at[0]}!{address(at[1], at[2])}"


def _column(values: Values, table: Table) -> Rate | None:
    column = table.columns[LEARNING_RATE]
    shown = [number(values[table.sheet].get((row, column))) for row in table.rows]
    first = next((value for value in shown if value is not None), None)
    if first is None:
        return None
    filled = np.array([first if value is None else value for value in shown])
    cells = tuple((table.sheet, row, column) for row in table.rows)
    where = f"column {address(table.header, column)}"
    return Rate(float(first), where, cells) if (filled == first).all() else Rate(filled, where, cells)


def _named(book: Book, values: Values) -> Iterator[tuple[float, At]]:
    for name, text in book.names.items():
        if spelled(name) != LEARNING_RATE:
            continue
        try:
            tree = parse(text)
        except FormulaError:
            continue
        if isinstance(tree, Reference) and (sheet := book.sheet(tree.sheet or "")) is not None:
            at = (sheet.name, tree.row, tree.column)
            if (found := number(values[sheet.name].get((tree.row, tree.column)))) is not None:
                yield found, at


def _updates(book: Book, table: Table) -> Iterator[Tree]:
    """The formulas of the weights in the second row."""
    sheet = book.sheet(table.sheet)
    if sheet is None or len(table.rows) < 2:
        return
    for name, column in table.columns.items():
        if name[0] == "w" and not name.endswith("_next"):
            tree = tree_at(sheet, table.rows[1], column)
            if tree is not None:
                yield tree


def tree_at(sheet: Sheet, row: int, column: int) -> Tree | None:
    """The formula of a cell as a tree, or None where it has none that is understood."""
    cell = sheet.cells.get((row, column))
    if cell is None or cell.formula is None:
        return None
    try:
        return parse(cell.formula)
    except FormulaError:
        return None


def references(book: Book, sheet: str, tree: Tree) -> Iterator[Reference]:
    """Every cell a formula reads by itself, with its sheet; corners of areas, and cells behind names."""
    for part in parts(tree):
        if isinstance(part, Reference):
            page = book.sheet(part.sheet or sheet)
            if page is not None:
                yield Reference(page.name, part.row, part.column, part.fixed_row, part.fixed_column)
        elif isinstance(part, Name) and (text := book.names.get(part.value.casefold())) is not None:
            try:
                named = parse(text)
            except FormulaError:
                continue
            if isinstance(named, Reference) and (page := book.sheet(named.sheet or sheet)) is not None:
                yield Reference(page.name, named.row, named.column, True, True)


def _outside(book: Book, table: Table, tree: Tree) -> set[At]:
    inside = set(table.columns.values())
    return {
        (ref.sheet or "", ref.row, ref.column)
        for ref in references(book, table.sheet, tree)
        if not (ref.sheet == table.sheet and ref.row in table.rows and ref.column in inside)
    }


def literals(tree: Tree) -> list[float]:
    """The numbers typed into a formula."""
    return [part.value for part in parts(tree) if isinstance(part, Number)]


def _typed(book: Book, values: Values, table: Table) -> Rate | None:
    """The number that most updates have typed in; else what the first step of the weights shows."""
    typed = Counter(value for tree in _updates(book, table) for value in set(literals(tree)))
    if typed:
        value, _ = typed.most_common(1)[0]
        if value > 0:
            return Rate(value, "typed into the updates")
    cells = values[table.sheet]
    steps: list[float] = []
    for name, column in table.columns.items():
        slope = table.columns.get(f"dE/d{name}")
        if slope is None or len(table.rows) < 2:
            continue
        first, second = (number(cells.get((row, column))) for row in table.rows[:2])
        gradient = number(cells.get((table.rows[0], slope)))
        if first is not None and second is not None and gradient:
            steps.append((first - second) / gradient)
    if not steps or not (middle := float(f"{np.median(steps):.3g}")) > 0:
        return None
    return Rate(middle, "found from the first step of the weights, as no cell says it")


def constants(labels: list[Labelled]) -> Mapping[str, list[Labelled]]:
    """Labelled numbers but the learning rate by name, what stands in the table's own sheet first."""
    found: dict[str, list[Labelled]] = {}
    for each in labels:
        if each.name != LEARNING_RATE:
            found.setdefault(each.name, []).append(each)
    return found
