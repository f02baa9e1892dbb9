"""Checkpoints: plain safetensors files whose names carry the hash of their content.

``000007-00120-1f0c….safetensors`` is the state after 7 complete epochs and 120 steps of the next. One rename makes it
appear, the hash in the name proves it whole, and no second file has to agree with it. The counters in the name only sort;
they are compared with those inside. The two newest are kept: the older one goes only after the newer one has been read back.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handgrad.errors import DamagedRunError
from handgrad.files import disk_error, write_whole
from handgrad.runs.environment import FORMAT

# Two, because the newest may be the one that a failing disk damaged; more would only take space.
KEPT = 2
# At least as many digits as are written: a run of a million epochs gets longer names, and they still sort as numbers.
NAME = re.compile(r"(\d{6,})-(\d{5,})-([0-9a-f]{32})\.safetensors")
ASIDE = "damaged-"
"""What the name of a checkpoint that did not verify begins with from then on: nothing is thrown away."""


@dataclass(frozen=True)
class Checkpoint:
    """One verified checkpoint: where training stands, the safetensors bytes and the record stored with them."""

    path: Path
    epoch: int
    step: int
    data: bytes
    record: dict[str, Any]
    passed_over: tuple[str, ...] = ()
    """Newer checkpoints that did not verify: of each its name and what is wrong."""
    damaged: tuple[Path, ...] = ()
    """Their paths."""


def save_checkpoint(folder: Path, epoch: int, step: int, data: bytes) -> Path:
    """Store safetensors *data* as the state after *epoch* epochs and *step* steps; then drop all older ones but the newest.

    Raises `DiskError` when the disk refuses; the checkpoints that were there are then still there.
    """
    path = folder / f"{epoch:06d}-{step:05d}-{digest(data)}.safetensors"
    write_whole(path, data)
    # Only what is older goes: a file with higher counters is not ours to judge here, and must not push this one out.
    older = [other for other in sorted_checkpoints(folder) if counters_in(other) < (epoch, step)]
    for old in older[KEPT - 1 :]:
        try:
            old.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(old, 0, error) from error
    return path


def newest_checkpoint(folder: Path, run: str) -> Checkpoint | None:
    """Return the newest checkpoint of *run* that verifies, or None when there is none at all.

    It names the newer ones that do not. Reads only. Raises `DamagedRunError` when checkpoints are there and none of them
    verifies.
    """
    damaged: dict[Path, str] = {}
    for path in sorted_checkpoints(folder):
        try:
            data, record = verified(path, run)
        except DamagedRunError as error:
            damaged[path] = str(error)
            continue
        return Checkpoint(path, *counters_in(path), data, record, tuple(damaged.values()), tuple(damaged))
    if damaged:
        raise DamagedRunError(f"{'; '.join(damaged.values())} – no checkpoint is whole, start a new run")
    return None


def set_aside(checkpoint: Checkpoint) -> None:
    """Rename what *checkpoint* was preferred to, so that it is never again in the way. Call only with the run's lock held."""
    for path in checkpoint.damaged:
        try:
            path.replace(path.with_name(ASIDE + path.name))
        except OSError as error:
            raise disk_error(path, 0, error) from error


def sorted_checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoint files of *folder*, newest first."""
    # Others may lie there: a copy that somebody named differently is none of ours and is left alone.
    found = (path for path in folder.glob("*.safetensors") if NAME.fullmatch(path.name))
    # By number, not by text; the hash decides between two states of one step, so that the choice is the same
    # everywhere.
    return sorted(found, key=lambda path: (counters_in(path), path.name), reverse=True)


def counters_in(path: Path) -> tuple[int, int]:
    """Return (epoch, step) as the checkpoint's name has them."""
    epoch, step, _ = path.name.split("-")
    return int(epoch), int(step)


def verified(path: Path, run: str) -> tuple[bytes, dict[str, Any]]:
    """Return the bytes and the record of the checkpoint at *path*; raise `DamagedRunError` naming what is wrong."""
    name = f"checkpoint/{path.name}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DamagedRunError(f"{name} cannot be read: {error.strerror}") from error
    # Before anything is parsed: what does not match its hash is not looked into.
    if digest(data) != path.stem.rpartition("-")[2]:
        raise DamagedRunError(f"{name} is damaged: its {len(data):,} bytes do not match the hash in its name")
    record = record_of(data, name)
    if record.get("format") != FORMAT:
        raise DamagedRunError(f"{name} has format {record.get('format')}, this version of handgrad reads {FORMAT}")
    if record.get("run") != run:
        raise DamagedRunError(f"{name} belongs to run {record.get('run')}, not to {run}")
    counters = record.get("counters")
    inside = (counters.get("epoch"), counters.get("step")) if isinstance(counters, dict) else None
    if inside != counters_in(path):
        raise DamagedRunError(f"{name} was renamed: the counters inside say epoch and step {inside}")
    return data, record


def record_of(data: bytes, name: str) -> dict[str, Any]:
    """Return the JSON record in the safetensors header of *data* (an 8-byte length, then a JSON object)."""
    try:
        (length,) = struct.unpack("<Q", data[:8])
        # Read by hand, so that the record of a large file is had without loading a tensor; the layout is safetensors'
        # own.
        record = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["record"])
    except (struct.error, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise DamagedRunError(f"{name} holds no record of a training") from error
    if not isinstance(record, dict):
        raise DamagedRunError(f"{name} holds no record of a training")
    return record


def digest(data: bytes) -> str:
    """Return the first 128 bits of SHA-256 of *data* in hex: enough to prove a file whole."""
    return hashlib.sha256(data).hexdigest()[:32]
