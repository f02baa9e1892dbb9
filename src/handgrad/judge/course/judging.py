"""Judges a class: every person gets a row, whatever their hand-in does, and what was judged once is not judged again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from handgrad.digits.data.dataset import Dataset, load_dataset
from handgrad.errors import DiskError, HandgradError, UsageError
from handgrad.judge.course.log import Log, key_of
from handgrad.judge.course.people import HandIn, find_people, one_hand_in
from handgrad.judge.network.assignment import Assignment
from handgrad.judge.network.judging import FAULT, TIME_LIMIT, OnEpoch, judge_network
from handgrad.judge.verdict import Points, PointsRow, Requirement, Verdict
from handgrad.judge.workbook import BookVerdict, judge_workbook, summary
from handgrad.scratch import scratch_folder
from handgrad.text import one_line
from handgrad.version import __version__

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
    on_epoch: OnEpoch = lambda seed, answer: None


@dataclass(frozen=True)
class Row:
    """The verdict on one person, whether it was known from before, how far the class is, and the seconds that remain."""

    verdict: Verdict
    known: bool
    done: int
    of: int
    left: float | None


@dataclass
class Pace:
    """How long a judgement takes here, by those that were really made."""

    taken: list[float] = field(default_factory=list)

    def left(self, waiting: int) -> float | None:
        """Return about how many seconds *waiting* more will take; None before the first."""
        recent = self.taken[1:][-20:] or self.taken  # the first has torch's start in it
        return sum(recent) / len(recent) * waiting if recent else None


def judge_course(
    places: Sequence[Path], course: Course, on_row: Callable[[Row], None] = lambda row: None
) -> list[Verdict]:
    """Judge everybody in *places* and return a verdict each, in order of name.

    Raises `UsageError` where nobody is found or a log is in the way, `MissingError` without digits, `BusyRunError` where
    another process writes the log. What one hand-in does, or the disk at one row, ends that row alone.
    """
    with ExitStack() as stack:
        people = find_people(places, stack.enter_context(scratch_folder("class")))
        if any(each.file is not None and not each.is_book for each in people):
            if course.assignment is None:
                raise UsageError("--assignment is missing – name one, `handgrad assignments` lists them")
            course = replace(course, data=_loaded(course.data))
        log = Log(course.log, resume=course.resume) if course.log is not None else None
        if log is not None:
            stack.callback(log.close)
        verdicts = []
        for row in _rows(people, course, log):
            verdicts.append(row.verdict)
            on_row(row)
    return verdicts


def judge_folder(folder: Path, course: Course) -> Verdict:
    """Return the verdict on a folder that is one hand-in. Raises `MissingError` without digits."""
    with scratch_folder("class") as scratch:
        person = one_hand_in(folder, scratch)
        if person.file is not None and not person.is_book:
            course = replace(course, data=_loaded(course.data))
        return replace(judge_person(person, course), person="")


def _loaded(data: Path | str | Dataset | None) -> Dataset:
    return data if isinstance(data, Dataset) else load_dataset(Path(data) if data else None, download=False)


def _rows(people: Sequence[HandIn], course: Course, log: Log | None) -> Iterator[Row]:
    """Judge *people* one after another."""
    settings, pace = _settings(course), Pace()
    for done, person in enumerate(people, 1):
        began = time.monotonic()
        key = _key(settings, person)
        known = log.known.get(key) if log is not None and key else None
        if known is not None:
            verdict = replace(known, person=person.person, number=person.number)
        else:
            verdict = judge_person(person, course)
            pace.taken.append(time.monotonic() - began)
            if log is not None and key and not may_pass(verdict):
                try:
                    log.append(key, verdict)
                except DiskError as error:
                    verdict = replace(verdict, notes=(*verdict.notes, f"not saved: {one_line(error)}"))
        yield Row(verdict, known is not None, done, len(people), pace.left(len(people) - done))


def may_pass(verdict: Verdict) -> bool:
    """Whether another try may end otherwise: what the machine lacked, and not the file, decided."""
    return verdict.verdict == "no verdict" and any(note.startswith((FAULT, "the judg")) for note in verdict.notes)


def _settings(course: Course) -> str:
    """Return everything that a verdict depends on beside the files."""
    asked = asdict(course.assignment) if course.assignment is not None else None
    seeds = list(course.seeds) if course.seeds is not None else None
    data = course.data.sha256 if isinstance(course.data, Dataset) else ""
    return json.dumps(
        [__version__, asked, course.network, course.static, course.recipe, seeds, data], default=str, sort_keys=True
    )


def _key(settings: str, person: HandIn) -> str:
    """Return the key of one judgement, empty where a file cannot be read: then it is judged, and that told."""
    try:
        return key_of(settings, person.shown, person.files(), person.root)
    except OSError:
        return ""


def judge_person(person: HandIn, course: Course) -> Verdict:
    """Return the verdict on what one person handed in; raises nothing but an interrupt."""
    try:
        verdict = _judged(person, course)
    except (HandgradError, OSError, MemoryError) as error:
        verdict = _no_verdict(person, course, f"{FAULT}: {one_line(error) or type(error).__name__}")
    except Exception as error:  # one row, never the class
        verdict = _no_verdict(person, course, f"{FAULT}: {type(error).__name__}: {one_line(error)}")
    if person.others:
        beside = ", ".join(person.others[:5]) + (" …" if len(person.others) > 5 else "")
        verdict = replace(verdict, notes=(*verdict.notes, f"judged {person.shown}; handed in beside it: {beside}"))
    return replace(verdict, file=person.shown, person=person.person, number=person.number)


def _judged(person: HandIn, course: Course) -> Verdict:
    """Judge one hand-in by its kind."""
    if person.file is None:
        return _no_verdict(person, course, person.reason)
    if person.is_book:
        return book_as_verdict(judge_workbook(person.file), person.shown)
    if course.assignment is None:
        return _no_verdict(person, course, "nothing to judge it by: a network needs --assignment")
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


def _no_verdict(person: HandIn, course: Course, reason: str) -> Verdict:
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
