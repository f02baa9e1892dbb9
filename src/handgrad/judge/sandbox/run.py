"""Runs a stranger's program: in a process of its own, shut in as far as the system allows, watched, and ended in time.

Three levels, the best that works here is taken and named in the verdict:

1. as root: process, network, mount, IPC and host-name namespaces; the program runs as nobody;
2. else the same inside a user namespace of its own, without capabilities;
3. else limits only: the program sees the files that its user sees.

In 1 and 2 the root is an empty one that shows Python, its libraries and the job, all read-only: no home, no data, no
``/etc``, no other process. Memory and processes are watched from outside, because ``RLIMIT_AS`` breaks ``import torch``.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import math
import os
import selectors
import shutil
import site
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from handgrad.errors import HandgradError, MissingError
from handgrad.judge.sandbox.frames import Frame, FrameError, FrameReader, packed_frame
from handgrad.judge.sandbox.process_tree import Tree

ENCLOSE = Path(__file__).with_name("enclose.py")
PACKAGE = Path(__file__).parents[2]
LOOK = 0.05
"""Seconds between two looks at the processes under watch."""
START, STARTS = 30.0, 2
"""Seconds that making the enclosure may take, and how often it is tried: on a busy kernel a network namespace can wait
seconds for others to be taken apart. The program's own clock runs only once it is shut in."""
ENCLOSED = "enclosed"
"""The kind of the frame that says so, sent before the program begins."""
CHUNK = 1 << 16
TEXT_KEPT = 20_000
SYSTEM_FOLDERS = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/etc/ld.so.cache")
SUBREAPER = 36

Ended = Literal["itself", "start", "time", "memory", "processes", "output", "form"]


@dataclass(frozen=True)
class Limits:
    """What a program may use. Bytes and seconds; ``answers`` is the most that it may send."""

    seconds: float = 3600.0
    whole: float = math.inf
    """Seconds for everything, making the enclosure included; ``seconds`` count from when it is made."""
    memory: int = 3 << 30
    processes: int = 64
    file_size: int = 16 << 20
    disk: int = 32 << 20
    answers: int = 256 << 20
    text: int = 64 << 20
    """How much it may print before that counts as printing without end."""


@dataclass(frozen=True)
class Level:
    """A way to isolate: the command in front, what is given up, how it reads in a verdict."""

    name: str
    words: str
    unshare: tuple[str, ...]
    drop: str

    @property
    def sandboxed(self) -> bool:
        """Whether the program is cut off from files, processes and network, and not only limited."""
        return bool(self.unshare)


NAMESPACES = ("unshare", "--pid", "--fork", "--kill-child", "--net", "--mount", "--ipc", "--uts")
LEVELS = (
    Level(
        "namespaces, as nobody",
        "sandbox (process, network and mount namespaces, unprivileged user, read-only root without data, limits)",
        NAMESPACES,
        "user",
    ),
    Level(
        "user namespaces",
        "sandbox (user, process, network and mount namespaces, read-only root without data, limits)",
        (*NAMESPACES, "--user", "--map-root-user"),
        "rights",
    ),
    Level(
        "limits only",
        "limits only (own session, empty home, clean environment, limits; files and network stay in reach)",
        (),
        "nothing",
    ),
)


@dataclass(frozen=True)
class Outcome:
    """What came of a run: how it ended, the exit status if it ended by itself, its frames, the beginning of what it printed.

    ``seconds`` count from when it was shut in; "start" says that it never was.
    """

    ended: Ended
    status: int | None
    frames: tuple[Frame, ...]
    text: str
    seconds: float


@dataclass(frozen=True)
class Job:
    """What is to be run: Python *code* that finds *folder* (shown read-only) and writes frames to descriptor *answers*."""

    code: str
    folder: Path | None = None


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
        if level.drop == "user" and os.geteuid() != 0:
            continue
        if level.unshare and shutil.which("unshare") is None:
            continue
        outcome = run(Job("pass"), Limits(seconds=30.0), level)
        if outcome.ended == "itself" and outcome.status == 0:
            return level
    raise HandgradError(f"no program can be started here – {outcome.text[-200:].strip()} – see `handgrad doctor`")


