"""Judges what one person handed in, whatever it is and does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from handgrad.cluster.engine import LOCAL
from handgrad.digits.data.dataset import Dataset
from handgrad.errors import HandgradError, UsageError
from handgrad.judge.course.people import HandIn
from handgrad.judge.network.assignment import Assignment
from handgrad.judge.network.judging import FAULT, TIME_LIMIT, OnEpoch, judge_network
from handgrad.judge.verdict import Points, PointsRow, Requirement, Verdict
from handgrad.judge.workbook import BookVerdict, judge_workbook, summary
from handgrad.text import one_line

BOOK = "workbook"
"""What stands for the assignment of a workbook, which is judged against the calculus."""


@dataclass(frozen=True)
class Course:
    """How a class is judged; *time_limit* is for each hand-in, *assignment* None where only workbooks are handed in."""

    assignment: Assignment | None
    network: str = ""
    static: bool = False
    recipe: Literal["assignment", "found"] = "assignment"
    seeds: Sequence[int] | None = None
    data: Path | str | Dataset | None = None
    time_limit: float = TIME_LIMIT
    require_sandbox: bool = False
    log: Path | None = None
    resume: bool = False
    on: str = LOCAL
    """Where: here, one after another, or on the workers of a Dask engine (see `handgrad.cluster.where`)."""
    on_epoch: OnEpoch = lambda seed, answer: None


def judge_person(person: HandIn, course: Course) -> Verdict:
    """Return the verdict on what one person handed in; raises nothing but an interrupt."""
    try:
        verdict = _judged(person, course)
    except UsageError as error:
        # What cannot be read is nobody's fault here: the file is protected, damaged or none.
        verdict = no_verdict(person, course, one_line(error))
    # MemoryError too: a workbook made to fill it must cost one row.
    except (HandgradError, OSError, MemoryError) as error:
        verdict = no_verdict(person, course, f"{FAULT}: {one_line(error) or type(error).__name__}")
    except Exception as error:  # one row, never the class
        verdict = no_verdict(person, course, f"{FAULT}: {type(error).__name__}: {one_line(error)}")
    if person.others:
        beside = ", ".join(person.others[:5]) + (" …" if len(person.others) > 5 else "")
        verdict = replace(verdict, notes=(*verdict.notes, f"judged {person.shown}; also handed in: {beside}"))
    return replace(verdict, file=person.shown, person=person.person, number=person.number)


def _judged(person: HandIn, course: Course) -> Verdict:
    """Judge one hand-in by its kind."""
    if person.file is None:
        return no_verdict(person, course, person.reason)
    if person.is_book:
        return book_as_verdict(judge_workbook(person.file), person.shown)
    if course.assignment is None:
        return no_verdict(person, course, "there is nothing to judge it by: a network needs --assignment")
    return judge_network(
        f"{person.file}:{course.network}" if course.network else str(person.file),
        course.assignment,
        static=course.static,
        recipe=course.recipe,
        seeds=course.seeds,
        data=course.data,
        time_limit=course.time_limit,
        require_sandbox=course.require_sandbox,
        # Nobody's file sees another person's.
        neighbours=person.root is not None,
        root=person.root,
        on_epoch=course.on_epoch,
    )


def no_verdict(person: HandIn, course: Course, reason: str) -> Verdict:
    """Return that nothing could be said of *person*, and the *reason*."""
    name = course.assignment.name if course.assignment is not None else BOOK
    return Verdict("no verdict", person.shown, name, (), "nothing was run", (reason,), 0.0)


def book_as_verdict(book: BookVerdict, shown: str) -> Verdict:
    """Return the verdict on a workbook as a row beside those on networks."""
    met = {"met": True, "not met": False, "no verdict": None}[book.verdict]
    asked = "every answer right" if book.task else "every column right"
    rows = (Requirement("columns", asked, summary(book), met),) if book.columns else ()
    points = None
    if book.points is not None and met is not None:
        got, most = map(float, book.points)
        points = Points((PointsRow("answers", got, most, summary(book)),), got, most)
    mistakes = tuple(f"{column.cell} {column.head}: {column.mistake}" for column in book.mistakes[:8])
    return Verdict(book.verdict, shown, BOOK, rows, "nothing was run", (*mistakes, *book.notes), 0.0, points=points)
