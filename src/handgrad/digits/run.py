"""One training from recipe to finished run folder: `train` begins it, `resume` continues it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from handgrad.digits.data.dataset import Dataset
from handgrad.digits.job import Job, describe, finish, finished, record_divergence, remember, save, write_metrics
from handgrad.digits.layers.table import summarise
from handgrad.digits.networks.load import load_network
from handgrad.digits.networks.published import count_parameters
from handgrad.digits.prepare import Prepared, find_dataset, for_training, prepare
from handgrad.digits.provenance import (
    check_data,
    check_device,
    check_named,
    check_source,
    environment_of,
    made_with,
    recipe_of,
)
from handgrad.digits.start import Start
from handgrad.digits.training.checks import explain_out_of_memory
from handgrad.digits.training.device import choose_machine, device_of, in_words, using
from handgrad.digits.training.loop import State, begin, steps_an_epoch
from handgrad.digits.training.loop import train as train_epochs
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import as_recipe
from handgrad.digits.training.state import restore
from handgrad.digits.watcher import Silent, StopError, Watcher, never
from handgrad.errors import DamagedRunError, DivergedError, InterruptedRunError, UsageError, counted
from handgrad.runs import Checkpoint, check_root, create_run, newest_checkpoint, open_run, set_aside
from handgrad.runs.kind import DIGITS
from handgrad.runs.record import EpochScore, EvaluatedOn, RunSummary
from handgrad.runs.stored import read_stored

# Fits into a signed number of 32 bits, as everything expects that may be seeded with it.
LARGEST_SEED = 2**31 - 1


def train(
    recipe: str | Path | Recipe = "quick",
    *,
    data: Path | str | Dataset | None = None,
    seed: int = 0,
    holdout: int = 0,
    out: Path | str = "runs",
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    overrides: Sequence[str] = (),
    download: bool = True,
    watcher: Watcher | None = None,
    stop: Callable[[], bool] = never,
    made: Callable[[], nn.Module] | None = None,
    weights_of: Path | str | None = None,
    freeze: Sequence[str] = (),
    rates: Mapping[str, float] | None = None,
) -> RunSummary:
    """Train *recipe* once and return the record of the finished run; the run folder is made below *out*.

    *data* is a folder with four IDX files, a loaded `Dataset`, or None for the cache, the download, drawn digits. *holdout*
    training images are kept apart and every epoch is evaluated on them instead of on the test set. *device*: "auto", "cpu",
    "cuda"; *precision*: "auto", "fp32", "bf16", "probe"; what is left open follows from network, recipe and processor, see
    `handgrad.digits.training.device.choose_machine`. *overrides* are ``"key=value"``.
    *stop* is asked after every step. *made* makes the network where Python handed it in; else the recipe names it.
    *weights_of* is a finished run whose weights it begins with, as far as names and shapes fit; *freeze* names what learns
    nothing (``"conv1.*"``, ``"conv1"``), *rates* what learns at another rate (``{"conv1": 0.1}``: a tenth of the recipe's at
    every step). All three are in the record of the run.

    Raises `UsageError` (recipe, network, hold-out), `MissingError` (data, device), `DiskError`, `DivergedError`,
    `InterruptedRunError` (stopped and saved).
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise UsageError(f"--seed {seed} – it must be a whole number from 0 to {LARGEST_SEED}")
    recipe = as_recipe(recipe, overrides)
    check_root(Path(out))
    with explain_out_of_memory(recipe):
        prepared = prepare(
            recipe, data=data, holdout=holdout, download=download, watched=watcher is not None, made=made,
            weights_of=weights_of, freeze=freeze, rates=rates,
        )  # fmt: skip
        network = prepared.network
        kind = prepared.whole.kind
        machine = choose_machine(
            network, recipe.batch_size, device=device, precision=precision, threads=threads, data=kind
        )
        watcher = watcher or Silent()
        watcher.note(in_words(machine))
        if prepared.start is not None:
            watcher.note(prepared.start.words)
        folder = create_run(Path(out), f"{recipe.name}-s{seed}")
        job = Job(folder, prepared, environment_of(folder, prepared, seed, machine), watcher, stop)
        with folder.locked(), using(machine):
            describe(job, summarise(network, kind.shape, name=recipe.network))
            state = begin(prepared.build, recipe, seed, device_of(machine), factors=prepared.factors)
            save(job, state)
            return _carry_on(job, state)


