"""Files that are either wholly there or not there at all, and names that may be written to."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from handgrad.errors import DiskError, UsageError
from handgrad.system import flush_folder
from handgrad.text import quoted

TEMPORARY = ".writing-"
"""Every temporary name begins so; what a killed process left behind is found and removed by it."""

NO_ROOM = frozenset({errno.ENOSPC, errno.EFBIG, *([errno.EDQUOT] if hasattr(errno, "EDQUOT") else [])})
"""The refusals that more room would fix."""


def write_whole(path: Path, data: bytes | Iterable[bytes]) -> Path:
    """Write *data* under a temporary name, flush it to the disk, put it instead of *path*, and read it back.

    Takes chunks too, for tables too long to be held in memory twice. Returns *path*, and only when the file reads back
    equal; raises `DiskError` (with the space needed and free) otherwise, and then what stood at *path* before still stands
    there unless it had already been replaced. A link stays a link, and the file that it names is replaced.
    """
    place = path.resolve() if path.is_symlink() else path
    # A name of its own, as short for a path of 250 characters; "x", so that nobody's link under it is ever followed.
    temporary = place.parent / f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(4)}"
    wanted, written = hashlib.sha256(), 0
    try:
        with temporary.open("xb") as file:
            for chunk in [data] if isinstance(data, bytes) else data:
                written += len(chunk)
                wanted.update(chunk)
                file.write(chunk)
            file.flush()
            # Before the rename: a file system may else write the new name first, and a power cut leaves an empty file
            # under it.
            os.fsync(file.fileno())
        # Not rename, which refuses to replace a file on Windows.
        temporary.replace(place)
        flush_folder(place.parent)
        # From the page cache in most cases, which no cheap means avoids: it finds a disk that is full, a network
        # share that lies about it and a second writer, not a failing sector.
        with place.open("rb") as file:
            found = hashlib.file_digest(file, "sha256")
    except OSError as error:
        _remove_temporary(temporary)
        raise disk_error(path, written, error) from error
    # KeyboardInterrupt too: a half-written file must not stay behind because of when somebody pressed a key.
    except BaseException:
        _remove_temporary(temporary)
        raise
    if found.digest() != wanted.digest():
        raise DiskError(
            f"{path} does not read back as it was written – the disk does not work correctly, choose another"
        )
    return path


def _remove_temporary(temporary: Path) -> None:
    """Remove a temporary file if it can be removed; the error that brought us here is the one to report."""
    try:
        temporary.unlink(missing_ok=True)
    except OSError:
        return


def disk_error(path: Path, needed: int, error: OSError) -> DiskError:
    """Return the one-line `DiskError` for *error*: what was refused, and where room is short the bytes needed and free."""
    reason = error.strerror or type(error).__name__
    if error.errno == errno.ENOENT and not path.parent.is_dir():
        # ENOENT for a file that is about to be made can only mean the folder.
        return DiskError(f"cannot write {path}: {reason} – the folder is gone – choose another folder")
    if error.errno not in NO_ROOM:
        return DiskError(f"cannot write {path}: {reason} – choose another folder")
    try:
        free = f"{shutil.disk_usage(path.parent).free:,} bytes free"
    except OSError:
        free = "the free space cannot be read"
    needs = f"{needed:,} bytes needed, " if needed else ""
    return DiskError(f"cannot write {path}: {reason} – {needs}{free} – make room or choose another folder")


def remove_temporaries(folder: Path) -> None:
    """Remove what a killed process left half written in *folder*. Call only while the run's lock is held."""
    for stray in folder.glob(f"{TEMPORARY}*"):
        try:
            stray.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(stray, 0, error) from error


def check_free(*paths: Path, overwrite: bool, new_folder: bool = False) -> None:
    """Refuse the first path that is taken, unless told to overwrite, or that no file can have; raises `UsageError`.

    With *new_folder* the folder that they lie in is still to be made (`make_folder`).
    """
    for path in paths:
        if "\0" in str(path):
            raise UsageError(f"{quoted(path)} cannot be the name of a file – choose another name")
        if path.is_dir():
            raise UsageError(f"{path} is a folder – give the name of a file")
        if os.path.lexists(path) and not overwrite:
            raise _taken(path)
        # A device or a pipe would be replaced by a file of that name.
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} is not a file – give the name of a file")
        if not new_folder and not path.parent.is_dir():
            raise _homeless(path)


def check_free_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that is to be written into and holds something, unless told to overwrite; raises `UsageError`."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file – choose the name of a folder")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise _taken(folder)
    if not folder.parent.is_dir():
        raise _homeless(folder)


def _taken(path: Path) -> UsageError:
    return UsageError(f"{path} exists – add --overwrite or choose another name")


def _homeless(path: Path) -> UsageError:
    return UsageError(f"{path}: no such folder – make {path.parent} first")


def make_folder(folder: Path) -> None:
    """Make the folder and those above it; raises `UsageError` where a file is in the way, `DiskError` otherwise."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"{folder} is not a folder – choose another name") from None
    except OSError as error:
        raise disk_error(folder, 0, error) from error
