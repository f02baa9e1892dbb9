"""A class survives anything: one failure ends one row, and what was judged once is not judged again."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import pytest

from handgrad.cluster.engine import LostEngineError
from handgrad.errors import BusyRunError, UsageError
from handgrad.judge.course import away, judging, one
from handgrad.judge.course.judging import Row, judge_course
from handgrad.judge.course.log import Log
from handgrad.judge.course.one import Course
from handgrad.judge.network.assignment_file import parse_assignment
from handgrad.judge.verdict import Verdict
from judge.corpus_workbooks import RIGHT
from judge.corpus_workbooks import write as write_book
from judge.course.classes import EASY, NET, WIDE, write
from judge.here import judging_here
from judge.hostile_run import small_data


@pytest.fixture
def course(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Course:
    """Return how the classes here are judged: without training, in this process."""
    level = judging_here(monkeypatch)
    monkeypatch.setattr("handgrad.judge.network.judging.isolation_level", lambda: level)
    monkeypatch.setenv("PATH", "")  # no LibreOffice: its start takes seconds and is tested elsewhere
    assignment = parse_assignment(EASY, "easy.toml")
    return Course(assignment, static=True, data=small_data(), log=tmp_path / "class.judged.jsonl", resume=True)


def words(verdicts: list[Verdict]) -> dict[str, str]:
    return {each.person: each.verdict if each.requirements or not each.notes else each.notes[0] for each in verdicts}


def a_class(tmp_path: Path) -> Path:
    place = write(tmp_path / "class", {"ada/net.py": NET, "ben/net.py": WIDE, "cleo/essay.pdf": b"%PDF"})
    (place / "dora").mkdir()
    write_book(RIGHT[0], place / "dora" / "book.xlsx")
    return place


def test_networks_workbooks_and_nothing_stand_in_one_table(course: Course, tmp_path: Path) -> None:
    rows: list[Row] = []
    verdicts = judge_course([a_class(tmp_path)], course, rows.append)
    assert words(verdicts) == {
        "ada": "no verdict",  # open: without training the accuracy is not known
        "ben": "not met",
        "cleo": "nothing to judge: neither a Python file nor a notebook nor a workbook among essay.pdf",
        "dora": "met",
    }
    assert [verdict.parameters for verdict in verdicts] == [7850, 15910, None, None]
    assert [(row.done, row.of) for row in rows] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert rows[0].left is not None and rows[0].left >= 0 and rows[3].left == 0


def test_what_was_judged_is_not_judged_again_unless_a_byte_changes(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = a_class(tmp_path)
    first = judge_course([place], course)
    judged: list[str] = []
    real = judging.judge_person
    monkeypatch.setattr(judging, "judge_person", lambda person, how: judged.append(person.person) or real(person, how))
    rows: list[Row] = []
    assert judge_course([place], course, rows.append) == first
    assert judged == [] and all(row.known for row in rows)
    write(place, {"ben/net.py": NET + "\n"})
    assert judge_course([place], course)[1].parameters == 7850
    assert judged == ["ben"]
    write(place, {"ada/recipe.toml": "epochs = 2\n"})
    judge_course([place], course)
    assert judged == ["ben", "ada"]
    judge_course([place], Course(**{**vars(course), "assignment": parse_assignment(EASY + "# other\n", "x.toml")}))
    assert judged == ["ben", "ada"]  # the same conditions in other words
    harder = parse_assignment(EASY.replace("10_000", "9_000"), "easy.toml")
    judge_course([place], Course(**{**vars(course), "assignment": harder}))
    assert judged[2:] == ["ada", "ben", "cleo", "dora"]


class Elsewhere:
    """An engine whose workers are this process, which is sent what can be sent; it answers in the other order."""

    width, shared = 2, False

    def __init__(self, lost_after: int = 99) -> None:
        self.lost_after = lost_after

    def run(
        self, function: Callable[[Any], Any], tasks: Sequence[Any], stop: Callable[[], bool]
    ) -> Iterator[tuple[int, Any]]:
        for count, place in enumerate(reversed(range(len(tasks)))):
            if count == self.lost_after:
                raise LostEngineError("the scheduler tcp://x is lost – 1 task open")
            yield place, function(ForkingPickler.loads(ForkingPickler.dumps(tasks[place])))

    def close(self) -> None:
        pass


def on_engine(monkeypatch: pytest.MonkeyPatch, engine: Elsewhere, course: Course) -> Course:
    """Return *course* as it is judged on *engine*, whose workers have its data."""
    monkeypatch.setattr(away, "open_engine", lambda *_: nullcontext(engine))
    monkeypatch.setattr(away, "data_at_worker", lambda *_, **__: course.data)
    return replace(course, on="tcp://x")


def test_workers_elsewhere_give_the_verdicts_of_this_machine_in_order_of_name(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = a_class(tmp_path)
    write(place, {"eve/model.py": "from layers import Net\n", "eve/layers.py": NET, "fay.py": NET})
    expected = [replace(verdict, seconds=0.0) for verdict in judge_course([place], replace(course, log=None))]
    sent = on_engine(monkeypatch, Elsewhere(), course)
    rows: list[Row] = []
    found = judge_course([place], sent, rows.append)
    assert [replace(verdict, seconds=0.0) for verdict in found] == expected
    assert [row.done for row in rows] == [1, 2, 3, 4, 5, 6]
    again: list[Row] = []
    assert judge_course([place], sent, again.append) == found
    assert all(row.known for row in again)


def test_an_engine_that_is_lost_says_how_to_go_on_and_what_came_home_stays(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = a_class(tmp_path)
    with pytest.raises(LostEngineError, match=r"is lost – 1 task open – the same command with --resume goes on"):
        judge_course([place], on_engine(monkeypatch, Elsewhere(lost_after=2), course))
    rows: list[Row] = []
    judge_course([place], on_engine(monkeypatch, Elsewhere(), course), rows.append)
    assert sum(row.known for row in rows) == 2


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        pytest.param(MemoryError(), marks=pytest.mark.long),
        RuntimeError("x"),
    ],
)
def test_one_failure_ends_one_row_and_is_tried_again_by_the_next_run(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    place = a_class(tmp_path)
    real = one.judge_network

    def fails(file: str, *given: object, **named: object) -> Verdict:
        if "ada" in file:
            raise error
        return real(file, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(one, "judge_network", fails)
    verdicts = judge_course([place], course)
    assert words(verdicts)["ada"].startswith("a fault of the judge: ") and words(verdicts)["ben"] == "not met"
    monkeypatch.setattr(one, "judge_network", real)
    assert judge_course([place], course)[0].parameters == 7850


def test_a_full_disk_under_the_log_loses_a_line_and_no_row(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = a_class(tmp_path)
    real, calls = os.write, []

    def full(number: int, data: bytes) -> int:
        if bytes(data[:6]) == b'{"key"':
            calls.append(1)
            if len(calls) == 2:
                real(number, data[:10])
                raise OSError(errno.ENOSPC, "No space left on device")
        return real(number, data)

    monkeypatch.setattr(os, "write", full)
    verdicts = judge_course([place], course)
    assert len(verdicts) == 4 and "not saved: " in verdicts[1].notes[-1]
    monkeypatch.undo()
    assert course.log is not None
    log = Log(course.log, resume=True)
    assert len(log.known) == 3
    log.close()


def test_a_log_is_held_by_one_and_a_half_written_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "class.judged.jsonl"
    log = Log(path, resume=False)
    log.append("a", Verdict("met", "f", "easy", (), "none", (), 0.0))
    with pytest.raises(BusyRunError, match="in use by another process"):
        Log(path, resume=True)
    log.close()
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    with pytest.raises(UsageError, match="add --resume to continue it, or --overwrite"):
        Log(path, resume=False)
    log = Log(path, resume=True)
    assert list(log.known) == ["a"] and path.read_bytes() == whole
    log.close()


CLASS_RUN = """
import sys
from handgrad.cli import main
main(["judge", "class", "--csv", "class.csv", "--resume"])
"""


@pytest.mark.long
def test_kills_at_any_moment_leave_a_class_that_is_resumed_to_the_same_table(tmp_path: Path) -> None:
    """Workbooks, because they need no torch; the long benchmark kills a class of networks."""
    for number in range(6):
        (tmp_path / "class" / f"p{number}").mkdir(parents=True)
        write_book(RIGHT[number % len(RIGHT)], tmp_path / "class" / f"p{number}" / "book.xlsx")
    environment = {**os.environ, "PATH": ""}
    command = [sys.executable, "-c", CLASS_RUN]
    quiet = {"cwd": tmp_path, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    log = tmp_path / "class.judged.jsonl"
    for lines in (1, 3, 4):
        with subprocess.Popen(command, **quiet) as process:  # type: ignore[call-overload]
            end = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < end:
                if log.exists() and log.read_bytes().count(b"\n") >= lines:
                    process.send_signal(signal.SIGKILL)
                time.sleep(0.005)
    assert log.read_bytes().count(b"\n") < 6
    assert not (tmp_path / "class.csv").exists()
    subprocess.run(command, check=False, **quiet)  # type: ignore[call-overload]
    resumed = (tmp_path / "class.csv").read_bytes()
    log.unlink()
    subprocess.run(command, check=False, **quiet)  # type: ignore[call-overload]
    assert (tmp_path / "class.csv").read_bytes() == resumed and resumed.count(b"\n") == 7