def resume(
    run: Path | str,
    *,
    data: Path | str | Dataset | None = None,
    download: bool = True,
    watcher: Watcher | None = None,
    stop: Callable[[], bool] = never,
    made: Callable[[], nn.Module] | None = None,
) -> RunSummary:
    """Go on with the run in folder *run* from its newest whole checkpoint; a finished run is returned as it is.

    The weights at the end are, byte for byte, those of the run that was never stopped (same device and thread count,
    which are taken from the run's record). *watcher* is told of checkpoints that had to be passed over. Raises `UsageError`
    when the recipe, the network's source or the data are no longer those of the run, `DamagedRunError` when the folder's
    files do not verify, `BusyRunError`, and what `train` does.
    """
    watched = watcher is not None
    folder, watcher = open_run(Path(run)), watcher or Silent()
    with folder.locked():
        summary = finished(folder)
        if summary is not None:
            watcher.note(f"already complete ({counted(summary.epochs, 'epoch')}): {folder.path}")
            return summary
        environment = made_with(folder)
        checkpoint = newest_checkpoint(folder.checkpoints, environment.run)
        recipe = recipe_of(folder, checkpoint)
        check_source(folder, recipe)
        check_device(environment.machine)
        with explain_out_of_memory(recipe), using(environment.machine):
            whole = find_dataset(data or environment.data, download=download, watched=watched)
            check_data(environment, whole)
            # The kind as the run began with it: a network of ten scores may have widened it.
            whole = replace(whole, kind=environment.kind or DIGITS)
            if made is None:
                check_named(recipe.network, folder.path)
            network = made() if made is not None else load_network(recipe.network)
            seen = for_training(whole, recipe, environment.holdout)
            start = None if environment.ancestry is None else Start(environment.ancestry, {})
            prepared = Prepared(recipe, network, whole, seen, environment.data, made, start)
            job = Job(folder, prepared, environment, watcher, stop)
            state = begin(
                prepared.build,
                recipe,
                environment.seed,
                device_of(environment.machine),
                factors=prepared.factors,
            )
            _take_up(job, state, checkpoint)
            return _carry_on(job, state)


def _take_up(job: Job, state: State, checkpoint: Checkpoint | None) -> None:
    """Put *checkpoint* into the freshly begun *state* and tell the watcher where training goes on."""
    if checkpoint is None:
        if job.folder.metrics():
            raise DamagedRunError(f"{job.folder.checkpoints} no longer holds a checkpoint – start a new run")
        job.folder.checkpoints.mkdir(exist_ok=True)
        job.watcher.note("no checkpoint yet – training begins again")
        save(job, state)
        return
    # With the lock held and before anything new is saved, so that a damaged newer one cannot outlive it.
    set_aside(checkpoint)
    for reason in checkpoint.passed_over:
        job.watcher.note(f"{reason} – passed over")
    job.best_weights = restore(state, checkpoint.data, checkpoint.record["counters"])
    job.epochs = _epochs_of(checkpoint)
    if job.evaluated_on is EvaluatedOn.HOLDOUT and job.epochs and not job.best_weights:
        place = f"checkpoint/{checkpoint.path.name}"
        raise DamagedRunError(f"{place} lacks the weights of the epoch best on the hold-out – start a new run")
    # Made again from the checkpoint: the file may be one epoch ahead of it, or behind.
    write_metrics(job)
    job.watcher.note(f"continuing after epoch {state.epoch}, step {state.step}, from checkpoint/{checkpoint.path.name}")
    before = job.environment.versions["torch"]
    if before != torch.__version__:
        job.watcher.note(
            f"begun with torch {before}, found {torch.__version__} – the last digits may differ from a run that was not "
            f"stopped"
        )


def _epochs_of(checkpoint: Checkpoint) -> list[EpochScore]:
    """Return the epochs that *checkpoint* speaks of: it holds the truth, ``metrics.jsonl`` is made from it."""
    place, epochs = f"checkpoint/{checkpoint.path.name}", checkpoint.record.get("epochs")
    if not isinstance(epochs, list):
        raise DamagedRunError(f"{place} holds no epochs – start a new run")
    return [read_stored(EpochScore, table, place) for table in epochs]


def _carry_on(job: Job, state: State) -> RunSummary:
    """Train from *state* to the end, saving after every epoch, and leave the finished folder."""
    try:
        try:
            return _train_on(job, state)
        except StopError:
            # The state between two steps is whole: a stop costs no step.
            save(job, state)
            steps = steps_an_epoch(len(job.prepared.seen.train_labels), job.prepared.recipe)
            where = f"epoch {state.epoch + 1}, step {state.step} of {steps}"
            line = f"handgrad train --resume {shlex.quote(str(job.folder.path))}"
            raise InterruptedRunError(f"interrupted – {where} is saved – continue with: {line}") from None
    except DivergedError as error:
        raise record_divergence(job, error) from error


def _train_on(job: Job, state: State) -> RunSummary:
    """Train from *state* to the end; raise `StopError` between two steps, with *state* whole, when a stop is asked for."""
    machine, prepared = job.environment.machine, job.prepared
    training, evaluation = prepared.training_images(machine), prepared.evaluation_images(machine)
    steps = steps_an_epoch(len(training), prepared.recipe)
    job.watcher.begins(job.folder.path, prepared.seen, count_parameters(state.network), prepared.recipe.epochs)

    def after_step(state: State, rate: float) -> None:
        job.watcher.step(state, steps, rate)
        if job.stop():
            raise StopError

    # Asked once before the first step as well: a stop may come while data are loaded.
    if job.stop():
        raise StopError
    bf16 = machine.precision == "bf16"
    for score in train_epochs(state, prepared.recipe, job.seed, training, evaluation, bf16=bf16, after_step=after_step):
        remember(job, state, score)
        save(job, state)
        write_metrics(job)
        job.watcher.epoch(score, job.evaluated_on)
        # Not after the last epoch: what is left is seconds, and a finished run is worth more than a saved one.
        if job.stop() and state.epoch < prepared.recipe.epochs:
            raise StopError
    return finish(job, state, training)
