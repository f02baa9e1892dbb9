"""The teacher's two other sheets: what each mistake leads to, and everything again for a program to mark by."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from handgrad.backprop.exercise.layout import ANSWER, ANSWERS, Places
from handgrad.backprop.exercise.looks import WORDS
from handgrad.backprop.exercise.marking import (
    NEAR_MISTAKE,
    NEAR_RIGHT,
    OF_STEP,
    TOLERANCE,
    accepted,
    mistake_tolerance,
)
from handgrad.backprop.exercise.questions import Question
from handgrad.backprop.exercise.task import FORMAT
from handgrad.backprop.workbook.looks import COUNT, HEADER, LABEL, SMALL, SUBTITLE, TITLE, VALUE
from handgrad.backprop.workbook.plan import Page, SheetPlan
from handgrad.xlsx.writer import Look, Print, address

MISTAKES, DATA = "Mistakes", "Data"
FACTS = 3
ANSWER_HEADS = ("number", "name", "sheet", "cell", "value", "tolerance", "base")
MISTAKE_HEADS = ("number", "name", "slip", "words", "value", "tolerance")
GENERAL = replace(VALUE, number="General", least=0.0)


def mistakes_sheet(places: Places) -> SheetPlan:
    """Return every wrong value that the task can name, all other answers being right."""
    page = Page(MISTAKES)
    page.text(0, 0, "Mistakes", TITLE)
    page.text(1, 0, "What each likely mistake gives if all earlier answers are right.", SUBTITLE)
    for column, (head, width) in enumerate((("#", 5), ("quantity", 12), ("right", 13), ("found", 13), ("mistake", 90))):
        page.text(3, column, head, HEADER)
        page.widths[column] = width
    for row, (question, words, _, value, _) in enumerate(_mistakes(places), start=4):
        page.number(row, 0, float(question.number), COUNT)
        page.text(row, 1, question.label, LABEL)
        page.number(row, 2, places.exercise.answers[question.name], VALUE)
        page.number(row, 3, value, VALUE)
        page.text(row, 4, words, WORDS)
    return page.done(freeze=(4, 2), printing=Print(1, (3, 3)))


def data_sheet(places: Places) -> SheetPlan:
    """Return plain tables under defined names: ``key_facts`` (two columns), ``key_answers`` and ``key_mistakes`` (with
    headers).
    """
    page = Page(DATA)
    page.text(0, 0, "Data", TITLE)
    said = "The same key for programs: key_facts, key_answers and key_mistakes are names of its three tables."
    page.text(1, 0, said, SUBTITLE)
    facts = _facts(places)
    for row, (fact, value) in enumerate(facts, start=FACTS):
        page.text(row, 0, fact, LABEL)
        _put(page, row, 1, value, look=GENERAL)
    page.names["key_facts"] = (FACTS, 0, FACTS + len(facts) - 1, 1)
    top = FACTS + len(facts) + 1
    top = _table(page, top, "key_answers", ANSWER_HEADS, rows=list(_answer_rows(places)))
    rows = [
        (float(question.number), question.name, kind, words, value, near)
        for question, words, kind, value, near in _mistakes(places)
    ]
    _table(page, top, "key_mistakes", MISTAKE_HEADS, rows=rows)
    page.widths |= {0: 20, 1: 18, 2: 22, 3: 60, 4: 24, 5: 24, 6: 24}
    return page.done(working=True)


def _facts(places: Places) -> list[tuple[str, float | str]]:
    exercise = places.exercise
    return [
        ("format", float(FORMAT)),
        ("task_id", exercise.identifier),
        ("seed", float(exercise.seed)),
        ("kind", "practice" if places.practice else "test"),
        ("blanks", float(len(exercise.questions))),
        ("tolerance", TOLERANCE),
        ("tolerance_of_step", OF_STEP),
        ("near_mistake", NEAR_MISTAKE),
        ("near_right", NEAR_RIGHT),
        ("network", json.dumps(asdict(exercise.network), ensure_ascii=False)),
    ]


def _answer_rows(places: Places) -> Iterator[tuple[float | str, ...]]:
    values = places.exercise.values
    for question in places.exercise.questions:
        base = None if question.base is None else values[question.base]
        value = values[question.name]
        cell = address(places.answer_rows[question.name], ANSWER)
        yield (
            float(question.number),
            question.name,
            ANSWERS,
            cell,
            value,
            float(accepted(value, base)),
            "" if base is None else base,
        )


def _mistakes(places: Places) -> Iterator[tuple[Question, str, str, float, float]]:
    exercise = places.exercise
    for question in exercise.questions:
        name = question.name
        base = None if question.base is None else exercise.values[question.base]
        for mistake, value in zip(exercise.mistakes[name], exercise.mistake_values[name], strict=True):
            near = float(mistake_tolerance(value, exercise.values[name], base))
            yield question, mistake.words, str(mistake.kind), value, near


def _table(page: Page, top: int, name: str, heads: tuple[str, ...], *, rows: Sequence[tuple[float | str, ...]]) -> int:
    """Write a table with its header; return the first free row below, one left between."""
    for column, head in enumerate(heads):
        page.text(top, column, head, HEADER)
    for row, values in enumerate(rows, start=top + 1):
        for column, value in enumerate(values):
            _put(page, row, column, value, look=SMALL if heads[column] == "tolerance" else GENERAL)
    page.names[name] = (top, 0, top + len(rows), len(heads) - 1)
    return top + len(rows) + 2


def _put(page: Page, row: int, column: int, value: float | str, *, look: Look) -> None:
    if isinstance(value, str):
        page.text(row, column, value, WORDS)
    else:
        page.number(row, column, value, look)


__all__ = ["data_sheet", "mistakes_sheet"]
