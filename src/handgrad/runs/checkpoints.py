"""Checkpoints: plain safetensors files whose names carry the hash of their content.

``000007-00120-1f0c….safetensors`` is the state after 7 complete epochs and 120 steps of the next. One rename makes it
appear, the hash in the name proves it whole, and no second file has to agree with it. The two newest are kept: the older
one goes only after the newer one has been read back.
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
from handgrad.runs.files import write_atomically

FORMAT = 1
KEPT = 2
NAME = re.compile(r"(\d{6})-(\d{5})-([0-9a-f]{32})\.safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """One verified checkpoint: where training stands, the safetensors bytes and the record stored with them."""

    path: Path
    epoch: int
    step: int
    data: bytes
    record: dict[str, Any]
    passed_over: tuple[str, ...] = ()
    """Newer checkpoints that were damaged, each as ``name: reason``."""


def save_checkpoint(folder: Path, epoch: int, step: int, data: bytes) -> Path:
    """Store safetensors *data* as the state after *epoch* epochs and *step* steps; then drop all but the newest two.

    Raises `DiskError` when the disk refuses; the checkpoints that were there are then still there.
    """
    path = folder / f"{epoch:06d}-{step:05d}-{digest(data)}.safetensors"
    write_atomically(path, data)
    for old in sorted_checkpoints(folder)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def newest_checkpoint(folder: Path, run: str) -> Checkpoint | None:
    """Return the newest checkpoint of *run* that verifies, or None when there is none at all.

    Raises `DamagedRunError` when checkpoints are there and none of them verifies.
    """
    damaged: list[str] = []
    for path in sorted_checkpoints(folder):
        epoch, step = (int(part) for part in path.name.split("-")[:2])
        try:
            data, record = verified(path, run)
        except DamagedRunError as error:
            damaged.append(str(error))
            continue
        return Checkpoint(path, epoch, step, data, record, tuple(damaged))
    if damaged:
        raise DamagedRunError(f"{'; '.join(damaged)} – no checkpoint is whole, start a new run")
    return None


def sorted_checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoint files of *folder*, newest first."""
    return sorted((path for path in folder.glob("*.safetensors") if NAME.fullmatch(path.name)), reverse=True)


def verified(path: Path, run: str) -> tuple[bytes, dict[str, Any]]:
    """Return the bytes and the record of the checkpoint at *path*; raise `DamagedRunError` naming what is wrong."""
    name = f"checkpoint/{path.name}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DamagedRunError(f"{name} cannot be read: {error.strerror}") from error
    if digest(data) not in path.name:
        raise DamagedRunError(f"{name} is damaged: its {len(data):,} bytes do not match the hash in its name")
    record = record_of(data, name)
    if record.get("format") != FORMAT:
        raise DamagedRunError(f"{name} has format {record.get('format')}, this version reads {FORMAT}")
    if record.get("run") != run:
        raise DamagedRunError(f"{name} belongs to run {record.get('run')}, not to {run}")
    return data, record


def record_of(data: bytes, name: str) -> dict[str, Any]:
    """Return the JSON record in the safetensors header of *data* (an 8-byte length, then a JSON object)."""
    try:
        (length,) = struct.unpack("<Q", data[:8])
        record: dict[str, Any] = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["record"])
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise DamagedRunError(f"{name} holds no record of a training") from error
    return record


def digest(data: bytes) -> str:
    """Return the first 128 bits of SHA-256 of *data* in hex: enough to prove a file whole."""
    return hashlib.sha256(data).hexdigest()[:32]
