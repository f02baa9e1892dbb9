"""What a sweep is about to do, what its trials gave, and what came of it: the files of its folder, a class each."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import NormalDist, fmean
from typing import Any, Literal

from handgrad.errors import UsageError, counted
from handgrad.runs.environment import Machine
from handgrad.runs.folder import RunFolder
from handgrad.runs.record import Stored
from handgrad.runs.stored import read_stored
from handgrad.score import spread
from handgrad.shown.record import Shown
from handgrad.shown.view import Curve, View

PLAN, TRIAL, SWEEP, TRIALS, CHOSEN = "sweep-plan.json", "trial.json", "sweep.json", "trials", "chosen"


Value = str | int | float | bool


@dataclass(frozen=True)
class Over(Stored):
    """One key, and what it ranges over: the values of a list, or everything from *low* to *high*."""

    key: str
    """A dotted key of a recipe; ``recipe`` for the names of recipes."""
    kind: Literal["list", "float", "log", "int"]
    values: tuple[Value, ...] = ()
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True)
class SweepPlan(Stored):
    """Everything that decides what a sweep tries and how."""

    format: int
    recipe: str
    """A shipped recipe's name, or the whole path of a file."""
    overrides: tuple[str, ...]
    over: tuple[Over, ...]
    sampler: str
    seed: int
    """Of the sampler."""
    seeds: tuple[int, ...]
    final_seeds: tuple[int, ...]
    data: str | None
    data_sha256: str
    holdout: int
    batch: int
    """Trials that are asked for at a time: none of them knows of another's result."""
    prune: bool
    machine: Machine
    jobs: int
    download: bool

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class FailedTrialSeed(Stored):
    """A seed of a trial that gave no figure, and why."""

    seed: int
    reason: str


