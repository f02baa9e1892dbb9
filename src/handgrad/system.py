"""What one operating system has and another lacks: a door each, with what is done elsewhere beside it.

Linux, macOS and Windows are meant. A call is asked for by its presence, never by the name of a system, so that a test can
take it away. Two doors stand where their own subject is: namespaces and limits for a stranger's program in
`handgrad.judge.sandbox` (Linux alone), and cores and memory in `handgrad.allowance`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MMAP_THRESHOLD, TRIM_THRESHOLD, TOP_PAD = -3, -1, -2
"""Options of glibc's mallopt, by the numbers in its malloc.h."""
LOCKED_BYTE = 1 << 30
"""Where a Windows lock lies: it keeps others from reading what it covers, and the holder's process id must stay readable."""


def try_lock(handle: int) -> bool:
    """Lock the open file *handle* for this process; return False where another holds it, raise OSError where that fails.

    The lock is the kernel's: it goes with a process that is killed. Where there is no call for it (Python in a browser)
    there is no second process either.
    """
    try:
        import fcntl
    except ImportError:
        return _try_lock_windows(handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _try_lock_windows(handle: int) -> bool:
    try:
        import msvcrt
    except ImportError:
        return True
    # msvcrt locks from where the file stands; beyond its end is allowed.
    os.lseek(handle, LOCKED_BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
    except OSError:
        # EACCES and EDEADLOCK both say "held by another" there, and nothing else is ever told apart.
        return False
    finally:
        os.lseek(handle, 0, os.SEEK_SET)
    return True


def flush_folder(folder: Path) -> None:
    """Flush the folder's own entry list, without which a rename can be lost when the power fails.

    Windows opens no folder as a file, and keeps its entries in a journal.
    """
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_running(process: int) -> bool:
    """Return whether a process with this id is there; True where that cannot be asked."""
    if not hasattr(signal, "SIGKILL"):
        # On Windows signal 0 is Ctrl-C, and would be delivered.
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def end_this_process() -> None:
    """End this process at once, without saving or tidying anything."""
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill *process*, which was started in a session of its own, and all that it has started there.

    Without process groups the process alone is killed.
    """
    with suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


@contextmanager
def children_without_interrupts() -> Iterator[None]:
    """Let the processes that are started meanwhile never see Ctrl-C, which a terminal sends to all of them.

    They inherit the mask. Without masks they inherit that it is ignored, which only the main thread can set; Windows passes
    on neither, and there each child says so itself when it begins (`ignore_interrupts`).
    """
    if hasattr(signal, "pthread_sigmask"):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    elif threading.current_thread() is threading.main_thread():
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, handler)
    else:
        yield


def ignore_interrupts() -> None:
    """Let this process ignore Ctrl-C from now on; for one whose parent decides when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def keep_freed_memory() -> None:
    """Ask the C library to keep freed memory for the next step instead of giving it back (glibc only).

    A training step frees and takes again a hundred megabytes in blocks that glibc would map again each time, and touching
    fresh pages costs a tenth to a fifth of a step. It changes speed alone; where the call is not there, nothing happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        # musl and macOS have no such call, Windows (TypeError) no program to look it up in.
        return
    for option, size in ((MMAP_THRESHOLD, 1 << 30), (TRIM_THRESHOLD, (1 << 31) - 1), (TOP_PAD, 1 << 28)):
        mallopt(option, size)