def run(
    job: Job, limits: Limits, level: Level | None = None, on_frame: Callable[[Frame], None] | None = None
) -> Outcome:
    """Run *job* under *limits* and return what came of it, at most two seconds after its time limits.

    *on_frame* is called with each frame as it arrives. No process of the program is left when this returns.
    """
    level = level or isolation_level()
    end = time.monotonic() + limits.whole
    outcome = _run_once(job, limits, level, on_frame)
    for _ in range(STARTS - 1):
        left = end - time.monotonic()
        if outcome.ended == "start" and left > 0:
            outcome = _run_once(job, replace(limits, whole=left), level, on_frame)
    return outcome


def _run_once(job: Job, limits: Limits, level: Level, on_frame: Callable[[Frame], None] | None) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="handgrad-judge-", ignore_cleanup_errors=True) as name, _adopting():
        place = Path(name)
        for part in ("root", "home"):
            (place / part).mkdir()
        reading, writing = os.pipe()
        spec = _spec(job, limits, level, place, writing)
        (place / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
        tree = Tree()
        try:
            process = _start(level, place / "spec.json", writing)
        finally:
            os.close(writing)
        tree.root = process.pid
        try:
            return _watch(process, tree, reading, limits, on_frame)
        finally:
            tree.end()
            process.wait()
            os.close(reading)
            if process.stdout:
                process.stdout.close()


def _start(level: Level, spec: Path, writing: int) -> subprocess.Popen[bytes]:
    command = [*level.unshare, sys.executable, "-I", "-S", "-B", str(ENCLOSE)]
    with spec.open("rb") as file:
        return subprocess.Popen(
            command,
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(writing,),
            start_new_session=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )


def _spec(job: Job, limits: Limits, level: Level, place: Path, answers: int) -> Mapping[str, Any]:
    """Return what `handgrad.judge.sandbox.enclose` is told."""
    home = str(place / "home")
    paths = [str(path) for path in _library_paths()]
    code = f"import sys; sys.path[:0] = {paths!r}; folder = {str(job.folder)!r}; answers = {answers}\n{job.code}"
    shown = [*_shown(), *([str(job.folder)] if job.folder else [])]
    # A fresh process of our own may need more than one minute of CPU to import torch on a busy machine, never more wall time.
    seconds = max(1, int(limits.seconds) + 1)
    return {
        "root": str(place / "root") if level.sandboxed else "",
        "home": home,
        "shown": [path for path in shown if not Path(path).is_symlink()],
        "links": [(path, str(Path(path).readlink())) for path in shown if Path(path).is_symlink()],
        "disk": limits.disk,
        "drop": level.drop,
        "answers": answers,
        "enclosed": packed_frame(ENCLOSED).hex(),
        "limits": {
            "RLIMIT_CPU": seconds,
            "RLIMIT_FSIZE": limits.file_size,
            "RLIMIT_NPROC": limits.processes if level.sandboxed else max(limits.processes, 4096),
            "RLIMIT_NOFILE": 128,
            "RLIMIT_CORE": 0,
            "RLIMIT_DATA": 2 * limits.memory,
        },
        "command": [sys.executable, "-I", "-S", "-B", "-c", code],
        "environment": {
            "PATH": "/usr/bin:/bin",
            "HOME": home,
            "TMPDIR": home,
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "PYTHONHASHSEED": "0",
        },
    }


@cache
def _library_paths() -> tuple[Path, ...]:
    """Return the folders that the program imports from, besides the standard library: never the caller's own path."""
    folders = [PACKAGE.parent]
    for name in ("torch", "numpy", "pydantic"):
        found = importlib.util.find_spec(name)
        if found is not None and found.origin is not None:
            folders.append(Path(found.origin).parents[1])
    return tuple(dict.fromkeys([*folders, Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("platlib"))]))


