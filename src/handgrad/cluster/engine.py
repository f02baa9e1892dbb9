"""What every engine does, and the engine that needs nothing: processes of this machine."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from handgrad.cluster.processes import WAIT, LostWorkerError, WorkerProcess
from handgrad.errors import HandgradError, MissingError

LOCAL, CLUSTER = "local", "cluster"
"""The engines that have a name: processes of this machine, and Dask on this machine."""
MOST_DEATHS = 3
"""A task whose worker dies so often is given up, the others go on."""
# A step of a shipped network takes a fraction of a second; the rest is for a slow disk.
PATIENCE = 10.0
"""Seconds that a worker may take to finish its batch and save."""


@dataclass(frozen=True)
class Lost:
    """What came of a task that gave no answer: its last words."""

    reason: str


@dataclass(frozen=True)
class Standing:
    """How tasks stand on an engine after one more has ended."""

    left: int
    running: int
    workers: int


class LostEngineError(MissingError):
    """What runs the tasks is gone, with tasks open: who began them adds the line that goes on."""


class StoppedError(Exception):
    """A stop was asked for: tasks under way have had their time to save."""


class Engine(Protocol):
    """Runs tasks somewhere. Answers come in the order in which tasks end."""

    width: int
    """How many tasks run at a time."""
    shared: bool
    """Whether the workers see the folder that the results are to lie in."""

    def standing(self, left: int) -> Standing:
        """Return how the tasks stand of which *left* have not ended."""

    def run(
        self, function: Callable[[Any], Any], tasks: Sequence[Any], stop: Callable[[], bool]
    ) -> Iterator[tuple[int, Any]]:
        """Yield the place of each task in *tasks* and what *function*, a module's own, gives for it, or `Lost`.

        Raises `StoppedError` when a stop is asked for.
        """

    def close(self) -> None:
        """Give back what the engine holds."""


@dataclass
class LocalEngine:
    """*width* processes of this machine; they stay for the next tasks, and one that dies is replaced."""

    width: int
    shared: bool = True
    _idle: list[WorkerProcess] = field(default_factory=list)
    _busy: set[WorkerProcess] = field(default_factory=set)

    def standing(self, left: int) -> Standing:
        """See `Engine`."""
        return Standing(left, min(left, self.width), self.width)

    def run(
        self, function: Callable[[Any], Any], tasks: Sequence[Any], stop: Callable[[], bool]
    ) -> Iterator[tuple[int, Any]]:
        """See `Engine`."""
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        answers: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        for place in range(len(tasks)):
            waiting.put(place)
        stopping = threading.Event()

        def work() -> None:
            while not stopping.is_set():
                try:
                    place = waiting.get_nowait()
                except queue.Empty:
                    return
                answers.put((place, self._perform(function, tasks[place], stopping)))

        # A thread for each process waits for its answer, so that the loop below can look at the stop between two
        # answers.
        threads = [threading.Thread(target=work, daemon=True) for _ in range(min(self.width, len(tasks)))]
        for thread in threads:
            thread.start()
        left = len(tasks)
        try:
            while left:
                if stop():
                    self._stop(stopping, threads)
                    raise StoppedError
                try:
                    answer = answers.get(timeout=WAIT)
                except queue.Empty:
                    continue
                left -= 1
                yield answer
        finally:
            # Also where the caller reads no further: a generator that is closed comes by here.
            stopping.set()

    def _perform(self, function: Callable[[Any], Any], task: Any, stopping: threading.Event) -> Any:
        """Return the answer to *task*, begun again where its worker dies."""
        reason = ""
        for _ in range(MOST_DEATHS):
            try:
                worker = self._worker()
            except HandgradError as error:
                return Lost(str(error))
            self._busy.add(worker)
            try:
                answer = worker.call(function, task)
            except LostWorkerError as error:
                worker.end()
                reason = str(error)
                if stopping.is_set():
                    break
            except HandgradError as error:
                # The task has failed, not the process: it goes on with the next.
                self._idle.append(worker)
                return Lost(str(error))
            else:
                self._idle.append(worker)
                return answer
            finally:
                self._busy.discard(worker)
        return Lost(reason)

    def _worker(self) -> WorkerProcess:
        """Return a process that is idle, else a new one."""
        try:
            # Taken without asking first: between the question and the taking another thread may take the last one.
            return self._idle.pop()
        except IndexError:
            return WorkerProcess()

    def _stop(self, stopping: threading.Event, threads: Sequence[threading.Thread]) -> None:
        """Ask the workers to save and end, and wait a few seconds for them."""
        stopping.set()
        for worker in [*self._busy, *self._idle]:
            worker.stop()
        end = time.monotonic() + PATIENCE
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def close(self) -> None:
        """See `Engine`."""
        for worker in [*self._busy, *self._idle]:
            worker.end()
        self._idle.clear()
