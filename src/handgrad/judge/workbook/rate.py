"""The learning rate of a table, and what else stands in cells beside it: what its formulas read decides."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.judge.workbook.choices import MisfitError
from handgrad.judge.workbook.spelling import LEARNING_RATE, SETTINGS, spelled
from handgrad.judge.workbook.table import GIVEN, Labelled, Table, Values, number
from handgrad.judge.workbook.trial import references, tree_of
from handgrad.xlsx.calculation import At
from handgrad.xlsx.formula import Binary, Number, Reference, Tree, parts
from handgrad.xlsx.reader import Book, Sheet, Value


@dataclass(frozen=True)
class Rate:
    """The learning rate, where it was found in words, and the cells that hold it (none where it is only typed).

    ``note`` says where a labelled cell holds another number than the updates read.
    """

    value: float | NDArray[np.float64]
    where: str
    cells: tuple[At, ...] = ()
    note: str = ""
    typed: bool = False

    @property
    def first(self) -> float:
        """Return the rate of the first step."""
        return float(np.asarray(self.value).flat[0])


def rate_of(book: Book, values: Values, table: Table, labels: list[Labelled]) -> Rate | None:
    """Return the learning rate, or None where nothing says what it is.

    Raises :class:`MisfitError` where the updates read a cell for it that holds no number.
    """
    if LEARNING_RATE in table.columns:
        return _column(book, values, table)
    labelled = [each for each in labels if each.name == LEARNING_RATE]
    known = [(each.value, (each.sheet, *each.place)) for each in labelled if not each.inside] + [
        (value, at) for name, at, value in named_cells(book, values) if name == LEARNING_RATE
    ]
    trees = list(_updates(book, table))
    others = {(each.sheet, *each.place) for each in labels if each.name != LEARNING_RATE}
    others |= {at for name, at, _ in named_cells(book, values) if name != LEARNING_RATE}
    reads = Counter(at for tree in trees for at in _outside(book, table, tree) if at not in others)
    numeric = [(at, count) for at, count in reads.most_common() if number(_value(values, at)) is not None]
    marked = {at for _, at in known}
    numeric.sort(key=lambda each: (-each[1], each[0] not in marked))
    if numeric and (2 * numeric[0][1] > len(trees) or numeric[0][0] in marked):
        at = numeric[0][0]
        value = number(_value(values, at)) or 0.0
        # A label of another sheet is that of another table where this sheet has one of its own.
        elsewhere = at[0] != table.sheet and any(each.sheet == table.sheet for each in labelled)
        own = not elsewhere and (at in marked or any(_row_of_labels(each, at) for each in labelled))
        where = _where(book, at) if own else f"{_where(book, at)}, which the updates read"
        twins = tuple(other for number_there, other in known if number_there == value and other != at)
        note = "" if own else next((_otherwise(book, each, value, at) for each in labelled if each.value != value), "")
        return Rate(value, where, (at, *twins), note)
    # No label, but one cell that most updates read: that is where the rate is.
    if known:
        value, at = known[0]
        twins = tuple(other for number_there, other in known if number_there == value and other != at)
        return Rate(value, _where(book, at), (at, *twins))
    typed = _typed_in(trees)
    if labelled:
        said = labelled[0]
        where = _where(book, (said.sheet, *said.place))
        if typed is None or typed == said.value:
            return Rate(said.value, f"the text of {where}", typed=True)
        note = f"{where} says that the learning rate is {said.value:g}; the updates have {typed:g} typed in."
        return Rate(typed, "typed into the updates", typed=True, note=note)
    if typed is not None:
        return Rate(typed, "typed into the updates", typed=True)
    _check_held(book, values, table, trees)
    return _of_first_step(values, table, trees)


def _otherwise(book: Book, label: Labelled, value: float, at: At) -> str:
    place = _where(book, (label.sheet, *label.place))
    read = f"the updates read {_where(book, at)}, {value:g}"
    return f"The cell labelled as learning rate, {place}, holds {label.value:g}; {read}."


def _row_of_labels(label: Labelled, at: At) -> bool:
    """Whether a cell is one of a list beside the label: in its row or column, a few cells on."""
    sheet, row, column = at
    if sheet != label.sheet:
        return False
    return (row == label.place[0] and 0 <= column - label.place[1] <= 20) or (
        column == label.place[1] and 0 <= row - label.place[0] <= 20
    )


def _value(values: Values, at: At) -> Value:
    return values.get(at[0], {}).get((at[1], at[2]))


def _where(book: Book, at: At) -> str:
    return f"{at[0]}!{book.address(at[1], at[2])}"


def _column(book: Book, values: Values, table: Table) -> Rate | None:
    column = table.columns[LEARNING_RATE]
    shown = [number(values[table.sheet].get((row, column))) for row in table.rows]
    first = next((value for value in shown if value is not None), None)
    if first is None:
        return None
    filled: list[float] = []
    for value in shown:
        # Some people write the rate into the first row alone, or where it changes.
        filled.append(value if value is not None else filled[-1] if filled else first)
    cells = tuple((table.sheet, row, column) for row in table.rows)
    where = f"{'row' if book.turned else 'column'} {book.address(table.header, column)}"
    same = all(value == first for value in filled)
    return Rate(first, where, cells) if same else Rate(np.array(filled), where, cells)


def named_cells(book: Book, values: Values) -> Iterator[tuple[str, At, float]]:
    """Yield the cells that defined names stand for: the quantity, the cell, its number."""
    for name, text in book.names.items():
        meant = quantity_named(name)
        tree = tree_of(text) if meant is not None else None
        if meant is not None and isinstance(tree, Reference) and (sheet := book.sheet(tree.sheet or "")) is not None:
            found = number(values[sheet.name].get((tree.row, tree.column)))
            if found is not None:
                yield meant, (sheet.name, tree.row, tree.column), found


def quantity_named(name: str) -> str | None:
    """Return the given quantity that a defined name stands for: ``w_5``, ``t_1_sample_2``, ``beta_1``, ``lr``; or None."""
    own = re.fullmatch(r"([a-z]+_\d+)_sample_(\d+)", name)
    if own is not None:
        return f"{own[1].replace('_', '')}[{int(own[2])}]"
    meant = spelled(name)
    if meant == LEARNING_RATE or meant in SETTINGS.values() or (meant is not None and GIVEN.fullmatch(meant)):
        return meant
    return None


def _updates(book: Book, table: Table) -> Iterator[Tree]:
    """The formulas that make a step: of the weights in the second row, of new weights and of Δw in the first."""
    sheet = book.sheet(table.sheet)
    if sheet is None:
        return
    for name, column in table.columns.items():
        # The second row of a weight holds the first update; a column of new weights has it in its first row.
        place = 1 if re.fullmatch(r"w\d+", name) else 0 if re.match(r"step!w|w\d+_next", name) else None
        if place is None or place >= len(table.rows):
            continue
        tree = tree_at(sheet, table.rows[place], column)
        if tree is not None and (place == 0 or not isinstance(tree, Reference)):
            yield tree


def tree_at(sheet: Sheet, row: int, column: int) -> Tree | None:
    """Return the formula of a cell as a tree, or None where it has none that is understood."""
    cell = sheet.cells.get((row, column))
    return None if cell is None or cell.formula is None else tree_of(cell.formula)


def _outside(book: Book, table: Table, tree: Tree) -> set[At]:
    inside = set(table.columns.values())
    return {
        (ref.sheet or "", ref.row, ref.column)
        for ref in references(book, table.sheet, tree)
        if not (ref.sheet == table.sheet and ref.row in table.rows and ref.column in inside)
    }


def literals(tree: Tree) -> list[float]:
    """Return the numbers typed into a formula."""
    return [part.value for part in parts(tree) if isinstance(part, Number)]


def _typed_in(trees: list[Tree]) -> float | None:
    """The rate that most updates have typed in."""
    typed: Counter[float] = Counter()
    for tree in trees:
        numbers = literals(tree)
        # In w − ∂E/2 the rate is a half.
        under = {
            part.right.value
            for part in parts(tree)
            if isinstance(part, Binary) and part.sign == "/" and isinstance(part.right, Number) and part.right.value
        }
        typed.update(
            1.0 / value if value in under else value
            for value in set(numbers)
            # 1 and 2 belong to slopes and squares, unless they are the only number there is.
            if value not in (1.0, 2.0) or len(numbers) == 1
        )
    value = typed.most_common(1)[0][0] if typed else 0.0
    return value if value > 0 else None


def _check_held(book: Book, values: Values, table: Table, trees: list[Tree]) -> None:
    """Raise :class:`MisfitError` where most updates read one cell beside the table, and it holds no number."""
    reads = Counter(at for tree in trees for at in _outside(book, table, tree))
    for at, count in reads.most_common(1):
        if 2 * count > len(trees) and number(_value(values, at)) is None:
            raise MisfitError(f"no learning rate – {_where(book, at)}, which the updates read, holds no number")


def _of_first_step(values: Values, table: Table, trees: list[Tree]) -> Rate | None:
    """What the first step of the weights shows."""
    if len(table.rows) < 2:
        return Rate(1.0, "not needed: the table has one row", typed=True)
    cells = values[table.sheet]
    steps: list[float] = []
    for name, column in table.columns.items():
        slope = table.columns.get(f"dE/d{name}")
        if slope is None:
            continue
        first, second = (number(cells.get((row, column))) for row in table.rows[:2])
        gradient = number(cells.get((table.rows[0], slope)))
        if first is not None and second is not None and gradient:
            steps.append((first - second) / gradient)
    if trees and all(not _outside_or_typed(tree) for tree in trees):
        return Rate(1.0, "none: the updates have no factor", typed=True)
    if not steps or not (middle := float(f"{np.median(steps):.3g}")) > 0:
        return None
    return Rate(middle, "found from the first step of the weights, because no cell holds it", typed=True)


def _outside_or_typed(tree: Tree) -> bool:
    return bool(literals(tree))


def constants(labels: list[Labelled]) -> Mapping[str, list[Labelled]]:
    """Return labelled numbers but the learning rate by name, what stands in the table's own sheet first."""
    found: dict[str, list[Labelled]] = {}
    for each in labels:
        if each.name != LEARNING_RATE:
            found.setdefault(each.name, []).append(each)
    return found
