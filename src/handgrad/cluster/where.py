"""Where tasks run, by the name that a user gives it: ``local``, ``cluster``, a scheduler's address, a scheduler file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from handgrad.allowance import usable_cores
from handgrad.cluster.engine import CLUSTER, LOCAL, Engine, LocalEngine
from handgrad.errors import MissingError, UsageError

ADDRESSES = ("tcp://", "tls://", "ucx://", "ws://", "wss://")


@contextmanager
def open_engine(
    on: str, jobs: int | None, folder: Path, note: Callable[[str], None] = lambda line: None
) -> Iterator[Engine]:
    """Yield the engine that *on* names; *jobs* tasks run at a time on this machine, None: one a usable core.

    *folder* is where results are to lie; an engine whose workers see it is told so by `Engine.shared`. Raises `UsageError`
    for a name that is none and workers of another version, `MissingError` without Dask or without an answer from a scheduler.
    """
    engine: Engine
    if on == LOCAL:
        engine = LocalEngine(jobs or usable_cores())
    else:
        _check_name(on)
        try:
            from handgrad.cluster.on_dask import connect
        except ImportError as error:
            raise MissingError(f'--on {on} needs Dask – pip install "handgrad[cluster]"') from error
        engine = connect(on, jobs or usable_cores(), folder, note)
    try:
        yield engine
    finally:
        engine.close()


def _check_name(on: str) -> None:
    """Refuse what is neither the name of an engine, nor an address, nor a file."""
    if on == CLUSTER or on.startswith(ADDRESSES) or Path(on).is_file():
        return
    raise UsageError(
        f'--on "{on}" – give local, cluster, the address of a Dask scheduler as tcp://host:8786, or a scheduler file'
    )
