"""A population's run folders: each member leaves the folder that its seed alone would leave, and can be resumed alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from handgrad.digits.job import Job, describe, finish, record_divergence, remember, save, write_metrics
from handgrad.digits.layers.table import summarise
from handgrad.digits.population.loop import Population, begin_population, train_population
from handgrad.digits.prepare import Prepared
from handgrad.digits.provenance import environment_of
from handgrad.digits.training.checks import explain_out_of_memory
from handgrad.digits.training.device import device_of, using
from handgrad.digits.training.loop import State
from handgrad.digits.watcher import Silent, StopError
from handgrad.digits.workers import FailedSeed, Task, failed_seed, interrupted_study
from handgrad.errors import DivergedError, HandgradError, InterruptedRunError, counted
from handgrad.runs import create_run
from handgrad.runs.layers import LayerTable
from handgrad.runs.record import EpochScore, RunSummary, Score
from handgrad.score import percent

SAVING = 0.1
"""How much of the time saving may take. Where epochs are as short as saves, a save covers several of them."""

Result = tuple[int, RunSummary | FailedSeed]


def all_together(
    tasks: Sequence[Task], prepared: Prepared, *, size: int, note: Callable[[str], None], stop: Callable[[], bool]
) -> Iterator[Result]:
    """Train the seeds of *tasks* in populations of at most *size*; yield what became of each.

    What goes wrong with one member is its own failure, and the others go on; what goes wrong with all of a population at once
    is the failure of each of them. *note* is told a line per epoch. Raises `InterruptedRunError` when a stop is asked for.
    """
    for first in range(0, len(tasks), size):
        group = Group(tasks[first : first + size], prepared, note, stop)
        try:
            yield from group.train()
        # Asked for by the user: it ends the study, not one population.
        except InterruptedRunError:
            raise
        except Exception as error:  # whatever it was, the seeds of the other populations must not be lost with it
            # Only those that have not ended: a seed must not finish and fail.
            yield from [(seed, failed_seed(seed, error)) for seed in group.waiting]


class Group:
    """One population and its run folders."""

    def __init__(
        self, tasks: Sequence[Task], prepared: Prepared, note: Callable[[str], None], stop: Callable[[], bool]
    ) -> None:
        self.tasks, self.prepared, self.note, self.stop = tasks, prepared, note, stop
        self.machine = tasks[0].machine
        self.jobs: list[Job] = []
        self.waiting = [task.seed for task in tasks]
        """Seeds whose end was not yet told."""
        self.saved = self.cost = 0.0
        """When the members were last saved, and the seconds that it took."""

    def train(self) -> Iterator[Result]:
        """Train the members; yield each when it has ended."""
        recipe, device = self.prepared.recipe, device_of(self.machine)
        with explain_out_of_memory(recipe), using(self.machine), ExitStack() as locks:
            layers = summarise(self.prepared.build(), self.prepared.whole.kind.shape, name=recipe.network)
            self.jobs += [self._begin_run(task, layers, locks) for task in self.tasks]
            seeds = [task.seed for task in self.tasks]
            population = begin_population(self.prepared.build, recipe, seeds, device)
            training = self.prepared.training_images(self.machine)
            evaluation = self.prepared.evaluation_images(self.machine)
            yield from self._save(population)
            bf16 = self.machine.precision == "bf16"
            try:
                self._poll()
                for scores in train_population(
                    population, recipe, training, evaluation, bf16=bf16, after_step=lambda *_: self._poll()
                ):
                    yield from self._end_epoch(population, scores)
            except StopError:
                yield from self._save(population)
                raise interrupted_study(self.tasks[0].out) from None
            for index, job in self._alive():
                yield from self._end(job, partial(finish, job, population.members[index], training))

    def _begin_run(self, task: Task, layers: LayerTable, locks: ExitStack) -> Job:
        """Make and lock the folder of one seed and write what it is made with, as a training alone does."""
        folder = create_run(Path(task.out), f"{self.prepared.recipe.name}-s{task.seed}")
        # Held until the population ends: somebody resuming a member meanwhile would train it twice.
        locks.enter_context(folder.locked())
        made = environment_of(folder, self.prepared, task.seed, self.machine, population=len(self.tasks))
        job = Job(folder, self.prepared, made, Silent(), self.stop)
        describe(job, layers)
        return job

    def _poll(self) -> None:
        """Raise `StopError` when a stop is asked for."""
        if self.stop():
            raise StopError

    def _alive(self) -> list[tuple[int, Job]]:
        """Return the members that have not ended, each with its place in the population."""
        return [(index, job) for index, job in enumerate(self.jobs) if job.seed in self.waiting]

    def _end_epoch(self, population: Population, scores: Sequence[EpochScore | DivergedError]) -> Iterator[Result]:
        """Keep the epoch's records, and save where that is due."""
        for index, job in self._alive():
            yield from self._end(job, partial(_keep_record, job, population.members[index], scores[index]))
        self._tell([score.evaluation for score in scores if isinstance(score, EpochScore)], population.epoch)
        last = population.epoch == self.prepared.recipe.epochs
        # A clock decides here when files are written, never what is in them: nothing else follows from a save.
        if last or time.monotonic() - self.saved > self.cost / SAVING:
            yield from self._save(population)

    def _tell(self, scores: Sequence[Score], epoch: int) -> None:
        """Say how the epoch went."""
        if scores:
            total, counts = scores[0].total, [score.correct for score in scores]
            mean, lowest = 100 * sum(counts) / (total * len(counts)), percent(min(counts), total)
            images = self.prepared.seen.evaluated_on.words
            line = f"epoch {epoch}/{self.prepared.recipe.epochs}, {counted(len(counts), 'seed')}, {images}"
            self.note(f"{line}: mean {mean:.2f} %, lowest {lowest}")

    def _save(self, population: Population) -> Iterator[Result]:
        """Write a checkpoint of every member that is whole, and its records."""
        began = time.monotonic()
        population.copy_to_members()
        for index, job in self._alive():
            yield from self._end(job, partial(_save_member, job, population.members[index]))
        # At the end of the save: the time until the next one is time for training.
        self.saved = time.monotonic()
        self.cost = self.saved - began

    def _end(self, job: Job, action: Callable[[], RunSummary | None]) -> Iterator[Result]:
        """Do *action* for one member; yield its result or its failure when it has ended with that."""
        result: RunSummary | FailedSeed | None
        try:
            try:
                result = action()
            except DivergedError as error:
                # Written to the folder first: a member that diverged has a record like any run that did.
                raise record_divergence(job, error) from error
        except HandgradError as error:
            result = failed_seed(job.seed, error)
        if result is not None:
            self.waiting.remove(job.seed)
            yield job.seed, result


def _keep_record(job: Job, state: State, score: EpochScore | DivergedError) -> None:
    """Keep the epoch's record of one member; raise its `DivergedError` where it has none."""
    if isinstance(score, DivergedError):
        raise score
    remember(job, state, score)


def _save_member(job: Job, state: State) -> None:
    """Write the checkpoint and the figures of one member."""
    save(job, state)
    write_metrics(job)
