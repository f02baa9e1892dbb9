"""The seeds of a study, trained one after another in this process, or by the workers of an engine."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from handgrad.cluster.engine import Engine, Lost, StoppedError
from handgrad.cluster.processes import STOPPING, WAIT, data_folder_here
from handgrad.digits.data.dataset import Dataset, hide_test
from handgrad.digits.data.load import can_be_found
from handgrad.digits.prepare import HOLDOUT_SEED, Prepared, find_dataset
from handgrad.digits.run import resume, train
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.watcher import Watcher, never
from handgrad.errors import BusyRunError, DamagedRunError, HandgradError, InterruptedRunError, UsageError
from handgrad.runs.environment import Machine
from handgrad.runs.folder import MODEL, RunFolder, harmless
from handgrad.runs.parcel import Parcel, TwoResultsError, pack_run, remove_run, runs_labelled, same_end, unpack_run
from handgrad.runs.record import RunSummary
from handgrad.scratch import scratch_folder


@dataclass(frozen=True)
class FailedSeed:
    """A seed that did not finish, and why. It stays in the record: a mean without it would flatter the recipe."""

    seed: int
    reason: str
    status: int = 1
    """The exit status that training this seed alone would have ended with."""


def failed_seed(seed: int, error: Exception) -> FailedSeed:
    """Return what is kept of a seed whose training ended with *error*; a fault of ours keeps its kind."""
    if isinstance(error, HandgradError):
        return FailedSeed(seed, str(error), error.status)
    return FailedSeed(seed, f"{type(error).__name__}: {error}")


def interrupted_study(place: str) -> InterruptedRunError:
    """Return the error for who has stopped several runs in the folder *place*."""
    line = f"handgrad study --resume {shlex.quote(place)}"
    return InterruptedRunError(f"interrupted – the runs under way are saved – continue with: {line}")


@dataclass(frozen=True)
class Task:
    """One seed for one worker: plain data, so that it can be sent."""

    recipe: Recipe
    data: str | None
    seed: int
    holdout: int
    out: str
    machine: Machine
    download: bool
    data_sha256: str = ""
    """Of the data that the submitter has; a worker that finds others says so."""
    hidden: int = 0
    """Where not 0, the test set is out of reach, and so many training images stand in its place."""
    source: bytes | None = None
    """The text of a network file, for a worker that does not have it."""
    folder: str = ""
    """The submitter's working folder, for a worker that sees it: paths in a recipe begin there."""

    @property
    def label(self) -> str:
        """Return what the name of the run's folder ends with."""
        return harmless(f"{self.recipe.name}-s{self.seed}")


Result = RunSummary | FailedSeed


def in_turn(
    tasks: Sequence[Task], prepared: Prepared, watcher: Callable[[int], Watcher] | None, stop: Callable[[], bool]
) -> Iterator[tuple[int, Result]]:
    """Train one seed after another in this process."""
    for task in tasks:
        yield task.seed, _train(task, prepared, watcher(task.seed) if watcher else None, stop)


def by_engine(tasks: Sequence[Task], engine: Engine, stop: Callable[[], bool]) -> Iterator[tuple[Task, Result]]:
    """Train the seeds on the workers of *engine*; raise `InterruptedRunError` when a stop is asked for."""
    here = str(Path.cwd())
    function = train_here if engine.shared else train_away
    sent = [replace(task, folder=here) if engine.shared else _to_send(task) for task in tasks]
    try:
        for place, answer in engine.run(function, sent, stop):
            task = tasks[place]
            if isinstance(answer, Lost):
                yield task, FailedSeed(task.seed, answer.reason)
            elif isinstance(answer, Delivery):
                yield task, _brought_home(task, answer)
            else:
                yield task, answer
    except StoppedError:
        raise interrupted_study(tasks[0].out) from None


def _to_send(task: Task) -> Task:
    """Return *task* with the text of its network's file, which the worker does not have."""
    file, colon, _ = task.recipe.network.rpartition(":")
    if not colon:
        return task
    # A path would have to exist on the worker, where the file is written beside nothing else.
    if Path(file).name != file:
        raise UsageError(
            f"{file} cannot be sent to workers elsewhere – work in the folder of the file, and give its name without a path"
        )
    return replace(task, source=Path(file).read_bytes())


def train_here(task: Task) -> Result:
    """Train the seed of *task* where the submitter works: what a worker runs that sees the same folders."""
    with _inside(Path(task.folder)):
        return train_task(task)


