"""Ctrl-C and SIGTERM, once and twice, on a training and on a study; nothing lost, nothing left running."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.forked import Server
from digits.idx_folders import digit_arrays, write_folder
from digits.small_runs import write_network
from handgrad.runs import newest_checkpoint
from runs.run_files import hold


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def long_run(tmp_path: Path) -> list[str]:
    """The arguments of a training that no test waits for: 5,000 epochs of four steps."""
    data = write_folder(tmp_path / "data", digit_arrays(200, 60), ending="")
    recipe = tmp_path / "endless.toml"
    recipe.write_text(f"network = {json.dumps(write_network(tmp_path))}\nepochs = 5000\nbatch_size = 64\n")
    return [str(recipe), "--data", str(data), "--precision", "fp32", "--out", str(tmp_path / "mes essais")]


def the_run(tmp_path: Path) -> Path:
    (folder,) = (tmp_path / "mes essais").iterdir()
    return folder


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGTERM])
def test_a_signal_saves_within_three_seconds_and_prints_the_line_that_resumes(
    number: signal.Signals, server: Server, long_run: list[str], tmp_path: Path
) -> None:
    command = server.start(tmp_path / "a", "train", *long_run, "--threads", "1")
    command.until(lambda: "epoch 3/5000" in command.errors)
    began = time.monotonic()
    command.signal(number)
    assert command.status() == 130
    assert time.monotonic() - began < 3 or os.getloadavg()[0] > 2, "slower than three seconds on a quiet machine"
    last = command.errors.splitlines()[-1]
    folder = the_run(tmp_path)
    found = re.fullmatch(
        r"error: interrupted – epoch (\d+), step (\d) of 4 is saved – continue with: (handgrad train --resume .*)", last
    )
    assert found, last
    assert shlex.split(found[3]) == ["handgrad", "train", "--resume", str(folder)]
    checkpoint = newest_checkpoint(folder / "checkpoint", folder.name)
    assert checkpoint is not None and (checkpoint.epoch, checkpoint.step) == (int(found[1]) - 1, int(found[2]))
    again = server.start(tmp_path / "b", *shlex.split(found[3])[1:])
    again.until(lambda: f"epoch {int(found[1]) + 2}/5000" in again.errors)
    again.signal(number)
    assert again.status() == 130
    assert f"note: continuing after epoch {checkpoint.epoch}, step {checkpoint.step}, from" in again.errors


def test_two_signals_end_at_once_and_leave_whole_files(server: Server, long_run: list[str], tmp_path: Path) -> None:
    command = server.start(tmp_path / "a", "train", *long_run, "--threads", "1")
    command.until(lambda: "epoch 2/5000" in command.errors)
    command.signal(signal.SIGSTOP)
    command.signal(signal.SIGINT)
    command.signal(signal.SIGTERM)
    command.signal(signal.SIGCONT)
    assert command.status() == 130
    folder = the_run(tmp_path)
    checkpoint = newest_checkpoint(folder / "checkpoint", folder.name)
    assert checkpoint is not None and checkpoint.epoch >= 1 and not checkpoint.passed_over


def test_a_signal_in_the_first_epoch_saves_a_step_of_it(server: Server, long_run: list[str], tmp_path: Path) -> None:
    write_folder(tmp_path / "data", digit_arrays(4000, 60), ending="")
    command = server.start(tmp_path / "a", "train", *long_run, "--threads", "1", "--set", "batch_size=2")
    command.until(lambda: "5,000 epochs →" in command.errors)
    command.signal(signal.SIGINT)
    assert command.status() == 130
    assert re.search(r"interrupted – epoch 1, step \d+ of 2000 is saved", command.errors), command.errors


def test_a_run_in_use_is_refused_with_the_holder(server: Server, long_run: list[str], tmp_path: Path) -> None:
    command = server.start(tmp_path / "a", "train", *long_run, "--threads", "1")
    command.until(lambda: "epoch 1/5000" in command.errors)
    other = server.start(tmp_path / "b", "train", "--resume", the_run(tmp_path))
    assert other.status() == 5
    assert other.errors == (
        f"error: {the_run(tmp_path)} is in use by process {command.process} – wait for it or end it\n"
    )
    command.signal(signal.SIGTERM)
    assert command.status() == 130
    holder = hold(the_run(tmp_path))
    third = server.start(tmp_path / "c", "train", "--resume", the_run(tmp_path))
    assert third.status() == 5 and f"process {holder.pid} " in third.errors
    holder.communicate()


def descendants(process: int) -> list[int]:
    """Return the processes started by *process*, and by those."""
    # A child belongs to the thread that started it.
    children = [
        child for path in Path(f"/proc/{process}/task").glob("*/children") for child in path.read_text().split()
    ]
    return [found for child in map(int, children) for found in (child, *descendants(child))]


def gone(processes: list[int]) -> bool:
    """Whether all *processes* have ended (a zombie has)."""
    for process in processes:
        try:
            if Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                return False
        except (FileNotFoundError, ProcessLookupError):
            continue
    return True


@pytest.mark.long
def test_a_stopped_study_in_one_process_names_the_run_and_counts_the_seeds(
    server: Server, long_run: list[str], tmp_path: Path
) -> None:
    command = server.start(tmp_path / "a", "study", *long_run, "--seeds", "3,4", "--jobs", "1")
    command.until(lambda: "epoch 2/5000" in command.errors)
    command.signal(signal.SIGINT)
    assert command.status() == 130
    assert command.errors.splitlines()[-1].endswith("(0 of 2 seeds finished)")
    record = json.loads((the_run(tmp_path) / "study.json").read_text())
    assert [failed["seed"] for failed in record["failed"]] == [3, 4]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc to see processes")
@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_stopped_study_in_two_processes_leaves_none_running(
    times: int, server: Server, long_run: list[str], tmp_path: Path
) -> None:
    command = server.start(tmp_path / "a", "study", *long_run, "--seeds", "3,4", "--jobs", "2")
    command.until(lambda: len(list((tmp_path / "mes essais").glob("*-study-*/*/metrics.jsonl"))) == 2)
    workers = descendants(command.process)
    assert len(workers) >= 2
    if times == 2:
        command.signal(signal.SIGSTOP)
        command.signal(signal.SIGTERM)
    command.signal(signal.SIGINT)
    command.signal(signal.SIGCONT)
    assert command.status() == 130
    command.until(lambda: gone(workers))
    runs = [path.parent for path in the_run(tmp_path).glob("*/environment.json")]
    assert len(runs) == 2
    for run in runs:
        checkpoint = newest_checkpoint(run / "checkpoint", run.name)
        assert checkpoint is not None and not checkpoint.passed_over
    if times == 1:
        last = command.errors.splitlines()[-1]
        assert "handgrad study --resume" in last and last.endswith("(0 of 2 seeds finished)")
        assert "Traceback" not in command.errors


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc to see processes")
def test_a_killed_study_leaves_no_worker_running(server: Server, long_run: list[str], tmp_path: Path) -> None:
    command = server.start(tmp_path / "a", "study", *long_run, "--seeds", "3,4", "--jobs", "2")
    command.until(lambda: list((tmp_path / "mes essais").glob("*-study-*/*/metrics.jsonl")))
    workers = descendants(command.process)
    command.signal(signal.SIGKILL)
    assert command.status() == -signal.SIGKILL
    command.until(lambda: gone(workers))
