"""One training from recipe to finished run folder: `train` begins it, `resume` goes on with it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from handgrad.digits.data.dataset import Dataset
from handgrad.digits.job import Job, describe, diverged, finish, finished, remember, save
from handgrad.digits.layers.shape_check import check_classes
from handgrad.digits.layers.table import summarise
from handgrad.digits.networks.load import load_network
from handgrad.digits.networks.published import count_parameters
from handgrad.digits.prepare import evaluated_each_epoch, looked_up
from handgrad.digits.provenance import (
    Origin,
    check_data,
    check_machine,
    check_source,
    origin_of,
    recipe_of,
)
from handgrad.digits.training.checks import check_batches, check_trains, memory_told
from handgrad.digits.training.device import choose_machine, using
from handgrad.digits.training.loop import Images, State, begin, steps_an_epoch
from handgrad.digits.training.loop import train as train_epochs
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import load_recipe
from handgrad.digits.training.state import restore
from handgrad.digits.watcher import Silent, StopError, Watcher, never
from handgrad.errors import DamagedRunError, DivergedError, InterruptedRunError, UsageError
from handgrad.runs import (
    Checkpoint,
    check_root,
    create_run,
    newest_checkpoint,
    open_run,
    set_aside,
)
from handgrad.runs.record import (
    RunSummary,
)


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
) -> RunSummary:
    """Train *recipe* once and return the record of the finished run; the run folder is made below *out*.

    *data* is a folder with four IDX files, a loaded `Dataset`, or None for the cache, the download, drawn digits. *holdout*
    training images are kept apart and every epoch is evaluated on them instead of on the test set. *device*: "auto", "cpu",
    "cuda"; *precision*: "auto", "fp32", "bf16"; *threads*: None lets a probe choose. *overrides* are ``"key=value"``.
    *stop* is asked after every step.

    Raises `UsageError` (recipe, network, hold-out), `MissingError` (data, device), `DiskError`, `DivergedError`,
    `InterruptedRunError` (stopped and saved).
    """
    if not 0 <= seed < 2**31:
        raise UsageError(f"--seed {seed} – it must be a whole number from 0 to {2**31 - 1}")
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(str(recipe), overrides)
    check_root(Path(out))
    with memory_told(recipe):
        network = load_network(recipe.network)
        check_classes(network, name=recipe.network)
        whole = data if isinstance(data, Dataset) else looked_up(data, download, watched=watcher is not None)
        seen = evaluated_each_epoch(whole, recipe, holdout)
        check_batches(len(seen.train_labels), recipe)
        check_trains(network, len(seen.train_labels), recipe)
        machine = choose_machine(network, recipe.batch_size, device=device, precision=precision, threads=threads)
        folder = create_run(Path(out), f"{recipe.name}-s{seed}")
        place = str(Path(data).resolve()) if isinstance(data, str | Path) and data else None
        origin = Origin(folder.path.name, seed, whole.name, whole.sha256, place, holdout, machine)
        job = Job(folder, recipe, origin, whole, seen, watcher or Silent(), stop)
        with folder.locked(), using(machine):
            describe(job, summarise(network, name=recipe.network).as_json())
            state = begin(lambda: load_network(recipe.network), recipe, seed, machine.torch_device)
            save(job, state)
            return carry_on(job, state)


def resume(
    run: Path | str,
    *,
    data: Path | str | Dataset | None = None,
    download: bool = True,
    watcher: Watcher | None = None,
    stop: Callable[[], bool] = never,
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
        if folder.complete:
            summary = finished(folder)
            watcher.note(f"already complete ({summary.epochs} epochs): {folder.path}")
            return summary
        origin, torch_before = origin_of(folder)
        checkpoint = newest_checkpoint(folder.checkpoints, origin.run)
        recipe = recipe_of(folder, checkpoint)
        check_source(folder, recipe)
        check_machine(origin.machine)
        with memory_told(recipe), using(origin.machine):
            place = data or origin.data
            whole = place if isinstance(place, Dataset) else looked_up(place, download, watched=watched)
            check_data(origin, whole)
            seen = evaluated_each_epoch(whole, recipe, origin.holdout)
            job = Job(folder, recipe, origin, whole, seen, watcher, stop)
            state = begin(lambda: load_network(recipe.network), recipe, origin.seed, origin.machine.torch_device)
            take_up(job, state, checkpoint, torch_before)
            return carry_on(job, state)


def take_up(job: Job, state: State, checkpoint: Checkpoint | None, torch_before: str) -> None:
    """Put *checkpoint* into the freshly begun *state* and tell the watcher where training goes on."""
    if checkpoint is None:
        if job.folder.metrics():
            raise DamagedRunError(f"{job.folder.checkpoints} holds no checkpoint any more – start a new run")
        job.folder.checkpoints.mkdir(exist_ok=True)
        job.watcher.note("no checkpoint yet – training begins anew")
        save(job, state)
        return
    set_aside(checkpoint)
    for reason in checkpoint.passed_over:
        job.watcher.note(f"{reason} – passed over")
    job.best_weights = restore(state, checkpoint.data, checkpoint.record["counters"])
    job.epochs = checkpoint.record["epochs"]
    job.folder.write_metrics(job.epochs)
    job.watcher.note(f"going on after epoch {state.epoch}, step {state.step}, from checkpoint/{checkpoint.path.name}")
    if torch_before != torch.__version__:
        job.watcher.note(
            f"begun with torch {torch_before}, found {torch.__version__} – the last digits may differ from an unbroken run"
        )


def carry_on(job: Job, state: State) -> RunSummary:
    """Train from *state* to the end, saving after every epoch, and leave the finished folder."""
    try:
        try:
            return train_on(job, state)
        except StopError:
            save(job, state)
            steps = steps_an_epoch(len(job.seen.train_labels), job.recipe)
            where = f"epoch {state.epoch + 1}, step {state.step} of {steps}"
            line = f"handgrad train --resume {shlex.quote(str(job.folder.path))}"
            raise InterruptedRunError(f"interrupted – {where} is saved – go on with: {line}") from None
    except DivergedError as error:
        raise diverged(job, error) from error


def train_on(job: Job, state: State) -> RunSummary:
    """Train from *state* to the end; raise `StopError` between two steps, with *state* whole, when a stop is asked for."""
    device, recipe, seed = job.origin.machine.torch_device, job.recipe, job.origin.seed
    training = Images(job.seen.train_images, job.seen.train_labels).to(device)
    evaluation = Images(job.seen.test_images, job.seen.test_labels).to(device)
    steps = steps_an_epoch(len(training), recipe)
    job.watcher.begins(job.folder.path, job.seen, count_parameters(state.network), recipe.epochs)

    def after_step(state: State, rate: float) -> None:
        job.watcher.step(state, steps, rate)
        if job.stop():
            raise StopError

    if job.stop():
        raise StopError
    bf16 = job.origin.machine.precision == "bf16"
    for score in train_epochs(state, recipe, seed, training, evaluation, bf16=bf16, after_step=after_step):
        remember(job, state, score)
        save(job, state)
        job.folder.write_metrics(job.epochs)
        job.watcher.epoch(score, job.seen.evaluated_on)
        if job.stop() and state.epoch < recipe.epochs:
            raise StopError
    return finish(job, state, training)
