"""One training from recipe to finished run folder: `train` begins it, `resume` goes on with it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from handgrad.digits.checks import check_batches, check_trains, memory_told
from handgrad.digits.dataset import Dataset, hold_out, load_dataset, without_test
from handgrad.digits.device import choose_machine, using
from handgrad.digits.evidence import evidence
from handgrad.digits.load import check_classes, load_network
from handgrad.digits.networks import count_parameters
from handgrad.digits.origin import (
    NETWORK_SOURCE,
    Origin,
    check_data,
    check_machine,
    check_source,
    environment,
    network_source,
    origin_of,
    recipe_of,
)
from handgrad.digits.recipe import Recipe
from handgrad.digits.recipe_file import load_recipe, recipe_table, recipe_text
from handgrad.digits.records import (
    NOT_SELECTED,
    RunSummary,
    best_epoch,
    epoch_table,
    last_epoch,
    score_table,
    summary_from,
)
from handgrad.digits.state import pack, packed, restore
from handgrad.digits.summary import summarise
from handgrad.digits.train import EpochScore, Images, Score, State, begin, predict, score_of, steps_an_epoch
from handgrad.digits.train import train as train_epochs
from handgrad.digits.watch import Silent, StopError, Watcher, never
from handgrad.errors import DamagedRunError, DivergedError, InterruptedRunError, UsageError
from handgrad.runs import (
    Checkpoint,
    RunFolder,
    check_root,
    create_run,
    newest_checkpoint,
    open_run,
    save_checkpoint,
    set_aside,
)
from handgrad.runs.checkpoints import FORMAT
from handgrad.runs.folder import ENVIRONMENT, EVIDENCE, LAYERS, MODEL, RECIPE, SEALED, SUMMARY

HOLDOUT_SEED = 12345
"""Every run that holds out n images holds out the same n, whatever its own seed."""


@dataclass
class Job:
    """One run under way: the folder, what it trains with, and what it has found so far."""

    folder: RunFolder
    recipe: Recipe
    origin: Origin
    whole: Dataset
    """With the real test set, read once, after the last epoch."""
    seen: Dataset
    """What every epoch trains and is evaluated on; with a hold-out, that stands in the place of the test set."""
    watcher: Watcher
    stop: Callable[[], bool]
    epochs: list[dict[str, Any]] = field(default_factory=list)
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    """With a hold-out: the weights of the epoch that did best on it."""


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


def looked_up(place: Path | str | None, download: bool, *, watched: bool) -> Dataset:
    """Return the dataset in folder *place*, or the cached or downloaded one; a download shows its bar where someone watches."""
    return load_dataset(Path(place) if place else None, download=download, progress=watched)


def evaluated_each_epoch(whole: Dataset, recipe: Recipe, holdout: int) -> Dataset:
    """Return what a run trains with, and in the place of the test set what every epoch is evaluated on."""
    if holdout:
        return hold_out(whole, holdout, HOLDOUT_SEED)
    return without_test(whole) if recipe.test == "once" else whole


def describe(job: Job, layers: dict[str, Any], **more: Any) -> None:
    """Write what the run is made with; the environment, with *more* in it, last: a folder without one is no run."""
    job.folder.write(RECIPE, recipe_text(job.recipe))
    job.folder.write_json(LAYERS, layers)
    source = network_source(job.recipe)
    if source is not None:
        job.folder.write(NETWORK_SOURCE, source)
    job.folder.write_json(ENVIRONMENT, environment(job.origin) | more)


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


def diverged(job: Job, error: DivergedError) -> DivergedError:
    """Write into the record that the run diverged, and return the error that says so and what to do."""
    table = {
        "status": "diverged",
        "run": job.origin.run,
        "recipe": job.recipe.name,
        "seed": job.origin.seed,
        "reason": str(error),
        "epochs": len(job.folder.metrics()),
    }
    job.folder.write_json(SUMMARY, table | {"files": job.folder.hashes(*SEALED)})
    return DivergedError(f"{error} – lower optimizer.learning_rate; the last good state is in {job.folder.path}")


def remember(job: Job, state: State, score: EpochScore) -> None:
    """Keep the epoch's record and, with a hold-out, the weights of the epoch that is best on it so far."""
    if not math.isfinite(score.evaluation.loss):
        raise DivergedError(f"the loss on the {job.seen.evaluated_on} images is not finite after epoch {score.epoch}")
    before = max((epoch["evaluation"]["correct"] for epoch in job.epochs), default=-1)
    job.epochs.append(epoch_table(score, job.seen.evaluated_on))
    if job.seen.evaluated_on == "holdout" and score.evaluation.correct > before:
        job.best_weights = {name: value.detach().clone() for name, value in state.evaluated.state_dict().items()}


