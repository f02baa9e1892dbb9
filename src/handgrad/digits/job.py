"""What one training keeps: the record of a run from its first line to the finished folder."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from torch import Tensor

from handgrad.digits.make_evidence import make_evidence
from handgrad.digits.networks.published import count_parameters
from handgrad.digits.prepare import Prepared
from handgrad.digits.provenance import NETWORK_SOURCE, network_source
from handgrad.digits.training.loop import Images, State, predict, score_of
from handgrad.digits.training.recipe_file import recipe_table, recipe_text
from handgrad.digits.training.state import pack, packed
from handgrad.digits.watcher import Watcher
from handgrad.errors import DivergedError
from handgrad.runs import RunFolder, save_checkpoint
from handgrad.runs.environment import FORMAT, Environment
from handgrad.runs.folder import ENVIRONMENT, EVIDENCE, LAYERS, MODEL, RECIPE, SEALED, SUMMARY
from handgrad.runs.layers import LayerTable
from handgrad.runs.read import read_end
from handgrad.runs.record import BestEpoch, DivergedRun, EpochScore, EvaluatedOn, LastEpoch, RunSummary, Score


@dataclass
class Job:
    """One run under way: the folder, what it trains with, and what it has found so far."""

    folder: RunFolder
    prepared: Prepared
    environment: Environment
    watcher: Watcher
    stop: Callable[[], bool]
    epochs: list[EpochScore] = field(default_factory=list)
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    """With a hold-out: the weights of the epoch that did best on it."""

    @property
    def seed(self) -> int:
        """Return the seed of the run."""
        return self.environment.seed

    @property
    def evaluated_on(self) -> EvaluatedOn:
        """Return what every epoch is evaluated on."""
        return self.prepared.seen.evaluated_on


def describe(job: Job, layers: LayerTable) -> None:
    """Write what the run is made with; the environment last, because a folder without one is not a run."""
    job.folder.write(RECIPE, recipe_text(job.prepared.recipe))
    job.folder.write_json(LAYERS, layers.as_json())
    source = network_source(job.prepared.recipe)
    if source is not None:
        job.folder.write(NETWORK_SOURCE, source)
    job.folder.write_json(ENVIRONMENT, job.environment.as_json())


def record_divergence(job: Job, error: DivergedError) -> DivergedError:
    """Write into the record that the run diverged, and return the error that says so and what to do."""
    made = job.environment
    found = DivergedRun(
        "diverged", made.run, job.prepared.recipe.name, made.seed, str(error), len(job.folder.metrics())
    )
    job.folder.write_json(SUMMARY, found.as_json() | {"files": job.folder.hashes(*SEALED)})
    return DivergedError(f"{error} – lower optimizer.learning_rate; the last good state is in {job.folder.path}")


def remember(job: Job, state: State, score: EpochScore) -> None:
    """Keep the epoch's record and, with a hold-out, the weights of the epoch that is best on it so far."""
    # The loop looks at weights and training loss; finite weights may still overflow on other images.
    if not math.isfinite(score.evaluation.loss):
        images = f"{job.evaluated_on.value} images"
        raise DivergedError(f"the loss on the {images} is not finite after epoch {score.epoch}")
    # -1, so that an epoch with nothing right is still the best one so far.
    before = max((epoch.evaluation.correct for epoch in job.epochs), default=-1)
    job.epochs.append(score)
    if job.evaluated_on is EvaluatedOn.HOLDOUT and score.evaluation.correct > before:
        # Clones, since training goes on in the same tensors.
        job.best_weights = {name: value.detach().clone() for name, value in state.evaluated.state_dict().items()}


def save(job: Job, state: State) -> None:
    """Write a checkpoint of *state*, verified, before the one before the last goes."""
    record = {
        "format": FORMAT,
        "run": job.environment.run,
        "recipe": recipe_table(job.prepared.recipe),
        "epochs": [epoch.as_json(job.evaluated_on) for epoch in job.epochs],
    }
    save_checkpoint(job.folder.checkpoints, state.epoch, state.step, pack(state, record, job.best_weights))


def write_metrics(job: Job) -> None:
    """Write the figures of all epochs."""
    job.folder.write_metrics([epoch.as_json(job.evaluated_on) for epoch in job.epochs])


def finish(job: Job, state: State, training: Images) -> RunSummary:
    """Read the test set, and write model, evidence and, last, the summary: a folder with a summary is complete."""
    network, made, recipe = state.evaluated, job.environment, job.prepared.recipe
    test = job.prepared.test_images(made.machine)
    answers = predict(network, test.images, test.kind)
    headline = score_of(answers, test.labels)
    if not math.isfinite(headline.loss):
        raise DivergedError("the loss on the test images is not finite after the last epoch")
    best = _choose_epoch(job, state, test, headline)
    record = {"format": FORMAT, "run": made.run, "network": recipe.network, "recipe": recipe.name}
    job.folder.write(MODEL, packed(dict(network.state_dict()), record))
    job.folder.write(EVIDENCE, packed(make_evidence(recipe, made.seed, training, test, answers=answers), record))
    summary = RunSummary(
        status="complete",
        run=made.run,
        path=str(job.folder.path),
        recipe=recipe.name,
        network=recipe.network,
        parameters=count_parameters(network),
        dataset=made.dataset,
        seed=made.seed,
        epochs=recipe.epochs,
        holdout=made.holdout,
        last_epoch=LastEpoch(headline.correct, headline.total),
        best_epoch=best,
        seconds_training=round(sum(epoch.seconds_training for epoch in job.epochs), 3),
        seconds_evaluating=round(sum(epoch.seconds_evaluating for epoch in job.epochs), 3),
        device=made.machine.device,
        precision=made.machine.precision,
        threads=made.machine.threads,
        test=headline,
    )
    # The hashes are taken of what the disk gives back, after everything that they seal was written.
    job.folder.write_json(SUMMARY, summary.as_json() | {"files": job.folder.hashes(*SEALED)})
    return summary


def _choose_epoch(job: Job, state: State, test: Images, headline: Score) -> BestEpoch:
    """Return the first epoch that did best where every epoch was evaluated, with its score on the test set."""
    if job.prepared.recipe.test == "once":
        return BestEpoch.chosen(state.epoch, headline, None)
    # `max` takes the first of equal ones.
    best = max(job.epochs, key=lambda epoch: epoch.evaluation.correct)
    if job.evaluated_on is EvaluatedOn.TEST:
        return BestEpoch.chosen(best.epoch, best.evaluation, EvaluatedOn.TEST)
    network = state.evaluated
    last = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(job.best_weights)
    score = score_of(predict(network, test.images, test.kind), test.labels)
    # Back again, as model.safetensors holds the last epoch.
    network.load_state_dict(last)
    return BestEpoch.chosen(best.epoch, score, EvaluatedOn.HOLDOUT)


def finished(folder: RunFolder) -> RunSummary | None:
    """Return the record of a run that has ended, None while it has not; raises `DivergedError` when it ended so."""
    end = read_end(folder)
    if isinstance(end, DivergedRun):
        raise DivergedError(f"{end.reason} – {folder.path} ended so, start a new run with a lower learning rate")
    # The folder may have been moved or renamed since.
    return None if end is None else replace(end, path=str(folder.path))
