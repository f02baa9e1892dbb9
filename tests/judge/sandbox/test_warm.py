"""The warm process runs nothing of a stranger's, has one thread, and what it started is gone when the judge is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from handgrad.judge.network.jobs import PREPARED
from handgrad.judge.sandbox import warm
from handgrad.judge.sandbox.process_tree import Tree
from handgrad.judge.sandbox.run import Job, Limits, isolation_level, run
from handgrad.judge.sandbox.server import fork_patiently
from handgrad.scratch import scratch_folder

SOON = Limits(seconds=60.0)

JUDGE = """
import sys
from handgrad.judge.sandbox.run import Job, Limits, run
code = "import signal, time, ctypes\\n"
code += "ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)\\n"  # it asks the kernel to let it live
code += "for n in range(1, 64):\\n    try: signal.signal(n, signal.SIG_IGN)\\n    except (OSError, ValueError): pass\\n"
code += "import os\\nfrom handgrad.judge.sandbox.frames import packed_frame\\n"
code += "os.write(answers, packed_frame('in')); time.sleep(600)"
run(Job(code), Limits(seconds=600.0), on_frame=lambda frame: print("in", flush=True))
"""
"""A judge whose program does all it can to outlive it."""


def below(process: int) -> set[int]:
    """Return every process that descends from *process*."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_bytes().rpartition(b")")[2].split()[1])
            except OSError:
                continue
    found, waiting = set(), [process]
    while waiting:
        children = {child for child, parent in parents.items() if parent == waiting[-1]} - found
        waiting.pop()
        found |= children
        waiting += children
    return found


def alive(process: int) -> bool:
    """Whether *process* is there, other than as a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_nothing_outlives_a_judge_that_is_killed_and_its_folders_are_swept(number: int, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", JUDGE], env=environment, stdout=subprocess.PIPE, stderr=-3) as judge:
        assert judge.stdout is not None and judge.stdout.readline() == b"in\n"
        family = below(judge.pid)
        assert len(family) >= 4
        judge.send_signal(number)
        judge.wait()
        end = time.monotonic() + 10
        while any(map(alive, family)) and time.monotonic() < end:
            time.sleep(0.05)
        assert [process for process in family if alive(process)] == []
    left = list(tmp_path.glob("handgrad-*"))
    assert left or number == signal.SIGINT  # Python tidies up after Ctrl-C alone
    (tmp_path / "handgrad-my-own").mkdir()
    sweep = "from handgrad.scratch import scratch_folder\nwith scratch_folder('job') as folder: pass"
    subprocess.run([sys.executable, "-c", sweep], env=environment, check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["handgrad-my-own"]


def test_a_folder_that_somebody_holds_is_not_swept(tmp_path: Path) -> None:
    sweep = "from handgrad.scratch import scratch_folder\nwith scratch_folder('job') as folder: print(folder)"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with scratch_folder("job") as mine:
        environment["TMPDIR"] = str(mine.parent)
        subprocess.run([sys.executable, "-c", sweep], env=environment, check=True, stdout=subprocess.DEVNULL)
        assert mine.is_dir()
    assert not mine.exists()


def test_the_warm_process_has_one_thread_and_no_file_open_that_it_does_not_need() -> None:
    outcome = run(Job("import sys; print('torch' in sys.modules)", None, PREPARED), SOON)
    assert outcome.text == "True\n", outcome
    process = warm._running[0].process.pid
    assert len(list(Path(f"/proc/{process}/task").iterdir())) == 1
    assert len(list(Path(f"/proc/{process}/fd").iterdir())) <= 6


def test_one_program_leaves_nothing_for_the_next() -> None:
    code = (
        "import builtins, os\nprint(hasattr(builtins, 'left'), os.listdir('.'))\nbuiltins.left = 1\nopen('left', 'w')"
    )
    assert [run(Job(code), SOON).text for _ in range(2)] == ["False []\n"] * 2


def test_a_warm_process_that_was_killed_is_started_anew() -> None:
    assert run(Job("pass"), SOON).status == 0
    warm._running[0].process.kill()
    warm._running[0].process.wait()
    assert run(Job("pass"), SOON).status == 0


def test_several_programs_of_many_threads_each_do_not_take_each_others_limit() -> None:
    code = (
        "import threading, time\n"
        "for n in range(40): threading.Thread(target=time.sleep, args=(3,), daemon=True).start()\n"
        "print('all'); time.sleep(2)"
    )
    if not isolation_level().sandboxed:
        pytest.skip("without a sandbox the limit is that of the user")
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: run(Job(code), SOON), range(4)))
    assert [outcome.text for outcome in outcomes] == ["all\n"] * 4


def test_a_process_that_the_system_refuses_is_tried_again_until_others_have_ended() -> None:
    answers: list[BaseException | int] = [BlockingIOError(11, "busy"), BlockingIOError(11, "busy"), 7]

    def fork() -> int:
        answer = answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    assert fork_patiently(5.0, fork) == 7
    answers[:] = [BlockingIOError(11, "busy")] * 99
    with pytest.raises(BlockingIOError):
        fork_patiently(0.2, fork)


def test_only_what_is_below_the_guard_is_counted() -> None:
    seen: list[int] = []
    run(Job("import os, time\nfor n in range(3):\n    if os.fork() == 0: break\ntime.sleep(1)"), SOON, on_frame=None)
    code = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import os, time; os.fork(); time.sleep(2)'])"
    with subprocess.Popen([sys.executable, "-c", code]) as keeper:  # it stands for a keeper, its child for a guard
        end = time.monotonic() + 20
        while not seen and time.monotonic() < end:
            seen = sorted(Tree(keeper.pid).members())
        assert len(seen) == 1