def train_task(task: Task) -> Result:
    """Train the seed of *task*, or go on with the run that was begun in its folder."""
    while not STOPPING.is_set():
        try:
            dataset = data_at_worker(task.data, task.data_sha256, download=task.download)
            result = _train(task, dataset, stop=STOPPING.is_set)
        except HandgradError as error:
            return failed_seed(task.seed, error)
        if not (isinstance(result, FailedSeed) and result.status == BusyRunError.status):
            return result
        # A worker of a submitter that was killed trains this very seed to its end: then the run is found complete.
        # Waits on the stop itself, so that a stop ends the pause.
        STOPPING.wait(WAIT)
    return FailedSeed(task.seed, "interrupted", InterruptedRunError.status)


@dataclass(frozen=True)
class Delivery:
    """What a worker sends that does not share the folder: the result, and the run's folder where there is one."""

    result: Result
    parcel: Parcel | None


def train_away(task: Task) -> Delivery:
    """Train the seed of *task* in a folder of this machine's own and return the run whole."""
    with scratch_folder("task") as place, _inside(place if task.source is not None else None):
        if task.source is not None:
            Path(task.recipe.network.rpartition(":")[0]).write_bytes(task.source)
        result = train_task(replace(task, out=str(place / "runs")))
        found = runs_labelled(place / "runs", task.label) if (place / "runs").is_dir() else []
        ended = [folder for folder in found if folder.complete]
        # Only what ended travels: half a run cannot go on on another machine with the same bytes.
        return Delivery(result, pack_run(ended[-1].path) if ended else None)


@contextmanager
def _inside(folder: Path | None) -> Iterator[None]:
    """Work in *folder* meanwhile: a worker process runs one task at a time."""
    before = Path.cwd()
    if folder is not None:
        os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _brought_home(task: Task, delivery: Delivery) -> Result:
    """Unpack the run of a task; one that is here already is kept once, and must be the same."""
    if delivery.parcel is None:
        return delivery.result
    try:
        folder = RunFolder(unpack_run(delivery.parcel, Path(task.out)))
        before = [own for own in runs_labelled(Path(task.out), task.label) if own.path != folder.path and own.complete]
        for own in before:
            if (own.path / MODEL).exists() and (folder.path / MODEL).exists() and not same_end(own, folder):
                raise TwoResultsError(
                    f"seed {task.seed} was trained twice with two different results, {own.path} and {folder.path} – "
                    "compare the machines that made them (handgrad compare)"
                )
        if before:
            remove_run(folder)
            folder = before[0]
    except HandgradError as error:
        return failed_seed(task.seed, error)
    result = delivery.result
    return replace(result, path=str(folder.path)) if isinstance(result, RunSummary) else result


def data_at_worker(place: str | None, sha256: str, *, download: bool) -> Dataset:
    """Return the submitter's data, of the hash *sha256*, as this machine has them; raises `UsageError` where it has others.

    They are looked for in the submitter's folder *place*, where this machine has it too; else in what is found here:
    $HANDGRAD_DATA, the cache, a download.
    """
    place = place if can_be_found(place) else data_folder_here()
    dataset = _dataset(place, download)
    # Refused rather than trained: a figure on other data would stand in the same table.
    if sha256 and dataset.sha256 != sha256:
        raise UsageError(
            f"this worker has other data than the computer that sent the task: {dataset.name} {dataset.sha256[:12]}, "
            f"wanted {sha256[:12]} – put the same files there (handgrad data --fetch)"
        )
    return dataset


@lru_cache(maxsize=1)  # a worker trains many seeds on the same data, which were checked when they were read
def _dataset(place: str | None, download: bool) -> Dataset:
    return find_dataset(place, download=download, watched=False)


def _train(
    task: Task, source: Prepared | Dataset, watcher: Watcher | None = None, stop: Callable[[], bool] = never
) -> Result:
    """Train one seed; what goes wrong with it is returned, so that the other seeds go on."""
    whole, made = (source.whole, source.made) if isinstance(source, Prepared) else (source, None)
    data = hide_test(whole, task.hidden, HOLDOUT_SEED) if task.hidden else whole
    try:
        begun = _begun(task)
        if begun is not None:
            return resume(begun.path, data=data, download=task.download, watcher=watcher, stop=stop, made=made)
        return train(
            task.recipe,
            data=data,
            made=made,
            seed=task.seed,
            holdout=task.holdout,
            out=task.out,
            device=task.machine.device,
            precision=task.machine.precision,
            threads=task.machine.threads,
            download=task.download,
            watcher=watcher,
            stop=stop,
        )
    # A stop is no fault of this seed: whoever asked for it decides what it means for the others.
    except InterruptedRunError:
        raise
    except Exception as error:  # whatever it was, the other seeds must not be lost with it
        return failed_seed(task.seed, error)


def _begun(task: Task) -> RunFolder | None:
    """Return the run of *task* that a worker before began, or ended; None where there is none that can go on."""
    # The newest first: an older one that was given up may lie beside it.
    for folder in reversed(runs_labelled(Path(task.out), task.label)):
        try:
            folder.verify()
        except DamagedRunError:
            continue
        return folder
    return None
