"""Finds run folders: all below a folder, and the one that a name means."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from handgrad.errors import HandgradError, UsageError, did_you_mean
from handgrad.runs.folder import SIGNS
from handgrad.runs.read import Run, read_run

DEPTH = 6
"""Run folders are looked for so many folders deep: a study keeps its runs in a folder of its own, a sweep three deep."""


def run_paths(folder: Path, depth: int = DEPTH) -> Iterator[Path]:
    """Yield the run folders at or below *folder*, not looking into those nor into hidden ones."""
    if any((folder / name).is_file() for name in SIGNS):
        yield folder
        return
    if depth == 0:
        return
    try:
        with os.scandir(folder) as entries:
            below = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except OSError:
        return
    for name in below:
        yield from run_paths(folder / name, depth - 1)


def find_run(name: str | Path, root: Path = Path("runs")) -> tuple[Path, str]:
    """Return the run folder that *name* means, and a sentence that says which where that is not plain, else "".

    *name* is a run folder; or a recipe, which means the newest complete run of it below *root*. Raises `UsageError`.
    """
    path = Path(name)
    # Anything with a folder in it is a path, and a wrong one is told as such.
    if path.exists() or path.parent != Path():
        return path, ""
    runs = list(complete_runs(root))
    found = [run for run in runs if run.title == str(name)]
    if not found:
        known = sorted({run.title for run in runs})
        hint = did_you_mean(str(name), known) or (
            f" – known: {', '.join(known)}" if known else " – `handgrad train` makes one"
        )
        raise UsageError(
            f'"{name}" is not a run folder, and {root} holds no complete run of a recipe of that name{hint}'
        )
    # By when it began, which stands inside; a copied folder has the times of the copy.
    newest = max(found, key=lambda run: (run.environment.began, run.path.name))
    which = "the only run" if len(found) == 1 else f"the newest of {len(found)} runs"
    return newest.path, f"{name}: {newest.path}, {which} of it below {root}"


def complete_runs(root: Path) -> Iterator[Run]:
    """Yield the complete runs at or below *root*; what is damaged is passed over, `handgrad runs` says why."""
    for path in run_paths(root):
        try:
            run = read_run(path, pictures=False)
        except HandgradError:
            continue
        if run.state == "complete":
            yield run
