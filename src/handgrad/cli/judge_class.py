"""What ``handgrad judge`` does with a class, and with the files that learning platforms give and take."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from handgrad.errors import UndecidedError, UsageError, counted
from handgrad.files import write_whole
from handgrad.text import one_line

if TYPE_CHECKING:
    from handgrad.judge.course.judging import Row
    from handgrad.judge.course.one import Course
    from handgrad.judge.network.assignment import Assignment
    from handgrad.judge.verdict import EpochAnswer, Verdict

LISTED = 20
"""So many unmatched names of a grade book are printed; of more, how many."""


@dataclass(frozen=True)
class Asked:
    """What the command line asks for."""

    what: tuple[str, ...]
    assignment: str | None
    static: bool
    recipe: Literal["assignment", "found"]
    seeds: list[int] | None
    as_json: bool
    report: Path | None
    csv: Path | None
    data: Path | None
    time_limit: float
    require_sandbox: bool
    overwrite: bool
    resume: bool
    grades: Path | None
    out: Path | None
    column: str | None
    gradescope: Path | None
    classroom50: Path | None
    junit: Path | None
    on: str

    def loaded(self) -> Assignment:
        """Return the assignment; raises `UsageError` where none is named."""
        from handgrad.judge.network.assignment_file import load_assignment

        if self.assignment is None:
            raise UsageError("--assignment is missing – name one, `handgrad assignments` lists them")
        return load_assignment(self.assignment)

    def course(self, assignment: Assignment | None, network: str, **more: Any) -> Course:
        """Return how the hand-ins are judged; *more* is what only a class or only one folder has."""
        from handgrad.judge.course.one import Course

        return Course(
            assignment=assignment,
            network=network,
            static=self.static,
            recipe=self.recipe,
            seeds=self.seeds,
            data=self.data,
            time_limit=self.time_limit,
            require_sandbox=self.require_sandbox,
            **more,
        )

    def log(self) -> Path | None:
        """Return where verdicts are kept as they come: beside what is written of the class, None where nothing is."""
        from handgrad.judge.course.log import SUFFIX

        beside = self.csv or self.report or self.out or self.junit
        if beside is not None:
            return beside.with_name(beside.stem + SUFFIX)
        return Path(Path(self.what[0].rstrip("/")).stem + SUFFIX) if self.resume else None


def parted(what: str) -> tuple[Path, str]:
    """Return path and network of ``FOLDER:Net`` or ``net.py:Net``; a name that is there as it stands has no network."""
    # Whole first: a folder of a Windows drive, or a file, may have a colon in its name.
    if Path(what).exists():
        return Path(what), ""
    name, _, network = what.rpartition(":")
    return (Path(name), network) if name and Path(name).exists() else (Path(what), "")


def is_class(asked: Asked) -> bool:
    """Whether several people's hand-ins are meant; what a grader is asked for is one hand-in, also where it is a folder."""
    path, _ = parted(asked.what[0])
    several = len(asked.what) > 1 or path.is_dir() or path.suffix.lower() == ".zip"
    return several and asked.gradescope is None and asked.classroom50 is None


def judge(asked: Asked) -> int:
    """Judge a class, print a line per person, write what is asked for, and return the exit status."""
    from handgrad.judge.course.judging import judge_course
    from handgrad.judge.page import as_json, class_csv, class_page, count_words

    if (asked.grades is None) != (asked.out is None):
        raise UsageError(
            "--grades and --out go together – found one – give the exported book and a name for the filled one"
        )
    places, network = [], ""
    for each in asked.what:
        path, name = parted(each)
        places.append(path)
        network = network or name
    assignment = asked.loaded() if asked.assignment is not None else None
    log = asked.log()
    # Both together mean "go on, and write the reports again": verdicts that were paid for stay.
    if log is not None and asked.overwrite and not asked.resume:
        log.unlink(missing_ok=True)
    course = asked.course(assignment, network, log=log, resume=asked.resume, on=asked.on)
    progress = Progress(quiet=asked.as_json)
    verdicts = judge_course(places, course, progress.show)
    write(asked.csv, class_csv(verdicts), mark="\ufeff")
    write(asked.report, class_page(verdicts))
    write_results(asked, verdicts, assignment)
    if asked.as_json:
        print(json.dumps([as_json(verdict) for verdict in verdicts]))
    else:
        known = f"; {progress.known} of them judged before" if progress.known else ""
        print(f"{count_words(verdicts)}{known}; isolation: {_isolation(verdicts)}")
        _fill_book(asked, verdicts)
    return finish(verdicts, asked.static)


def _isolation(verdicts: list[Verdict]) -> str:
    """Return the isolation that was in force where something was run."""
    words = list(dict.fromkeys(each.isolation for each in verdicts))
    run = [each for each in words if each != "nothing was run"]
    return " / ".join(run or words)