@dataclass(frozen=True)
class Trial(Stored):
    """One setting. ``accuracies`` are those of the last epoch on the hold-out, in percent, in the order of ``seeds``."""

    number: int
    settings: dict[str, Value]
    state: Literal["complete", "pruned", "failed"]
    seeds: tuple[int, ...]
    accuracies: tuple[float, ...]
    failed: tuple[FailedTrialSeed, ...]
    parameters: int | None
    seconds_training: float | None
    """Mean over its seeds."""
    reason: str = ""
    """Why it failed as a whole: its settings do not fit together."""

    @property
    def mean(self) -> float | None:
        """Return the mean accuracy over seeds, None where none finished."""
        return fmean(self.accuracies) if self.accuracies else None

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values, the mean with it."""
        return asdict(self) | {"mean": self.mean}


@dataclass(frozen=True)
class Paired(Stored):
    """The chosen trial against another on the seeds that both have: mean difference in points, its 95 % t interval."""

    other: int
    seeds: int
    difference: float
    interval95: tuple[float, float] | None


@dataclass(frozen=True, repr=False)
class Sweep(Shown, Stored):
    """The results of a sweep. Only the runs of ``final`` read the test set, once each."""

    recipe: str
    path: str
    over: tuple[Over, ...]
    sampler: str
    seed: int
    pruned_early: bool
    """Whether trials below the median were given up before all their seeds."""
    holdout: int
    seeds: tuple[int, ...]
    trials: tuple[Trial, ...]
    best: int | None
    importances: dict[str, float]
    paired: tuple[Paired, ...]
    flattery: float | None
    """By how many points the best of so many equal trials would look better than it is, by chance alone: an estimate."""
    final: dict[str, Any] | None
    """The record of the study with the chosen setting, all training images and new seeds; None before it has run."""

    @property
    def chosen(self) -> Trial | None:
        """Return the trial that did best on the hold-out."""
        return next((trial for trial in self.trials if trial.number == self.best), None)

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return asdict(self) | {"trials": [trial.as_json() for trial in self.trials]}

    def view(self) -> View:
        """Return what was chosen and what it reached, and every trial, the best first; its curve is the best mean so far."""
        best, lines = self.chosen, []
        if best is not None and best.mean is not None:
            lines.append(f"chosen on the hold-out: trial {best.number}, {best.mean:.3f} % ({settings_in_words(best)})")
        if self.flattery is not None:
            lines.append(
                f"by chance alone the best of equal settings would look about {self.flattery:.2f} points better"
            )
        if self.final is not None and self.final.get("mean") is not None:
            seeds = counted(int(self.final["n"]), "new seed")
            lines.append(f"with {seeds}, the test set read once each: mean {self.final['mean']:.3f} %, not chosen by")
        ranked = sorted(self.trials, key=lambda trial: (-(trial.mean or 0.0), trial.number))
        so_far: list[tuple[int, float]] = []
        for trial in self.trials:
            if trial.state == "complete" and trial.mean is not None:
                so_far.append((trial.number, max(trial.mean, so_far[-1][1] if so_far else 0.0)))
        numbers, means = [number for number, _ in so_far], [mean for _, mean in so_far]
        return View(
            title=f"{Path(self.recipe).stem}: {counted(len(self.trials), 'setting')} tried, sampler {self.sampler}",
            lines=tuple(lines),
            head=("trial", "hold-out", "state", "parameters", "settings"),
            rows=tuple(trial_row(trial) for trial in ranked),
            curves=(Curve("best so far", numbers, means),) if so_far else (),
            x_name="trial",
            y_name="mean accuracy on the hold-out in %",
            columns={
                "trial": [trial.number for trial in self.trials],
                "state": [trial.state for trial in self.trials],
                "mean": [trial.mean for trial in self.trials],
                "parameters": [trial.parameters for trial in self.trials],
                "seconds_training": [trial.seconds_training for trial in self.trials],
                **{each.key: [trial.settings.get(each.key) for trial in self.trials] for each in self.over},
            },
        )


def trial_row(trial: Trial) -> tuple[str, str, str, str, str]:
    """Return one trial as the table shows it."""
    return (
        str(trial.number),
        "–" if trial.mean is None else f"{trial.mean:.3f} %",
        trial.state,
        "–" if trial.parameters is None else f"{trial.parameters:,}",
        settings_in_words(trial),
    )


def settings_in_words(trial: Trial) -> str:
    """Return the settings of a trial on one line."""
    return ", ".join(
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}" for key, value in trial.settings.items()
    )


def best_of(trials: list[Trial]) -> Trial | None:
    """Return the complete trial with the highest mean, the first of equals."""
    complete = [trial for trial in trials if trial.state == "complete" and trial.mean is not None]
    return max(complete, key=lambda trial: (trial.mean or 0.0, -trial.number), default=None)


def pairs(best: Trial, trials: list[Trial]) -> tuple[Paired, ...]:
    """Return *best* against every other trial with a figure, on common seeds, nearest first."""
    own = dict(zip(best.seeds, best.accuracies, strict=False))
    found = []
    for trial in trials:
        theirs = dict(zip(trial.seeds, trial.accuracies, strict=False))
        # On common seeds: their luck is in both figures, and falls out of the difference.
        differences = [own[seed] - theirs[seed] for seed in own if seed in theirs]
        if trial.number != best.number and differences:
            apart = spread(differences)
            found.append(Paired(trial.number, len(differences), apart.mean, apart.interval95))
    return tuple(sorted(found, key=lambda pair: pair.difference))


def flattery(trials: list[Trial], holdout: int) -> float | None:
    """Return the expected advantage, in points, of the best of equally good trials: what choosing alone gives.

    The noise of a trial's mean is taken from the differences between its seeds, with one seed from the size of the hold-out
    (binomial). The expected largest of n normal values is Blom's approximation (Statistical Estimates and Transformed
    Beta-Variables, 1958). Trials share the hold-out's images, so with one seed it is too high rather than too low.
    """
    complete = [trial for trial in trials if trial.state == "complete" and trial.mean is not None]
    if len(complete) < 2:
        return None
    within = [(value - (trial.mean or 0.0)) ** 2 for trial in complete for value in trial.accuracies]
    freedom = sum(len(trial.accuracies) - 1 for trial in complete)
    if freedom:
        size = fmean(len(trial.accuracies) for trial in complete)
        noise = math.sqrt(sum(within) / freedom / size)
    else:
        share = fmean(trial.mean or 0.0 for trial in complete) / 100
        noise = 100 * math.sqrt(share * (1 - share) / holdout)
    count = len(complete)
    return noise * NormalDist().inv_cdf((count - 0.375) / (count + 0.25))


def read_sweep_plan(folder: RunFolder) -> SweepPlan:
    """Return the plan in the folder of a sweep; raises `UsageError` where it is none, `DamagedRunError` if it is damaged."""
    if not (folder.path / PLAN).is_file():
        raise UsageError(f"{folder.path} is not a sweep – found no {PLAN} in it – name the folder of a sweep")
    return read_stored(SweepPlan, folder.read_json(PLAN), str(folder.path / PLAN))


def read_trials(folder: RunFolder) -> list[Trial]:
    """Return the trials that ended, by number; raises `DamagedRunError`."""
    paths = (folder.path / TRIALS).glob(f"*/{TRIAL}")
    found = [read_stored(Trial, RunFolder(path.parent).read_json(TRIAL), str(path)) for path in paths]
    return sorted(found, key=lambda trial: trial.number)


def read_sweep(path: Path) -> Sweep:
    """Return the record of the sweep in the folder *path*; raises `UsageError` where there is none, `DamagedRunError`."""
    folder = RunFolder(path)
    if not (path / SWEEP).is_file():
        read_sweep_plan(folder)
        raise UsageError(f"{path} has no result yet – continue with: handgrad sweep --resume {path}")
    return read_stored(Sweep, folder.read_json(SWEEP), str(path / SWEEP))
