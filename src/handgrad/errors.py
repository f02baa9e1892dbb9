"""The few kinds of error that a user can meet; each maps to an exit status of the command line.

A message is one line: what, where or found, what to do, the parts parted by an en dash.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar

from handgrad.text import quoted


class HandgradError(Exception):
    """Anything that went wrong and that a user can act on. ``str(error)`` is the whole one-line message."""

    status: ClassVar[int] = 1


class UsageError(HandgradError):
    """A command line, recipe or network description that is not valid (status 2)."""

    status = 2


class MissingError(HandgradError):
    """Data is missing or damaged, or an optional part is not installed (status 3)."""

    status = 3


class DamagedRunError(HandgradError):
    """A run folder or checkpoint that does not read back as it was written (status 4)."""

    status = 4


class BusyRunError(HandgradError):
    """The run folder is in use by another process (status 5)."""

    status = 5


class DiskError(HandgradError):
    """The disk refused: full, over quota, read-only or gone (status 6)."""

    status = 6


class DivergedError(HandgradError):
    """A loss, gradient or weight is no longer a finite number (status 7)."""

    status = 7


class UndecidedError(HandgradError):
    """A file was judged, and nothing can be said of it, through no fault of its author (status 8)."""

    status = 8


class InterruptedRunError(HandgradError):
    """A training was asked to stop and has saved where it stood (status 130)."""

    status = 130


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `` – did you mean "…"?`` for the nearest known word, or an empty string when none is near."""
    # Small letters count as the same: XOR is near xor, which no letter of it is otherwise.
    plain = {one.casefold(): one for one in known}
    near = [plain[one] for one in difflib.get_close_matches(word.casefold(), list(plain), n=1, cutoff=0.6)]
    return f' – did you mean "{near[0]}"?' if near else ""


def known(kind: str, word: str, words: Iterable[str]) -> None:
    """Refuse a word outside a closed set, naming the nearest member or all of them."""
    choices = list(words)
    if word not in choices:
        hint = did_you_mean(word, choices) or f" – choose one of {', '.join(choices)}"
        raise UsageError(f"{kind} {quoted(word)} is not known{hint}")


def counted(count: int, what: str) -> str:
    """Return how many: ``1 weight``, ``3 weights``."""
    plural = f"{what[:-1]}ies" if what.endswith("ity") else what + ("es" if what.endswith("s") else "s")
    return f"{count:,} {what if count == 1 else plural}"