class Progress:
    """A line per person on standard output, and how far the class is on standard error, in one place on a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet, self.known = quiet, 0
        self.terminal = sys.stderr is not None and sys.stderr.isatty()

    def show(self, row: Row) -> None:
        """Print one row, and the time that is left."""
        from handgrad.judge.page import points_words, why

        self.known += row.known
        if self.terminal:
            # The line of progress is wiped before a row is printed, and drawn again after it.
            self._say("\r\x1b[K", end="")
        if not self.quiet:
            verdict = row.verdict
            points = f" ({points_words(verdict)})" if verdict.points is not None else ""
            before = " (judged before)" if row.known else ""
            reason = why(verdict)
            print(
                f"{verdict.person or verdict.file}: {verdict.word}{before}{points}{f' – {reason}' if reason else ''}",
                flush=True,
            )
        left = f", about {duration(row.left)} left" if row.left is not None and row.done < row.of else ""
        if row.done < row.of or not self.terminal:
            self._say(f"{row.done} of {row.of}{left}", end="" if self.terminal else "\n")

    def _say(self, text: str, end: str) -> None:
        with suppress(OSError, AttributeError):  # nobody reads any more, or there never was a standard error
            print(text, file=sys.stderr, end=end, flush=True)


def duration(seconds: float) -> str:
    """Return ``40 s``, ``12 min`` or ``3 h 05 min``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"


def judge_one_folder(asked: Asked, assignment: Assignment) -> Verdict:
    """Judge a folder that is one hand-in, as graders give it."""
    from handgrad.judge.course.judging import judge_folder

    place, network = parted(asked.what[0])
    return judge_folder(place, asked.course(assignment, network, on_epoch=print_epoch))


def write_results(asked: Asked, verdicts: list[Verdict], assignment: Assignment | None) -> None:
    """Write the files that graders read."""
    from handgrad.cli.environment import classroom50_runner
    from handgrad.judge.course import results

    if asked.gradescope is not None and assignment is not None:
        write(asked.gradescope, results.as_text(results.gradescope_results(verdicts[0], assignment.gradescope)))
    if asked.junit is not None:
        write(asked.junit, results.junit_xml(verdicts))
    if asked.classroom50 is not None:
        write(asked.classroom50, results.as_text(results.classroom50_result(verdicts[0], classroom50_runner())))


def gradescope_attempts(asked: Asked) -> int | None:
    """Write the last results again where a learner's attempts of the day are used up, and return 0; else None.

    Gradescope's metadata lie in the folder above that of the results.
    """
    from handgrad.judge.course.results import as_text, attempts_used_up

    if asked.gradescope is None:
        return None
    path = asked.gradescope.absolute().parents[1] / "submission_metadata.json"
    try:
        metadata = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    kept = attempts_used_up(metadata, asked.loaded().gradescope) if isinstance(metadata, dict) else None
    if kept is None:
        return None
    write(asked.gradescope, as_text(kept))
    print(one_line(kept["output"]))
    return 0


def make_gradescope(target: Path, assignment: str | None, what: list[str] | None, time_limit: float) -> int:
    """Write the zip to upload, and return 0."""
    from handgrad.judge.course.autograder import gradescope_zip
    from handgrad.judge.network.assignment_file import assignment_text, load_assignment

    if what:
        raise UsageError(f"{one_line(what[0])}: --make-gradescope judges nothing – leave it out")
    if assignment is None:
        raise UsageError("--assignment is missing – name one, `handgrad assignments` lists them")
    asked = load_assignment(assignment)
    write_whole(target, gradescope_zip(assignment_text(assignment), time_limit))
    print(f"{target}: judges {asked.name} – upload it as the autograder of a programming assignment")
    return 0


def _fill_book(asked: Asked, verdicts: list[Verdict]) -> None:
    """Fill the grade book and say what was filled and what was not."""
    if asked.grades is None or asked.out is None:
        return
    from handgrad.judge.course.gradebook import fill_grades

    if all(verdict.points is None for verdict in verdicts):
        raise UsageError(f"{asked.assignment} gives no points – no grade can be filled in – add [points] to it")
    filled = fill_grades(asked.grades, asked.out, verdicts, column=asked.column)
    print(f"{asked.out}: {counted(filled.filled, 'grade')} filled in")
    for what, names in (
        ("left as it is", filled.left),
        ("row without a hand-in", filled.unmatched_rows),
        ("hand-in without a row", filled.unmatched_people),
    ):
        for name in names[:LISTED]:
            print(f"  {what}: {name}")
        if len(names) > LISTED:
            print(f"  {what}: {len(names) - LISTED} more")


def print_epoch(seed: int, answer: EpochAnswer) -> None:
    """Print one plain line on standard error for each epoch."""
    from handgrad.score import percent

    when = f"epoch {answer.epoch}" if answer.epoch else "before training"
    line = f"seed {seed}, {when}: {percent(answer.correct, answer.total)} of the test images"
    print(line, file=sys.stderr, flush=True)


def refuse(what: str, given: dict[str, object]) -> None:
    """Refuse options that would be ignored."""
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"{name} does not go with {what} – leave it out")


def write(target: Path | None, text: str, mark: str = "") -> None:
    """Write *text* where a target is given, after a byte-order *mark* where a spreadsheet needs one for its umlauts."""
    if target is not None:
        write_whole(target, (mark + text).encode())


def finish(verdicts: list[Verdict], static: bool) -> int:
    """Return 0 where all are met (or, without training, nothing is missed) and 1 where one is not.

    Raises `UndecidedError` where a file got no verdict.
    """
    # Before what is undecided: a script that stops at 1 has learned something for certain.
    if any(verdict.verdict == "not met" for verdict in verdicts):
        return 1
    undecided = [verdict for verdict in verdicts if verdict.verdict == "no verdict"]
    if static:
        # Without training nothing is decided; only a judgement that could not even examine is an error.
        undecided = [verdict for verdict in undecided if not verdict.requirements]
    if undecided:
        reason = undecided[0].notes[0] if undecided[0].notes else "a condition is not decided"
        raise UndecidedError(f"{undecided[0].file}: no verdict – {reason}")
    return 0
