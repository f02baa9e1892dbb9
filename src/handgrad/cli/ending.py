"""How a command ends: one line on standard error, and the exit status that README lists."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

from handgrad.errors import DiskError, HandgradError, MissingError, UndecidedError, UsageError
from handgrad.text import visible

FAULT = 70
"""A bug in handgrad, EX_SOFTWARE of BSD's sysexits.h: 1 says that something was judged and is not met."""
# What a shell reports for a program that Ctrl+C ended: 128 and the number of SIGINT.
INTERRUPTED = 130

REFUSALS = frozenset(
    getattr(errno, name)
    for name in ("EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "EFBIG", "EIO")
    if hasattr(errno, name)
)
"""What a disk answers, wherever we meet it: with a full temporary folder that can be in the midst of any library."""


def report(error: BaseException, *, judging: bool = False) -> int:
    """Print *error* as one line on standard error and return the exit status that belongs to it.

    While *judging*, what fails in us decides nothing: the status is that of "no verdict".
    """
    if isinstance(error, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    told = _environment(error) or error
    message = str(told) or type(told).__name__
    if isinstance(told, HandgradError):
        status = told.status
    elif isinstance(told, MemoryError):
        status, message = HandgradError.status, f"out of memory – {message} – close other programs or use less at once"
    else:
        status, message = FAULT, f"{type(told).__name__}: {message} – this is a bug in handgrad, --debug shows where"
    print(f"error: {visible(' '.join(message.split()))}", file=sys.stderr)
    # 1 would read as "not met".
    return UndecidedError.status if judging and status in (HandgradError.status, FAULT) else status


def _environment(error: BaseException) -> HandgradError | None:
    """Return the refusal where *error* comes from the machine and not from us, else None."""
    # A broken pipe is no disk's refusal: `| head` has read enough.
    if not isinstance(error, OSError) or isinstance(error, BrokenPipeError):
        return None
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return MissingError("too few files may be open at once here – raise the limit (ulimit -n 256)")
    if error.errno in REFUSALS:
        where = error.filename or "a file"
        return DiskError(f"{where} cannot be used: {error.strerror} – make room or choose another folder")
    return None


def check_working_folder() -> None:
    """Raise `UsageError` where the folder that the program was started in is gone.

    Asked before anything else: a library that torch loads ends the process, with a message of its own, where it finds none.
    """
    try:
        Path.cwd()
    except OSError as error:
        raise UsageError("the working folder is gone – found nothing there – change to another folder") from error
