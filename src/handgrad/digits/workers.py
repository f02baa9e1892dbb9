"""The seeds of a study, trained one after another or several at a time, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType

from handgrad.allowance import memory_limit
from handgrad.digits.prepare import Prepared
from handgrad.digits.run import train
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.watcher import Watcher, never
from handgrad.errors import HandgradError, InterruptedRunError
from handgrad.runs.environment import Machine
from handgrad.runs.record import RunSummary
from handgrad.system import children_without_interrupts, end_this_process, ignore_interrupts

# A step of a shipped network takes a fraction of a second; the rest is for a slow disk.
PATIENCE = 10.0
"""Seconds that a worker may take to finish its batch and save."""
# Felt as at once by who presses Ctrl-C, and five looks a second cost nothing.
WAIT = 0.2
"""Seconds between two looks at whether a stop was asked for, while other processes train."""


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
    line = f"handgrad train --resume {shlex.quote(place)}/RUN"
    return InterruptedRunError(f"interrupted – the runs under way are saved – go on with each: {line}")


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


def in_turn(
    tasks: Sequence[Task], prepared: Prepared, watcher: Callable[[int], Watcher] | None, stop: Callable[[], bool]
) -> Iterator[tuple[int, RunSummary | FailedSeed]]:
    """Train one seed after another in this process."""
    for task in tasks:
        yield task.seed, _train(task, prepared, watcher(task.seed) if watcher else None, stop)


def at_once(
    tasks: Sequence[Task], jobs: int, stop: Callable[[], bool]
) -> Iterator[tuple[int, RunSummary | FailedSeed]]:
    """Train *jobs* seeds at a time, each in a process of its own; raise `InterruptedRunError` when a stop is asked for."""
    # spawn, because a forked copy of a process whose torch threads run can hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin_worker) as pool:
        with children_without_interrupts(), _without_main():
            try:
                waiting = {pool.submit(_train_by_worker, task): task.seed for task in tasks}
            except OSError as error:  # EAGAIN where the user has as many processes as they may, ENOMEM, EMFILE
                raise HandgradError(
                    f"no process can be started for the seeds: {error.strerror} – end others, or train one at a time (--jobs 1)"
                ) from error
        while waiting:
            if stop():
                _end_workers(pool, waiting)
                raise interrupted_study(tasks[0].out)
            ready, _ = wait(waiting, timeout=WAIT, return_when=FIRST_COMPLETED)
            for future in ready:
                seed = waiting.pop(future)
                yield seed, _result_of(future, seed)


def may_start_processes() -> bool:
    """Return whether this process may have children: a worker of a `multiprocessing.Pool` may not."""
    return not multiprocessing.current_process().daemon


@contextmanager
def _without_main() -> Iterator[None]:
    """Let the processes that are started meanwhile not run the user's script again.

    A spawned process imports ``__main__`` anew, so that what is defined there can be sent to it. Nothing of ours is, and a
    script that calls `study` without asking whether it is the main program would begin a study in each worker. The name
    is read when a process starts, by the thread that starts it (multiprocessing.spawn.get_preparation_data).
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _end_workers(pool: ProcessPoolExecutor, waiting: Iterable[Future[RunSummary | FailedSeed]]) -> None:
    """Ask the processes of *pool* to save and end; end those that have not after a few seconds."""
    processes = list(pool._processes.values())  # before the shutdown, which forgets them
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    # First softly, so that each saves: killing at once would lose an epoch of every seed.
    wait(waiting, timeout=PATIENCE)
    for process in processes:
        process.kill()


STOPPING = threading.Event()
"""In a worker: set once the study has asked it to stop."""


def _begin_worker() -> None:
    """Prepare a worker: SIGTERM stops it softly, and the end of the study's process ends it at once."""
    ignore_interrupts()  # it is the study that stops them, so that each saves first
    signal.signal(signal.SIGTERM, lambda number, frame: STOPPING.set())
    # A parent that was killed sends no signal: without this its workers would train on for hours for nobody.
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait for the parent's end, however it came, and end this process too: nobody would read what it finds."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        end_this_process()


def _train_by_worker(task: Task) -> RunSummary | FailedSeed:
    """Train one seed in a worker."""
    if STOPPING.is_set():
        return FailedSeed(task.seed, "interrupted", InterruptedRunError.status)
    return _train(task, stop=STOPPING.is_set)


def _result_of(future: Future[RunSummary | FailedSeed], seed: int) -> RunSummary | FailedSeed:
    """Return what a worker found; a worker that died, or was stopped by somebody else, is a failed seed."""
    try:
        return future.result()
    except BrokenProcessPool:
        limit = memory_limit()
        bound = f" (a limit of {limit >> 20:,} MiB is set on all processes together)" if limit else ""
        return FailedSeed(seed, f"its process ended without an answer – out of memory{bound}, or killed")
    except InterruptedRunError as error:
        return failed_seed(seed, error)


def _train(
    task: Task, prepared: Prepared | None = None, watcher: Watcher | None = None, stop: Callable[[], bool] = never
) -> RunSummary | FailedSeed:
    """Train one seed; what goes wrong with it is returned, so that the other seeds go on."""
    try:
        return train(
            task.recipe,
            data=prepared.whole if prepared is not None else task.data,
            made=prepared.made if prepared is not None else None,
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
    except Exception as error:  # whatever it was, the other seeds must not be lost with it
        return failed_seed(task.seed, error)