@cache
def _shown() -> tuple[str, ...]:
    """Return what the new root shows: the system's libraries, Python, the installed packages, this package alone."""
    interpreter = Path(sys.executable).resolve()
    wanted = [*map(Path, SYSTEM_FOLDERS), Path(sys.prefix), Path(sys.base_prefix), interpreter, PACKAGE]
    wanted += [path for path in _library_paths() if path != PACKAGE.parent and path.is_dir()]
    if site.ENABLE_USER_SITE and (user := site.getusersitepackages()):
        wanted.append(Path(user))
    there = list(dict.fromkeys(path for path in wanted if path.exists()))
    return tuple(str(path) for path in there if path.is_symlink() or not any(other in path.parents for other in there))


def _watch(
    process: subprocess.Popen[bytes],
    tree: Tree,
    reading: int,
    limits: Limits,
    on_frame: Callable[[Frame], None] | None,
) -> Outcome:
    """Read what the program sends and prints until it ends or has to be ended."""
    assert process.stdout is not None
    pipes = Pipes(reading, process.stdout.fileno(), limits, on_frame)
    began, looked = time.monotonic(), 0.0
    ended: Ended | None = None
    while ended is None:
        pipes.read(LOOK)
        now = time.monotonic()
        if pipes.enclosed is None and now - began > min(START, limits.whole):
            ended = "start"
        elif pipes.enclosed is not None and (now - pipes.enclosed > limits.seconds or now - began > limits.whole):
            ended = "time"
        elif pipes.over:
            ended = pipes.over
        elif process.poll() is not None:
            # What it sent before its end is still in the pipes.
            pipes.read_rest()
            ended = pipes.over or "itself"
        elif now - looked >= LOOK:
            looked = now
            ended = tree.over(limits.memory, limits.processes)
    status = process.returncode if ended == "itself" else None
    text = pipes.text.decode("utf-8", "replace")
    return Outcome(ended, status, tuple(pipes.frames), text, time.monotonic() - (pipes.enclosed or began))


class Pipes:
    """The two streams of a program under watch, each with a cap: frames it sends, text it prints."""

    def __init__(self, answers: int, text: int, limits: Limits, on_frame: Callable[[Frame], None] | None) -> None:
        self.answers, self.limits, self.on_frame = answers, limits, on_frame
        self.reader, self.frames, self.text = FrameReader(), list[Frame](), bytearray()
        self.sent = self.printed = 0
        self.over: Ended | None = None
        self.enclosed: float | None = None
        """When the program was shut in, by the clock that only moves forward."""
        self.selector = selectors.DefaultSelector()
        for number in (answers, text):
            os.set_blocking(number, False)
            self.selector.register(number, selectors.EVENT_READ)

    def read(self, seconds: float) -> bool:
        """Read what is there, waiting at most *seconds* for it; return whether there was something."""
        if not self.selector.get_map():
            time.sleep(seconds)
            return False
        something = False
        for key, _ in self.selector.select(seconds):
            data = os.read(key.fd, CHUNK)
            if not data:
                self.selector.unregister(key.fd)
                continue
            something = True
            if key.fd == self.answers:
                self._take(data)
            else:
                self.printed += len(data)
                self.text += data[: TEXT_KEPT - len(self.text)]
        if self.sent > self.limits.answers or self.printed > self.limits.text:
            self.over = "output"
        return something

    def read_rest(self) -> None:
        """Read on until nothing more is there, or too much."""
        while not self.over and self.read(0.0):
            pass

    def _take(self, data: bytes) -> None:
        self.sent += len(data)
        try:
            frames = self.reader.feed(data)
        except FrameError:
            self.over = "form"
            return
        if self.enclosed is None and frames and frames[0].kind == ENCLOSED:
            self.enclosed, frames = time.monotonic(), frames[1:]
        self.frames += frames
        for frame in frames:
            if self.on_frame:
                self.on_frame(frame)


@contextmanager
def _adopting() -> Iterator[None]:
    """Let orphans of the program become children of this process meanwhile, so that none gets out of sight."""
    library = ctypes.CDLL(None)
    before = ctypes.c_int(0)
    works = sys.platform.startswith("linux") and library.prctl(37, ctypes.byref(before), 0, 0, 0) == 0
    if works:
        library.prctl(SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        if works:
            with suppress(OSError):
                library.prctl(SUBREAPER, before.value, 0, 0, 0)
