"""Runs a stranger's program: in a process of its own, isolated as far as the system allows, watched, and ended in time.

Three levels, the best that works here is taken and named in the verdict:

1. as root: process, network, mount, IPC and host-name namespaces; the program runs as a user who owns nothing;
2. else the same inside a user namespace of its own, without capabilities;
3. else limits only: the program sees the files that its user sees.

In 1 and 2 the root is an empty one that shows Python, its libraries and the job, all read-only: no home, no data, no
``/etc``, no other process. Memory and processes are watched from outside, because ``RLIMIT_AS`` breaks ``import torch``.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import site
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from handgrad.errors import HandgradError, MissingError
from handgrad.judge.sandbox.frames import Frame, packed_frame
from handgrad.judge.sandbox.limits import LEVELS, Ended, Job, Level, Limits, Outcome
from handgrad.judge.sandbox.pipes import ENCLOSED, Pipes
from handgrad.judge.sandbox.process_tree import Tree
from handgrad.judge.sandbox.warm import PACKAGE, library_paths, start_copy
from handgrad.scratch import scratch_folder

# A program that takes a gigabyte a second gets at most 50 MB beyond its limit, which the margin of the machine must
# hold.
LOOK = 0.05
"""Seconds between two looks at the processes under watch."""
START, STARTS = 30.0, 2
"""Seconds that making the enclosure may take, and how often it is tried: on a busy kernel a network namespace can wait
seconds for others to be taken apart. The program's own clock runs only once it is isolated."""
WARMING = 300.0
"""Seconds that the warm process may take to import torch, once, on a machine that does much else."""
ENDING = 5.0
"""Seconds that all processes of a run may take to be gone once they are killed."""
# Where distributions keep the loader and shared libraries; the interpreter may be linked against any of
# them.
SYSTEM_FOLDERS = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/etc/ld.so.cache")
HOME = "/home/author"
"""The home of the program in a root of its own."""
FIRST_USER, USERS, NOBODY = 61184, 4336, 65534
"""Users that systemd keeps free for programs that need one for a while. The limit on processes counts all of one user, so
that two programs under one would take each other's; two of 4,336 drawn at random rarely meet."""


def isolation_level() -> Level:
    """Return the best level that works on this system; found out once, by running nothing at each.

    Raises `MissingError` on other systems than Linux, which have no namespaces and no ``/proc``.
    """
    if not sys.platform.startswith("linux"):
        here = {"darwin": "macOS", "win32": "Windows"}.get(sys.platform, sys.platform)
        raise MissingError(
            f"judging a network file needs Linux – this is {here} – use a Linux machine, a container or WSL; "
            "workbooks are judged here too"
        )
    return _working_level()


@cache
def _working_level() -> Level:
    for level in LEVELS:
        # Not tried: becoming another user is root's alone, and the failure would look like a broken system.
        if level.drop == "user" and os.geteuid() != 0:
            continue
        # By doing it and not by asking the system: sysctls, seccomp and containers each can forbid a step, and say so
        # nowhere.
        outcome = run(Job("pass"), Limits(seconds=30.0), level)
        if outcome.ended == "itself" and outcome.status == 0:
            return level
    raise HandgradError(f"no program can be started here – {outcome.text[-200:].strip()} – see `handgrad doctor`")


def run(
    job: Job, limits: Limits, level: Level | None = None, on_frame: Callable[[Frame], None] | None = None
) -> Outcome:
    """Run *job* under *limits* and return what came of it, at most two seconds after its time limits.

    *on_frame* is called with each frame as it arrives. No process of the program is left when this returns. Runs in several
    threads at once keep out of each other's way.
    """
    level = level or isolation_level()
    # Taken once: a second start must not give the program twice its time.
    end = time.monotonic() + limits.whole
    outcome = _run_once(job, limits, level, on_frame)
    for _ in range(STARTS - 1):
        left = end - time.monotonic()
        # Only what never began is tried again: a program that ran once has had its chance, and its side effects.
        if outcome.ended == "start" and left > 0:
            outcome = _run_once(job, replace(limits, whole=left), level, on_frame)
    return outcome


