"""Judges a class: every person gets a row, whatever their hand-in does, and what was judged once is not judged again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from handgrad.cluster.engine import LOCAL
from handgrad.cluster.where import check_engine
from handgrad.digits.data.dataset import Dataset
from handgrad.errors import DiskError, UsageError
from handgrad.judge.course.away import judged_away
from handgrad.judge.course.log import Log, key_of
from handgrad.judge.course.one import Course, judge_person
from handgrad.judge.course.people import HandIn, find_people, one_hand_in
from handgrad.judge.network.judging import FAULT, judged_data
from handgrad.judge.verdict import Verdict
from handgrad.scratch import scratch_folder
from handgrad.text import one_line
from handgrad.version import __version__


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
    """How long there is from one verdict to the next, by those that were really made."""

    taken: list[float] = field(default_factory=list)

    def left(self, waiting: int) -> float | None:
        """Return about how many seconds *waiting* more will take; None before the first."""
        recent = self.taken[1:][-20:] or self.taken  # the first has torch's start in it
        return sum(recent) / len(recent) * waiting if recent else None


def judge_course(
    places: Sequence[Path], course: Course, on_row: Callable[[Row], None] = lambda row: None
) -> list[Verdict]:
    """Judge everybody in *places* and return a verdict each, in order of name.

    Raises `UsageError` where nobody is found or a log is in the way, `MissingError` without digits, without Dask or where a
    scheduler does not answer or is lost, `BusyRunError` where another process writes the log. What one hand-in does, or the
    disk at one row, ends that row alone. Rows come as they end.
    """
    check_engine(course.on)
    with ExitStack() as stack:
        people = find_people(places, stack.enter_context(scratch_folder("class")))
        if any(each.file is not None and not each.is_book for each in people):
            if course.assignment is None:
                raise UsageError("--assignment is missing – name one, `handgrad assignments` lists them")
            course = replace(course, data=judged_data(course.data))
        log = Log(course.log, resume=course.resume) if course.log is not None else None
        if log is not None:
            # In every case: the lock on it ends with the file.
            stack.callback(log.close)
        verdicts: dict[int, Verdict] = {}
        for number, row in _rows(people, course, log):
            verdicts[number] = row.verdict
            on_row(row)
    return [verdicts[number] for number in sorted(verdicts)]


def judge_folder(folder: Path, course: Course) -> Verdict:
    """Return the verdict on a folder that is one hand-in. Raises `MissingError` without digits."""
    with scratch_folder("class") as scratch:
        person = one_hand_in(folder, scratch)
        if person.file is not None and not person.is_book:
            course = replace(course, data=judged_data(course.data))
        return replace(judge_person(person, course), person="")


def _rows(people: Sequence[HandIn], course: Course, log: Log | None) -> Iterator[tuple[int, Row]]:
    """Judge *people* and yield the place of each and the row."""
    settings, pace, done = _settings(course), Pace(), 0
    keys = [_key(settings, person) for person in people]
    waiting = []
    for number, (person, key) in enumerate(zip(people, keys, strict=True)):
        known = log.known.get(key) if log is not None and key else None
        if known is None:
            waiting.append(number)
            continue
        done += 1
        # The log knows what was judged, not who handed it in.
        verdict = replace(known, person=person.person, number=person.number)
        yield number, Row(verdict, True, done, len(people), None)
    asked = [people[number] for number in waiting]
    began = time.monotonic()
    with closing(judged_away(asked, course) if course.on != LOCAL else _judged_here(asked, course)) as ended:
        for among, verdict in ended:
            number = waiting[among]
            now = time.monotonic()
            pace.taken.append(now - began)
            began, done = now, done + 1
            yield (
                number,
                Row(_kept(verdict, keys[number], log), False, done, len(people), pace.left(len(people) - done)),
            )


def _judged_here(people: Sequence[HandIn], course: Course) -> Generator[tuple[int, Verdict]]:
    """Judge *people* one after another in this process."""
    for number, person in enumerate(people):
        yield number, judge_person(person, course)


def _kept(verdict: Verdict, key: str, log: Log | None) -> Verdict:
    """Write *verdict* to the log, unless another try may end otherwise; where the disk refuses, its row says so."""
    if log is not None and key and not may_pass(verdict):
        try:
            log.append(key, verdict)
        except DiskError as error:
            return replace(verdict, notes=(*verdict.notes, f"not saved: {one_line(error)}"))
    return verdict


def may_pass(verdict: Verdict) -> bool:
    """Whether another try may end otherwise: what the machine lacked, and not the file, decided."""
    # "the judging did not end", "the judging process did not start": these begin the reasons that lie with the machine.
    return verdict.verdict == "no verdict" and any(note.startswith((FAULT, "the judg")) for note in verdict.notes)


def _settings(course: Course) -> str:
    """Return everything that a verdict depends on beside the files."""
    asked = asdict(course.assignment) if course.assignment is not None else None
    seeds = list(course.seeds) if course.seeds is not None else None
    data = course.data.sha256 if isinstance(course.data, Dataset) else ""
    # The version stands in it, since another program may judge otherwise.
    return json.dumps(
        [__version__, asked, course.network, course.static, course.recipe, seeds, data], default=str, sort_keys=True
    )


def _key(settings: str, person: HandIn) -> str:
    """Return the key of one judgement, empty where a file cannot be read: then it is judged, and that told."""
    try:
        return key_of(settings, person.shown, person.files(), person.root)
    except OSError:
        return ""
