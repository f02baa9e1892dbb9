"""A program and all that it started, as ``/proc`` shows them: counted, weighed, and ended to the last one."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

PATIENCE = 2.0


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
    """The processes below ``root``, and the orphans among them that this process has adopted."""

    def __init__(self) -> None:
        own = os.getpid()
        self.root = 0
        self.others = {process for process, parent in _parents().items() if parent == own}
        """Children that this process had before: none of them belongs to the program."""

    def members(self) -> set[int]:
        """Return the process ids of the program now, the root's own included while it lives."""
        above, own = _parents(), os.getpid()
        below: dict[int, list[int]] = {}
        for process, parent in above.items():
            below.setdefault(parent, []).append(process)
        waiting = [process for process in below.get(own, []) if process not in self.others]
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

    def end(self) -> None:
        """Kill every process of the program, again and again until none is left; each one adopted is buried."""
        deadline = time.monotonic() + PATIENCE
        while members := self.members():
            for process in members:
                # First stop all, so that none can start another while the next is killed.
                with suppress(OSError):
                    os.kill(process, signal.SIGSTOP)
            for process in members:
                with suppress(OSError):
                    os.kill(process, signal.SIGKILL)
            for process in members - {self.root}:
                with suppress(OSError):
                    os.waitpid(process, os.WNOHANG)
            if members <= {self.root} or time.monotonic() > deadline:
                return
            time.sleep(0.01)
