"""What one training keeps: the record of a run from its first line to the finished folder."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from handgrad.digits.data.dataset import Dataset
from handgrad.digits.make_evidence import evidence
from handgrad.digits.networks.published import count_parameters
from handgrad.digits.provenance import NETWORK_SOURCE, Origin, environment, network_source
from handgrad.digits.training.loop import Images, State, predict, score_of
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import recipe_table, recipe_text
from handgrad.digits.training.state import pack, packed
from handgrad.digits.watcher import Watcher
from handgrad.errors import DamagedRunError, DivergedError
from handgrad.runs import RunFolder, save_checkpoint
from handgrad.runs.checkpoints import FORMAT
from handgrad.runs.folder import ENVIRONMENT, EVIDENCE, LAYERS, MODEL, RECIPE, SEALED, SUMMARY
from handgrad.runs.record import (
    NOT_SELECTED,
    EpochScore,
    RunSummary,
    Score,
    best_epoch,
    epoch_table,
    last_epoch,
    score_table,
    summary_from,
)


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


def describe(job: Job, layers: dict[str, Any], **more: Any) -> None:
    """Write what the run is made with; the environment, with *more* in it, last: a folder without one is no run."""
    job.folder.write(RECIPE, recipe_text(job.recipe))
    job.folder.write_json(LAYERS, layers)
    source = network_source(job.recipe)
    if source is not None:
        job.folder.write(NETWORK_SOURCE, source)
    job.folder.write_json(ENVIRONMENT, environment(job.origin) | more)


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
