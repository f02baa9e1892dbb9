"""``handgrad.compare``: finished runs side by side."""

from __future__ import annotations

from pathlib import Path

from handgrad.report.compare import Comparison
from handgrad.report.compare import compare as compare_folders
from handgrad.runs.find import find_run
from handgrad.verbs.result import TrainedRun


def compare(*runs: str | Path | TrainedRun) -> Comparison:
    """Return two or more runs side by side: accuracies with intervals, means of equal recipes, differences, curves.

    *runs* are results of `handgrad.train`, run folders, or recipes (for a recipe, its newest complete run). Raises
    `UsageError` for fewer than two or one named twice, `DamagedRunError` for a folder that does not read back.
    """
    return compare_folders([run.folder if isinstance(run, TrainedRun) else find_run(run)[0] for run in runs])
