"""Run folders: making, locking, opening, listing."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from handgrad.errors import BusyRunError, DamagedRunError, UsageError
from handgrad.runs.files import disk_error, remove_temporaries, write_atomically

RECIPE, ENVIRONMENT, METRICS, SUMMARY = "recipe.toml", "environment.json", "metrics.jsonl", "summary.json"
LAYERS, MODEL, EVIDENCE, REPORT = "layers.json", "model.safetensors", "evidence.safetensors", "report.html"


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run; every write goes through it and is either whole or absent."""

    path: Path

    @property
    def name(self) -> str:
        """The name of the run, written into its files: unlike the folder's, it does not change when that is moved."""
        return str(self.read_json(ENVIRONMENT)["run"])

    @property
    def checkpoints(self) -> Path:
        """The folder that holds the checkpoints."""
        return self.path / "checkpoint"

    def write(self, name: str, data: bytes | str) -> Path:
        """Write the file *name* atomically and return its path."""
        path = self.path / name
        write_atomically(path, data.encode() if isinstance(data, str) else data)
        return path

    def write_json(self, name: str, value: object) -> Path:
        """Write *value* as indented JSON. NaN and infinity are refused by JSON and so must not be in it."""
        return self.write(name, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def read_json(self, name: str) -> Any:
        """Return the JSON file *name*; raise `DamagedRunError` when it is missing or no JSON."""
        return json.loads(self.read(name))

    def read(self, name: str) -> str:
        """Return the text file *name* (JSON is checked); raise `DamagedRunError` when it is missing or damaged."""
        path = self.path / name
        try:
            text = path.read_text(encoding="utf-8")
            if path.suffix == ".json":
                json.loads(text)
        except (OSError, ValueError) as error:
            raise DamagedRunError(f"{path} cannot be read: {error} – not a complete run folder") from error
        return text

    def metrics(self) -> list[dict[str, Any]]:
        """Return one record an epoch, oldest first; an empty list before the first epoch."""
        path = self.path / METRICS
        if not path.exists():
            return []
        try:
            return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        except (OSError, ValueError) as error:
            raise DamagedRunError(f"{path} cannot be read: {error} – resume the run to write it again") from error

    def write_metrics(self, epochs: list[dict[str, Any]]) -> None:
        """Write the whole of ``metrics.jsonl``: the checkpoint holds the truth, and this file is made from it."""
        self.write(METRICS, "".join(json.dumps(epoch, allow_nan=False) + "\n" for epoch in epochs))

    @property
    def complete(self) -> bool:
        """Whether the run has ended and its summary is there."""
        return (self.path / SUMMARY).exists()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process; raise `BusyRunError` with the holder's process id when another has it.

        The lock is the kernel's (``flock``), so it goes with a process that is killed.
        """
        path = self.path / "lock"
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise disk_error(path, 16, error) from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
                raise BusyRunError(f"{self.path} is in use by process {holder} – wait for it or end it") from error
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
            for folder in (self.path, self.checkpoints):
                remove_temporaries(folder)
            yield
        finally:
            os.close(handle)


def create_run(root: Path, label: str) -> RunFolder:
    """Make a new, empty run folder ``root/DATE-TIME-label``; a name that is taken gets a number.

    Raises `DiskError` when the folder cannot be made. The clock only names the folder: two runs within a second, or a
    clock set back, find the name taken and go on to the next.
    """
    stem = f"{datetime.now():%Y%m%d-%H%M%S}-{label}"
    number = 1
    while True:
        path = root / (stem if number == 1 else f"{stem}-{number}")
        try:
            root.mkdir(parents=True, exist_ok=True)
            path.mkdir()
            (path / "checkpoint").mkdir()
        except FileExistsError:
            if not root.is_dir():
                raise UsageError(f"{root} is no folder – choose another for --out") from None
            number += 1
            continue
        except OSError as error:
            raise disk_error(path, 0, error) from error
        return RunFolder(path)


def open_run(path: Path) -> RunFolder:
    """Return the run folder at *path*; raise `UsageError` when it is none, `DamagedRunError` when its parts are missing."""
    if not path.is_dir():
        raise UsageError(f"{path} is no run folder – `handgrad runs` lists them")
    folder = RunFolder(path)
    for part in (RECIPE, ENVIRONMENT):
        folder.read(part)
    return folder


def find_runs(root: Path) -> list[RunFolder]:
    """Return the run folders directly below *root*, oldest name first."""
    if not root.is_dir():
        return []
    return [RunFolder(path) for path in sorted(root.iterdir()) if (path / ENVIRONMENT).is_file()]
