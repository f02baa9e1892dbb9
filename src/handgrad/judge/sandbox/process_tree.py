"""A program and all that it started, as ``/proc`` shows them: counted and weighed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Literal


def _parents() -> dict[int, int]:
    """Return the parent of every process that can be seen, zombies too; empty where there is no ``/proc``."""
    found = {}
    with suppress(OSError):
        for entry in os.scandir("/proc"):
            if entry.name.isdecimal():
                with suppress(OSError, ValueError):
                    # The name, in brackets, may hold anything, brackets and spaces too.
                    found[int(entry.name)] = int(
                        Path(f"/proc/{entry.name}/stat").read_bytes().rpartition(b")")[2].split()[1]
                    )
    return found


def _resident(process: int) -> int:
    """Return the bytes of memory that *process* holds; 0 when it is gone."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{process}/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


class Tree:
    """The processes of the program that the process *keeper* keeps: all below its guard, who adopts their orphans."""

    def __init__(self, keeper: int) -> None:
        self.keeper = keeper

    def members(self) -> set[int]:
        """Return the process ids of the program now."""
        below: dict[int, list[int]] = {}
        for process, parent in _parents().items():
            below.setdefault(parent, []).append(process)
        waiting = [process for guard in below.get(self.keeper, []) for process in below.get(guard, [])]
        found: set[int] = set()
        while waiting:
            process = waiting.pop()
            if process not in found:
                found.add(process)
                waiting += below.get(process, [])
        return found

    def over(self, memory: int, processes: int) -> Literal["memory", "processes"] | None:
        """Return which limit the program is over."""
        members = self.members()
        if len(members) > processes:
            return "processes"
        return "memory" if sum(map(_resident, members)) > memory else None
