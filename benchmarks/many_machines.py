"""What an engine costs and how studies scale: measured on this machine, and past it by a simulation that says that it is one.

    python benchmarks/many_machines.py [--tasks 1000] [--seconds 10] [--rounds 3] [--runs 8] [--no-measure] [--json FILE]

1. *Overhead*: a thousand tasks of nothing, once the workers stand, and a task of ``--seconds`` beside the same work in a
   plain call; local processes and a Dask cluster of this machine.
2. *Scaling*: ``--runs`` short trainings (narrow-5k, one epoch of 6,000 images) in a plain loop, by Optuna alone with one job
   and with two, and as a study in two processes, local, and in one and two on Dask. The sides take turns in each round.
3. *Simulation*: 1,000 tasks whose times are drawn from those that were measured, on 1 to 1,000 workers, with stragglers (one
   task in twenty takes five times as long) and workers that die (each once in 200 tasks' time; the task begins again). No
   machine stands behind these figures.

Writes the JSON file and the tables of docs/many-machines.md. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from handgrad.cluster.where import open_engine
from handgrad.digits.data.load import load_dataset
from handgrad.digits.run import train
from handgrad.digits.study import study
from machine import describe_machine
from reproduction import RESULTS, put_into

DOCUMENT = Path(__file__).parents[1] / "docs" / "many-machines.md"
MARK = "<!-- made by benchmarks/many_machines.py: {} -->"
RECIPE, SETTINGS = "narrow-5k-annealed", ("epochs=1",)
IMAGES, TEST = 6_000, 1_000
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_000)
STRAGGLERS, SLOWER = 0.05, 5.0
DEATHS = 1 / 200
"""How often a worker dies in the time of one task."""


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


def overheads(tasks: int, seconds: float, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return by engine the seconds for *tasks* tasks of nothing, and in % what a task takes beside its work of *seconds*."""
    found: dict[str, dict[str, list[float]]] = {
        on: {"nothing_s": [], "overhead_percent": []} for on in ("local", "cluster")
    }
    for _ in range(rounds):
        for on, figures in found.items():
            with tempfile.TemporaryDirectory() as place, open_engine(on, 2, Path(place)) as engine:
                list(engine.run(nothing, range(4), never))  # the workers stand
                began = time.perf_counter()
                list(engine.run(nothing, range(tasks), never))
                figures["nothing_s"].append(round(time.perf_counter() - began, 3))
                began = time.perf_counter()
                ((_, really),) = engine.run(work, [seconds], never)
                figures["overhead_percent"].append(round(100 * ((time.perf_counter() - began) / really - 1), 3))
    return found


def one(place: Path, data: Path, seed: int) -> float:
    """Train one seed in this process and return its seconds."""
    began = time.perf_counter()
    train(RECIPE, overrides=SETTINGS, seed=seed, data=data, out=place, precision="fp32", threads=1)
    return time.perf_counter() - began