def _run_once(job: Job, limits: Limits, level: Level, on_frame: Callable[[Frame], None] | None) -> Outcome:
    with scratch_folder("judge") as place:
        for part in ("root", "home"):
            (place / part).mkdir()
        # Two pipes: what a program prints may look like anything, also like an answer.
        answers, sending = os.pipe()
        text, printing = os.pipe()
        pipes = Pipes(answers, text, limits, on_frame)
        try:
            control = start_copy(_spec(job, limits, level, place), job.prepared, sending, printing)
        except BaseException:
            pipes.close()
            raise
        finally:
            # Closed here, so that the end of the program is the end of the stream: a copy left open would keep it
            # alive.
            os.close(sending)
            os.close(printing)
        keeper = Keeper(control)
        try:
            return _watch(keeper, pipes, limits)
        finally:
            keeper.end()
            pipes.close()


class Keeper:
    """The process that keeps the program, seen from here: whether it is there, how the program ended, and its end."""

    def __init__(self, control: socket.socket) -> None:
        control.setblocking(False)
        self.control, self.gone = control, False
        self.tree: Tree | None = None
        """The program's processes, once the keeper has been started."""
        self.status: int | None = None
        self.failed = ""

    def hear(self) -> None:
        """Take in what it has said since."""
        while not self.gone:
            try:
                data = self.control.recv(1 << 12)
            except BlockingIOError:
                return
            # A keeper that was killed with something unread gives an error in place of an end: it means the same.
            except OSError:
                data = b""
            if not data:
                self.gone = True
                return
            said = json.loads(data)
            if "keeper" in said:
                self.tree = Tree(said["keeper"])
            # Kept from message to message: each says only what is new.
            self.status = said.get("status", self.status)
            self.failed = said.get("failed", self.failed)

    def end(self) -> None:
        """Have every process of the program killed, and return when they are gone."""
        with suppress(OSError):
            # Half closed: the keeper reads the end and can still say how the program ended.
            self.control.shutdown(socket.SHUT_WR)
        end = time.monotonic() + ENDING
        while not self.gone and time.monotonic() < end:
            self.hear()
            # Short, because a class of a hundred files waits here a hundred times; long enough for the kernel to do
            # it meanwhile.
            time.sleep(0.002)
        if not self.gone and self.tree is not None:
            # What it kept is killed by the kernel with it.
            with suppress(OSError):
                os.kill(self.tree.keeper, signal.SIGKILL)
        self.control.close()


def _watch(keeper: Keeper, pipes: Pipes, limits: Limits) -> Outcome:
    """Read what the program sends and prints until it ends or has to be ended."""
    began, looked = time.monotonic(), 0.0
    started: float | None = None
    ended: Ended | None = None
    while ended is None:
        pipes.read(LOOK, keeper.control if not keeper.gone else None)
        keeper.hear()
        now = time.monotonic()
        if started is None and keeper.tree is not None:
            started = now
        # Two clocks: the first run of all waits for torch to be imported, every other only for namespaces.
        slow = now - started > START if started is not None else now - began > WARMING
        if keeper.status is not None or keeper.gone:
            # What it sent before its end is still in the pipes.
            pipes.read_rest()
            ended = pipes.over or ("itself" if keeper.tree is not None else "start")
        elif pipes.enclosed is None and (slow or now - began > limits.whole):
            ended = "start"
        elif pipes.enclosed is not None and (now - pipes.enclosed > limits.seconds or now - began > limits.whole):
            ended = "time"
        elif pipes.over:
            ended = pipes.over
        elif keeper.tree is not None and now - looked >= LOOK:
            looked = now
            ended = keeper.tree.over(limits.memory, limits.processes)
    # A program that was ended has the status of a kill, which says nothing about it.
    status = keeper.status if ended == "itself" else None
    text = pipes.text.decode("utf-8", "replace") or keeper.failed
    # From when it was isolated: a busy machine's start is no time of the program's.
    return Outcome(ended, status, tuple(pipes.frames), text, time.monotonic() - (pipes.enclosed or began))


