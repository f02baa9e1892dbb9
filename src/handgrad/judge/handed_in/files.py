"""Which files belong to a hand-in: the one to be judged, and those below its root that it may import, or that tell of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from handgrad.errors import UsageError
from handgrad.text import one_line

SUFFIXES = (".py", ".ipynb")
MOST_CODE = 1 << 20
"""Bytes of a Python file that are read."""
MOST_NOTEBOOK = 64 << 20
"""Bytes of a notebook; four fifths of one are pictures and logs."""
# A README or a log; what is larger is weights or data under such a name.
MOST_TOLD = 1 << 20
MOST_BESIDE = 8 << 20
"""Bytes of a notebook that another one may run or import."""
SETTINGS = (".json", ".yaml", ".yml", ".toml", ".ini", ".cfg")
MOST_SETTINGS = 1 << 16
"""Bytes of a file that a program reads its settings from; a larger one of the same name holds data."""
MOST_FILES, MOST_SEEN, DEEPEST = 100, 4000, 4
"""Files that come along, entries that are looked at for them, folders below the root."""
LEFT_OUT = ("__pycache__", "__MACOSX", "site-packages", "node_modules", "venv", "env")
"""Folders that programs make and nobody hands in; so is whatever begins with a dot."""
TELLS = re.compile(
    r"(readme.*|.*log.*|.*result.*|.*output.*|.*train.*)\.(md|txt|log|rst)|readme|.*\.log", re.IGNORECASE
)
# A colon after the suffix names a network; a slash behind it means that the colon was part of a path, as in C:/course.
NAMED = re.compile(r"(?P<path>.+\.(?:py|ipynb))(?::(?P<network>(?![^:]*/).*))?", re.IGNORECASE | re.DOTALL)
# Of a whole class hundreds of files are asked, so by bytes: parsing each would take minutes.
LOOKS = re.compile(rb"class\s+\w+\s*\(.*?Module|nn\s*\.\s*Sequential\s*\(")


@dataclass(frozen=True)
class HandedIn:
    """One hand-in: the file to be judged, the network wanted in it ("" for the one that is meant), and its root.

    The file may import what lies below *root*; None for a file that stands alone.
    """

    path: Path
    network: str = ""
    root: Path | None = None
    whole: bool = False
    """Whether the file is run from top to bottom instead of its network taken out."""
    own_recipe: bool = False
    """Whether it is to be trained with the recipe that is found in it."""

    @property
    def folder(self) -> Path:
        """The folder that names within the hand-in begin at."""
        return self.root if self.root is not None else self.path.parent


def parted(file: str) -> tuple[Path, str]:
    """Return path and network of ``file.py:Net`` or ``hw.ipynb:Net('bn')``; raise `UsageError` where there is no such file."""
    found = NAMED.fullmatch(file)
    path = Path(found["path"] if found else file)
    if not path.is_file():
        there = "a folder" if path.is_dir() else "nothing"
        raise UsageError(
            f"{one_line(str(path))} is not there – found {there} – give the path of a Python file or notebook"
        )
    if found is None:
        raise UsageError(
            f"{one_line(file)} is neither a Python file nor a notebook – its name must end in .py or .ipynb"
        )
    return path, found["network"] or ""


def may_hold_network(path: Path) -> bool:
    """Whether *path* looks as if a network were defined in it: by its bytes alone, nothing is parsed or run."""
    try:
        if path.suffix.lower() not in SUFFIXES or path.stat().st_size > MOST_NOTEBOOK:
            return False
        return bool(LOOKS.search(path.read_bytes()))
    except OSError:
        return False


def files_of(handed: HandedIn) -> Iterator[tuple[Path, Path]]:
    """Return the files of a hand-in with their places from its root: the one to be judged first, then the nearest.

    Symbolic links are left out: what they point to was not handed in.
    """
    # First, so that no limit below can leave it out.
    yield handed.path, handed.path.relative_to(handed.folder)
    if handed.root is None:
        return
    count = 0
    for path in _below(handed.root):
        if path == handed.path or not _comes_along(path):
            continue
        yield path, path.relative_to(handed.root)
        count += 1
        if count == MOST_FILES:
            return


def _comes_along(path: Path) -> bool:
    """Whether a file is a module that may be imported, settings that it may read, or a text that may tell of the training."""
    if path.suffix == ".py":
        return path.stat().st_size <= MOST_CODE
    if path.suffix == ".ipynb":
        return path.stat().st_size <= MOST_BESIDE
    if path.suffix.lower() in SETTINGS:
        return path.stat().st_size <= MOST_SETTINGS
    return bool(TELLS.fullmatch(path.name)) and path.stat().st_size <= MOST_TOLD


def _below(root: Path) -> Iterator[Path]:
    """Return the files below *root*, the nearest folders first, as many entries as are worth looking at."""
    # Breadth first: what a network imports lies near it, and a data set of a hundred thousand files may lie deeper.
    waiting, seen = [(root, 0)], 0
    while waiting:
        folder, depth = waiting.pop(0)
        try:
            # Sorted, because the system's order differs from disk to disk and the limits cut it off somewhere.
            entries = sorted(folder.iterdir())
        except OSError:
            continue
        for path in entries:
            seen += 1
            if seen > MOST_SEEN:
                return
            # A link could lead to any file of the judge's machine, and round in a circle.
            if path.is_symlink() or path.name.startswith("."):
                continue
            if path.is_dir() and depth < DEEPEST and path.name not in LEFT_OUT:
                waiting.append((path, depth + 1))
            elif path.is_file():
                yield path
