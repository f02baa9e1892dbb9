"""Run folders: making, locking, opening, listing."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from handgrad.errors import BusyRunError, DamagedRunError, UsageError, counted
from handgrad.files import disk_error, remove_temporaries, write_whole
from handgrad.system import flush_folder, is_running, try_lock

RECIPE, ENVIRONMENT, METRICS, SUMMARY = "recipe.toml", "environment.json", "metrics.jsonl", "summary.json"
LAYERS, MODEL, EVIDENCE, REPORT = "layers.json", "model.safetensors", "evidence.safetensors", "report.html"
PAGE = "digits.html"
"""The page to play with, where one was made; the report links it."""
EXPORTS, EXPORTED = "export", "exported.json"
"""The folder in a run for what was exported from it, and the list of it there."""
SEALED = (RECIPE, ENVIRONMENT, LAYERS, METRICS, MODEL, EVIDENCE)
"""The files whose hashes the summary of a complete run holds: every figure shown later comes from them."""
SIGNS = (ENVIRONMENT, RECIPE, METRICS, SUMMARY)
"""A folder that holds one of these is a run folder, or was one."""
# A message is one line.
MOST_NAMED = 4
# The largest is a summary with the confusion matrix of a thousand classes, some ten million bytes; what a damaged disk or a
# strange program put there must not fill the memory before it is refused.
LARGEST_RECORD, TEXTS = 64 << 20, (".json", ".jsonl", ".toml")
# In the file itself, so that a copy of one file can be checked without the others.
SEAL = "content_sha256"
# With date, time and a number the name stays below 110, so that its files fit into the 255 bytes of most file
# systems.
LONGEST_LABEL = 80
HOLDER_LOOKS, HOLDER_PAUSE = 20, 0.02
"""How often, and how many seconds apart, a loser looks for the process id of the winner of a lock."""


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
        return write_whole(self.path / name, data.encode() if isinstance(data, str) else data)

    def write_json(self, name: str, value: dict[str, Any]) -> Path:
        """Write *value* as indented JSON, sealed with the hash of its content. NaN and infinity must not be in it."""
        table = value | {SEAL: seal(value)}
        return self.write(name, json.dumps(table, indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def read_json(self, name: str) -> Any:
        """Return the JSON file *name*; raise `DamagedRunError` when it is missing, no JSON, or not as it was written."""
        return self.parse(name, self.read_bytes(name))

    def read(self, name: str) -> str:
        """Return the text file *name* (JSON is checked); raise `DamagedRunError` when it is missing or damaged."""
        data = self.read_bytes(name)
        if name.endswith(".json"):
            self.parse(name, data)
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise self.damaged(name, "it is not UTF-8 text") from error

    def read_bytes(self, name: str) -> bytes:
        """Return the content of the file *name*; raise `DamagedRunError` when it cannot be read."""
        path = self.path / name
        try:
            if path.suffix in TEXTS and path.stat().st_size > LARGEST_RECORD:
                raise self.damaged(name, f"it has more than {LARGEST_RECORD >> 20} MB, which no record has")
            return path.read_bytes()
        except OSError as error:
            raise DamagedRunError(
                f"{path} cannot be read: {error.strerror} – restore it from a copy, or start a new run"
            ) from error

    def parse(self, name: str, data: bytes) -> Any:
        """Return the JSON in *data* without its seal, which must fit where there is one."""
        try:
            table = json.loads(data.decode())
        except (ValueError, RecursionError) as error:
            raise self.damaged(name, "it is not JSON any more") from error
        if isinstance(table, dict) and SEAL in table:
            sealed = table.pop(SEAL)
            # Of the content, not of the bytes: who opens the file in an editor and saves it with other line ends has
            # changed nothing.
            if sealed != seal(table):
                raise self.damaged(name, "its content does not match the hash in it")
        return table

    def damaged(self, name: str, reason: str) -> DamagedRunError:
        """Return the error for the file *name*."""
        return DamagedRunError(
            f"{self.path / name} was damaged or changed: {reason} – restore it from a copy, or start a new run"
        )

    def hashes(self, *names: str) -> dict[str, str]:
        """Return the SHA-256 of each of the files *names* that is there."""
        return {name: sha256(self.read_bytes(name)) for name in names if (self.path / name).exists()}

    def verify(self) -> None:
        """Raise `DamagedRunError` unless every file that the summary of a complete run speaks of is as it was then."""
        if not self.complete:
            return
        summary = self.read_json(SUMMARY)
        known = summary.get("files") if isinstance(summary, dict) else None
        for name, expected in (known if isinstance(known, dict) else {}).items():
            if sha256(self.read_bytes(name)) != expected:
                raise self.damaged(name, f"its content does not match the hash in {SUMMARY}")

    def metrics(self) -> list[dict[str, Any]]:
        """Return one record per epoch, oldest first; an empty list before the first epoch."""
        path = self.path / METRICS
        if not path.exists():
            return []
        try:
            return [json.loads(line) for line in self.read_bytes(METRICS).decode().splitlines()]
        except (ValueError, RecursionError) as error:
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

        The lock is the kernel's, so it goes with a process that is killed.
        """
        path = self.path / "lock"
        try:
            # os.open, because "w" would empty the file before the lock is ours, and "r+" would not make it. It is
            # never deleted: a lock on a name that is made again is a lock on another file.
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise disk_error(path, 16, error) from error
        try:
            try:
                taken = try_lock(handle)
            except OSError as error:
                raise disk_error(path, 16, error) from error
            if not taken:
                raise BusyRunError(f"{self.path} is in use by process {holder_of(path)} – wait for it or end it")
            # Only now: until the lock is ours the number in the file is the other's.
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
            # The lock says that nobody else writes here, so whatever is half written was left by a process that is
            # dead.
            for folder in (self.path, *filter(Path.is_dir, self.path.iterdir())):
                remove_temporaries(folder)
            yield
        finally:
            os.close(handle)


