"""The verdicts of a class as they come: one line each, appended and flushed, so that a kill loses at most the one at work."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from handgrad.errors import BusyRunError, UsageError
from handgrad.files import disk_error
from handgrad.judge.verdict import Verdict
from handgrad.system import try_lock

if TYPE_CHECKING:
    import pydantic

SUFFIX = ".judged.jsonl"


class Log:
    """An open file of verdicts, each under the key of what was judged; held by one process at a time."""

    def __init__(self, path: Path, *, resume: bool) -> None:
        """Open *path*, new or, with *resume*, with what it holds. Raises `UsageError`, `BusyRunError`, `DiskError`."""
        self.path = path
        self.known: dict[str, Verdict] = {}
        if path.exists() and not resume:
            raise UsageError(f"{path} exists – add --resume to continue it, or --overwrite to start again")
        try:
            # Append mode: even two writers by accident would not write into each other's lines.
            self.file: BinaryIO = path.open("a+b")
        except OSError as error:
            raise disk_error(path, 0, error) from error
        if not try_lock(self.file.fileno()):
            self.file.close()
            raise BusyRunError(f"{path} is in use by another process – wait for it to end, or judge into another file")
        self._read()

    def _read(self) -> None:
        """Take in the lines that are whole, and cut off what a kill left half written."""
        self.file.seek(0)
        data = self.file.read()
        whole = data.rfind(b"\n") + 1
        # What follows the last line end was being written when the process was killed.
        if whole < len(data):
            os.truncate(self.path, whole)
        for line in data[:whole].splitlines():
            try:
                record = json.loads(line)
                self.known[str(record["key"])] = _adapter().validate_python(record["verdict"])
            except (ValueError, TypeError, KeyError):
                continue  # of another version, or damaged: judged again

    def append(self, key: str, verdict: Verdict) -> None:
        """Add a verdict and flush it to the disk. Raises `DiskError`; then nothing of the line stays."""
        line = json.dumps({"key": key, "verdict": asdict(verdict)}).encode() + b"\n"
        handle = self.file.fileno()
        before = os.fstat(handle).st_size
        try:
            # Written past Python's buffer: what a full disk refused must not come again with the next line.
            # A short write is what a disk that has just become full does first.
            if os.write(handle, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(handle)
        except OSError as error:
            with suppress(OSError):
                os.truncate(handle, before)
            raise disk_error(self.path, len(line), error) from error
        self.known[key] = verdict

    def close(self) -> None:
        """Close the file and let others have it."""
        self.file.close()


@cache
def _adapter() -> pydantic.TypeAdapter[Verdict]:
    import pydantic

    return pydantic.TypeAdapter(Verdict)


def key_of(settings: str, shown: str, files: Iterable[Path], root: Path | None) -> str:
    """Return what stands for one judgement: how it is judged (*settings*), where it lies, and every byte of its files."""
    whole = hashlib.sha256(f"{settings}\0{shown}\0".encode())
    for path in sorted(files):
        name = path.relative_to(root).as_posix() if root is not None and path.is_relative_to(root) else path.name
        with path.open("rb") as file:
            # Null bytes between, so that no name and content can be cut otherwise and give the same key.
            whole.update(f"{name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\0".encode())
    return whole.hexdigest()
