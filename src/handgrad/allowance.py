"""What this process may use of the machine: cores and memory, as the system limits them in a container.

A container's limits are not what Python reports: a quota of two cores on a machine of 64 leaves `os.cpu_count` at 64, and
threads that outnumber the quota wait for each other. Linux keeps the limits in control groups, which form a tree; each
group is bound by every group above it (Documentation/admin-guide/cgroup-v2.rst and cgroup-v1 of the kernel).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
MEMINFO = Path("/proc/meminfo")
NO_LIMIT = 1 << 60
"""Version 1 writes "no limit" as the largest multiple of a page; no machine has this much."""


def usable_cores() -> int:
    """Return how many cores this process may use: its affinity, and the quota of its control groups rounded up."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Rounded up: with a quota of 1.5 cores two threads get further than one.
    return min([cores, *(max(1, math.ceil(quota)) for quota in _quotas())])


def memory_limit() -> int | None:
    """Return the bytes that the control groups let this process take, None where nothing limits it."""
    return min((limit for limit, _ in _memory()), default=None)


def usable_memory() -> int | None:
    """Return the bytes that this process could have were it alone: of the machine, or of its control group; None if unknown.

    It does not depend on what else is running, so that what is decided by it is decided alike every time.
    """
    return min([each for each in (_machine("MemTotal"), memory_limit()) if each is not None], default=None)


def free_memory() -> int | None:
    """Return the bytes that this process can still take now, None where the system does not say."""
    left = [limit - used for limit, used in _memory()]
    machine = _machine("MemAvailable")
    return max(0, min(left + ([machine] if machine is not None else []))) if left or machine is not None else None


def _machine(name: str) -> int | None:
    """Return a figure of the whole machine, in bytes."""
    try:
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def _quotas() -> Iterator[float]:
    """Yield the number of cores that each group above this process grants."""
    for folder in _groups("cpu"):
        quota, _, period = _read(folder / "cpu.max").partition(" ")  # "max 100000" or "150000 100000"
        quota, period = quota or _read(folder / "cpu.cfs_quota_us"), period or _read(folder / "cpu.cfs_period_us")
        # Version 1 has -1 for no quota.
        if quota.isdecimal() and period.isdecimal() and int(period):
            yield int(quota) / int(period)


def _memory() -> Iterator[tuple[int, int]]:
    """Yield the limit and the bytes in use of each group above this process that has a limit."""
    for folder in _groups("memory"):
        limit = _read(folder / "memory.max") or _read(folder / "memory.limit_in_bytes")
        used = _read(folder / "memory.current") or _read(folder / "memory.usage_in_bytes")
        if limit.isdecimal() and int(limit) < NO_LIMIT:
            yield int(limit), int(used) if used.isdecimal() else 0


def _groups(controller: str) -> Iterator[Path]:
    """Yield the folder of this process's group for *controller* and of each group above it, as far as they can be seen.

    A container often sees only its own group, at the top of the tree, while its path is the host's: the top is always tried.
    """
    try:
        lines = OWN_GROUPS.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if not controllers:  # version 2: one tree for all
            top = CGROUPS
        elif controller in controllers.split(","):
            top = CGROUPS / controller if (CGROUPS / controller).is_dir() else CGROUPS / controllers
        else:
            continue
        below = Path(path.lstrip("/"))
        yield from (top / each for each in (below, *below.parents))


def _read(path: Path) -> str:
    """Return the text of a small file, empty where it is not there."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
