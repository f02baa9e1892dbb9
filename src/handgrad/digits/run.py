"""One training from recipe to finished run folder: `train` begins it, `resume` goes on with it."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy
import torch
from torch import Tensor

import handgrad
from handgrad.digits.dataset import Dataset, hold_out, load_dataset
from handgrad.digits.device import Machine, choose_machine, using
from handgrad.digits.evidence import evidence
from handgrad.digits.load import check_classes, load_network
from handgrad.digits.networks import count_parameters
from handgrad.digits.recipe import Recipe
from handgrad.digits.recipe_file import differences, load_recipe, parse_recipe, recipe_table, recipe_text
from handgrad.digits.records import RunSummary, best_epoch, epoch_table, last_epoch, score_table, summary_from
from handgrad.digits.state import pack, packed, restore
from handgrad.digits.summary import summarise
from handgrad.digits.train import EpochScore, Images, Score, State, begin, predict, score_of, steps_an_epoch
from handgrad.digits.train import train as train_epochs
from handgrad.errors import DamagedRunError, DivergedError, InterruptedRunError, UsageError
from handgrad.runs import RunFolder, create_run, newest_checkpoint, open_run, save_checkpoint
from handgrad.runs.checkpoints import FORMAT
from handgrad.runs.folder import ENVIRONMENT, EVIDENCE, LAYERS, MODEL, RECIPE, SUMMARY

HOLDOUT_SEED = 12345
"""Every run that holds out n images holds out the same n, whatever its own seed."""
NETWORK_SOURCE = "network.py"


class Watcher(Protocol):
    """Who looks on while a training runs: the command line's progress bar, or `Silent`."""

    def begins(self, folder: Path, dataset: Dataset, parameters: int, epochs: int) -> None:
        """Training is about to begin, or to go on."""

    def step(self, state: State, steps: int, learning_rate: float) -> None:
        """One step is done, of *steps* in the epoch."""

    def epoch(self, score: EpochScore, evaluated_on: str) -> None:
        """One epoch is done, evaluated and saved."""


class Silent:
    """Looks on and says nothing."""

    def begins(self, folder: Path, dataset: Dataset, parameters: int, epochs: int) -> None:
        """See `Watcher`."""

    def step(self, state: State, steps: int, learning_rate: float) -> None:
        """See `Watcher`."""

    def epoch(self, score: EpochScore, evaluated_on: str) -> None:
        """See `Watcher`."""


class StopError(Exception):
    """Raised between two steps when a stop was asked for."""


def never() -> bool:
    """The stop that is never asked for."""
    return False


@dataclass
class Job:
    """One run under way: the folder, what it trains with, and what it has found so far."""

    folder: RunFolder
    name: str
    recipe: Recipe
    seed: int
    machine: Machine
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
    network = load_network(recipe.network)
    check_classes(network, name=recipe.network)
    whole = data if isinstance(data, Dataset) else load_dataset(Path(data) if data else None, download=download)
    seen = hold_out(whole, holdout, HOLDOUT_SEED) if holdout else whole
    check_batches(len(seen.train_labels), recipe)
    machine = choose_machine(network, recipe.batch_size, device=device, precision=precision, threads=threads)
    folder = create_run(Path(out), f"{recipe.name}-s{seed}")
    job = Job(folder, folder.path.name, recipe, seed, machine, whole, seen, watcher or Silent(), stop)
    with folder.locked(), using(machine):
        folder.write(RECIPE, recipe_text(recipe))
        folder.write_json(LAYERS, summarise(network, name=recipe.network).as_json())
        source = network_source(recipe)
        if source is not None:
            folder.write(NETWORK_SOURCE, source)
        folder.write_json(ENVIRONMENT, environment(job, holdout, data if isinstance(data, str | Path) else None))
        state = begin(lambda: load_network(recipe.network), recipe, seed, machine.torch_device)
        return carry_on(job, state)


