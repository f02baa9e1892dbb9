"""A population's run folders: each member leaves the folder that its seed alone would leave, and can be resumed alone."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from handgrad.digits.data.dataset import Dataset
from handgrad.digits.job import Job, describe, diverged, finish, remember, save
from handgrad.digits.layers.table import summarise
from handgrad.digits.networks.load import load_network
from handgrad.digits.population.loop import Population, begin_population, train_population
from handgrad.digits.prepare import evaluated_each_epoch
from handgrad.digits.provenance import Origin
from handgrad.digits.training.checks import memory_told
from handgrad.digits.training.device import using
from handgrad.digits.training.loop import Images, State
from handgrad.digits.watcher import Silent, StopError
from handgrad.digits.workers import FailedSeed, Task
from handgrad.errors import DivergedError, HandgradError, InterruptedRunError
from handgrad.runs import create_run
from handgrad.runs.record import EpochScore, RunSummary, Score
from handgrad.score import percent

SAVING = 0.1
"""How much of the time saving may take. Where epochs are as short as saves, a save covers several of them."""

Result = tuple[int, RunSummary | FailedSeed]


def all_together(
    tasks: Sequence[Task], size: int, dataset: Dataset, note: Callable[[str], None], stop: Callable[[], bool]
) -> Iterator[Result]:
    """Train the seeds of *tasks* in populations of at most *size*; yield what became of each.

    What goes wrong with one member is its own failure, and the others go on; what goes wrong with all of a population at once
    is the failure of each of them. *note* is told a line an epoch. Raises `InterruptedRunError` when a stop is asked for.
    """
    for first in range(0, len(tasks), size):
        group = Group(tasks[first : first + size], dataset, note, stop)
        try:
            yield from group.train()
        except InterruptedRunError:
            raise
        except HandgradError as error:
            yield from [(seed, FailedSeed(seed, str(error), error.status)) for seed in group.waiting]
        except Exception as error:  # whatever it was, the seeds of the other populations must not be lost with it
            yield from [(seed, FailedSeed(seed, f"{type(error).__name__}: {error}")) for seed in group.waiting]


class Group:
    """One population and its run folders."""

    def __init__(
        self, tasks: Sequence[Task], dataset: Dataset, note: Callable[[str], None], stop: Callable[[], bool]
    ) -> None:
        self.tasks, self.note, self.stop = tasks, note, stop
        self.recipe, self.machine = tasks[0].recipe, tasks[0].machine
        self.whole, self.seen = dataset, evaluated_each_epoch(dataset, self.recipe, tasks[0].holdout)
        self.jobs: list[Job] = []
        self.waiting = [task.seed for task in tasks]
        """Seeds whose end was not yet told."""
        self.saved = self.cost = 0.0
        """When the members were last saved, and the seconds that it took."""

    def train(self) -> Iterator[Result]:
        """Train the members; yield each when it has ended."""
        recipe, device = self.recipe, self.machine.torch_device
        with memory_told(recipe), using(self.machine), ExitStack() as locks:
            layers = summarise(load_network(recipe.network), name=recipe.network).as_json()
            self.jobs += [self.begin_run(task, layers, locks) for task in self.tasks]
            seeds = [task.seed for task in self.tasks]
            population = begin_population(lambda: load_network(recipe.network), recipe, seeds, device)
            training = Images(self.seen.train_images, self.seen.train_labels).to(device)
            evaluation = Images(self.seen.test_images, self.seen.test_labels).to(device)
            yield from self.save(population)
            bf16 = self.machine.precision == "bf16"
            try:
                self.poll()
                for scores in train_population(
                    population, recipe, training, evaluation, bf16=bf16, after_step=lambda *_: self.poll()
                ):
                    yield from self.end_epoch(population, scores)
            except StopError:
                yield from self.save(population)
                raise InterruptedRunError(told_to_resume(self.tasks[0])) from None
            for index, job in self.alive():
                yield from self.ended(job, partial(finish, job, population.members[index], training))

    def begin_run(self, task: Task, layers: dict[str, Any], locks: ExitStack) -> Job:
        """Make and lock the folder of one seed and write what it is made with, as a training alone does."""
        folder = create_run(Path(task.out), f"{self.recipe.name}-s{task.seed}")
        locks.enter_context(folder.locked())
        place, whole = str(Path(task.data).resolve()) if task.data else None, self.whole
        origin = Origin(folder.path.name, task.seed, whole.name, whole.sha256, place, task.holdout, self.machine)
        job = Job(folder, self.recipe, origin, whole, self.seen, Silent(), self.stop)
        describe(job, layers, population=len(self.tasks))
        return job

    def poll(self) -> None:
        """Raise `StopError` when a stop is asked for."""
        if self.stop():
            raise StopError

    def alive(self) -> list[tuple[int, Job]]:
        """Return the members that have not ended, each with its place in the population."""
        return [(index, job) for index, job in enumerate(self.jobs) if job.origin.seed in self.waiting]

    def end_epoch(self, population: Population, scores: Sequence[EpochScore | DivergedError]) -> Iterator[Result]:
        """Keep the epoch's records, and save where that is due."""
        for index, job in self.alive():
            yield from self.ended(job, partial(kept, job, population.members[index], scores[index]))
        self.tell([score.evaluation for score in scores if isinstance(score, EpochScore)], population.epoch)
        if population.epoch == self.recipe.epochs or time.monotonic() - self.saved > self.cost / SAVING:
            yield from self.save(population)

    def tell(self, scores: Sequence[Score], epoch: int) -> None:
        """Say how the epoch went."""
        if scores:
            total, counts = scores[0].total, [score.correct for score in scores]
            mean, lowest = 100 * sum(counts) / (total * len(counts)), percent(min(counts), total)
            images = {"test": "test set", "holdout": "hold-out"}.get(self.seen.evaluated_on, "training images")
            self.note(
                f"epoch {epoch}/{self.recipe.epochs}, {len(counts)} seeds, {images}: mean {mean:.2f} %, lowest {lowest}"
            )

    def save(self, population: Population) -> Iterator[Result]:
        """Write a checkpoint of every member that is whole, and its records."""
        began = time.monotonic()
        population.hand_out()
        for index, job in self.alive():
            yield from self.ended(job, partial(saved, job, population.members[index]))
        self.saved = time.monotonic()
        self.cost = self.saved - began

    def ended(self, job: Job, action: Callable[[], RunSummary | None]) -> Iterator[Result]:
        """Do *action* for one member; yield its result or its failure when it has ended with that."""
        result: RunSummary | FailedSeed | None
        try:
            try:
                result = action()
            except DivergedError as error:
                raise diverged(job, error) from error
        except HandgradError as error:
            result = FailedSeed(job.origin.seed, str(error), error.status)
        if result is not None:
            self.waiting.remove(job.origin.seed)
            yield job.origin.seed, result


def kept(job: Job, state: State, score: EpochScore | DivergedError) -> None:
    """Keep the epoch's record of one member; raise its `DivergedError` where it has none."""
    if isinstance(score, DivergedError):
        raise score
    remember(job, state, score)


def saved(job: Job, state: State) -> None:
    """Write the checkpoint and the figures of one member."""
    save(job, state)
    job.folder.write_metrics(job.epochs)


def told_to_resume(task: Task) -> str:
    """Return the line for who has stopped a population."""
    place = shlex.quote(task.out)
    return f"interrupted – the runs under way are saved – go on with each: handgrad train --resume {place}/RUN"
