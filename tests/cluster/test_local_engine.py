"""Processes of this machine: every task once, one that dies again, one that always dies told, a stop in good time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import work
from handgrad.cluster.engine import Engine, LocalEngine, Lost, Standing, StoppedError
from handgrad.cluster.processes import WorkerProcess
from handgrad.cluster.where import open_engine
from handgrad.errors import MissingError, UsageError


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with open_engine("local", 2, tmp_path_factory.mktemp("runs")) as opened:
        yield opened


def never() -> bool:
    return False


def test_every_task_gives_its_answer_once_whatever_the_order(engine: Engine) -> None:
    assert dict(engine.run(work.double, range(50), never)) == {number: 2 * number for number in range(50)}


def test_no_more_tasks_run_than_are_left_or_fit(engine: Engine) -> None:
    assert [engine.standing(left) for left in (5, 1, 0)] == [Standing(5, 2, 2), Standing(1, 1, 2), Standing(0, 0, 2)]


def test_processes_stay_for_the_next_tasks(engine: Engine) -> None:
    first = {answer for _, answer in engine.run(work.process, range(8), never)}
    again = {answer for _, answer in engine.run(work.process, range(8), never)}
    assert len(first) == 2 and again == first


def test_a_task_whose_worker_dies_is_begun_again_and_the_others_go_on(engine: Engine, tmp_path: Path) -> None:
    tasks = [str(tmp_path / name) for name in ("a", "b", "c")]
    assert dict(engine.run(work.die_at_first, tasks, never)) == dict.fromkeys(range(3), "lived")


def test_a_task_that_kills_every_worker_is_told_with_its_last_words(engine: Engine) -> None:
    answers = dict(engine.run(work.always_die, [0], never))
    assert isinstance(answers[0], Lost) and "ended without an answer" in answers[0].reason


def test_a_worker_that_another_thread_took_first_is_replaced(tmp_path: Path) -> None:
    class Promised(list[WorkerProcess]):
        """Looks as if it held one, as a list does between the question and the taking."""

        def __bool__(self) -> bool:
            return True

    engine = LocalEngine(1, _idle=Promised())
    try:
        assert dict(engine.run(work.double, [3], never)) == {0: 6}
    finally:
        engine.close()


def test_a_fault_in_a_task_is_its_own(engine: Engine) -> None:
    assert dict(engine.run(work.fail, ["so"], never)) == {0: Lost("ValueError: so")}


def test_a_stop_ends_the_tasks_in_good_time(tmp_path: Path) -> None:
    with open_engine("local", 1, tmp_path) as engine:
        answers = engine.run(work.process, range(1000), iter([False, True]).__next__)
        began = time.monotonic()
        with pytest.raises(StoppedError):
            list(answers)
        assert time.monotonic() - began < 40


@pytest.mark.parametrize("name", ["", "dask", "host:8786", "http://host", "/no/such/file.json"])
def test_a_name_that_is_no_engine_is_refused(name: str, tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="give local, cluster, the address of a Dask scheduler"),
        open_engine(name, 1, tmp_path),
    ):
        pass


def test_a_scheduler_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("handgrad.cluster.on_dask.CONNECT", 0.5)
    refused = pytest.raises(MissingError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9 ")
    with refused, open_engine("tcp://127.0.0.1:9", 1, tmp_path):
        pass
