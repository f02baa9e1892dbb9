"""The same recipe over many seeds: what the accuracy is, and how sure that figure is."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from handgrad.digits.dataset import Dataset, load_dataset
from handgrad.digits.device import Machine, choose_machine, usable_cores
from handgrad.digits.load import load_network
from handgrad.digits.networks import count_parameters
from handgrad.digits.recipe import Recipe
from handgrad.digits.recipe_file import load_recipe
from handgrad.digits.records import RunSummary
from handgrad.digits.run import train
from handgrad.digits.watch import Watcher, never
from handgrad.errors import HandgradError, InterruptedRunError, UsageError
from handgrad.runs import create_run
from handgrad.score import spread

STUDY = "study.json"
WAIT = 0.2
"""Seconds between two looks at whether a stop was asked for, while other processes train."""


@dataclass(frozen=True)
class FailedSeed:
    """A seed that did not finish, and why. It stays in the record: a mean without it would flatter the recipe."""

    seed: int
    reason: str


@dataclass(frozen=True)
class Study:
    """What several seeds of one recipe gave. Accuracies are those of the last epoch on the test set, in percent, by seed.

    ``mean`` and ``lowest`` are None when no seed finished, ``sd`` (n - 1) and ``interval95`` (t interval of the mean over
    seeds) with fewer than two. ``selected`` holds each run's best epoch, labelled in the runs with what chose it.
    """

    recipe: str
    network: str
    parameters: int
    dataset: str
    epochs: int
    n: int
    seeds: tuple[int, ...]
    accuracies: tuple[float, ...]
    mean: float | None
    sd: float | None
    lowest: float | None
    interval95: tuple[float, float] | None
    failed: tuple[FailedSeed, ...]
    selected: tuple[float, ...]
    selected_on: str
    seconds_training: tuple[float, ...]
    device: str
    precision: str
    threads: int
    jobs: int
    path: str
    runs: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Task:
    """One seed for one worker process: plain data, so that it can be sent."""

    recipe: Recipe
    data: str | None
    seed: int
    holdout: int
    out: str
    machine: Machine
    download: bool


def study(
    recipe: str | Path | Recipe,
    *,
    seeds: Sequence[int],
    data: Path | str | None = None,
    holdout: int = 0,
    out: Path | str = "runs",
    device: str = "auto",
    precision: str = "auto",
    jobs: int | None = None,
    overrides: Sequence[str] = (),
    download: bool = True,
    watcher: Callable[[int], Watcher] | None = None,
    done: Callable[[int, RunSummary | FailedSeed], None] = lambda seed, result: None,
    stop: Callable[[], bool] = never,
) -> Study:
    """Train *recipe* once a seed and return the record, which is also written to ``study.json`` beside the runs.

    *jobs* processes train at a time, each with one thread (default: one a usable core; on CUDA one): that finishes more
    networks of this size an hour than one process with all cores. Every seed uses the same device and precision. *watcher*
    makes who looks on at a seed (only where one process trains), *done* is told of each seed that ends. Raises `UsageError`
    for seeds that are not 1 to 1000 different numbers, and what `train` raises before any training begins.
    """
    if not 1 <= len(seeds) <= 1000 or len(set(seeds)) != len(seeds):
        raise UsageError(f"a study needs 1 to 1000 different seeds – found {len(seeds)}, {len(set(seeds))} different")
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(str(recipe), overrides)
    network = load_network(recipe.network)
    dataset = load_dataset(Path(data) if data else None, download=download)
    jobs = min(len(seeds), jobs or usable_cores())
    machine = choose_machine(
        network, recipe.batch_size, device=device, precision=precision, threads=1 if jobs > 1 else None
    )
    jobs = jobs if machine.device == "cpu" else 1
    folder = create_run(Path(out), f"study-{recipe.name}")
    place = str(data) if data else None
    tasks = [Task(recipe, place, seed, holdout, str(folder.path), machine, download) for seed in seeds]
    results: dict[int, RunSummary | FailedSeed] = {}
    finished = in_turn(tasks, dataset, watcher, stop) if jobs == 1 else at_once(tasks, jobs, stop)
    for seed, result in finished:
        results[seed] = result
        done(seed, result)
    record = summed_up(
        recipe, count_parameters(network), dataset.name, [(s, results[s]) for s in seeds], machine, jobs, folder.path
    )
    folder.write_json(STUDY, record.as_json())
    return record


def in_turn(
    tasks: Sequence[Task], dataset: Dataset, watcher: Callable[[int], Watcher] | None, stop: Callable[[], bool]
) -> Iterator[tuple[int, RunSummary | FailedSeed]]:
    """Train one seed after another in this process."""
    for task in tasks:
        yield task.seed, trained(task, dataset, watcher(task.seed) if watcher else None, stop)


def at_once(
    tasks: Sequence[Task], jobs: int, stop: Callable[[], bool]
) -> Iterator[tuple[int, RunSummary | FailedSeed]]:
    """Train *jobs* seeds at a time, each in a process of its own; raise `InterruptedRunError` when a stop is asked for."""
    # spawn, because a forked copy of a process whose torch threads run can hang.
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting: dict[Future[RunSummary | FailedSeed], int] = {pool.submit(trained, task): task.seed for task in tasks}
        while waiting:
            ready, _ = wait(waiting, timeout=WAIT, return_when=FIRST_COMPLETED)
            for future in ready:
                seed = waiting.pop(future)
                yield seed, result_of(future, seed)
            if stop():
                for process in pool._processes.values():
                    process.terminate()
                pool.shutdown(wait=True, cancel_futures=True)
                raise InterruptedRunError(
                    f"interrupted – {len(waiting)} seeds were not finished – their runs can be resumed"
                )


def result_of(future: Future[RunSummary | FailedSeed], seed: int) -> RunSummary | FailedSeed:
    """Return what a worker found; a worker that died is a failed seed."""
    try:
        return future.result()
    except BrokenProcessPool:
        return FailedSeed(seed, "its process ended without an answer – out of memory, or killed")


def trained(
    task: Task, dataset: Dataset | None = None, watcher: Watcher | None = None, stop: Callable[[], bool] = never
) -> RunSummary | FailedSeed:
    """Train one seed; what goes wrong with it is returned, so that the other seeds go on."""
    try:
        return train(
            task.recipe,
            data=dataset if dataset is not None else task.data,
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
    except InterruptedRunError:
        raise
    except (HandgradError, MemoryError) as error:
        return FailedSeed(task.seed, str(error) or type(error).__name__)


def summed_up(
    recipe: Recipe,
    parameters: int,
    dataset: str,
    results: Sequence[tuple[int, RunSummary | FailedSeed]],
    machine: Machine,
    jobs: int,
    folder: Path,
) -> Study:
    """Return the record of a study from what became of each seed."""
    runs = [result for _, result in results if isinstance(result, RunSummary)]
    accuracies = [run.last_epoch.accuracy for run in runs]
    found = spread(accuracies) if runs else None
    return Study(
        recipe=recipe.name,
        network=recipe.network,
        parameters=parameters,
        dataset=dataset,
        epochs=recipe.epochs,
        n=len(runs),
        seeds=tuple(run.seed for run in runs),
        accuracies=tuple(accuracies),
        mean=found.mean if found else None,
        sd=found.sd if found else None,
        lowest=found.lowest if found else None,
        interval95=found.interval95 if found else None,
        failed=tuple(result for _, result in results if isinstance(result, FailedSeed)),
        selected=tuple(run.best_epoch.accuracy for run in runs),
        selected_on=runs[0].best_epoch.selected_on if runs else "test set",
        seconds_training=tuple(run.seconds_training for run in runs),
        device=machine.device,
        precision=machine.precision,
        threads=machine.threads,
        jobs=jobs,
        path=str(folder),
        runs=tuple(run.run for run in runs),
    )
