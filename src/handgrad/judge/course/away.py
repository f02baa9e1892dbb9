"""Judges hand-ins on the workers of an engine: the files go along, so a worker needs to see no folder of the submitter's."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from handgrad.cluster.engine import LOCAL, Lost, LostEngineError
from handgrad.cluster.where import open_engine
from handgrad.digits.data.dataset import Dataset
from handgrad.digits.watcher import never
from handgrad.digits.workers import data_at_worker
from handgrad.judge.course.one import Course, judge_person, no_verdict
from handgrad.judge.course.people import HandIn
from handgrad.judge.network.judging import FAULT
from handgrad.judge.verdict import EpochAnswer, Verdict
from handgrad.scratch import scratch_folder


@dataclass(frozen=True)
class Errand:
    """One person's hand-in for a worker elsewhere: plain data with the text of every file that the verdict can depend on.

    ``top`` is the folder that ``files`` are named in; where the person has no folder of their own there is the one file.
    """

    person: HandIn
    course: Course
    top: str
    files: tuple[tuple[str, bytes], ...]
    data: str | None
    data_sha256: str
    notice: str | None
    """What the submitter's data say of themselves: on a worker their folder may have another name."""


def judged_away(people: Sequence[HandIn], course: Course) -> Generator[tuple[int, Verdict]]:
    """Judge *people* on the workers of the engine that ``course.on`` names; each verdict comes as it ends.

    Files go along, so that a worker needs to see no folder of this machine; the digits must be there. Raises what
    `open_engine` does, and `LostEngineError` with the line that goes on.
    """
    data = course.data if isinstance(course.data, Dataset) else None
    errands = [_errand(person, course, data) for person in people]
    with scratch_folder("class") as shared, open_engine(course.on, None, shared) as engine:
        try:
            for number, answer in engine.run(judge_away, errands, never):
                person = people[number]
                if isinstance(answer, Lost):
                    answer = replace(
                        no_verdict(person, course, f"{FAULT}: {answer.reason}"),
                        file=person.shown, person=person.person, number=person.number,
                    )  # fmt: skip
                yield number, answer
        except LostEngineError as error:
            kept = (
                "the same command with --resume goes on"
                if course.log
                else "with --csv FILE each verdict is saved at once"
            )
            raise LostEngineError(f"{error} – {kept}") from error


def _errand(person: HandIn, course: Course, data: Dataset | None) -> Errand:
    """Return what is sent of *person*."""
    top = person.root or (person.file.parent if person.file is not None else Path())
    files = []
    for path in person.files():
        # A file that cannot be read is missing there as it is here, and judged so.
        with suppress(OSError):
            files.append((path.relative_to(top).as_posix(), path.read_bytes()))
    # What stays here: digits (a worker has its own), the log (one writer), and the engine (a worker must not ask it
    # again).
    sent = replace(course, data=None, log=None, on=LOCAL, on_epoch=_silent)
    # The whole path of the data's folder: a worker works in another folder.
    place, sha256, notice = (None, "", None) if data is None else (data.folder, data.sha256, data.notice)
    return Errand(person, sent, str(top), tuple(files), place, sha256, notice)


def judge_away(errand: Errand) -> Verdict:
    """Judge the hand-in of *errand* in a folder of this machine's own: what a worker runs."""
    with scratch_folder("errand") as scratch:
        top = scratch / (Path(errand.top).name or "hand-in")
        top.mkdir()
        for name, content in errand.files:
            path = top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        person = errand.person
        if person.file is not None:
            file = top / person.file.relative_to(errand.top)
            person = replace(person, file=file, root=top if person.root is not None else None)
        course = errand.course
        if errand.data_sha256:
            data = data_at_worker(errand.data, errand.data_sha256, download=False)
            course = replace(course, data=replace(data, notice=errand.notice))
        return judge_person(person, course)


def _silent(seed: int, answer: EpochAnswer) -> None:
    """Tell nobody of an epoch: who asked is on another machine."""
