"""What an engine costs: a thousand tasks of nothing, and a task of some seconds on each engine beside a plain call.

    python benchmarks/many_machines.py [--tasks 1000] [--seconds 10] [--on local,cluster]

Prints one line an engine: seconds for all tasks of nothing, once its workers stand, and the overhead of a task that takes so
many seconds of a worker's processor. Quote figures from a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from handgrad.cluster.where import open_engine


def nothing(_: Any) -> None:
    """Do nothing."""


def work(seconds: float) -> float:
    """Keep the processor busy for *seconds* and return how long that really took."""
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        sum(range(1000))
    return time.perf_counter() - began


def never() -> bool:
    """Return that no stop is asked for."""
    return False


def main() -> None:
    """Measure each engine and print its line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--on", default="local,cluster")
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    for on in chosen.on.split(","):
        with tempfile.TemporaryDirectory() as place, open_engine(on, chosen.jobs, Path(place)) as engine:
            list(engine.run(nothing, range(4), never))  # the workers stand
            began = time.perf_counter()
            list(engine.run(nothing, range(chosen.tasks), never))
            empty = time.perf_counter() - began
            began = time.perf_counter()
            (answer,) = engine.run(work, [chosen.seconds], never)
            overhead = (time.perf_counter() - began) / answer[1] - 1
        print(
            f"{on:8}  {chosen.tasks:,} tasks of nothing {empty:.2f} s; overhead of {chosen.seconds:g} s: {100 * overhead:.2f} %"
        )


if __name__ == "__main__":
    # Not as __main__: what workers run must have a module that they can import.
    import many_machines

    many_machines.main()
