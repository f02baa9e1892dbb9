"""A process of its own that runs one task after another, and says so when it was lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any

from handgrad.allowance import memory_limit
from handgrad.errors import HandgradError
from handgrad.system import children_without_interrupts, end_this_process, ignore_interrupts

# Felt as at once by who presses Ctrl-C, and five looks a second cost nothing.
WAIT = 0.2
"""Seconds between two looks at whether a stop was asked for."""
STOPPING = threading.Event()
"""In a worker: set once it was asked to stop."""
_STARTING = threading.Lock()


def data_folder_here() -> str | None:
    """Return the folder of digits that the environment of this worker names: its own machine's, not the submitter's."""
    return os.environ.get("HANDGRAD_DATA") or None


class LostWorkerError(Exception):
    """A worker that ended without an answer."""


class WorkerProcess:
    """One process; it ends with the one that started it, however that came about."""

    def __init__(self) -> None:
        # spawn, because a forked copy of a process whose torch threads run can hang.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        try:
            with _STARTING, children_without_interrupts(), without_main(), _allowed_children():
                self._process.start()
        except OSError as error:  # EAGAIN where the user has as many processes as they may, ENOMEM, EMFILE
            raise HandgradError(
                f"no process can be started: {error.strerror} – end other processes, or run one task at a time (--jobs 1)"
            ) from error
        finally:
            theirs.close()

    def call(self, function: Callable[[Any], Any], argument: Any) -> Any:
        """Return what *function*, a module's own, gives for *argument* in the process; raise `LostWorkerError` if it ends."""
        try:
            self._pipe.send((function, argument))
            done, value = self._pipe.recv()
        except (EOFError, OSError) as error:
            self._process.join(1)
            limit = memory_limit()
            bound = f" (a limit of {limit >> 20:,} MiB is set on all processes together)" if limit else ""
            raise LostWorkerError(f"its process ended without an answer – out of memory{bound}, or killed") from error
        if not done:
            raise HandgradError(value)
        return value

    def stop(self) -> None:
        """Ask the process to save and end."""
        self._process.terminate()

    def end(self) -> None:
        """End the process at once, if it has not ended."""
        self._pipe.close()
        self._process.kill()
        self._process.join()


def _serve(pipe: Connection) -> None:
    """Run tasks until the pipe is closed or a stop is asked for."""
    ignore_interrupts()  # it is the parent that stops its workers, so that each saves first
    signal.signal(signal.SIGTERM, lambda number, frame: STOPPING.set())
    # A parent that was killed sends no signal: without this its workers would train on for hours for nobody.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while not STOPPING.is_set():
        try:
            if not pipe.poll(WAIT):
                continue
            function, argument = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            answer = (True, function(argument))
        except Exception as error:
            answer = (False, str(error) if isinstance(error, HandgradError) else f"{type(error).__name__}: {error}")
        pipe.send(answer)


def _end_with_parent() -> None:
    """Wait for the parent's end, however it came, and end this process too: nobody would read what it finds."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        end_this_process()


@contextmanager
def without_main() -> Iterator[None]:
    """Let the processes that are started meanwhile not run the user's script again.

    A spawned process imports ``__main__`` again, so that what is defined there can be sent to it. Nothing of ours is, and a
    script that begins a study without asking whether it is the main program would begin one in each worker. The name is
    read when a process starts, by the thread that starts it (multiprocessing.spawn.get_preparation_data).
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _allowed_children() -> Iterator[None]:
    """Let a daemonic process have children too: workers of a `multiprocessing.Pool` and of Dask are such.

    Python forbids it because their children could outlive them; ours end with their parent.
    """
    config: dict[str, Any] = getattr(multiprocessing.current_process(), "_config", {})
    before = config.get("daemon", False)
    config["daemon"] = False
    try:
        yield
    finally:
        config["daemon"] = before
