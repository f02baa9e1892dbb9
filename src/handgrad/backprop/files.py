"""Files that this wing hands to people: never over one that is there, and wholly there or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from handgrad.errors import UsageError
from handgrad.runs.files import TEMPORARY, disk_error, flush_folder, temporary_gone


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
