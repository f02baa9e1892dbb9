"""Optuna, asked and told: its journal file lies in the sweep's folder, no database is needed."""

from __future__ import annotations

import hashlib
import random
import warnings
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from handgrad.errors import MissingError, UsageError
from handgrad.runs.sweep import Over

JOURNAL = "optuna.log"
SAMPLERS = ("tpe", "random", "grid", "cmaes")


def check_search(overs: Sequence[Over], sampler: str) -> Any:
    """Return Optuna, before anything is written.

    Raises `MissingError` where a package is missing, `UsageError` for a grid of ranges.
    """
    optuna = _optuna()
    if sampler == "cmaes":
        _cmaes()
    if sampler == "grid" and any(over.kind != "list" for over in overs):
        raise UsageError("--sampler grid needs lists – write the values of each --over with commas")
    return optuna


class Search:
    """The trials of a sweep so far, and what to try next."""

    def __init__(self, folder: Path, overs: Sequence[Over], *, sampler: str, seed: int) -> None:
        optuna = check_search(overs, sampler)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._optuna, self._overs, self._seed, self._kind = optuna, overs, seed, sampler
        storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(folder / JOURNAL)))
        self._study = optuna.create_study(
            study_name="sweep",
            storage=storage,
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=0),
        )
        self._space = {over.key: self._distribution(over) for over in overs}

    def _distribution(self, over: Over) -> Any:
        kinds = self._optuna.distributions
        if over.kind == "list":
            return kinds.CategoricalDistribution(over.values)
        if over.kind == "int":
            return kinds.IntDistribution(int(over.low), int(over.high))
        return kinds.FloatDistribution(over.low, over.high, log=over.kind == "log")

    def _sampler(self, number: int) -> Any:
        """Return the sampler for the trials from *number* on.

        Made again for each batch from the seed and the number: so a sweep that goes on asks what it would have asked.
        """
        seed = int.from_bytes(hashlib.sha256(f"{self._seed}:{number}".encode()).digest()[:4], "little")
        samplers = self._optuna.samplers
        if self._kind in ("random", "grid"):
            return samplers.RandomSampler(seed=seed)
        if self._kind == "cmaes":
            return samplers.CmaEsSampler(seed=seed)
        # The liar: trials under way count as poor, so that a batch does not try one thing many times.
        return samplers.TPESampler(seed=seed, constant_liar=True)

    @property
    def open(self) -> dict[int, dict[str, Any]]:
        """Return the trials that were asked for and have no result: an interruption left them."""
        running = self._optuna.trial.TrialState.RUNNING
        return {trial.number: dict(trial.params) for trial in self._study.get_trials(states=(running,))}

    @property
    def count(self) -> int:
        """Return how many trials were ever asked for."""
        return len(self._study.get_trials(deepcopy=False))

    def ask(self, count: int) -> dict[int, dict[str, Any]]:
        """Return the settings of *count* new trials by their number; fewer, or none, where a grid comes to its end."""
        if self._kind == "grid":
            # Our own, because Optuna's ends by stopping a loop that we do not use; each point is put into its queue.
            points = self._grid()[self.count : self.count + count]
            count = len(points)
            for point in points:
                self._study.enqueue_trial(point)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is experimental in Optuna is pinned by our constraints
            self._study.sampler = self._sampler(self.count)
            asked = [self._study.ask(self._space) for _ in range(count)]
        return {trial.number: dict(trial.params) for trial in asked}

    def _grid(self) -> list[dict[str, Any]]:
        """Return every combination of the lists, in an order that follows from the seed."""
        keys = [over.key for over in self._overs]
        points = [dict(zip(keys, values, strict=True)) for values in product(*(over.values for over in self._overs))]
        random.Random(self._seed).shuffle(points)
        return points

    def prune(self, number: int, step: int, value: float) -> bool:
        """Note the mean of a trial's first *step* seeds; return whether it is below the median of the trials before."""
        trial = self._optuna.trial.Trial(self._study, self._study.get_trials(deepcopy=False)[number]._trial_id)
        trial.report(value, step)
        return bool(trial.should_prune())

    def tell(self, number: int, value: float | None, *, pruned: bool = False) -> None:
        """Note the result of a trial, None where it failed."""
        states = self._optuna.trial.TrialState
        if pruned:
            self._study.tell(number, state=states.PRUNED, skip_if_finished=True)
        elif value is None:
            self._study.tell(number, state=states.FAIL, skip_if_finished=True)
        else:
            self._study.tell(number, value, skip_if_finished=True)

    def importances(self) -> Mapping[str, float]:
        """Return how much of the differences between trials each key explains; empty where that cannot be said yet."""
        complete = self._study.get_trials(states=(self._optuna.trial.TrialState.COMPLETE,))
        if len(complete) < 4 or len({trial.value for trial in complete}) < 2:
            return {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            evaluator = self._optuna.importance.PedAnovaImportanceEvaluator()
            found: Mapping[str, float] = self._optuna.importance.get_param_importances(self._study, evaluator=evaluator)
        return found


def _optuna() -> Any:
    """Return Optuna; raise `MissingError` with the line that installs it."""
    try:
        import optuna
    except ImportError as error:
        raise MissingError('a sweep needs Optuna – pip install "handgrad[sweep]"') from error
    return optuna


def _cmaes() -> None:
    """Raise `MissingError` with the line that installs it where the package behind the sampler is missing."""
    try:
        import cmaes  # noqa: F401
    except ImportError as error:
        raise MissingError('--sampler cmaes needs cmaes – pip install "handgrad[sweep]"') from error
