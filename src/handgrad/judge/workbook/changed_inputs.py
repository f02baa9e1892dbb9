"""What if the first numbers were others? Formulas that follow find the new values; a number typed into one stays behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from handgrad.backprop.graph.graph import FIRST_VALUES, Graph, Kind
from handgrad.backprop.mistakes.kinds import MistakeKind
from handgrad.judge.workbook.diagnosis import Diagnosis, Finding
from handgrad.judge.workbook.rate import Rate, literals, references
from handgrad.judge.workbook.reading import Reading
from handgrad.judge.workbook.table import Labelled, number
from handgrad.xlsx.calculation import At, Calculation
from handgrad.xlsx.formula import FormulaError, parse
from handgrad.xlsx.reader import Book

ROWS = 8
"""So many rows are calculated with other numbers: a typed number shows in the first two."""
MAX_TRACED = 400


@dataclass(frozen=True)
class Changed:
    """Other first numbers: by cell, and by the name of what they are."""

    cells: Mapping[At, float]
    factors: Mapping[str, float]


def stays_behind(
    book: Book, reading: Reading, rate: Rate, labels: Mapping[str, list[Labelled]]
) -> tuple[dict[str, Finding], str | None]:
    """Columns whose values are right only for the numbers as they are, and why it could not be found out, if so."""
    if isinstance(reading.rate, np.ndarray):
        return {}, "whether formulas follow a change was not tried, as the learning rate has a column"
    changed = _changes(book, reading, rate, labels)
    calculation = Calculation(book, changed.cells)
    table = replace(reading.table, rows=reading.table.rows[:ROWS])
    cells = {}
    for row in table.rows:
        for column in sorted(table.columns.values()):
            cells[row, column] = calculation.value(table.sheet, row, column)
    if calculation.beyond:
        return {}, "whether formulas follow a change was not tried, as some use functions that are not calculated here"
    other = replace(
        reading,
        table=table,
        cells=cells,
        rate=reading.rate * changed.factors["learning_rate"] if rate.cells else reading.rate,
        changed={
            name: float(value) * changed.factors[name]
            for name, value in reading.given.items()
            if name in labels and name in changed.factors and name not in reading.places
        },
    )
    diagnosis = Diagnosis(book, reading)
    found: dict[str, Finding] = {}
    for name, wrong in other.wrong.items():
        if wrong.any() and not reading.wrong[name].any() and not diagnosis.still(name):
            finding = _typed(book, diagnosis, name, int(np.argmax(wrong)))
            if finding is not None:
                found[name] = finding
    return found, None


def _typed(book: Book, diagnosis: Diagnosis, name: str, row: int) -> Finding | None:
    """The number typed into the formula of this cell, or into a cell beside the table that it reads."""
    tree = diagnosis.tree(name, row)
    if tree is None:
        return None
    for value in literals(tree):
        if (meant := diagnosis.meant(name, value)) is not None:
            words = f"{diagnosis.at(name, row)} has {value:g} typed in where {meant} should be read from its cell; "
            return Finding(MistakeKind.CONSTANT, words + "right only as long as nothing is changed", row)
    return None


def _changes(book: Book, reading: Reading, rate: Rate, labels: Mapping[str, list[Labelled]]) -> Changed:
    graph = reading.convention.graph
    spelled = {known: name for name, known in reading.convention.names.items()}
    cells: dict[At, float] = {}
    factors: dict[str, float] = {}
    for number_of, name in enumerate(_roots(graph)):
        # Near enough to stay in a sensible range, each another share, so that no two changes make up for one another.
        factor = 1.0 + 0.011 * (1 + number_of % 13) + 0.0017 * (number_of // 13)
        factors[name] = factor
        places: list[At] = []
        if name == "learning_rate":
            places += rate.cells
        elif name in reading.places:
            rows = reading.table.rows[:1] if name in graph.successors else reading.table.rows[:ROWS]
            for row in rows:
                places += _leaves(book, (reading.table.sheet, row, reading.places[name]))
        for each in labels.get(spelled.get(name, name), []):
            if not each.inside and each.value == _first(reading, name):
                places += _leaves(book, (each.sheet, *each.place))
        for at in places:
            page = book.sheet(at[0])
            value = None if page is None else number(page.cells[at[1], at[2]].value)
            if value is not None and at not in cells:
                cells[at] = value * factor
    return Changed(cells, factors)


def _first(reading: Reading, name: str) -> float:
    if name in reading.found:
        return float(reading.found[name][0])
    return float(reading.given[name])


def _roots(graph: Graph) -> Iterator[str]:
    for quantity in graph.of_kind(*FIRST_VALUES):
        if quantity.kind is not Kind.MEMORY:
            yield quantity.name


def _leaves(book: Book, at: At) -> Iterator[At]:
    """The typed numbers that a cell's value comes from."""
    waiting, seen = [at], {at}
    while waiting and len(seen) < MAX_TRACED:
        sheet, row, column = waiting.pop()
        page = book.sheet(sheet)
        cell = None if page is None else page.cells.get((row, column))
        if page is None or cell is None:
            continue
        if cell.formula is None:
            if number(cell.value) is not None:
                yield (page.name, row, column)
            continue
        try:
            tree = parse(cell.formula)
        except FormulaError:
            continue
        for ref in references(book, page.name, tree):
            place = (ref.sheet or page.name, ref.row, ref.column)
            if place not in seen:
                seen.add(place)
                waiting.append(place)
