"""Trials of a sweep that run at a time: every seed of every one, and the record of what came of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from handgrad.cluster.engine import Engine
from handgrad.digits.sweep.search import Search
from handgrad.digits.sweep.settings import recipe_with
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.workers import FailedSeed, Result, Task, by_engine
from handgrad.errors import HandgradError
from handgrad.files import make_folder
from handgrad.runs import RunFolder
from handgrad.runs.record import RunSummary
from handgrad.runs.sweep import (
    TRIAL,
    TRIALS,
    FailedTrialSeed,
    SweepPlan,
    Trial,
)


def tell_search(search: Search, trial: Trial) -> None:
    """Tell Optuna what came of *trial*."""
    search.tell(trial.number, trial.mean if trial.state == "complete" else None, pruned=trial.state == "pruned")


@dataclass
class Batch:
    """Trials that run at a time."""

    folder: Path
    plan: SweepPlan
    search: Search
    engine: Engine
    stop: Callable[[], bool]

    def run(self, batch: Mapping[int, dict[str, Any]]) -> list[Trial]:
        """Train every seed of every trial, write what came of each, and tell Optuna in the order of their numbers."""
        results: dict[int, dict[int, Result]] = {number: {} for number in batch}
        recipes: dict[int, Recipe] = {}
        unfit: dict[int, str] = {}
        for number, settings in batch.items():
            try:
                recipes[number] = recipe_with(self.plan.recipe, self.plan.overrides, settings)
            except HandgradError as error:
                unfit[number] = str(error)
        pruned: set[int] = set()
        # With a pruner seed after seed, so that a poor trial can be given up; else all at once, which keeps workers busy.
        rounds = [(seed,) for seed in self.plan.seeds] if self.plan.prune else [self.plan.seeds]
        for step, seeds in enumerate(rounds, 1):
            alive = [number for number in recipes if number not in pruned]
            for number, seed, result in self._train(recipes, alive, seeds):
                results[number][seed] = result
            if self.plan.prune and step < len(rounds):
                pruned |= {number for number in alive if self._is_poor(number, step, results[number])}
        ended = []
        # In their order and not as they ended: the sampler's next proposals depend on it, and must be the same each
        # time.
        for number in sorted(batch):
            trial = _trial(
                number, batch[number], results[number], pruned=number in pruned, reason=unfit.get(number, "")
            )
            place = self._place(number)
            make_folder(place)
            RunFolder(place).write_json(TRIAL, trial.as_json())
            tell_search(self.search, trial)
            ended.append(trial)
        return ended

    def _place(self, number: int) -> Path:
        return self.folder / TRIALS / f"{number:05d}"

    def _train(
        self, recipes: Mapping[int, Recipe], numbers: Sequence[int], seeds: Sequence[int]
    ) -> list[tuple[int, int, Result]]:
        """Return trial, seed and result of every training."""
        plan, numbered = self.plan, {str(self._place(number)): number for number in numbers}
        tasks = []
        for place, number in numbered.items():
            make_folder(Path(place))
            tasks += [
                Task(
                    recipes[number],
                    plan.data,
                    seed,
                    0,
                    place,
                    plan.machine,
                    plan.download,
                    data_sha256=plan.data_sha256,
                    hidden=plan.holdout,
                )
                for seed in seeds
            ]
        return [
            (numbered[task.out], task.seed, result)
            for task, result in (by_engine(tasks, self.engine, self.stop) if tasks else ())
        ]

    def _is_poor(self, number: int, step: int, results: Mapping[int, Result]) -> bool:
        """Return whether Optuna's pruner gives a trial up after *step* of its seeds."""
        values = [result.last_epoch.accuracy for result in results.values() if isinstance(result, RunSummary)]
        return bool(values) and self.search.prune(number, step, fmean(values))


def _trial(number: int, settings: dict[str, Any], results: Mapping[int, Result], *, pruned: bool, reason: str) -> Trial:
    """Return the record of a trial; one without every seed it was to have is failed, and says why."""
    runs = {seed: result for seed, result in sorted(results.items()) if isinstance(result, RunSummary)}
    failed = tuple(
        FailedTrialSeed(seed, result.reason)
        for seed, result in sorted(results.items())
        if isinstance(result, FailedSeed)
    )
    return Trial(
        number=number,
        settings=settings,
        state="pruned" if pruned else "failed" if failed or not runs else "complete",
        seeds=tuple(runs),
        accuracies=tuple(run.last_epoch.accuracy for run in runs.values()),
        failed=failed,
        parameters=next((run.parameters for run in runs.values()), None),
        seconds_training=fmean(run.seconds_training for run in runs.values()) if runs else None,
        reason=reason,
    )
