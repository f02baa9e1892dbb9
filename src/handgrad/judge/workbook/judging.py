"""Judges somebody's workbook: finds the table, reads it the way it is meant, says of every column whether it is right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.backprop.graph.graph import FIRST_VALUES, Graph
from handgrad.backprop.mistakes.kinds import MistakeKind
from handgrad.judge.workbook.cell_values import HERE, STORED, refreshed, values_of
from handgrad.judge.workbook.changed_inputs import stays_behind
from handgrad.judge.workbook.conventions import MisfitError, Shape, conventions, shape_of
from handgrad.judge.workbook.diagnosis import Diagnosis, Finding
from handgrad.judge.workbook.rate import Rate, constants, rate_of
from handgrad.judge.workbook.reading import Reading, Tolerance
from handgrad.judge.workbook.table import Labelled, Table, Values, labelled, number, tables
from handgrad.judge.workbook.task import judge_task
from handgrad.judge.workbook.typed_biases import typed_biases
from handgrad.judge.workbook.verdict import BookVerdict, ColumnVerdict, plain
from handgrad.xlsx.reader import Book, Value, read_book
from handgrad.xlsx.rows import address

FIRST_LOOK = 5
"""So many rows decide how a table is meant."""
MAX_TRIES = 400
ROUNDED_DIGITS = 9
"""Typed tables with at most so many digits count as rounded."""


def judge_workbook(path: Path, *, key: Path | None = None, office: bool = True) -> BookVerdict:
    """Judge a workbook: a training table, or with ``key`` a task made by ``handgrad backprop --exercise`` or ``--test``.

    Values come from LibreOffice where it is installed (unless ``office`` is False), else from the file; where the file
    stores none, or stores what its formulas do not give, they are calculated here. The verdict says which.

    Raises :class:`UsageError` for what is no workbook, too large or unsafe (macros, links to other files, declared
    entities), and for a key that is none or belongs to another task; :class:`MissingError` where a file cannot be read.
    """
    book = read_book(Path(path))
    values, source, notes = values_of(book, office)
    if key is not None:
        return judge_task(book, values, source, read_book(Path(key)), notes)
    return judge_table(book, values, source, notes)


def judge_table(book: Book, values: Values, source: str, notes: tuple[str, ...]) -> BookVerdict:
    """Judge the best training table of a book."""
    file = plain(book.path.name, 100)
    found = tables(book, values)
    if not found:
        said = "no training table – a row of column names is needed, such as w1 … w8, a_h1, E_total, ∂E/∂w1"
        return BookVerdict("no verdict", file, source, notes=(*notes, said))
    table = found[0]
    notes = (*notes, *_others(found))
    if source == STORED and (fresh := refreshed(book, values, table)) is not None:
        values, source = fresh, HERE
        notes = (*notes, "The file stores other values than its formulas give; the table was calculated here.")
    labels = labelled(book, values, table)
    rate = rate_of(book, values, table, labels)
    if rate is None:
        said = "no learning rate – label its cell “learning rate” or η"
        return BookVerdict("no verdict", file, source, plain(table.sheet), notes=(*notes, said))
    beside = constants(labels)
    try:
        reading = _reading(book, values, table, beside, rate)
    except MisfitError as misfit:
        return BookVerdict("no verdict", file, source, plain(table.sheet), notes=(*notes, str(misfit)))
    columns, more = _columns(book, reading, rate, beside)
    ignored = [plain(table.heads[name], 20) for name in table.columns if name not in reading.convention.names]
    if ignored:
        more = (*more, f"Not judged, as this network has no such quantity: {', '.join(ignored[:12])}.")
    if reading.convention.said:
        more = (*more, f"Read as meant: {'; '.join(reading.convention.said)}.")
    sizes = "-".join(map(str, reading.convention.network.sizes))
    return BookVerdict(
        "met" if all(column.right for column in columns) else "not met", file, source, plain(table.sheet), sizes,
        f"{_first(rate):g}, from {plain(rate.where)}", _said(reading.tolerance), columns, (*notes, *more),
    )  # fmt: skip


def _first(rate: Rate) -> float:
    return float(np.asarray(rate.value).flat[0])


def _others(found: list[Table]) -> list[str]:
    if len(found) == 1:
        return []
    chosen = f"{plain(found[0].sheet)}!{address(found[0].header, min(found[0].columns.values()))}"
    rest = [f"{plain(t.sheet)}!{address(t.header, min(t.columns.values()))}" for t in found[1:6]]
    return [
        f"{len(found)} tables: judged is the one at {chosen}, which has most columns and rows; not {', '.join(rest)}."
    ]


def _said(tolerance: Tolerance) -> str:
    if tolerance.decimals is None:
        return f"{tolerance.relative:g} of a value"
    return f"{tolerance.relative:g} of a value, as the sheet shows {tolerance.decimals} digits"


def _reading(book: Book, values: Values, table: Table, beside: Mapping[str, list[Labelled]], rate: Rate) -> Reading:
    """The reading with the fewest wrong columns in the first rows; of equals the usual one."""
    cells = values[table.sheet]
    given = {name: each[0].value for name, each in beside.items() if name not in table.columns}
    shown = {name: number(cells.get((table.rows[0], column))) for name, column in table.columns.items()}
    first = (
        given | {name: value for name, value in shown.items() if value is not None} | {"learning_rate": _first(rate)}
    )
    names = frozenset(table.columns)
    units = shape_of(names, {}) if not _lacks(names) else shape_of(names, given)
    shape = replace(units, biases=max(units.biases, _biases(given)))
    tolerance = _tolerance(book, cells, table)
    look = replace(table, rows=table.rows[:FIRST_LOOK])
    wrong, best = _fewest_wrong(shape, look, cells, first, rate, tolerance)
    typed = typed_biases(book, best) if wrong > 1 and not shape.biases else None
    if typed is not None:
        fewer, other = _fewest_wrong(replace(shape, biases=len(typed)), look, cells, first | typed, rate, tolerance)
        if fewer < wrong:
            said = f"biases typed into the formulas: {', '.join(f'{value:g}' for value in typed.values())}"
            best = replace(other, convention=replace(other.convention, said=(*other.convention.said, said)))
    return replace(best, table=table, rate=rate.value)


def _fewest_wrong(
    shape: Shape, look: Table, cells: Mapping[tuple[int, int], Value], first: Mapping[str, float], rate: Rate,
    tolerance: Tolerance,
) -> tuple[int, Reading]:  # fmt: skip
    """How many columns are wrong in the best reading of these rows, and that reading."""
    best: tuple[int, Reading] | None = None
    names = frozenset(look.columns)
    for tries, convention in enumerate(conventions(shape, names, first, _biases_move(look, cells))):
        trial = Reading(convention, look, cells, _short(rate.value, FIRST_LOOK), tolerance)
        wrong = sum(bool(flags.any()) for flags in trial.wrong.values()) + len(names) - len(convention.names)
        if best is None or wrong < best[0]:
            best = (wrong, trial)
        # One wrong column is a mistake; a table meant in another way would have several.
        if best[0] <= 1 or tries > MAX_TRIES:
            break
    if best is None:
        raise MisfitError("no network fits these names")
    return best


def _short(rate: Any, rows: int) -> Any:
    return rate[:rows] if isinstance(rate, np.ndarray) else rate


def _lacks(names: frozenset[str]) -> bool:
    """Whether inputs or targets have no column, so that labelled cells must say them."""
    return not any(re.match(r"i\d", name) for name in names) or not any(re.match(r"t\d", name) for name in names)


def _biases(given: Mapping[str, float]) -> int:
    return max((int(name[1:]) for name in given if re.fullmatch(r"b\d+", name)), default=0)


def _biases_move(table: Table, cells: Mapping[tuple[int, int], Value]) -> bool:
    """Whether biases are trained: they have gradients, or change in most rows."""
    if any(name.startswith("dE/db") for name in table.columns):
        return True
    steps = moves = 0
    for name, column in table.columns.items():
        if re.fullmatch(r"b\d+", name):
            shown = [number(cells.get((row, column))) for row in table.rows]
            steps += len(shown) - 1
            moves += sum(one != other for one, other in pairwise(shown))
    return moves > steps / 2


def _tolerance(book: Book, cells: Mapping[tuple[int, int], Value], table: Table) -> Tolerance:
    """Exact where there are formulas; where everything is typed and rounded, as loose as its digits."""
    sheet = book.sheet(table.sheet)
    if sheet is None:
        return Tolerance()
    at = [(row, column) for row in table.rows[:50] for column in table.columns.values()]
    formulas = [cell.formula for place in at if (cell := sheet.cells.get(place)) is not None and cell.formula]
    rounds = [int(found) for text in formulas for found in re.findall(r"ROUND\([^\"]{1,400}?[,;]\s*(\d{1,2})\)", text)]
    if formulas and not rounds:
        return Tolerance()
    numbers = [value for place in at if (value := number(cells.get(place))) is not None]
    digits = max((_digits(value) for value in numbers), default=15)
    decimals = max((_decimals(value) for value in numbers), default=15)
    if rounds:
        digits = decimals = min(rounds)
    if digits > ROUNDED_DIGITS and decimals > ROUNDED_DIGITS:
        return Tolerance()
    return Tolerance(5.0 * 10.0 ** (1 - min(digits, decimals)), 2.5 * 10.0**-decimals, decimals)


def _digits(value: float) -> int:
    return len(f"{abs(value):.15e}".split("e")[0].replace(".", "").rstrip("0")) if value else 0


def _decimals(value: float) -> int:
    return len(f"{value:.15f}".rstrip("0").partition(".")[2])


@dataclass(frozen=True)
class _Judged:
    """The findings of a reading by graph name."""

    own: Mapping[str, Finding]
    behind: Mapping[str, Finding]


def _columns(
    book: Book, reading: Reading, rate: Rate, beside: Mapping[str, list[Labelled]]
) -> tuple[tuple[ColumnVerdict, ...], tuple[str, ...]]:
    diagnosis = Diagnosis(book, reading)
    own = {name: diagnosis.explain(name, wrong) for name, wrong in reading.wrong.items() if wrong.any()}
    behind: dict[str, Finding] = {}
    notes: list[str] = []
    if any(map(any, diagnosis.formulas.values())):
        behind, note = stays_behind(book, reading, rate, beside)
        notes += [note] if note else []
    else:
        notes.append("The table holds no formulas: only its values could be judged.")
    for name in reading.found:
        row = diagnosis.typed_over(name)
        if row is not None and name not in own:
            words = f"{diagnosis.at(name, row)} holds a typed number where the column has formulas"
            behind[name] = Finding(MistakeKind.TYPED_OVER, words, row)
    judged = _Judged(own, behind)
    heads = {known: name for name, known in reading.convention.names.items()}
    order = sorted(reading.places, key=lambda name: reading.places[name])
    return tuple(_verdict(reading, judged, name, heads[name]) for name in order), tuple(notes)


def _verdict(reading: Reading, judged: _Judged, name: str, head: str) -> ColumnVerdict:
    graph, table = reading.convention.graph, reading.table
    column = reading.places[name]
    basic = ColumnVerdict(
        name, plain(table.heads[head], 30), f"{plain(table.sheet)}!{address(table.header, column)}", True,
        rows=len(table.rows),
    )  # fmt: skip
    finding = judged.own.get(name) or judged.behind.get(name)
    flags = reading.wrong[name] if name in judged.own else reading.untrue[name]
    if finding is None and not flags.any():
        return basic
    row = finding.row if finding is not None else int(np.argmax(flags))
    level = reading.read if finding is not None else reading.true
    wanted = reading.expected(name, level) if finding is not None else reading.true[name]
    basic = replace(
        basic, right=False, wrong_rows=int(flags.sum()), from_row=table.rows[row] + 1,
        first_wrong=address(table.rows[row], column), found=_shown(reading.found[name][row]), expected=_shown(wanted[row]),
    )  # fmt: skip
    if finding is not None:
        return replace(basic, mistake=finding.likely, explanation=plain(finding.words, 300))
    causes = _causes(graph, name, judged.own)
    if not causes:
        return replace(basic, right=True, wrong_rows=0, from_row=None, first_wrong=None, found=None, expected=None)
    said = f"right from what it reads; it follows from {', '.join(graph[cause].label for cause in causes)}"
    return replace(basic, mistake=MistakeKind.CONSEQUENCE, explanation=said, follows_from=causes)


def _shown(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _causes(graph: Graph, name: str, own: Mapping[str, Finding]) -> tuple[str, ...]:
    """The wrong columns that this one is found from, in the same row or by way of earlier ones; nearest first."""
    found: dict[str, None] = {}
    seen = {name}
    waiting = [name]
    while waiting:
        current = waiting.pop(0)
        successor = graph.successors.get(current)
        before = graph.dependencies(successor) if successor else ()
        if graph[current].kind not in FIRST_VALUES:
            before = (*before, *graph.dependencies(current))
        for each in before:
            if each in seen:
                continue
            seen.add(each)
            if each in own:
                found[each] = None
            else:
                waiting.append(each)
    return tuple(found)


__all__ = ["judge_table", "judge_workbook", "values_of"]
