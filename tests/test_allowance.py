"""The limits of a container, read from control groups as the kernel writes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from handgrad import allowance
from handgrad.judge.sandbox.limits import LEAST, MEMORY, OWN, limits_here

GIB = 1 << 30


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty tree of control groups on a machine of eight cores and 16 GiB, 8 of them free."""
    monkeypatch.setattr(allowance, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(allowance, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(allowance, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    write(tmp_path / "meminfo", f"MemTotal: {16 << 20} kB\nMemFree: 5 kB\nMemAvailable: {8 << 20} kB\n")
    write(tmp_path / "own", "0::/\n")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("9 0", 8)]
)
def test_a_quota_of_cores_is_kept_to(groups: Path, quota: str, cores: int) -> None:
    write(groups / "cgroup/cpu.max", quota)
    assert allowance.usable_cores() == cores


def test_the_narrowest_group_above_a_process_counts(groups: Path) -> None:
    write(groups / "own", "0::/slice/job/task\n")
    write(groups / "cgroup/slice/cpu.max", "300000 100000")
    write(groups / "cgroup/slice/job/cpu.max", "max 100000")
    write(groups / "cgroup/slice/memory.max", str(4 * GIB))
    write(groups / "cgroup/slice/memory.current", str(1 * GIB))
    write(groups / "cgroup/slice/job/task/memory.max", str(6 * GIB))
    write(groups / "cgroup/slice/job/task/memory.current", str(5 * GIB))
    assert allowance.usable_cores() == 3
    assert allowance.memory_limit() == allowance.usable_memory() == 4 * GIB
    assert allowance.free_memory() == 1 * GIB


def test_version_1_is_read_too(groups: Path) -> None:
    write(groups / "own", "4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc\n")
    write(groups / "cgroup/cpu,cpuacct/cpu.cfs_quota_us", "400000")
    write(groups / "cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000")
    write(groups / "cgroup/memory/memory.limit_in_bytes", str(2 * GIB))
    write(groups / "cgroup/memory/memory.usage_in_bytes", str(GIB))
    assert (allowance.usable_cores(), allowance.memory_limit(), allowance.free_memory()) == (4, 2 * GIB, GIB)
    write(groups / "cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1")
    write(groups / "cgroup/memory/memory.limit_in_bytes", "9223372036854771712")
    assert (allowance.usable_cores(), allowance.memory_limit(), allowance.free_memory()) == (8, None, 8 * GIB)


def test_without_control_groups_the_machine_counts(groups: Path) -> None:
    (groups / "own").unlink()
    assert (allowance.usable_cores(), allowance.usable_memory(), allowance.free_memory()) == (8, 16 * GIB, 8 * GIB)
    (groups / "meminfo").unlink()
    assert (allowance.usable_memory(), allowance.free_memory(), allowance.memory_limit()) == (None, None, None)


@pytest.mark.parametrize("text", ["", ":", "0::", "\x00\xff", "4:memory", "0::/../../..\n"])
def test_what_cannot_be_read_is_passed_over(groups: Path, text: str) -> None:
    write(groups / "own", text)
    assert allowance.usable_cores() == 8


@pytest.mark.parametrize(
    ("container", "memory"), [(None, MEMORY), (8 * GIB, MEMORY), (2 * GIB, 2 * GIB - OWN), (GIB // 2, LEAST)]
)
def test_a_judged_program_gets_no_more_memory_than_its_container_has(
    groups: Path, container: int | None, memory: int
) -> None:
    if container is not None:
        write(groups / "cgroup/memory.max", str(container))
    limits = limits_here()
    assert (limits.memory, limits.scarce) == (memory, memory < 3 * GIB)