def by_optuna(place: Path, data: Path, runs: int, jobs: int) -> None:
    """Train *runs* seeds by Optuna alone: its loop, *jobs* threads of this process."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    search = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    search.optimize(lambda trial: one(place, data, trial.number), n_trials=runs, n_jobs=jobs)


def scaling(runs: int, rounds: int) -> dict[str, Any]:
    """Return the seconds of every side in every round, and those of single trainings in the plain loop."""
    times: list[float] = []

    def loop(place: Path, data: Path) -> None:
        times.extend(round(one(place, data, seed), 3) for seed in range(runs))

    def as_study(on: str, jobs: int) -> Callable[[Path, Path], Any]:
        return lambda place, data: study(
            RECIPE, overrides=SETTINGS, seeds=range(runs), data=data, out=place, precision="fp32", jobs=jobs, on=on
        )

    sides: dict[str, Callable[[Path, Path], Any]] = {
        "a plain loop": loop,
        "Optuna alone, 1 job": lambda place, data: by_optuna(place, data, runs, 1),
        "Optuna alone, 2 jobs": lambda place, data: by_optuna(place, data, runs, 2),
        "study, 2 processes": as_study("local", 2),
        "study on Dask, 1 worker": as_study("cluster", 1),
        "study on Dask, 2 workers": as_study("cluster", 2),
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    with tempfile.TemporaryDirectory() as name:
        data = some_digits(Path(name) / "data")
        for turn in range(rounds):
            for side, run in sides.items():
                began = time.perf_counter()
                run(Path(name) / f"{turn}-{side}", data)
                seconds[side].append(round(time.perf_counter() - began, 2))
                print(f"round {turn + 1}, {side}: {seconds[side][-1]} s", flush=True)
    return {"runs": runs, "rounds": rounds, "seconds": seconds, "task_seconds": times}


def some_digits(folder: Path) -> Path:
    """Write a part of the digits as IDX files into *folder* and return it."""
    given = os.environ.get("HANDGRAD_DATA")
    whole = load_dataset(Path(given) if given else None)
    folder.mkdir()
    parts = {
        "train": (whole.train_images[:IMAGES], whole.train_labels[:IMAGES]),
        "t10k": (whole.test_images[:TEST], whole.test_labels[:TEST]),
    }
    for stem, (images, labels) in parts.items():
        for kind, values in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)):
            array = np.asarray(values, dtype=np.uint8)
            head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
            (folder / f"{stem}-{kind}").write_bytes(head + array.tobytes())
    return folder


def simulated(times: list[float], overhead: float, tasks: int = 1_000, seed: int = 0) -> list[dict[str, float]]:
    """Return, for each number of workers, how long *tasks* tasks take and what part of the workers' time is used for them."""
    rows = []
    for workers in WORKERS:
        chance = np.random.default_rng(seed)
        lengths = chance.choice(times, tasks) + overhead
        lengths[chance.random(tasks) < STRAGGLERS] *= SLOWER
        mean = float(np.mean(times))
        free = [0.0] * workers
        heapq.heapify(free)
        waiting = list(lengths[::-1])
        useful, last = float(lengths.sum()), 0.0
        while waiting:
            length, at = waiting.pop(), heapq.heappop(free)
            died = float(chance.exponential(mean / DEATHS))
            if died < length:  # the worker dies under way: another one takes its place, the task begins again
                waiting.append(length)
                heapq.heappush(free, at + died)
            else:
                last = max(last, at + length)
                heapq.heappush(free, at + length)
        rows.append(
            {"workers": workers, "seconds": round(last, 1), "used_percent": round(100 * useful / (workers * last), 1)}
        )
    return rows


def tables(record: dict[str, Any]) -> dict[str, str]:
    """Return the tables of the document by their marks."""
    cost = ["| engine | 1,000 tasks of nothing | overhead of a task of 10 s |", "|---|---|---|"]
    for on, figures in record["overhead"].items():
        percents = figures["overhead_percent"]
        spread = f"{min(percents):.2f} to {max(percents):.2f}"
        cost.append(f"| `{on}` | {median(figures['nothing_s']):.2f} s | {median(percents):.2f} % ({spread}) |")
    found = record["scaling"]
    plain = found["seconds"]["a plain loop"]
    scale = [f"| {found['runs']} trainings | median | beside the plain loop (spread) |", "|---|---|---|"]
    for side, seconds in found["seconds"].items():
        ratios = [first / second for first, second in zip(plain, seconds, strict=True)]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        scale.append(f"| {side} | {median(seconds):.1f} s | {median(ratios):.2f} times as fast ({spread}) |")
    machine = record["machine"]
    told = f"{found['rounds']} rounds; {machine['processor']}, {machine['cores']} cores; torch {machine['torch']}, "
    told += f"dask {machine['distributed']}, optuna {machine['optuna']}; load before: {machine['load_average'][0]:.1f}."
    rows = ["| workers | 1,000 tasks take | of the workers' time is used |", "|---|---|---|"]
    rows += [
        f"| {row['workers']:,} | {row['seconds']:,.0f} s | {row['used_percent']:.0f} % |"
        for row in record["simulation"]
    ]
    return {
        "overhead": "\n".join([*cost, "", told]),
        "scaling": "\n".join([*scale, "", told]),
        "simulation": "\n".join(rows),
    }


def main() -> None:
    """Measure, simulate, write the record and the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--no-measure", action="store_true", help="only simulate and write the tables again")
    parser.add_argument("--json", type=Path, default=RESULTS / "many_machines.json")
    chosen = parser.parse_args()
    if chosen.no_measure:
        record = json.loads(chosen.json.read_text())
    else:
        record = {"machine": describe_machine("torch", "distributed", "optuna")}
        record["overhead"] = overheads(chosen.tasks, chosen.seconds, chosen.rounds)
        record["scaling"] = scaling(chosen.runs, chosen.rounds)
    # What Dask adds to a task, in seconds, of the measured percentage.
    overhead = median(record["overhead"]["cluster"]["overhead_percent"]) / 100 * chosen.seconds
    record["simulation"] = simulated(record["scaling"]["task_seconds"], overhead)
    chosen.json.write_text(json.dumps(record, indent=1) + "\n")
    for mark, table in tables(record).items():
        print(table, end="\n\n")
        put_into(DOCUMENT, table, MARK.format(mark))


if __name__ == "__main__":
    # Not as __main__: what workers run must have a module that they can import.
    import many_machines

    many_machines.main()