def holder_of(path: Path) -> str:
    """Return the process id that the holder of the lock at *path* wrote into it.

    Between taking the lock and writing the id lies an instant in which the file is empty or names the holder before, who
    may have been killed: so look again until it names a process that lives.
    """
    text = ""
    for _ in range(HOLDER_LOOKS):
        with path.open("rb") as file:
            text = file.read(32).decode(errors="replace").strip()
        if text.isdecimal() and is_running(int(text)):
            return text
        time.sleep(HOLDER_PAUSE)
    return text or "unknown"


def seal(table: dict[str, Any]) -> str:
    """Return the SHA-256 of the JSON *table*, whatever its layout."""
    # Sorted and without spaces: one text for one content, whoever wrote it.
    return sha256(json.dumps(table, sort_keys=True, separators=(",", ":")).encode())


def sha256(data: bytes) -> str:
    """Return the SHA-256 of *data* in hex."""
    return hashlib.sha256(data).hexdigest()


def harmless(label: str) -> str:
    """Return *label* as a part of a file name: letters, digits, ``.``, ``-`` and ``_`` stay, all else becomes ``-``."""
    # No leading dot (a hidden folder) and no leading minus (an option to every command).
    return re.sub(r"[^\w.-]+", "-", label).strip(".-")[:LONGEST_LABEL] or "run"


def check_root(root: Path) -> None:
    """Raise `UsageError` when *root* is not, and cannot become, a folder for runs."""
    try:
        str(root).encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{str(root)!r} is not UTF-8 – choose another name for --out") from error
    # lexists: a link that leads nowhere is in the way as much as a file.
    there = next(place for place in (root.absolute(), *root.absolute().parents) if os.path.lexists(place))
    if not there.is_dir():
        what = "is not a folder" if there == root.absolute() else "cannot be a folder: a part of it is a file"
        raise UsageError(f"{root} {what} – choose another for --out")


def create_run(root: Path, label: str) -> RunFolder:
    """Make a new, empty run folder ``root/DATE-TIME-label``; a name that is taken gets a number.

    What could do harm in a path is taken out of *label*. Raises `UsageError` when *root* cannot be a folder, `DiskError` when
    the disk refuses. The clock only names the folder: two runs within a second, or a clock set back, find the name taken and
    go on to the next.
    """
    check_root(root)
    stem = f"{datetime.now():%Y%m%d-%H%M%S}-{harmless(label)}"
    number = 1
    while True:
        path = root / (stem if number == 1 else f"{stem}-{number}")
        try:
            root.mkdir(parents=True, exist_ok=True)
            # mkdir is the test: asking first whether the name is free would leave a moment for another process to
            # take it.
            path.mkdir()
            (path / "checkpoint").mkdir()
            flush_folder(path)
            flush_folder(root)
        except FileExistsError:
            number += 1
            continue
        except OSError as error:
            raise disk_error(path, 0, error) from error
        return RunFolder(path)


def open_run(path: Path) -> RunFolder:
    """Return the run folder at *path*, a complete one verified.

    Raises `UsageError` when it is none, `DamagedRunError` when a part is missing or not as it was written.
    """
    if not path.is_dir():
        found = "found a file" if path.exists() else "found nothing there"
        raise UsageError(f"{path} is not a run folder – {found} – `handgrad runs` lists them")
    folder = RunFolder(path)
    if not any((path / name).exists() for name in SIGNS):
        raise UsageError(f"{path} is not a run folder – found {_what_it_holds(path)}")
    for part in (RECIPE, ENVIRONMENT):
        folder.read(part)
    folder.verify()
    return folder


def _what_it_holds(path: Path) -> str:
    """Return what a folder holds that is none of a run, and what to name instead."""
    # Two levels down and no further: a home folder named by mistake would be searched for minutes.
    found = sorted(
        {*path.glob(f"*/{ENVIRONMENT}"), *path.glob(f"*/*/{ENVIRONMENT}")}
    )  # a study has a folder of its own
    runs = [RunFolder(file.parent) for file in found]
    if not runs:
        return f"no {RECIPE} in it – `handgrad runs` lists them"
    open_ones = [str(run.path) for run in runs if not run.complete]
    many = f"{counted(len(runs), 'run')} in it"
    if not open_ones:
        return f"{many}, all of them ended – name one of them, as {runs[-1].path}"
    named = ", ".join(open_ones[:MOST_NAMED]) + (
        f" and {len(open_ones) - MOST_NAMED} more" if len(open_ones) > MOST_NAMED else ""
    )
    return f"{many} – name one of them; to be resumed: {named}"


def find_runs(root: Path) -> list[RunFolder]:
    """Return the run folders directly below *root*, oldest name first."""
    if not root.is_dir():
        return []
    return [RunFolder(path) for path in sorted(root.iterdir()) if (path / ENVIRONMENT).is_file()]
