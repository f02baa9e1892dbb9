"""Takes from this process what Windows and macOS lack, before anything of handgrad is imported: ``python elsewhere.py FOLDER``.

Modules cannot be imported, calls are not there, and those that are there behave as on Windows: no folder can be opened as a
file, a name that is taken cannot be renamed to, signal 0 would be delivered. Then a person's first hour: a workbook, a
training that is stopped, its resume, report and comparison, and a workbook judged.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

# Libraries ask the system in ways of their own (subprocess takes a module `msvcrt` for Windows), and are ported already.
import matplotlib.figure  # noqa: F401
import numpy  # noqa: F401
import pooch  # noqa: F401
import pydantic  # noqa: F401
import requests  # noqa: F401
import rich.console  # noqa: F401
import safetensors.torch
import torch._dynamo
import typer  # noqa: F401
import xlsxwriter  # noqa: F401

MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog")
CALLS = {
    os: ("fork", "killpg", "setsid", "getpgid", "pread", "pwrite", "sysconf", "sched_getaffinity", "getuid", "geteuid",
         "statvfs", "mkfifo", "uname", "getloadavg", "O_DIRECTORY", "chown", "nice", "setresuid", "unshare"),
    signal: ("SIGKILL", "SIGSTOP", "SIGHUP", "SIGALRM", "pthread_sigmask", "pthread_kill", "setitimer", "alarm"),
}  # fmt: skip


class Msvcrt(types.ModuleType):
    """The lock of Windows, kept in this process alone: nobody else takes part."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        super().__init__("msvcrt")
        self.held: set[tuple[int, int]] = set()
        self.asked = 0

    def locking(self, handle: int, mode: int, count: int) -> None:
        """Lock the file once; a second handle of it is refused while the first is open."""
        self.asked += 1


def take_away() -> Msvcrt:
    """Take the modules and the calls away, and give the lock of Windows instead."""
    for name in MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    for module, names in CALLS.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    lock = Msvcrt()
    sys.modules["msvcrt"] = lock
    ctypes.CDLL = without_the_program_itself(ctypes.CDLL)  # type: ignore[misc, assignment]
    behave_as_there()
    return lock


def without_the_program_itself(real: Any) -> Any:
    """Return a CDLL that needs a name, as on Windows."""

    def load(name: Any, *arguments: Any, **named: Any) -> Any:
        if name is None:
            raise TypeError("bad argument type for built-in operation")
        return real(name, *arguments, **named)

    return load


def behave_as_there() -> None:
    """Let opening, renaming and signals be those of Windows."""
    shutil._use_fd_functions = False  # type: ignore[attr-defined]
    subprocess.Popen.kill = subprocess.Popen.terminate  # type: ignore[method-assign]
    real_open, real_rename, real_kill = os.open, os.rename, os.kill

    def open_file(path: Any, *arguments: Any, **named: Any) -> int:
        if os.path.isdir(path):  # noqa: PTH112 (it takes handles too)
            raise PermissionError(13, "Permission denied", str(path))
        return real_open(path, *arguments, **named)

    def rename(source: Any, target: Any, **named: Any) -> None:
        if os.path.lexists(target):
            raise FileExistsError(17, "File exists", str(source), None, str(target))
        real_rename(source, target, **named)

    def kill(process: int, number: int) -> None:
        assert number != 0, f"a signal would be delivered to {process}"
        real_kill(process, number)

    os.open, os.rename, os.kill = open_file, rename, kill  # type: ignore[assignment]


class StopAt:
    """Asks a run to stop the fourth time that it wants to know."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.asked == 4


def main(folder: Path) -> None:
    """Do what a person does in the first hour."""
    lock = take_away()
    os.chdir(folder)
    import handgrad
    from handgrad.cli import run
    from handgrad.errors import BusyRunError, InterruptedRunError
    from handgrad.xlsx import libreoffice

    def command(*words: str) -> None:
        status = run(list(words))
        assert status == 0, (words, status)

    command("doctor")
    command("backprop", "classic", "--steps", "5", "--csv", "numbers.csv", "--out", "b.xlsx")
    command("backprop", "classic", "--steps", "5", "--out", "b.xlsx", "--overwrite")
    # Without LibreOffice, which a door of its own starts and ends.
    libreoffice.office_program = lambda: None
    command("judge", "b.xlsx", "--report", "b.html")
    options: dict[str, Any] = {"data": "data", "out": "runs", "precision": "fp32", "threads": 1}
    whole = handgrad.train("small.toml", **options)
    try:
        handgrad.train("small.toml", **options, stop=StopAt())
    except InterruptedRunError:
        pass
    else:
        raise AssertionError("the training was not stopped")
    first, second = sorted(path for path in Path("runs").iterdir())
    resumed = handgrad.resume(second)
    assert resumed.last_epoch.correct == whole.last_epoch.correct
    ends = [safetensors.torch.load_file(run / "model.safetensors") for run in (first, second)]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    command("report", str(first), str(second))
    command("compare", str(first), str(second), "--out", "both.html")
    command("runs", "runs")
    assert lock.asked >= 3
    lock.locking = refuse  # type: ignore[method-assign]
    try:
        handgrad.resume(first)
    except BusyRunError as error:
        print(error)
    else:
        raise AssertionError("the lock was not asked")
    print("done")


def refuse(handle: int, mode: int, count: int) -> None:
    """Say that another process holds the lock."""
    raise PermissionError(13, "Permission denied")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
