"""Tasks on Dask: a cluster of this machine, or any scheduler. A Dask worker only carries: a process of its own runs each task.

So a task finds in a worker what it finds on this machine: torch's threads and random state for itself, signals, its own
memory. A worker with several threads runs as many tasks, each in a process. Dask starts a task again where its worker dies.
"""

from __future__ import annotations

import logging
import platform
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from distributed import Client, Future, LocalCluster
from distributed.scheduler import KilledWorker

from handgrad.cluster.engine import CLUSTER, MOST_DEATHS, Lost, LostEngineError, Standing, StoppedError
from handgrad.cluster.processes import WAIT, LostWorkerError, WorkerProcess, without_main
from handgrad.errors import MissingError, UsageError, counted

CONNECT = 20.0
"""Seconds that a scheduler may take to answer."""
GONE = 10.0
"""Seconds without a scheduler after which it counts as lost: a short break of the network is none."""
_IDLE: list[WorkerProcess] = []
"""In a Dask worker: processes that wait for the next task."""
_TAKING = threading.Lock()


def connect(on: str, jobs: int, folder: Path, note: Callable[[str], None]) -> DaskEngine:
    """Return the engine on the scheduler *on*, or on a cluster of *jobs* workers made here, once its workers fit."""
    made: LocalCluster | None = None
    hidden = ExitStack()
    settings: dict[str, Any] = {"set_as_default": False, "timeout": CONNECT}
    try:
        if on == CLUSTER:
            # For as long as it runs: a worker that dies is started again, and would run the user's script.
            hidden.enter_context(without_main())
            made = LocalCluster(
                n_workers=jobs,
                threads_per_worker=1,
                processes=True,
                dashboard_address=":0",
                silence_logs=logging.CRITICAL,
            )
        if made is not None:
            client = Client(made, **settings)
        elif Path(on).is_file():
            client = Client(scheduler_file=on, **settings)
        else:
            client = Client(on, **settings)
    except (OSError, TimeoutError, ValueError, RuntimeError) as error:
        hidden.close()
        raise MissingError(
            f"no Dask scheduler answers at {on} – {type(error).__name__} – start one, or use --on local"
        ) from error
    engine = DaskEngine(on, client, made, hidden)
    try:
        engine.check(folder, note)
    except BaseException:
        engine.close()
        raise
    return engine


class DaskEngine:
    """The workers of one scheduler."""

    def __init__(self, on: str, client: Client, made: LocalCluster | None, hidden: ExitStack) -> None:
        self.on, self.client, self._made, self._hidden = on, client, made, hidden
        self.width, self.shared = 1, False
        self._threads: list[int] = []

    def check(self, folder: Path, note: Callable[[str], None]) -> None:
        """Find out how many tasks run at a time and whether *folder* is shared; refuse workers of other versions."""
        self.client.wait_for_workers(1, timeout=CONNECT)
        self.width = max(1, sum(self.client.nthreads().values()))
        ours = versions_here()
        # Errors come back instead of being raised: a worker without handgrad cannot even find the function, and is
        # named for it.
        for worker, theirs in self.client.run(versions_here, on_error="return").items():
            if theirs != ours:
                raise UsageError(
                    f"worker {worker} has {_in_words(theirs)}, here is {_in_words(ours)} – install the same versions there"
                )
        token = folder.resolve() / f".shared-{secrets.token_hex(8)}"
        token.write_text("")
        try:
            self.shared = all(self.client.run(_is_there, str(token)).values())
        finally:
            token.unlink()
        workers = len(self.client.nthreads())
        where = "see the folder of the runs" if self.shared else "send back whole runs"
        note(f"{self.on}: {counted(workers, 'worker')}, {counted(self.width, 'task')} at a time; they {where}")

    def standing(self, left: int) -> Standing:
        """See `Engine`: workers come and go while tasks run."""
        # A scheduler that is gone is told of where tasks are waited for; until then the last number stands.
        with suppress(OSError, TimeoutError):
            self._threads = list(self.client.nthreads().values())
        return Standing(left, min(left, sum(self._threads)), len(self._threads))

    def run(
        self, function: Callable[[Any], Any], tasks: Sequence[Any], stop: Callable[[], bool]
    ) -> Iterator[tuple[int, Any]]:
        """See `Engine`. Raises `LostEngineError` where the scheduler is lost: what came home stays."""
        ended: queue.SimpleQueue[int] = queue.SimpleQueue()
        batch = secrets.token_hex(8)
        # A key of its own for each: two tasks alike would else be taken for one.
        futures: Mapping[int, Future[Any]] = {
            place: self.client.submit(_perform, function, task, key=f"handgrad-{batch}-{place}", pure=False)
            for place, task in enumerate(tasks)
        }
        for place, future in futures.items():
            # The place is bound now: a plain closure would put the last one each time.
            future.add_done_callback(lambda _, place=place: ended.put(place))
        left, seen = set(futures), time.monotonic()
        try:
            while left:
                if stop():
                    raise StoppedError
                if self.client.status == "running":
                    seen = time.monotonic()
                elif time.monotonic() - seen > GONE:
                    raise LostEngineError(f"the scheduler {self.on} is lost, {counted(len(left), 'task')} open")
                try:
                    place = ended.get(timeout=WAIT)
                except queue.Empty:
                    continue
                # When a scheduler goes, every future that is open ends as cancelled: then it is the loss that counts.
                if place not in left or futures[place].cancelled():
                    continue
                try:
                    answer = _answer_of(futures[place])
                except (
                    OSError
                ):  # the line broke while the answer came: asked for again, until the scheduler counts as lost
                    ended.put(place)
                    time.sleep(WAIT)
                    continue
                left.discard(place)
                yield place, answer
        finally:
            if left and self.client.status == "running":
                self.client.cancel([futures[place] for place in left], force=True)

    def close(self) -> None:
        """See `Engine`."""
        self.client.close(timeout=5)
        if self._made is not None:
            self._made.close(timeout=20)
        self._hidden.close()


def _answer_of(future: Future[Any]) -> Any:
    """Return what a task gave, or its last words."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, KilledWorker):
        last = error.last_worker.address
        return Lost(f"its worker died {MOST_DEATHS} times, the last was {last} – out of memory, or killed")
    return Lost(f"{type(error).__name__}: {error}")


def _perform(function: Callable[[Any], Any], task: Any) -> Any:
    """In a Dask worker: run a task in a process of its own, again where that dies."""
    reason = ""
    for _ in range(MOST_DEATHS):
        with _TAKING:
            process = _IDLE.pop() if _IDLE else WorkerProcess()
        try:
            answer = process.call(function, task)
        except LostWorkerError as error:
            process.end()
            reason = str(error)
            continue
        with _TAKING:
            _IDLE.append(process)
        return answer
    return Lost(reason)


def versions_here() -> dict[str, str]:
    """Return the versions that decide what a task gives."""
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in ("handgrad", "torch", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def _in_words(versions: Any) -> str:
    if not isinstance(versions, dict):
        return f"no handgrad ({type(versions).__name__}: {versions})"
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def _is_there(path: str) -> bool:
    return Path(path).exists()
