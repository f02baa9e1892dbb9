"""The judge's end of the warm process: started once, asked for a copy for each run, and gone when the judge is."""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from handgrad.errors import HandgradError

PACKAGE = Path(__file__).parents[2]
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONHASHSEED": "0",
}
"""What libraries read when they are loaded must be right before any program runs; the rest is set for each."""


class WarmProcess:
    """A process that has imported what is needed, and the means to have a program run in a copy of it."""

    def __init__(self) -> None:
        # SEQPACKET keeps messages apart and in order, and its end is noticed: no length to parse before it can be
        # trusted.
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # With -I and -S Python finds neither site-packages nor this package by itself.
        paths = [str(path) for path in library_paths()]
        code = (
            f"import sys; sys.path[:0] = {paths!r}\n"
            f"from handgrad.judge.sandbox.server import serve\nserve({theirs.fileno()})"
        )
        self.process = subprocess.Popen(
            # Isolated from the user's environment and site, and without writing bytecode, which could lie in the
            # user's folder.
            [sys.executable, "-I", "-S", "-B", "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            # Ctrl-C in the terminal goes to the judge, which ends runs in order; the warm process must not be hit by
            # it as well.
            start_new_session=True,
            env=ENVIRONMENT,
        )
        theirs.close()
        self.door, self.owner = ours, os.getpid()

    def start(self, spec: dict[str, Any], prepared: Sequence[str], answers: int, text: int) -> socket.socket:
        """Have a copy made that runs what *spec* says, and return the control socket: closing it ends the copy.

        Raises OSError where the warm process is gone.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, tempfile.TemporaryFile() as described:
            described.write(json.dumps(spec).encode())
            # A file and not the message itself: a job's code may be longer than a message may be.
            described.seek(0)
            request = json.dumps({"prepared": list(prepared)}).encode()
            try:
                socket.send_fds(self.door, [request], [theirs.fileno(), answers, text, described.fileno()])
            except OSError:
                ours.close()
                raise
        return ours

    def end(self) -> None:
        """End the process; what runs in copies of it ends with it."""
        self.door.close()
        # A forked copy of the judge closes its end of the door, and must not kill what its parent still uses.
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()


_lock = threading.Lock()
_running: list[WarmProcess] = []


def start_copy(spec: dict[str, Any], prepared: Sequence[str], answers: int, text: int) -> socket.socket:
    """Start the program that *spec* describes in a copy of the warm process, and return its control socket.

    The process is started on the first call and again where it has ended. Raises `HandgradError` where none can be.
    """
    # Runs come from several threads; two first ones at a time would otherwise each start a process, and one would be
    # lost.
    with _lock:
        # The warm process may have been killed since the last run, by the memory killer for one: once more, with a new
        # one.
        for attempt in (1, 2):
            # A judge that was forked has its parent's handle and must not use it: two would read each other's
            # answers.
            if _running and (_running[0].owner != os.getpid() or _running[0].process.poll() is not None):
                _running.pop().end()
            try:
                if not _running:
                    _running.append(WarmProcess())
                return _running[0].start(spec, prepared, answers, text)
            except OSError as error:
                with suppress(IndexError):
                    _running.pop().end()
                if attempt == 2:
                    raise HandgradError(
                        f"no judging process can be started – {error} – see `handgrad doctor`"
                    ) from error
    # Not reached: the second attempt returns or raises. It is for the type checker.
    raise AssertionError


@atexit.register
def end_warm_process() -> None:
    """End the warm process where there is one; the next run starts another."""
    with _lock:
        while _running:
            _running.pop().end()


@cache
def library_paths() -> tuple[Path, ...]:
    """Return the folders that the program imports from, besides the standard library: never the caller's own path."""
    folders = [PACKAGE.parent]
    # Where they really are, which in an installation for development is not where this package lies.
    for name in ("torch", "numpy", "pydantic"):
        found = importlib.util.find_spec(name)
        if found is not None and found.origin is not None:
            folders.append(Path(found.origin).parents[1])
    return tuple(dict.fromkeys([*folders, Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("platlib"))]))
