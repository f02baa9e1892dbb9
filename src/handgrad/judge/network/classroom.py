"""Judges a class: every network file of a folder, one after another, each by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from handgrad.digits.data.dataset import Dataset, load_dataset
from handgrad.errors import UsageError
from handgrad.judge.network.assignment import load_assignment
from handgrad.judge.network.judging import TIME_LIMIT, judge_network
from handgrad.judge.verdict import Verdict


def files_in(folder: Path) -> list[Path]:
    """Return what is to be judged: each ``.py`` in *folder*, and the one in each folder below that holds exactly one.

    A file in a folder of its own may have a ``recipe.toml`` beside it. Symbolic links are left out: what they point to
    was not handed in. Raises `UsageError` where nothing is found, or a folder of its own holds several files and none of
    them is called like the folder, ``net.py`` or ``network.py``.
    """
    found = [path for path in sorted(folder.glob("*.py")) if path.is_file() and not path.is_symlink()]
    for below in sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()):
        files = [path for path in sorted(below.glob("*.py")) if path.is_file() and not path.is_symlink()]
        chosen = [path for path in files if path.stem in (below.name, "net", "network")] if len(files) > 1 else files
        if files and len(chosen) != 1:
            raise UsageError(
                f"{below} holds {len(files)} Python files – call the one with the network net.py, or judge it by its path"
            )
        found += chosen
    if not found:
        raise UsageError(f"{folder} holds no Python file – give a folder with one file, or one folder, a person")
    return found


def judge_folder(
    folder: Path,
    assignment: str | Path,
    *,
    network: str = "",
    static: bool = False,
    seeds: Sequence[int] | None = None,
    data: Path | str | Dataset | None = None,
    time_limit: float = TIME_LIMIT,
    require_sandbox: bool = False,
    on_verdict: Callable[[Verdict], None] = lambda verdict: None,
) -> list[Verdict]:
    """Judge every network file of *folder* and return a verdict each, in order of name; *time_limit* is for each file.

    No file sees another person's: only one in a folder of its own may import what lies beside it. ``file`` of a verdict is
    the path within *folder*. Raises what `handgrad.judge.network.judging.judge_network` does.
    """
    files = files_in(folder)
    asked = load_assignment(assignment)
    dataset = data if isinstance(data, Dataset) else load_dataset(Path(data) if data else None, download=False)
    verdicts = []
    for path in files:
        verdict = judge_network(
            f"{path}:{network}" if network else str(path),
            asked,
            static=static,
            seeds=seeds,
            data=dataset,
            time_limit=time_limit,
            require_sandbox=require_sandbox,
            neighbours=path.parent != folder,
        )
        verdict = replace(verdict, file=str(path.relative_to(folder)))
        verdicts.append(verdict)
        on_verdict(verdict)
    return verdicts
