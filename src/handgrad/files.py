"""Files that are either wholly there or not there at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from handgrad.errors import DiskError, UsageError

TEMPORARY = ".writing-"
"""Every temporary name begins so; what a killed process left behind is found and removed by it."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write *data* under a temporary name, flush it to the disk, rename it to *path*, and read it back.

    Returns only when the file reads back equal; raises `DiskError` (with the space needed and free) otherwise, and then
    what stood at *path* before still stands there unless the rename itself had already happened.
    """
    temporary = path.parent / f"{TEMPORARY}{os.getpid()}-{path.name}"
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        flush_folder(path.parent)
        if path.read_bytes() != data:
            raise DiskError(
                f"{path} does not read back as it was written – the disk is not to be trusted, choose another"
            )
    except OSError as error:
        temporary_gone(temporary)
        raise disk_error(path, len(data), error) from error


def flush_folder(folder: Path) -> None:
    """Flush the folder's own entry list, without which a rename can be lost when the power fails."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def temporary_gone(temporary: Path) -> None:
    """Remove a temporary file if it can be removed; the error that brought us here is the one to report."""
    try:
        temporary.unlink(missing_ok=True)
    except OSError:
        return


def disk_error(path: Path, needed: int, error: OSError) -> DiskError:
    """Return the one-line `DiskError` for *error*: what was refused, the space needed and the space free."""
    try:
        free = f"{shutil.disk_usage(path.parent).free:,} bytes free"
    except OSError:
        free = "the folder is gone"
    reason = error.strerror or type(error).__name__
    needs = f"{needed:,} bytes needed, " if needed else ""
    return DiskError(f"cannot write {path}: {reason} – {needs}{free} – make room or choose another folder")


def remove_temporaries(folder: Path) -> None:
    """Remove what a killed process left half written in *folder*. Call only while the run's lock is held."""
    for stray in folder.glob(f"{TEMPORARY}*"):
        try:
            stray.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(stray, 0, error) from error


def check_free(path: Path, overwrite: bool) -> None:
    """Refuse a path that is taken, or that no file can have."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder – give the name of a file")
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists – add --overwrite or choose another name")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: no such folder – make {path.parent} first")


def refuse_existing(paths: Iterable[Path], overwrite: bool) -> None:
    """Raise `UsageError` for the first path that exists, unless told to overwrite; a folder is never overwritten."""
    for path in paths:
        if path.is_dir():
            raise UsageError(f"{path} is a folder – choose another name")
        if not overwrite and (path.exists() or path.is_symlink()):
            raise UsageError(f"{path} exists – add --overwrite or choose another name")


def make_folder(folder: Path) -> None:
    """Make the folder and those above it; raises `UsageError` where a file is in the way, `DiskError` otherwise."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"{folder} is not a folder – choose another name") from None
    except OSError as error:
        raise disk_error(folder, 0, error) from error


def write_whole(path: Path, chunks: Iterable[bytes]) -> Path:
    """Write the chunks under a temporary name, flush, rename to *path*; raises `DiskError` where the disk refuses.

    For tables too long to be held in memory twice, hence chunks.
    """
    temporary = path.parent / f"{TEMPORARY}{os.getpid()}-{path.name}"
    written = 0
    try:
        with temporary.open("wb") as file:
            for chunk in chunks:
                written += len(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        flush_folder(path.parent)
    except OSError as error:
        temporary_gone(temporary)
        raise disk_error(path, written, error) from error
    except BaseException:
        temporary_gone(temporary)
        raise
    return path
