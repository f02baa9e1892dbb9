"""Marks a task made by ``handgrad backprop --exercise`` or ``--test`` against its key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handgrad.backprop.exercise import Exercise, Mark, Verdict, make_exercise
from handgrad.backprop.mistakes.kinds import MistakeKind
from handgrad.backprop.network.network import (
    BiasRule,
    Layer,
    Network,
    OverSamples,
    Sample,
    Update,
    UpdateOrder,
    UpdateRule,
)
from handgrad.errors import HandgradError, UsageError
from handgrad.judge.workbook.table import Values
from handgrad.judge.workbook.verdict import BookVerdict, ColumnVerdict, plain
from handgrad.xlsx.formula import Area, FormulaError, parse, reference
from handgrad.xlsx.reader import Book, CellError, Place, Value

FORMAT = 1.0


@dataclass(frozen=True)
class Key:
    """What a key holds for programs: its facts by name, and the rows of its answers."""

    facts: Mapping[str, Value]
    answers: tuple[Mapping[str, Value], ...]


def judge_task(book: Book, values: Values, source: str, key: Book, *, notes: tuple[str, ...]) -> BookVerdict:
    """Mark every answer of a task, also by what follows from earlier answers.

    Raises :class:`UsageError` where the key is none, is of another version, or belongs to another task.
    """
    read = read_key(key)
    identifier = str(read.facts.get("task_id", ""))
    if not any(identifier in str(value) for value in _texts(book)):
        raise UsageError(f"{book.path}: not the task {plain(identifier)} of this key – give the key of this task")
    exercise = _exercise(key, read)
    answers = {str(row["name"]): _answer(values, row) for row in read.answers}
    marks = exercise.mark(answers)
    columns = tuple(_column(exercise, row, answers, marks[str(row["name"])]) for row in read.answers)
    points = sum(mark.verdict in (Verdict.RIGHT, Verdict.FOLLOWS) for mark in marks.values())
    right = all(mark.verdict is Verdict.RIGHT for mark in marks.values())
    said = (f"{points} of {len(marks)} right, including answers computed correctly from a wrong earlier one.",)
    return BookVerdict(
        "met" if right else "not met", plain(book.path.name, 100), source, "Answers",
        "-".join(map(str, exercise.network.sizes)), f"{exercise.network.learning_rate:g}, as the task gives it",
        "0.1 % of a value", columns, (*notes, *said), identifier, (points, len(marks)),
    )  # fmt: skip


def is_task(book: Book) -> bool:
    """Return whether a book is a task that has answers to fill in, which only its key can judge."""
    return "answers" in {sheet.name.casefold() for sheet in book.sheets} and any(
        s.name.casefold() == "task" for s in book.sheets
    )


def read_key(book: Book) -> Key:
    """The tables ``key_facts`` and ``key_answers`` of a key."""
    facts = {str(row[0]): row[1] for row in _named(book, "key_facts") if len(row) > 1}
    if facts.get("format") != FORMAT:
        raise UsageError(f"{book.path}: not a key of this version – make task and key again, or give the right file")
    head, *rows = _named(book, "key_answers")
    names = [str(name) for name in head]
    if not {"name", "sheet", "cell"} <= set(names):
        raise UsageError(f"{book.path}: its table of answers is damaged – make task and key again")
    return Key(facts, tuple(dict(zip(names, row, strict=True)) for row in rows))


def _named(book: Book, name: str) -> list[list[Value]]:
    try:
        tree = parse(book.names.get(name, ""))
    except FormulaError:
        tree = None
    if not isinstance(tree, Area) or (sheet := book.sheet(tree.first.sheet or "")) is None:
        raise UsageError(f"{book.path}: no key – give the key that was written with the task")
    # A damaged key can name whole columns, a million rows of them.
    rows = range(tree.first.row, min(tree.last.row, tree.first.row + 1_000) + 1)
    columns = range(tree.first.column, min(tree.last.column, tree.first.column + 20) + 1)
    return [[cell.value if (cell := sheet.cells.get((r, c))) is not None else None for c in columns] for r in rows]


def _texts(book: Book) -> list[Value]:
    """The texts near the top of every sheet, where a task says which it is."""
    return [
        cell.value
        for sheet in book.sheets
        for place, cell in sheet.cells.items()
        if place[0] < 8 and isinstance(cell.value, str)
    ]


def _exercise(book: Book, key: Key) -> Exercise:
    try:
        drawn = network_from(json.loads(str(key.facts["network"])))
        exercise = make_exercise(drawn, int(float(str(key.facts["seed"]))))
    except (KeyError, TypeError, ValueError, HandgradError) as error:
        raise UsageError(f"{book.path}: its facts do not read back – make task and key again") from error
    if exercise.identifier != key.facts.get("task_id"):
        raise UsageError(f"{book.path}: this version draws other numbers from its seed – make task and key again")
    return exercise


def network_from(facts: Mapping[str, Any]) -> Network:
    """A network from the plain data of a key."""
    update = dict(facts["update"])
    return Network(
        name=str(facts["name"]),
        layers=tuple(Layer(**layer) for layer in facts["layers"]),
        samples=tuple(Sample(tuple(s["inputs"]), tuple(s["targets"])) for s in facts["samples"]),
        loss=str(facts["loss"]),
        bias=BiasRule(facts["bias"]),
        weights=tuple(facts["weights"]),
        biases=tuple(facts["biases"]),
        learning_rate=float(facts["learning_rate"]),
        update=Update(**(update | {"rule": UpdateRule(update["rule"])})),
        order=UpdateOrder(facts["order"]),
        over_samples=OverSamples(facts["over_samples"]),
        seed=int(facts["seed"]),
    )


def _answer(values: Values, row: Mapping[str, Value]) -> float | str | None:
    try:
        at = reference(str(row["cell"]), None)
    except FormulaError as error:
        raise UsageError("the key's table of answers is damaged – make task and key again") from error
    cells: Mapping[Place, Value] = values.get(str(row["sheet"]), {})
    value = cells.get((at.row, at.column))
    if isinstance(value, CellError):
        return str(value)
    return str(value) if isinstance(value, bool) else value


def _column(
    exercise: Exercise, row: Mapping[str, Value], answers: Mapping[str, float | str | None], mark: Mark
) -> ColumnVerdict:
    name = str(row["name"])
    given = answers[name]
    right = mark.verdict is Verdict.RIGHT
    mistake: str | None = None
    explanation = plain(mark.hint, 200)
    if mark.verdict is Verdict.FOLLOWS:
        mistake = str(MistakeKind.CONSEQUENCE)
    elif mark.verdict is Verdict.EMPTY:
        mistake, explanation = "no answer", "empty"
    elif not right:
        unnamed = "no number" if isinstance(given, str) else str(MistakeKind.UNKNOWN)
        mistake = unnamed if mark.mistake is None else str(mark.mistake.kind)
    return ColumnVerdict(
        name, exercise.graph[name].label, f"{plain(str(row['sheet']))}!{plain(str(row['cell']))}", right, 1, int(not right),
        None if right else reference(str(row["cell"]), None).row + 1, None if right else str(row["cell"]),
        given if isinstance(given, float) else None, exercise.answers[name], mistake, explanation,
    )  # fmt: skip
