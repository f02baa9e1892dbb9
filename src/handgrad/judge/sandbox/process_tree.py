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
        # The whole table each time: /proc/…/children would be shorter, but the kernel fills it reliably only for a
        # stopped process.
        for entry in os.scandir("/proc"):
            if entry.name.isdecimal():
                # A process may end between being listed and being read; that is no fault.
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


def _share(process: int) -> int:
    """Return the bytes of memory that *process* holds, counting of a shared page its share; all that it holds where unknown.

    The kernel adds this up page by page (``proc(5)``, ``Pss``), which takes some milliseconds for a process with torch.
    """
    with suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_bytes().splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) << 10
    return _resident(process)


class Tree:
    """The processes of the program that the process *keeper* keeps: all below its guard, who adopts their orphans."""

    def __init__(self, keeper: int) -> None:
        self.keeper = keeper

    def _guards_and_members(self) -> tuple[list[int], set[int]]:
        """Return the process ids of the guard, alone in its list, and of the program now."""
        below: dict[int, list[int]] = {}
        for process, parent in _parents().items():
            below.setdefault(parent, []).append(process)
        guards = below.get(self.keeper, [])
        waiting = [process for guard in guards for process in below.get(guard, [])]
        found: set[int] = set()
        while waiting:
            process = waiting.pop()
            # Ids are given again: a table read while processes come and go could name a parent that is its own
            # grandchild.
            if process not in found:
                found.add(process)
                waiting += below.get(process, [])
        return guards, found

    def members(self) -> set[int]:
        """Return the process ids of the program now."""
        return self._guards_and_members()[1]

    def over(self, memory: int, processes: int) -> Literal["memory", "processes"] | None:
        """Return which limit the program is over: its *processes*, or the bytes of *memory* that it holds by itself."""
        guards, members = self._guards_and_members()
        if len(members) > processes:
            return "processes"
        # The dear weighing only when the cheap one, which counts a shared page once for each that shares it, is over.
        if sum(map(_resident, members)) <= memory:
            return None
        # The guard is a copy of the warm process as the program is, and does nothing: what it holds is what each copy
        # has inherited, torch above all, and no stranger is charged for that.
        inherited = sum(map(_share, guards))
        return "memory" if sum(max(0, _share(each) - inherited) for each in members) > memory else None