def _spec(job: Job, limits: Limits, level: Level, place: Path) -> dict[str, Any]:
    """Return what `handgrad.judge.sandbox.server` is told."""
    home = HOME if level.sandboxed else str(place / "home")
    shown = [*_shown(), *([str(job.folder)] if job.folder else [])]
    return {
        "code": job.code,
        "folder": str(job.folder),
        "namespaces": list(level.namespaces),
        "root": str(place / "root") if level.sandboxed else "",
        "home": home,
        "shown": [path for path in shown if not Path(path).is_symlink()],
        "links": [(path, str(Path(path).readlink())) for path in shown if Path(path).is_symlink()],
        "disk": limits.disk,
        "drop": level.drop,
        "user": _free_user() if level.drop == "user" else 0,
        "enclosed": packed_frame(ENCLOSED).hex(),
        "limits": _kernel_limits(limits, level),
        "environment": {
            # Of the system alone: the judge's own path would tell where things lie, and lead to them on the level
            # without walls.
            "PATH": "/usr/bin:/bin",
            "HOME": home,
            # The only folder that can be written to; libraries that ask for a temporary file would fail at "/tmp".
            "TMPDIR": home,
            "LANG": "C.UTF-8",
            # One thread, so that sums come out in one order on every machine and limits on processes count programs.
            "OMP_NUM_THREADS": "1",
            # A driver opens devices and maps memory that the walls know nothing of.
            "CUDA_VISIBLE_DEVICES": "",
            # The order of a set is then the same in every run, and a verdict with it.
            "PYTHONHASHSEED": "0",
        },
    }


def _kernel_limits(limits: Limits, level: Level) -> Mapping[str, int]:
    """Return what the kernel is asked to hold the program to, a second look beside the watch from outside."""
    return {
        # A process cannot use more of the processor's time than passes, unless it has several threads.
        "RLIMIT_CPU": max(1, int(limits.seconds) + 1),
        "RLIMIT_FSIZE": limits.file_size,
        # Without a user of its own the program shares the limit with everything else that this user runs.
        "RLIMIT_NPROC": limits.processes if level.sandboxed else max(limits.processes, 4096),
        # torch opens a few dozen; a program that opens thousands would hit the system's limit for others too.
        "RLIMIT_NOFILE": 128,
        # A core file would hold the program's memory, and fill a disk.
        "RLIMIT_CORE": 0,
        # Twice: allocators reserve more than they use, and the watch outside counts what is used.
        "RLIMIT_DATA": 2 * limits.memory,
    }


def _free_user() -> int:
    """Return a user for one program, who owns nothing: one that is rarely anybody else's, where there are so many users."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines():
            first, _, count = map(int, line.split())
            if first <= FIRST_USER and first + count >= FIRST_USER + USERS:
                return FIRST_USER + secrets.randbelow(USERS)
    # A container may map few users. Two runs at a time then share their limit on processes, which makes one fail,
    # never escape.
    return NOBODY


@cache
def _shown() -> tuple[str, ...]:
    """Return what the new root shows: the system's libraries, Python, the installed packages, this package alone."""
    interpreter = Path(sys.executable).resolve()
    wanted = [*map(Path, SYSTEM_FOLDERS), Path(sys.prefix), Path(sys.base_prefix), interpreter, PACKAGE]
    wanted += [path for path in library_paths() if path != PACKAGE.parent and path.is_dir()]
    if site.ENABLE_USER_SITE and (user := site.getusersitepackages()):
        wanted.append(Path(user))
    there = list(dict.fromkeys(path for path in wanted if path.exists()))
    return tuple(str(path) for path in there if path.is_symlink() or not any(other in path.parents for other in there))


__all__ = ["LEVELS", "Job", "Level", "Limits", "Outcome", "isolation_level", "run"]
