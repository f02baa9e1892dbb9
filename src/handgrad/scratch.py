"""Folders for one piece of work in the temporary folder, gone when it ends, and swept by the next one where it was killed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

from handgrad.system import try_lock

PREFIX = "handgrad-"
HELD = ".held"
"""A file in the folder that its maker keeps locked: the kernel lets go when the maker is gone, however it went."""


@contextmanager
def scratch_folder(kind: str) -> Iterator[Path]:
    """Yield an empty folder of its own for *kind*, removed afterwards; what killed processes left is removed before."""
    top = Path(tempfile.gettempdir())
    _sweep(top)
    folder, held = _held_folder(kind, top)
    try:
        yield folder
    finally:
        held.close()
        shutil.rmtree(folder, ignore_errors=True)


def _held_folder(kind: str, top: Path) -> tuple[Path, BinaryIO]:
    """Make a folder and lock it; another is made where a sweeper was quicker than the lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-", dir=top))
        try:
            held = (folder / HELD).open("wb")
        except FileNotFoundError:
            continue
        if try_lock(held.fileno()):
            return folder, held
        held.close()


@cache
def _sweep(top: Path) -> None:
    """Remove the scratch folders in *top* that nobody holds any more; once for each process."""
    for folder in top.glob(f"{PREFIX}*-*"):
        # A folder that is not this user's, or whose maker is about to lock it, cannot be opened so: it stays.
        with suppress(OSError):
            if folder.is_symlink() or not folder.is_dir():
                continue
            with (folder / HELD).open("r+b") as held:
                if try_lock(held.fileno()):
                    shutil.rmtree(folder, ignore_errors=True)