def resume(
    run: Path | str,
    *,
    data: Path | str | Dataset | None = None,
    watcher: Watcher | None = None,
    stop: Callable[[], bool] = never,
) -> RunSummary:
    """Go on with the run in folder *run* from its newest whole checkpoint; a finished run is returned as it is.

    The weights at the end are, byte for byte, those of the run that was never stopped (same device and thread count,
    which are taken from the run's record). Raises `UsageError` when the recipe, the network's source or the data are no
    longer those of the run, `DamagedRunError` when the folder's files do not verify, `BusyRunError`, and what `train` does.
    """
    folder = open_run(Path(run))
    with folder.locked():
        if folder.complete:
            return finished(folder)
        record = folder.read_json(ENVIRONMENT)
        recipe = parse_recipe(folder.read(RECIPE), str(folder.path / RECIPE))
        checkpoint = newest_checkpoint(folder.checkpoints, record["run"])
        if checkpoint:
            check_unchanged(parse_recipe_table(checkpoint.record["recipe"]), recipe, checkpoint.epoch)
        check_source(folder, recipe)
        whole = (
            data
            if isinstance(data, Dataset)
            else load_dataset(Path(data or record["data"]) if data or record["data"] else None)
        )
        if whole.sha256 != record["dataset_sha256"]:
            raise UsageError(
                f"data changed: the run began with {record['dataset']} {record['dataset_sha256'][:12]}, "
                f"found {whole.name} {whole.sha256[:12]} – name the first data with --data"
            )
        seen = hold_out(whole, record["holdout"], HOLDOUT_SEED) if record["holdout"] else whole
        machine = Machine(**record["machine"])
        job = Job(folder, record["run"], recipe, record["seed"], machine, whole, seen, watcher or Silent(), stop)
        with using(machine):
            state = begin(lambda: load_network(recipe.network), recipe, job.seed, machine.torch_device)
            if checkpoint:
                job.best_weights = restore(state, checkpoint.data, checkpoint.record["counters"])
                job.epochs = checkpoint.record["epochs"]
                folder.write_metrics(job.epochs)
            return carry_on(job, state)


def carry_on(job: Job, state: State) -> RunSummary:
    """Train from *state* to the end, saving after every epoch, and leave the finished folder."""
    device = job.machine.torch_device
    training = Images(job.seen.train_images, job.seen.train_labels).to(device)
    evaluation = Images(job.seen.test_images, job.seen.test_labels).to(device)
    steps = steps_an_epoch(len(training), job.recipe)
    job.watcher.begins(job.folder.path, job.seen, count_parameters(state.network), job.recipe.epochs)

    def after_step(state: State, rate: float) -> None:
        job.watcher.step(state, steps, rate)
        if job.stop():
            raise StopError

    bf16 = job.machine.precision == "bf16"
    try:
        for score in train_epochs(state, job.recipe, job.seed, training, evaluation, bf16=bf16, after_step=after_step):
            remember(job, state, score)
            save(job, state)
            job.folder.write_metrics(job.epochs)
            job.watcher.epoch(score, job.seen.evaluated_on)
            if job.stop() and state.epoch < job.recipe.epochs:
                raise StopError
        return finish(job, state, training)
    except StopError:
        save(job, state)
        line = f"handgrad train --resume {job.folder.path}"
        where = f"epoch {state.epoch + 1}, step {state.step} of {steps}"
        raise InterruptedRunError(f"interrupted – {where} is saved – go on with: {line}") from None
    except DivergedError as error:
        table = {
            "status": "diverged",
            "run": job.name,
            "recipe": job.recipe.name,
            "seed": job.seed,
            "reason": str(error),
        }
        job.folder.write_json(SUMMARY, table | {"epochs": len(job.epochs)})
        raise DivergedError(
            f"{error} – lower optimizer.learning_rate; the last good state is in {job.folder.path}"
        ) from error


def remember(job: Job, state: State, score: EpochScore) -> None:
    """Keep the epoch's record and, with a hold-out, the weights of the epoch that is best on it so far."""
    before = max((epoch["evaluation"]["correct"] for epoch in job.epochs), default=-1)
    job.epochs.append(epoch_table(score, job.seen.evaluated_on))
    if job.seen.evaluated_on == "holdout" and score.evaluation.correct > before:
        job.best_weights = {name: value.detach().clone() for name, value in state.evaluated.state_dict().items()}


def save(job: Job, state: State) -> None:
    """Write a checkpoint of *state*, verified, before the one before the last goes."""
    record = {"format": FORMAT, "run": job.name, "recipe": recipe_table(job.recipe), "epochs": job.epochs}
    save_checkpoint(job.folder.checkpoints, state.epoch, state.step, pack(state, record, job.best_weights))


