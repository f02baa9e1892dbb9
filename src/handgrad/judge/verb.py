"""The verb ``handgrad.judge``: a network or a workbook against what was asked, from Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from torch import nn

from handgrad.digits.data.dataset import Dataset
from handgrad.digits.networks.handed import Handed, handed
from handgrad.errors import UsageError
from handgrad.judge.network.assignment import Assignment
from handgrad.judge.network.judging import judge_network
from handgrad.judge.verdict import Verdict
from handgrad.judge.workbook.judging import judge_workbook
from handgrad.judge.workbook.verdict import BookVerdict
from handgrad.scratch import scratch_folder
from handgrad.xlsx.kinds import TABLES


def judge(
    what: str | Path | type[nn.Module] | Callable[[], nn.Module] | nn.Module,
    assignment: str | Path | Assignment | None = None,
    *,
    static: bool = False,
    seeds: Sequence[int] | None = None,
    data: Path | str | Dataset | None = None,
    time_limit: float = 3600.0,
    require_sandbox: bool = False,
) -> Verdict | BookVerdict:
    """Judge a network against *assignment*, or a workbook by its own formulas, and return the verdict.

    *what*: ``file.py:Net``, a class, a function that makes a network, a module (its class is judged, made without
    arguments), or a workbook. The others are those of `handgrad.judge.network.judging.judge_network`. Raises `UsageError` if
    the source of a class or function is not available: the judge reads and trains the source, not the object in memory.
    """
    if isinstance(what, str | Path) and Path(what).suffix.lower() in TABLES:
        if assignment is not None:
            raise UsageError("a workbook is judged by its own formulas – leave the assignment out")
        return judge_workbook(Path(what))
    if assignment is None:
        raise UsageError('assignment is missing – name one, as in assignment="under-20k"')
    judged = partial(
        judge_network,
        assignment=assignment,
        static=static,
        seeds=seeds,
        data=data,
        time_limit=time_limit,
        require_sandbox=require_sandbox,
    )
    if isinstance(what, str | Path):
        return judged(str(what))
    network = handed(what)
    with scratch_folder("source") as folder:
        # The file is ours and gone in a moment: the verdict names what was handed in.
        return replace(judged(written(network, folder)), file=network.name)


def written(network: Handed, folder: Path) -> str:
    """Write the source of *network* into *folder* and return its name."""
    if network.source is None:
        raise UsageError(
            f"the source of {network.name} is not available – write it into a file and give file.py:{network.name}"
        )
    file = folder / f"{network.name}.py"
    file.write_text(network.source, encoding="utf-8")
    return f"{file}:{network.name}"
