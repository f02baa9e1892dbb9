"""What a stranger's program may use, and how well it can be isolated: plain records; nothing here runs anything."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from handgrad.allowance import usable_memory
from handgrad.judge.sandbox.frames import Frame

MEMORY = 3 << 30
"""Bytes that a program may take, on every machine that has them: a verdict must not depend on where it is reached."""
OWN, LEAST = 768 << 20, 512 << 20
"""Bytes that the judge itself and its warm process take (torch, loaded in both, and the digits); and what no program is
denied, because torch alone with a small network takes half of it."""

Ended = Literal["itself", "start", "time", "memory", "processes", "output", "form"]
Drop = Literal["user", "rights", "nothing"]


@dataclass(frozen=True)
class Limits:
    """What a program may use. Bytes and seconds; ``answers`` is the most that it may send."""

    seconds: float = 3600.0
    whole: float = math.inf
    """Seconds for everything, making the enclosure included; ``seconds`` count from when it is made."""
    memory: int = MEMORY
    scarce: bool = False
    """Whether ``memory`` is what this machine can give and less than `MEMORY`: then going beyond it is nobody's fault."""
    processes: int = 64
    file_size: int = 16 << 20
    disk: int = 32 << 20
    answers: int = 256 << 20
    text: int = 64 << 20
    """How much it may print before that counts as printing without end."""


def limits_here() -> Limits:
    """Return the limits for a program on this machine: less memory where the machine, or its container, has less.

    Else the kernel would end it, or the judge, at an instant of its own choice and without a reason.
    """
    whole = usable_memory()
    # What cannot be found out is not assumed to be little: a verdict would then depend on a system's reticence.
    memory = MEMORY if whole is None else max(LEAST, min(MEMORY, whole - OWN))
    return Limits(memory=memory, scarce=memory < MEMORY)


@dataclass(frozen=True)
class Level:
    """A way to isolate: the kinds of namespace, how the program gives up its rights, how all this reads in a verdict."""

    name: str
    words: str
    namespaces: tuple[str, ...]
    drop: Drop

    @property
    def sandboxed(self) -> bool:
        """Whether the program is cut off from files, processes and network, and not only limited."""
        return bool(self.namespaces)


NAMESPACES = ("pid", "net", "mount", "ipc", "uts")
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
        (*NAMESPACES, "user"),
        "rights",
    ),
    Level(
        "limits only",
        "limits only (own session, empty home, clean environment, limits; files and network can be reached)",
        (),
        "nothing",
    ),
)
"""From the best to the least; the best that works is taken."""


@dataclass(frozen=True)
class Outcome:
    """What came of a run: how it ended, the exit status if it ended by itself, its frames, the beginning of what it printed.

    ``seconds`` count from when it was isolated; "start" says that it never was.
    """

    ended: Ended
    status: int | None
    frames: tuple[Frame, ...]
    text: str
    seconds: float


@dataclass(frozen=True)
class Job:
    """What is to be run: Python *code* that finds *folder* (shown read-only) and writes frames to descriptor *answers*.

    *prepared* names modules that the warm process imports before any program runs in a copy of it, and functions in the
    form ``module:function`` that it calls once; none of them may ever touch what a stranger wrote.
    """

    code: str
    folder: Path | None = None
    prepared: tuple[str, ...] = ()
