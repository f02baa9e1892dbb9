"""A Dask scheduler with workers in processes of their own: the runs are those of this machine, whoever is killed meanwhile."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from digits.idx_folders import digit_arrays, write_folder
from digits.small_runs import write_network
from handgrad.cluster import on_dask
from handgrad.cluster.engine import Standing
from handgrad.digits.study import resume_study, study
from handgrad.digits.study_record import Study
from handgrad.errors import MissingError
from handgrad.judge.course.judging import Row, judge_course
from handgrad.judge.course.one import Course
from handgrad.judge.network.assignment_file import parse_assignment
from handgrad.judge.sandbox.run import isolation_level
from handgrad.runs import RunFolder
from handgrad.runs.parcel import same_end
from judge.corpus_workbooks import RIGHT as WORKBOOKS
from judge.corpus_workbooks import write as write_book
from judge.course.classes import EASY, NET, WIDE, write

# Dask leaves sockets for the collector to close.
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore")]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "50"}

LOST = r"is lost, \d+ tasks? open – all finished runs are kept, continue with: handgrad study --resume .* --on "


@dataclass
class Cluster:
    """A scheduler and three workers."""

    place: Path
    scheduler: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.place / "scheduler.json"

    def start(self) -> None:
        """Start the scheduler and its workers."""
        self.file.unlink(missing_ok=True)
        command = [
            "scheduler",
            "--scheduler-file",
            str(self.file),
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--no-dashboard",
        ]
        self.scheduler = self._dask(*command)
        end = time.monotonic() + 120
        while not self.file.exists():
            assert time.monotonic() < end
            time.sleep(0.1)
        for _ in range(3):
            self.add_worker()
        with Client(scheduler_file=str(self.file), set_as_default=False) as client:
            client.wait_for_workers(3, timeout=120)

    def add_worker(self) -> None:
        """Start one more worker, without a nanny that would start it again."""
        options = ["--no-nanny", "--nthreads", "1", "--no-dashboard", "--death-timeout", "60"]
        self.workers.append(self._dask("worker", "--scheduler-file", str(self.file), *options))

    def kill_a_worker(self, chance: random.Random) -> None:
        """Kill one of the workers that live, and start another in its place."""
        alive = [worker for worker in self.workers if worker.poll() is None]
        if alive:
            chance.choice(alive).send_signal(signal.SIGKILL)
        self.add_worker()

    def _dask(self, *words: str) -> subprocess.Popen[bytes]:
        program = [sys.executable, "-m", f"distributed.cli.dask_{words[0]}", *words[1:]]
        with (self.place / f"{words[0]}.log").open("ab") as log:
            return subprocess.Popen(program, cwd=self.place, env=ENVIRONMENT, stderr=log, stdout=log)

    def stop(self) -> None:
        """End everything."""
        for process in [*self.workers, *([self.scheduler] if self.scheduler else [])]:
            process.kill()
            process.wait()
        self.workers.clear()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    (tmp_path / "dask").mkdir()
    made = Cluster(tmp_path / "dask")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "data", digit_arrays(400, 60), ending="")
    write_network(tmp_path)
    (tmp_path / "small.toml").write_text('network = "net.py:Net"\nepochs = 6\nbatch_size = 16\n')
    return tmp_path


def trained(out: str, on: str = "local", seeds: int = 12, **changes: Any) -> Study:
    settings: dict[str, Any] = {"data": "data", "out": out, "jobs": 2 if on == "local" else None}
    return study("small.toml", seeds=range(seeds), on=on, **(settings | changes))


def check_same(found: Study, expected: Study) -> None:
    """Every seed once, and with the same weights."""
    assert found.failed == () and found.seeds == expected.seeds
    assert len(list(Path(found.path).glob("*-s*/summary.json"))) == len(expected.seeds)
    by_seed = dict(zip(expected.seeds, expected.runs, strict=True))
    for seed, run in zip(found.seeds, found.runs, strict=True):
        assert same_end(RunFolder(Path(found.path) / run), RunFolder(Path(expected.path) / by_seed[seed])), seed


@pytest.mark.parametrize("shared", [True, False])
def test_a_study_on_three_workers_has_the_weights_of_one_here(
    cluster: Cluster, place: Path, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = on_dask.DaskEngine.check

    def look_and_forget(engine: on_dask.DaskEngine, *arguments: Any) -> None:
        check(engine, *arguments)
        assert engine.width == 3 and engine.shared
        engine.shared = shared

    monkeypatch.setattr(on_dask.DaskEngine, "check", look_and_forget)
    told: list[Standing] = []
    check_same(trained("away", str(cluster.file), standing=told.append), trained("here"))
    assert [each.left for each in told] == list(range(11, -1, -1))
    assert all(each.workers == 3 and each.running == min(3, each.left) for each in told)


def test_a_dask_cluster_of_this_machine_gives_the_same_bytes(place: Path) -> None:
    check_same(trained("away", "cluster", jobs=2), trained("here"))


def test_a_submitter_that_is_killed_is_followed_by_another_and_no_run_is_lost_or_done_twice(
    cluster: Cluster, place: Path
) -> None:
    words = ["study", "small.toml", "--data", "data", "--seeds", "0..11", "--out", "away", "--on", str(cluster.file)]
    for attempt in range(3):
        process = subprocess.Popen(
            [sys.executable, "-m", "handgrad", *words], cwd=place, env=ENVIRONMENT, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 300
        # Killed while runs are under way: two more are complete than before, others begun.
        while len(list((place / "away").glob("*/*-s*/summary.json"))) < 2 * (attempt + 1):
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.05)
        process.kill()
        process.wait()
        (folder,) = (place / "away").iterdir()
        words = ["study", "--resume", str(folder), "--data", "data", "--on", str(cluster.file)]
    check_same(resume_study(folder, on=str(cluster.file)), trained("here"))


def test_a_class_is_judged_on_workers_as_it_is_here(cluster: Cluster, place: Path) -> None:
    classroom = write(place / "class", {f"p{number:02}/net.py": NET for number in range(6)})
    write(classroom, {"two/model.py": "from parts import Net\n", "two/parts.py": WIDE, "none/essay.pdf": b"%PDF"})
    write_book(WORKBOOKS[0], (classroom / "p05").parent / "book.xlsx")
    # Named from the working folder, which is not that of the workers.
    course = Course(parse_assignment(EASY, "easy.toml"), static=True, data="data", seeds=(0,))
    here = judge_course([classroom], course)
    rows: list[Row] = []
    away = judge_course([classroom], replace(course, on=str(cluster.file)), rows.append)
    assert [replace(each, seconds=0.0) for each in away] == [replace(each, seconds=0.0) for each in here]
    assert {each.verdict for each in away} == {"not met", "no verdict", "met"}
    assert {each.isolation for each in away} == {"nothing was run", isolation_level().words}
    assert sorted(row.done for row in rows) == list(range(1, len(here) + 1))


@pytest.mark.parametrize("kills", [30])
def test_workers_that_are_killed_cost_no_run_and_change_none(cluster: Cluster, place: Path, kills: int) -> None:
    chance, ended = random.Random(0), threading.Event()
    done = []

    def kill() -> None:
        while len(done) < kills and not ended.wait(chance.uniform(0.5, 2.5)):
            cluster.kill_a_worker(chance)
            done.append(1)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        found = trained("away", str(cluster.file), seeds=12)
        rounds = 1
        while len(done) < kills:  # a quick machine: more studies, until all kills have happened
            check_same(found, trained(f"here{rounds}"))
            found = trained(f"away{rounds}", str(cluster.file), seeds=12)
            rounds += 1
    finally:
        ended.set()
        killer.join()
    assert len(done) == kills
    check_same(found, trained("here"))


def test_a_scheduler_that_is_killed_ends_the_study_with_what_goes_on(cluster: Cluster, place: Path) -> None:
    for attempt in range(2):
        seen: list[int] = []

        def kill_at_third(seed: int, result: object, seen: list[int] = seen) -> None:
            seen.append(seed)
            if len(seen) == 3:
                assert cluster.scheduler is not None
                cluster.scheduler.send_signal(signal.SIGKILL)

        if attempt == 0:
            with pytest.raises(
                MissingError,
                match=LOST,
            ):
                trained("away", str(cluster.file), done=kill_at_third)
        else:
            with pytest.raises(
                MissingError,
                match=LOST,
            ):
                resume_study(next((place / "away").iterdir()), on=str(cluster.file), done=kill_at_third)
        cluster.stop()
        cluster.start()
    found = resume_study(next((place / "away").iterdir()), on=str(cluster.file))
    check_same(found, trained("here"))