def save(job: Job, state: State) -> None:
    """Write a checkpoint of *state*, verified, before the one before the last goes."""
    record = {"format": FORMAT, "run": job.origin.run, "recipe": recipe_table(job.recipe), "epochs": job.epochs}
    save_checkpoint(job.folder.checkpoints, state.epoch, state.step, pack(state, record, job.best_weights))


def finish(job: Job, state: State, training: Images) -> RunSummary:
    """Read the test set, and write model, evidence and, last, the summary: a folder with a summary is complete."""
    network, machine = state.evaluated, job.origin.machine
    test = Images(job.whole.test_images, job.whole.test_labels).to(machine.torch_device)
    answers = predict(network, test.images)
    headline = score_of(answers, test.labels)
    if not math.isfinite(headline.loss):
        raise DivergedError("the loss on the test images is not finite after the last epoch")
    number, chosen, chosen_by = choose_epoch(job, state, test, headline)
    record = {"format": FORMAT, "run": job.origin.run, "network": job.recipe.network, "recipe": job.recipe.name}
    job.folder.write(MODEL, packed(dict(network.state_dict()), record))
    job.folder.write(EVIDENCE, packed(evidence(job.recipe, job.origin.seed, training, test, answers), record))
    summary = RunSummary(
        status="complete",
        run=job.origin.run,
        path=str(job.folder.path),
        recipe=job.recipe.name,
        network=job.recipe.network,
        parameters=count_parameters(network),
        dataset=job.whole.name,
        seed=job.origin.seed,
        epochs=job.recipe.epochs,
        holdout=len(job.seen.test_labels) if job.seen.evaluated_on == "holdout" else 0,
        last_epoch=last_epoch(headline),
        best_epoch=best_epoch(number, chosen, chosen_by),
        seconds_training=round(sum(epoch["seconds_training"] for epoch in job.epochs), 3),
        seconds_evaluating=round(sum(epoch["seconds_evaluating"] for epoch in job.epochs), 3),
        device=machine.device,
        precision=machine.precision,
        threads=machine.threads,
    )
    extra = {"test": score_table(headline), "files": job.folder.hashes(*SEALED)}
    job.folder.write_json(SUMMARY, summary.as_json() | extra)
    return summary


def choose_epoch(job: Job, state: State, test: Images, headline: Score) -> tuple[int, Score, str]:
    """Return the first epoch that did best where every epoch was evaluated, its score on the test set, and what chose it."""
    if job.recipe.test == "once":
        return state.epoch, headline, NOT_SELECTED
    best = max(job.epochs, key=lambda epoch: epoch["evaluation"]["correct"])
    if not job.best_weights:
        figures = best["evaluation"]
        return best["epoch"], Score(figures["loss"], figures["correct"], figures["total"]), "test set"
    network = state.evaluated
    last = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(job.best_weights)
    score = score_of(predict(network, test.images), test.labels)
    network.load_state_dict(last)
    return best["epoch"], score, "holdout"


def finished(folder: RunFolder) -> RunSummary:
    """Return the record of a run that has ended; raise `DivergedError` when it ended so."""
    table = folder.read_json(SUMMARY)
    if isinstance(table, dict) and table.get("status") == "diverged":
        reason = table.get("reason", "the training diverged")
        raise DivergedError(f"{reason} – {folder.path} ended so, start a new run with a lower learning rate")
    try:
        # The folder may have been moved or renamed since.
        return replace(summary_from(table), path=str(folder.path))
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedRunError(f"{folder.path / SUMMARY}: {error} – the record of the run cannot be read") from error
