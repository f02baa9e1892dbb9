"""A run folder as one checked archive, to bring it home from another machine: whole, or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from handgrad.errors import DamagedRunError, HandgradError
from handgrad.files import disk_error, write_whole
from handgrad.runs.folder import MODEL, RunFolder, check_root, harmless, open_run
from handgrad.system import flush_folder

ARRIVING = ".arriving-"
"""How the name of a folder begins whose archive is being unpacked; what a killed process left is hidden from every list."""
LARGEST = 1 << 30
"""Bytes that an archive may unpack to: a run of these networks takes a few million."""


@dataclass(frozen=True)
class Parcel:
    """A packed run folder: its name, and the bytes of a tar archive with their SHA-256."""

    name: str
    data: bytes
    sha256: str


def pack_run(folder: Path) -> Parcel:
    """Return the run in *folder* as a parcel; locks and temporary files stay behind."""
    packed = io.BytesIO()
    # Not compressed: weights are noise to a compressor.
    with tarfile.open(fileobj=packed, mode="w") as archive:
        # Sorted, so that the same folder makes the same bytes, and the same hash.
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                archive.add(path, str(path.relative_to(folder).as_posix()), recursive=False)
    data = packed.getvalue()
    return Parcel(folder.name, data, hashlib.sha256(data).hexdigest())


def unpack_run(parcel: Parcel, root: Path) -> Path:
    """Unpack *parcel* as a new run folder below *root*, verified before it gets its name; return it.

    It keeps the name that it has, which stands in its files; where that is taken, a number is added.

    Raises `DamagedRunError` where the archive is not as it was sent, `DiskError` where the disk refuses.
    """
    # Before anything is written of it.
    if hashlib.sha256(parcel.data).hexdigest() != parcel.sha256:
        raise DamagedRunError(f"the archive of {parcel.name} is not as it was sent – run it again")
    if harmless(parcel.name) != parcel.name:
        raise DamagedRunError(f"an archive calls itself {parcel.name!r:.60} – it is refused")
    check_root(root)
    place = root / f"{ARRIVING}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        place.mkdir(parents=True)
        for name, content in _members(parcel):
            target = place.joinpath(*name.parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            # File by file with the same care as everywhere: the folder is a run's from then on.
            write_whole(target, content)
        open_run(place)
        home = _free_name(root, parcel.name)
        # The name was taken by an empty folder, so that no other run could have it; now the whole one takes its place.
        home.rmdir()
        place.rename(home)
        flush_folder(root)
    except OSError as error:
        raise disk_error(root / parcel.name, len(parcel.data), error) from error
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return home


def _free_name(root: Path, name: str) -> Path:
    """Make an empty folder *name* in *root*, with a number where that is taken, and return it."""
    number = 1
    while True:
        path = root / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
            continue
        return path


def _members(parcel: Parcel) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield name and content of each file; what is not a plain file below the folder is refused."""
    left = LARGEST
    with tarfile.open(fileobj=io.BytesIO(parcel.data)) as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            # By what the archive says and before reading: tarfile reads no more than that.
            left -= member.size
            if not member.isfile() or name.is_absolute() or ".." in name.parts or left < 0:
                raise DamagedRunError(f"the archive of {parcel.name} holds {member.name!r:.60} – it is refused")
            file = archive.extractfile(member)
            yield name, b"" if file is None else file.read()


def runs_labelled(root: Path, label: str) -> list[RunFolder]:
    """Return the run folders directly below *root* that were made with *label*, oldest name first."""
    names = {*root.glob(f"????????-??????-{label}"), *root.glob(f"????????-??????-{label}-*")}
    # 15 signs of date and time and a minus; after the label only a number: "quick-s1" must not find "quick-s10".
    numbered = [path for path in sorted(names) if path.name[16:] == label or path.name[17 + len(label) :].isdecimal()]
    return [RunFolder(path) for path in numbered if (path / "environment.json").is_file()]


def same_end(first: RunFolder, second: RunFolder) -> bool:
    """Return whether two complete runs have the same weights, byte for byte."""
    return _weights(first) == _weights(second)


def _weights(folder: RunFolder) -> tuple[dict[str, Any], bytes]:
    """Return what the model of a run holds but for the record beside it, which has the run's name."""
    data = folder.read_bytes(MODEL)
    end = 8 + int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8:end])
    except ValueError as error:
        raise folder.damaged(MODEL, "it is not a safetensors file") from error
    header.pop("__metadata__", None)
    return header, data[end:]


def remove_run(folder: RunFolder) -> None:
    """Remove a run that is kept once already; raises `DiskError`."""
    try:
        shutil.rmtree(folder.path)
    except OSError as error:
        raise disk_error(folder.path, 0, error) from error


class TwoResultsError(HandgradError):
    """One task was done twice with two different results: something in it does not follow from its name."""
