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
        check_engine(on)
        from handgrad.cluster.on_dask import connect

        engine = connect(on, jobs or usable_cores(), folder, note)
    try:
        yield engine
    finally:
        engine.close()


def check_engine(on: str) -> None:
    """Refuse what is not an engine, and any but this machine's processes where Dask is missing, before anything is written.

    Raises `UsageError` for a name that is neither an engine's, nor an address, nor a file, and `MissingError` without Dask.
    """
    if on == LOCAL:
        return
    if on != CLUSTER and not on.startswith(ADDRESSES) and not Path(on).is_file():
        raise UsageError(
            f'--on "{on}" – give local, cluster, the address of a Dask scheduler as tcp://host:8786, or a scheduler file'
        )
    try:
        import handgrad.cluster.on_dask  # noqa: F401
    except ImportError as error:
        raise MissingError(f'--on {on} needs Dask – pip install "handgrad[cluster]"') from error