def finish(job: Job, state: State, training: Images) -> RunSummary:
    """Read the test set, and write model, evidence and, last, the summary: a folder with a summary is complete."""
    network, device = state.evaluated, job.machine.torch_device
    test = Images(job.whole.test_images, job.whole.test_labels).to(device)
    answers = predict(network, test.images)
    headline = score_of(answers, test.labels)
    number, chosen = choose_epoch(job, state, test)
    record = {"format": FORMAT, "run": job.name, "network": job.recipe.network, "recipe": job.recipe.name}
    job.folder.write(MODEL, packed(dict(network.state_dict()), record))
    job.folder.write(EVIDENCE, packed(evidence(job.recipe, job.seed, training, test, answers), record))
    summary = RunSummary(
        status="complete",
        run=job.name,
        path=str(job.folder.path),
        recipe=job.recipe.name,
        network=job.recipe.network,
        parameters=count_parameters(network),
        dataset=job.whole.name,
        seed=job.seed,
        epochs=job.recipe.epochs,
        holdout=len(job.seen.test_labels) if job.seen.evaluated_on == "holdout" else 0,
        last_epoch=last_epoch(headline),
        best_epoch=best_epoch(number, chosen, "holdout" if job.best_weights else "test set"),
        seconds_training=round(sum(epoch["seconds_training"] for epoch in job.epochs), 3),
        seconds_evaluating=round(sum(epoch["seconds_evaluating"] for epoch in job.epochs), 3),
        device=job.machine.device,
        precision=job.machine.precision,
        threads=job.machine.threads,
    )
    job.folder.write_json(SUMMARY, summary.as_json() | {"test": score_table(headline)})
    return summary


def choose_epoch(job: Job, state: State, test: Images) -> tuple[int, Score]:
    """Return the first epoch that did best where every epoch was evaluated, and its score on the test set."""
    best = max(job.epochs, key=lambda epoch: epoch["evaluation"]["correct"])
    if not job.best_weights:
        figures = best["evaluation"]
        return best["epoch"], Score(figures["loss"], figures["correct"], figures["total"])
    network = state.evaluated
    last = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(job.best_weights)
    score = score_of(predict(network, test.images), test.labels)
    network.load_state_dict(last)
    return best["epoch"], score


def finished(folder: RunFolder) -> RunSummary:
    """Return the record of a run that has ended; raise `DivergedError` when it ended so."""
    table = folder.read_json(SUMMARY)
    if table.get("status") == "diverged":
        raise DivergedError(f"{table['reason']} – {folder.path} ended so, start a new run with a lower learning rate")
    try:
        return summary_from({key: value for key, value in table.items() if key != "test"})
    except (KeyError, TypeError) as error:
        raise DamagedRunError(f"{folder.path / SUMMARY} lacks {error} – the run cannot be read") from error


def environment(job: Job, holdout: int, data: Path | str | None) -> dict[str, Any]:
    """Return what the run was made with: versions, machine, data."""
    return {
        "format": FORMAT,
        "run": job.name,
        "seed": job.seed,
        "dataset": job.whole.name,
        "dataset_sha256": job.whole.sha256,
        "data": str(Path(data).resolve()) if data else None,
        "holdout": holdout,
        "machine": {"device": job.machine.device, "precision": job.machine.precision, "threads": job.machine.threads},
        "device_name": device_name(job.machine.device),
        "platform": platform.platform(),
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "handgrad": handgrad.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": numpy.__version__,
        },
    }


def device_name(kind: str) -> str:
    """Return the name of the processor or of the CUDA device."""
    if kind == "cuda":
        return torch.cuda.get_device_name()
    return torch.backends.cpu.get_cpu_capability() + " " + (platform.processor() or platform.machine())


def check_batches(count: int, recipe: Recipe) -> None:
    """Refuse a recipe whose batches the training set cannot fill."""
    if recipe.drop_last and count < recipe.batch_size:
        raise UsageError(
            f"batch_size {recipe.batch_size} with drop_last – only {count} training images, nothing is left"
        )


def parse_recipe_table(table: dict[str, Any]) -> Recipe:
    """Return the recipe stored in a checkpoint."""
    import tomli_w

    return parse_recipe(tomli_w.dumps(table), "the checkpoint's recipe")


def check_unchanged(before: Recipe, now: Recipe, epoch: int) -> None:
    """Refuse to go on with a recipe that is not the one the checkpoint was made with."""
    changed = differences(before, now)
    if changed:
        raise UsageError(
            f"recipe changed since epoch {epoch}: {', '.join(changed)} – start a new run or restore the recipe"
        )


def network_source(recipe: Recipe) -> bytes | None:
    """Return the source of a network that comes from a user's file, None for a shipped one."""
    file, colon, _ = recipe.network.rpartition(":")
    return Path(file).read_bytes() if colon else None


def check_source(folder: RunFolder, recipe: Recipe) -> None:
    """Refuse to go on when the user's network file is no longer the one the run began with."""
    source = network_source(recipe)
    if source is None:
        return
    kept = (folder.path / NETWORK_SOURCE).read_bytes()
    if hashlib.sha256(kept).digest() != hashlib.sha256(source).digest():
        copy = folder.path / NETWORK_SOURCE
        raise UsageError(f"{recipe.network} changed since the run began – start a new run or restore it from {copy}")
