"""The records: trains the seeds that are missing, and makes the tables and the plot of docs/records.md from run folders.

    python benchmarks/records.py [RECIPE …] [--seeds 10] [--runs DIR] [--jobs 2] [--precision auto]

RECIPE is one of the shipped `record-…` recipes; without any nothing is trained, and the tables are made from what is there. The
seeds are 0, 1, 2, …: none is chosen and none is dropped, one that diverged counts as failed. Each seed trains in a process of
its own, `handgrad train RECIPE --seed N`: `record-time` one after the other with every core and a clock around the process, the
others *jobs* at a time with one thread each. Records of finished runs are kept in ``results/runs``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from handgrad.digits.data.load import load_dataset
from handgrad.digits.networks.load import load_network
from handgrad.digits.networks.published import count_parameters
from handgrad.digits.training.device import PRECISIONS
from handgrad.digits.training.recipe_file import load_recipe
from handgrad.runs.folder import SUMMARY, find_runs
from handgrad.score import spread
from reproduction import KEPT, OURS, PUBLISHED, RESULTS, keep, put_into, same_training

DOCUMENT = Path(__file__).parents[1] / "docs" / "records.md"
PICTURE = DOCUMENT.parent / "pictures" / "records.png"
TRIALS = RESULTS / "trials.jsonl"
CLOCK = RESULTS / "records_time.json"
TIMED = "record-time"
MARK = "<!-- made by benchmarks/records.py: {} -->"


@dataclass(frozen=True)
class Goal:
    """What a recipe is to reach."""

    what: str
    goal: str
    public: str


GOALS = {
    "record-2k": Goal("best mean at 2,000 parameters or fewer", "99.40 %", "5,196 reached 99.40 % (one run)"),
    "record-3k": Goal("best mean at 3,000 parameters or fewer", "99.40 %", "5,196 reached 99.40 % (one run)"),
    "record-best": Goal("best mean under 20,000 parameters", "99.65 %", "99.57 % (one run)"),
    "record-8k": Goal("best mean at 8,000 parameters or fewer", "99.60 %", "99.55 % with 7,704 (one run)"),
    TIMED: Goal("time to a mean ≥ 99.40 % on two cores", "30 s of training", "98.31 % in 60 s (one run)"),
}
BEFORE = ("narrow-5k-annealed", "squeezed-8k-annealed", "orbit-8k-annealed", "squeeze-16k-muon")
"""Records that were since reached by another network."""
LEFT = (
    *("transition-11k-annealed", "biasfree-12k-annealed", "record-time", "quick", "squeeze-16k-annealed"),
    *("squeeze-16k-muon", "orbit-8k-annealed"),
)
"""Whose name stands to the left of its point in the plot, so that neighbours do not cover each other."""
HIGHER = {TIMED: -44, "biasfree-12k-annealed": 20, "quick": 6}
"""And by how many points of print a name stands above its point, or below it, where two neighbours stand at one height."""

PUBLIC = ((5196, 99.40), (7704, 99.55), (19_972, 99.57))
"""Parameters and last epoch of the best public runs found; single runs."""


def finished(recipe: str) -> dict[int, dict[str, Any]]:
    """Return the records of the finished runs of *recipe* by seed."""
    wanted, found = load_recipe(recipe), {}
    for folder in find_runs(KEPT):
        if folder.path.name.startswith(f"{recipe}-s") and same_training(folder, wanted):
            table = folder.read_json(SUMMARY)
            found[int(table["seed"])] = table
    return dict(sorted(found.items()))


def run_seed(recipe: str, seed: int, out: Path, threads: int | None, precision: str = "auto") -> float:
    """Train one seed in a process of its own, keep its record, and return the seconds from its start to its end."""
    command = [sys.executable, "-m", "handgrad", "train", recipe, "--seed", str(seed), "--out", str(out), "--json"]
    command += ["--precision", precision, *(["--threads", str(threads)] if threads else [])]
    began = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    seconds = time.perf_counter() - began
    for folder in find_runs(out):
        if folder.path.name.endswith(f"-{recipe}-s{seed}") and (folder.path / SUMMARY).exists():
            keep(folder)
    if done.returncode == 0:
        last = json.loads(done.stdout)["last_epoch"]
        print(f"{recipe} seed {seed}: {last['correct']} of {last['total']} in {seconds:.1f} s", flush=True)
    else:
        print(f"{recipe} seed {seed}: status {done.returncode}", flush=True)
    return seconds


def train_missing(recipe: str, seeds: int, out: Path, jobs: int, precision: str) -> None:
    """Train what is missing of *recipe*."""
    dataset = load_dataset(Path(os.environ["HANDGRAD_DATA"]) if os.environ.get("HANDGRAD_DATA") else None)
    if dataset.name != "mnist":
        raise SystemExit(
            f"the records are of MNIST – found dataset: {dataset.name} – name its folder in $HANDGRAD_DATA"
        )
    missing = [seed for seed in range(seeds) if seed not in finished(recipe)]
    if recipe != TIMED:
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(lambda seed: run_seed(recipe, seed, out, 1, precision), missing))
        return
    clock = json.loads(CLOCK.read_text()) if CLOCK.exists() else {"seconds": {}}
    for seed in missing:
        clock["seconds"][str(seed)] = round(run_seed(recipe, seed, out, None), 2)
        clock["versions"] = {"python": platform.python_version(), "torch": torch.__version__}
        clock["machine"] = {"platform": platform.platform(), "cores": os.cpu_count()}
        CLOCK.write_text(json.dumps(clock, indent=2) + "\n")


def records_table() -> str:
    """Return the table of the records."""
    lines = [
        "| record | goal | public | recipe | parameters | epochs | seeds | in "
        "| mean ± sd (lowest) | 95 % interval of the mean |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, goal in GOALS.items():
        tables = list(finished(name).values())
        done = [table["last_epoch"]["accuracy"] for table in tables if table["status"] == "complete"]
        if not done:
            continue
        recipe, found = load_recipe(name), spread(done)
        parameters = count_parameters(load_network(recipe.network))
        failed = f" ({len(tables) - len(done)} failed)" if len(done) < len(tables) else ""
        sd = "–" if found.sd is None else f"{found.sd:.3f}"
        low, high = found.interval95 or (math.nan, math.nan)
        precisions = ", ".join(sorted({table["precision"] for table in tables}))
        lines.append(
            f"| {goal.what} | {goal.goal} | {goal.public} | `{name}` | {parameters:,} | {recipe.epochs} | {found.n}{failed} "
            f"| {precisions} | {floor3(found.mean)} ± {sd} ({found.lowest:.2f}) | {low:.3f} to {high:.3f} |"
        )
    return "\n".join(lines)


def floor3(value: float) -> str:
    """Return *value* with three decimals, rounded down: 99.3999 is not 99.400."""
    return f"{math.floor(value * 1000 + 1e-6) / 1000:.3f}"


def time_table() -> str:
    """Return what the time record took: training alone, and the whole process."""
    if not CLOCK.exists():
        return "Not measured yet."
    clock = json.loads(CLOCK.read_text())
    training = [table["seconds_training"] for table in finished(TIMED).values() if table["status"] == "complete"]
    whole = list(clock["seconds"].values())
    rows = [("training alone", training), ("from the start of the process to its end", whole)]
    lines = ["| seconds | median | lowest to highest | runs |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {statistics.median(values):.1f} | {min(values):.1f} to {max(values):.1f} | {len(values)} |"
        for name, values in rows
        if values
    ]
    machine, versions = clock["machine"], clock["versions"]
    told = f"{machine['cores']} cores, {machine['platform']}, torch {versions['torch']}"
    return "\n".join([*lines, "", f"Measured on {told}; one run after the other on a machine doing nothing else."])


def log_table() -> str:
    """Return the log of the tries, in the order in which they were made."""
    lines = [
        "| network | parameters | settings that differ from the recipe | epochs | seed | on the hold-out | its loss | note |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for text in TRIALS.read_text(encoding="utf-8").splitlines() if TRIALS.exists() else ():
        row = json.loads(text)
        result = "diverged" if row["failed"] else f"{100 * row['correct'][-1] / row['of']:.2f} %"
        settings = ", ".join(setting for setting in row["settings"] if not setting.startswith("epochs=")) or "–"
        # The first tries were made before losses were written down.
        loss = f"{row['loss'][-1]:.4f}" if row.get("loss") and not row["failed"] else "–"
        lines.append(
            f"| `{row['network']}` | {row['parameters']:,} | `{row['recipe']}`: {settings} | {row['epochs']} | {row['seed']} "
            f"| {result} | {loss} | {row['note'] or ('bf16' if row.get('precision') == 'bf16' else '')} |"
        )
    return "\n".join(lines)


def draw() -> None:
    """Write the plot of accuracy against parameters: public single runs, the published networks, ours over seeds."""
    figure = Figure(figsize=(8, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    sizes = {name: count_parameters(load_network(load_recipe(name).network)) for name in PUBLISHED}
    axes.plot(*zip(*PUBLIC, strict=True), "s", color="#777777", label="public records (single runs)")
    published = [(sizes[name], last / 100) for name, (last, _) in PUBLISHED.items()]
    axes.plot(*zip(*published, strict=True), "^", color="#b0a060", label="the five networks as published (single runs)")
    first = True
    for name in (*GOALS, *BEFORE, *OURS):
        values = [table["last_epoch"]["accuracy"] for table in finished(name).values() if table["status"] == "complete"]
        if not values:
            continue
        size, found = count_parameters(load_network(load_recipe(name).network)), spread(values)
        half = (found.interval95[1] - found.mean) if found.interval95 else 0.0
        label = "ours: mean of (n) seeds, 95 % interval" if first else None
        axes.errorbar(size, found.mean, yerr=half, fmt="o", color="#1f5fa8", capsize=3, label=label)
        dx, dy = (-6 if name in LEFT else 6), HIGHER.get(name, -3)
        side = "right" if name in LEFT else "left"
        text = f"{name.replace('-annealed', '')} ({found.n})"
        axes.annotate(text, (size, found.mean), (dx, dy), textcoords="offset points", fontsize=7, ha=side)
        first = False
    axes.axhline(99.40, color="#999999", linewidth=0.8, linestyle=":")
    axes.set(
        xscale="log",
        xlabel="parameters",
        ylabel="accuracy in the last epoch, %",
        title="Accuracy against parameters, MNIST",
    )
    axes.set_xlim(1700, 26_000)
    ticks = [2000, 3000, 5000, 8000, 12_000, 20_000]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="upper left")
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=150)


def main() -> None:
    """Train what is asked for and missing, then write the tables and the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", choices=[*GOALS, []])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--runs", type=Path, default=Path("runs") / "records")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--precision", default="auto", choices=PRECISIONS)
    given = parser.parse_args()
    for recipe in given.recipes:
        train_missing(recipe, given.seeds, given.runs, given.jobs, given.precision)
    draw()
    for part, table in (("records", records_table()), ("time", time_table()), ("log", log_table())):
        put_into(DOCUMENT, table, MARK.format(part))
    print(records_table())


if __name__ == "__main__":
    main()
