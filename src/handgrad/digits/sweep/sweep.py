"""A sweep from its first trial to the study of what it chose: nothing is lost when it ends early, nothing is done twice."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from handgrad.allowance import usable_cores
from handgrad.cluster.engine import LOCAL, LostEngineError
from handgrad.cluster.where import check_engine, open_engine
from handgrad.digits.prepare import find_dataset, prepare
from handgrad.digits.study import check_seeds, resume_study, study
from handgrad.digits.study_plan import PLAN as STUDY_PLAN
from handgrad.digits.study_record import Study
from handgrad.digits.sweep.batch import Batch, tell_search
from handgrad.digits.sweep.search import SAMPLERS, Search, check_search
from handgrad.digits.sweep.settings import parse_overs, recipe_with
from handgrad.digits.training.device import choose_machine, in_words
from handgrad.digits.watcher import never
from handgrad.digits.workers import FailedSeed
from handgrad.errors import InterruptedRunError, UsageError, counted, known
from handgrad.files import make_folder
from handgrad.runs import RunFolder
from handgrad.runs.environment import FORMAT
from handgrad.runs.record import RunSummary
from handgrad.runs.sweep import (
    CHOSEN,
    PLAN,
    SWEEP,
    Sweep,
    SweepPlan,
    Trial,
    best_of,
    flattery,
    pairs,
    read_sweep_plan,
    read_trials,
)

MOST_TRIALS = 10_000
# One image is 0.02 points then: finer than the spread between seeds, and still eleven twelfths are trained on.
HOLDOUT = 5000
# With five an interval of the mean is 2.8 standard errors to each side (Student's t), with three it would be 4.3.
FINAL_SEEDS = 5


@dataclass(frozen=True)
class Look:
    """Who looks on at a sweep, and how it is asked to stop."""

    trial: Callable[[Trial], None] = lambda trial: None
    final: Callable[[int, RunSummary | FailedSeed], None] = lambda seed, result: None
    note: Callable[[str], None] = lambda line: None
    stop: Callable[[], bool] = never


def sweep(
    recipe: str | Path,
    *,
    over: Sequence[str],
    trials: int,
    out: Path | str,
    seeds: Sequence[int] = (0,),
    final_seeds: int = FINAL_SEEDS,
    sampler: str = "tpe",
    sampler_seed: int = 0,
    prune: bool = False,
    holdout: int = HOLDOUT,
    data: Path | str | None = None,
    device: str = "auto",
    precision: str = "auto",
    jobs: int | None = None,
    on: str = LOCAL,
    overrides: Sequence[str] = (),
    download: bool = True,
    look: Look = Look(),
) -> Sweep:
    """Try *trials* settings of *recipe*, choose one on a hold-out, train it on everything with new seeds, return the record.

    *over* are texts as `handgrad.digits.sweep.settings.parse_over` takes them; every setting trains once with each of
    *seeds*, on all but *holdout* training images, and its figure is the mean accuracy of the last epoch on those. The test set
    cannot be read until the chosen setting has been trained on all images with *final_seeds* new seeds. *sampler*:
    "tpe", "random", "grid", "cmaes", drawn from *sampler_seed*. With *prune* a trial that is below the median after some of its
    seeds is stopped. *out* is the folder of the sweep, which must not exist. Raises `UsageError`, `MissingError`
    (Optuna, data, a scheduler), `InterruptedRunError` with the command that continues.
    """
    known("--sampler", sampler, SAMPLERS)
    check_seeds(seeds)
    check_engine(on)
    if not 1 <= trials <= MOST_TRIALS or not 0 <= final_seeds <= 1000:
        raise UsageError(
            f"a sweep has 1 to {MOST_TRIALS:,} trials and up to 1,000 final seeds – found {trials}, {final_seeds}"
        )
    overs, folder = parse_overs(over), Path(out)
    check_search(overs, sampler)
    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        raise UsageError(f"{folder} exists – continue with --resume {folder}, or choose another name for --out")
    # Resolved, because trials run in other folders and a sweep may go on from elsewhere.
    name = str(recipe) if Path(str(recipe)).suffix != ".toml" else str(Path(recipe).resolve())
    base = recipe_with(name, overrides, {})
    prepared = prepare(base, data=data, holdout=holdout, download=download, watched=True)
    machine = choose_machine(
        prepared.network, base.batch_size, device=device, precision=precision, threads=1, data=prepared.whole.kind
    )
    width = jobs or usable_cores()
    plan = SweepPlan(
        format=FORMAT,
        recipe=name,
        overrides=tuple(overrides),
        over=overs,
        sampler=sampler,
        seed=sampler_seed,
        seeds=tuple(seeds),
        # Beyond those of the trials: the choice has seen what luck these had.
        final_seeds=tuple(range(max(seeds) + 1, max(seeds) + 1 + final_seeds)),
        data=prepared.whole.folder,
        data_sha256=prepared.whole.sha256,
        holdout=holdout,
        # As many trials at a time as keep every process busy; more would be chosen with less known.
        batch=max(1, math.ceil(width / len(seeds))),
        prune=prune,
        machine=machine,
        jobs=width,
        download=download,
    )
    make_folder(folder)
    search = Search(folder, overs, sampler=sampler, seed=sampler_seed)
    RunFolder(folder).write_json(PLAN, plan.as_json())
    return _carry_on(folder, plan, search, _Rest(trials, on, look))


def resume_sweep(
    path: Path | str,
    *,
    trials: int | None = None,
    on: str = LOCAL,
    look: Look = Look(),
) -> Sweep:
    """Go on with the sweep in the folder *path*, up to *trials* in all (None: those it has, and what comes after them).

    More trials than before choose again; where the choice changes, the new one is trained with the final seeds too.
    """
    folder = Path(path)
    plan = read_sweep_plan(RunFolder(folder))
    found = find_dataset(plan.data, download=plan.download, watched=True)
    if found.sha256 != plan.data_sha256:
        raise UsageError(f"{folder} began with other data – found {found.name} at {plan.data or 'the usual place'}")
    search = Search(folder, plan.over, sampler=plan.sampler, seed=plan.seed)
    return _carry_on(folder, plan, search, _Rest(trials or max(search.count, 1), on, look))


@dataclass(frozen=True)
class _Rest:
    """How far a sweep goes, where, and who looks on."""

    trials: int
    on: str
    look: Look


def _carry_on(folder: Path, plan: SweepPlan, search: Search, rest: _Rest) -> Sweep:
    """Run the trials that are missing, then the study of the one chosen."""
    look = rest.look
    look.note(
        f"{in_words(plan.machine)}; the test set is not read while settings are chosen on {plan.holdout:,} images"
    )
    done = {trial.number: trial for trial in read_trials(RunFolder(folder))}
    for trial in done.values():
        tell_search(search, trial)  # an interruption can fall between the file and Optuna's journal
    try:
        with open_engine(rest.on, plan.jobs, folder, look.note) as engine:
            while True:
                # First what was begun before: asking again would leave holes in Optuna's numbering.
                batch = {number: settings for number, settings in search.open.items() if number not in done}
                missing = min(plan.batch, rest.trials - search.count)
                if not batch and missing > 0:
                    batch = search.ask(missing)
                if not batch:
                    break
                for trial in Batch(folder, plan, search, engine, look.stop).run(batch):
                    done[trial.number] = trial
                    look.trial(trial)
        record = _record(folder, plan, search, sorted(done.values(), key=lambda trial: trial.number))
        return _finish(folder, plan, record, rest)
    except (InterruptedRunError, LostEngineError) as error:
        lost = isinstance(error, LostEngineError)
        what = str(error).partition(" – ")[0] if lost else "interrupted"
        where = f" --on {shlex.quote(rest.on)}" if lost else ""
        line = f"handgrad sweep --resume {shlex.quote(str(folder))} --trials {rest.trials}{where}"
        raise type(error)(
            f"{what} – {len(done)} of {counted(rest.trials, 'trial')} done – continue with: {line}"
        ) from error


def _record(folder: Path, plan: SweepPlan, search: Search, trials: list[Trial]) -> Sweep:
    """Return the record of a sweep whose trials have ended."""
    best = best_of(trials)
    return Sweep(
        recipe=plan.recipe,
        path=str(folder),
        over=plan.over,
        sampler=plan.sampler,
        seed=plan.seed,
        pruned_early=plan.prune,
        holdout=plan.holdout,
        seeds=plan.seeds,
        trials=tuple(trials),
        best=None if best is None else best.number,
        importances=dict(search.importances()),
        paired=() if best is None else pairs(best, trials),
        flattery=flattery(trials, plan.holdout),
        final=None,
    )


def _finish(folder: Path, plan: SweepPlan, record: Sweep, rest: _Rest) -> Sweep:
    """Train the chosen setting on everything with new seeds, reading the test set once each, and keep the record."""
    best = record.chosen
    if best is not None and plan.final_seeds:
        found = _final_study(folder / CHOSEN / f"{best.number:05d}", plan, best, rest)
        record = replace(record, final=found.as_json())
    RunFolder(folder).write_json(SWEEP, record.as_json())
    return record


def _final_study(place: Path, plan: SweepPlan, best: Trial, rest: _Rest) -> Study:
    """Return the study of the chosen setting, gone on with where it was begun."""
    look = rest.look
    begun = sorted(place.glob(f"*/{STUDY_PLAN}"))
    if begun:
        return resume_study(begun[-1].parent, on=rest.on, done=look.final, note=look.note, stop=look.stop)
    make_folder(place)
    # The test set once per seed: there is nothing left to choose.
    recipe = replace(recipe_with(plan.recipe, plan.overrides, best.settings), test="once")
    return study(
        recipe,
        seeds=plan.final_seeds,
        data=plan.data,
        out=place,
        device=plan.machine.device,
        precision=plan.machine.precision,
        jobs=plan.jobs,
        population=None,
        on=rest.on,
        download=plan.download,
        done=look.final,
        note=look.note,
        stop=look.stop,
    )
