"""The recipes that may stand behind a publication: one for each combination of the values that it leaves unsaid."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handgrad.digits.study import study
from handgrad.digits.sweep.settings import parse_over, recipe_with
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import differences, recipe_text
from handgrad.errors import UsageError
from handgrad.runs.find import complete_runs
from handgrad.runs.read import Run
from handgrad.runs.record import EvaluatedOn
from handgrad.toml_records import read_record

MOST_CANDIDATES = 64


@dataclass(frozen=True)
class Candidate:
    """One recipe; *name* is what sets it apart from the others, or the recipe's own name where there is one alone."""

    name: str
    recipe: Recipe

    @property
    def folder(self) -> str:
        """Return a name for the folder of its runs, the same for the same recipe."""
        return f"{self.recipe.name}-{hashlib.sha256(recipe_text(self.recipe).encode()).hexdigest()[:8]}"


def candidates_of(recipe: str, overrides: Sequence[str], texts: Sequence[str]) -> tuple[Candidate, ...]:
    """Return every combination of the values in *texts*, each ``KEY=a,b,c``, on top of *recipe* with *overrides*.

    Raises `UsageError` for a range, a key named twice, more than 64 combinations, and a recipe that does not read the test
    set after every epoch.
    """
    overs = [parse_over(text) for text in texts]
    ranges = [over.key for over in overs if over.kind != "list"]
    if ranges:
        raise UsageError(
            f"--candidates {ranges[0]}: a candidate is a value, not a range – list the values: {ranges[0]}=a,b"
        )
    if len({over.key for over in overs}) != len(overs):
        raise UsageError("--candidates names a key twice – put all its values into one")
    combinations = list(itertools.product(*(over.values for over in overs)))
    if len(combinations) > MOST_CANDIDATES:
        raise UsageError(
            f"{len(combinations)} candidates – at most {MOST_CANDIDATES} can be trained – list fewer values in --candidates"
        )
    found = []
    for values in combinations:
        settings: dict[str, Any] = {over.key: value for over, value in zip(overs, values, strict=True)}
        made = recipe_with(recipe, overrides, settings)
        if made.test != "every epoch":
            raise UsageError(
                f'{made.name} reads the test set once – an audit compares epochs, add --set "test=every epoch"'
            )
        name = ", ".join(f"{key} {value}" for key, value in settings.items()) or made.name
        found.append(Candidate(name, made))
    return tuple(found)


def runs_of(candidate: Candidate, seeds: Sequence[int], runs: Iterable[Run]) -> dict[int, Run]:
    """Return those of *runs* that are of *candidate*, by seed: its recipe in all but name and note, the first of each seed."""
    found: dict[int, Run] = {}
    for run in runs:
        if run.seed in seeds and run.seed not in found and _is_of(run, candidate.recipe):
            found[run.seed] = run
    return found


def _is_of(run: Run, recipe: Recipe) -> bool:
    """Whether *run* was trained with *recipe* and read on the test set after every epoch."""
    if run.evaluated_on is not EvaluatedOn.TEST:
        return False
    of_run = read_record(Recipe, run.recipe, str(run.path))
    changed = {line.partition(" ")[0] for line in differences(of_run, recipe)}
    return not changed - {"name", "note"}


def train_missing(candidate: Candidate, missing: Sequence[int], out: Path, **settings: Any) -> dict[int, Run]:
    """Train the seeds *missing* of *candidate* into its own folder below *out* and return their complete runs.

    *settings* are those of `handgrad.study`. Runs are found again by `runs_of`, so an interrupted audit goes on.
    """
    folder = out / candidate.folder
    study(candidate.recipe, seeds=missing, out=folder, **settings)
    return runs_of(candidate, missing, complete_runs(folder))
