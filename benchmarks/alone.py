"""Trains once in a process of its own, and tells what that took: for the benchmarks that compare tools or sizes.

A process each, because a tool can set options of the C library's allocator that would serve whoever comes next, and because
memory and start-up can be told of a whole process only.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from given import Given, write_digits
from handgrad.digits.data.dataset import Dataset

SCRIPTS = Path(__file__).parent / "peers"
LOOK = 0.2
"""Seconds between two looks at the memory of a process with children."""


@dataclass(frozen=True)
class Seen:
    """One training in a process of its own. Seconds are wall-clock; ``accuracy`` is the last epoch's on the test images."""

    seconds_to_first_batch: float
    """From the start of the process to the end of its first training step."""
    seconds_by_epoch: tuple[float, ...]
    """From an epoch's beginning to the end of its last training step, without evaluation."""
    steps: int
    accuracy: float
    """In percent."""
    parameters: int
    peak_bytes: int
    """The most memory held: of the process, and with children of all together, shared pages once."""
    processes: int
    """The most seen at a time."""

    @property
    def seconds(self) -> float:
        """The seconds of the last epoch: the first also fills caches."""
        return self.seconds_by_epoch[-1]


def run_alone(script: str, given: Given) -> Seen:
    """Run *script* of the folder ``peers`` in a new process and an empty folder, and return what its clock saw.

    CUDA is out of sight, so that every tool uses the CPU. Raises SystemExit with the script's last lines where it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        result, log = Path(folder) / "result.json", Path(folder) / "log.txt"
        environment = os.environ | {"PYTHONPATH": str(SCRIPTS.parent), "CUDA_VISIBLE_DEVICES": "", "KERAS_HOME": folder}
        with log.open("w", encoding="utf-8") as lines:
            started = time.monotonic()
            process = subprocess.Popen(
                [
                    sys.executable,
                    str(SCRIPTS / "child.py"),
                    script,
                    str(started),
                    json.dumps(asdict(given)),
                    str(result),
                ],
                cwd=folder,
                env=environment,
                stdout=lines,
                stderr=subprocess.STDOUT,
            )
            try:
                most, processes = watched(process)
            finally:
                process.kill()
                process.wait()
        if process.returncode or not result.exists():
            raise SystemExit(f"{script}: exit status {process.returncode}\n{log.read_text(encoding='utf-8')[-3000:]}")
        record = json.loads(result.read_text(encoding="utf-8"))
    record["peak_bytes"] = max(record["peak_bytes"], most)
    record["seconds_by_epoch"] = tuple(record["seconds_by_epoch"])
    return Seen(**record, processes=processes)


def watched(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Wait for *process*; return the most bytes that it and its children held together, and how many they were.

    A process without children knows its own peak better: then nothing is read, and the bytes are 0.
    """
    most, processes = 0, 1
    while process.poll() is None:
        family = [process.pid, *descendants(process.pid)]
        if len(family) > 1:
            most = max(most, sum(map(proportional_bytes, family)))
            processes = max(processes, len(family))
        time.sleep(LOOK)
    return most, processes


def descendants(pid: int) -> Iterator[int]:
    """Yield the children of process *pid*, theirs and so on (Linux; elsewhere nothing)."""
    try:
        lists = [task.joinpath("children").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return
    for child in " ".join(lists).split():
        yield int(child)
        yield from descendants(int(child))


def proportional_bytes(pid: int) -> int:
    """Return the memory of process *pid*, pages that it shares counted in parts; 0 when it has ended."""
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def write_first(folder: Path, dataset: Dataset, images: int, test: int) -> int:
    """Write the first *images* training and *test* test images of *dataset* into *folder*; return how many of training."""
    count = min(images, len(dataset.train_labels))
    write_digits(
        folder,
        (
            dataset.train_images[:count].numpy(),
            dataset.train_labels[:count].byte().numpy(),
            dataset.test_images[:test].numpy(),
            dataset.test_labels[:test].byte().numpy(),
        ),
    )
    return count


def surroundings(libraries: Sequence[str]) -> dict[str, Any]:
    """Return versions and machine for the record; the load average says whether something else was running."""
    return {
        "versions": {"python": platform.python_version()} | {name: version_of(name) for name in libraries},
        "machine": {
            "platform": platform.platform(),
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
            "load_average": os.getloadavg() if hasattr(os, "getloadavg") else None,
        },
    }


def version_of(library: str) -> str | None:
    """Return the version of an installed *library*."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None
