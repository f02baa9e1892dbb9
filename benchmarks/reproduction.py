"""The published runs and ours, reproduced: trains what is missing and makes the table in README from the run folders.

    python benchmarks/reproduction.py [--runs DIR] [--no-train] [--jobs 2] [--json FILE]

Each published recipe and `quick` is trained with seeds 0 to 4, each other one of ours with 0, 1, 2, on all training images;
the test set is read after every epoch. The headline is the last epoch. What was trained before with the same recipe is not
trained again, so the script can be stopped and started at will; runs that diverged are listed and count as failed. The records
of finished runs (recipe, environment, metrics, summary; no weights) are kept in ``results/runs``, and the table is made from
them, also between the two marks in README; to train everything anew, delete that folder.
Seconds an epoch of 60,000 images come from ``usual_script.json`` in the results, where a part of an epoch is timed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import statistics
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from handgrad.digits.run import resume, train
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import differences, load_recipe, parse_recipe
from handgrad.errors import HandgradError
from handgrad.runs.folder import ENVIRONMENT, METRICS, RECIPE, SUMMARY, RunFolder, find_runs
from handgrad.score import spread

RESULTS = Path(__file__).parent / "results"
KEPT = RESULTS / "runs"
README = Path(__file__).parents[1] / "README.md"
MARK = "<!-- made by benchmarks/reproduction.py -->"
PUBLISHED = {
    # recipe: (last epoch, best epoch) as published, of 10,000; None where it was not stated
    "squeeze-16k-adam": (9933, 9945),
    "squeeze-16k-sgd": (9949, 9950),
    "twopool-17k": (9957, 9957),
    "biasfree-12k": (9938, 9943),
    "transition-11k": (9942, 9945),
    "gap10-17k": (9948, 9948),
}
OURS = (
    "squeeze-16k-annealed",
    "twopool-17k-annealed",
    "biasfree-12k-annealed",
    "transition-11k-annealed",
    "gap10-17k-annealed",
    "quick",
)


@dataclass(frozen=True)
class Task:
    """One training to be done, or to go on with where *folder* is one that was stopped."""

    recipe: str
    seed: int
    out: str
    data: str | None
    folder: str | None


def seeds_of(recipe: str) -> range:
    """Return the seeds that *recipe* is trained with."""
    return range(5) if recipe == "quick" or recipe in PUBLISHED else range(3)


def same_training(folder: RunFolder, recipe: Recipe) -> bool:
    """Whether the run in *folder* was made with *recipe* in everything but the note."""
    kept = parse_recipe(folder.read(RECIPE), RECIPE)
    return not [line for line in differences(kept, recipe) if not line.startswith("note ")]


def keep(folder: RunFolder) -> None:
    """Copy the record of a complete run to the results, without the paths of the machine that made it."""
    environment, summary = folder.read_json(ENVIRONMENT), folder.read_json(SUMMARY)
    place = KEPT / f"{summary['recipe']}-s{summary['seed']}"
    place.mkdir(parents=True, exist_ok=True)
    kept = RunFolder(place)
    kept.write(RECIPE, folder.read(RECIPE))
    kept.write(METRICS, folder.read(METRICS))
    kept.write_json(ENVIRONMENT, environment | {"data": None})
    kept.write_json(SUMMARY, {key: value for key, value in summary.items() if key != "files"} | {"path": place.name})


def known_runs(root: Path) -> dict[tuple[str, int], RunFolder]:
    """Return the run folders below *root* by recipe and seed; a complete one goes before one that was stopped."""
    found: dict[tuple[str, int], RunFolder] = {}
    for folder in (*find_runs(KEPT), *find_runs(root)):
        name, seed = parse_recipe(folder.read(RECIPE), RECIPE).name, int(folder.read_json("environment.json")["seed"])
        wanted = (name in PUBLISHED or name in OURS) and same_training(folder, load_recipe(name))
        if wanted and ((name, seed) not in found or (folder.complete and not found[name, seed].complete)):
            found[name, seed] = folder
    return found


def missing(root: Path, data: str | None) -> list[Task]:
    """Return what is still to be trained, seed 0 of every recipe first."""
    known, tasks = known_runs(root), []
    for seed in range(5):
        for recipe in (*PUBLISHED, *OURS):
            folder = known.get((recipe, seed))
            if seed in seeds_of(recipe) and not (folder and folder.complete):
                tasks.append(Task(recipe, seed, str(root), data, str(folder.path) if folder else None))
    return tasks


def do(task: Task) -> str:
    """Train, or go on, with one thread; return one line."""
    try:
        if task.folder:
            last = resume(task.folder).last_epoch
        else:
            last = train(
                task.recipe, seed=task.seed, data=task.data, out=task.out, precision="fp32", threads=1
            ).last_epoch
    except HandgradError as error:
        return f"{task.recipe} seed {task.seed}: {error}"
    return f"{task.recipe} seed {task.seed}: {last.correct} of {last.total}"


def row_of(recipe: str, runs: dict[tuple[str, int], RunFolder], epoch_seconds: dict[str, float]) -> dict[str, Any]:
    """Return the figures of *recipe* over its seeds."""
    tables = [runs[recipe, seed].read_json(SUMMARY) for seed in seeds_of(recipe) if (recipe, seed) in runs]
    done = [table for table in tables if table["status"] == "complete"]
    last = [table["last_epoch"]["accuracy"] for table in done]
    return {
        "recipe": recipe,
        "network": load_recipe(recipe).network,
        "epochs": load_recipe(recipe).epochs,
        "published": PUBLISHED.get(recipe),
        "seeds": [table["seed"] for table in done],
        "failed": [
            {"seed": table["seed"], "reason": table["reason"]} for table in tables if table["status"] != "complete"
        ],
        "last_epoch": asdict(spread(last)) | {"values": last} if last else None,
        "best_epoch": [table["best_epoch"]["accuracy"] for table in done],
        "best_epoch_selected_on": "test set",
        "seconds_training_one_thread": [table["seconds_training"] for table in done],
        "seconds_an_epoch_two_cores": epoch_seconds.get(load_recipe(recipe).network),
    }


def table_of(rows: list[dict[str, Any]]) -> str:
    """Return the Markdown table: published against reproduced."""
    lines = [
        "| recipe | epochs | published: last, best¹ | last epoch: mean ± sd (lowest) | best epoch¹ | seeds | s per epoch² |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        published = ", ".join(f"{count / 100:.2f}" for count in row["published"] or ()) or "–"
        found = row["last_epoch"]
        if found is None:
            continue
        sd = f" ± {found['sd']:.2f}" if found["sd"] is not None else ""
        best = sum(row["best_epoch"]) / len(row["best_epoch"])
        failed = f", {len(row['failed'])} failed" if row["failed"] else ""
        seconds = row["seconds_an_epoch_two_cores"]
        timed = f"{seconds:.1f}" if seconds else "–"
        mean = int(found["mean"] * 1000 + 1e-6) / 1000  # rounded down: 99.3999 is not 99.400
        lines.append(
            f"| `{row['recipe']}` | {row['epochs']} | {published} | {mean:.3f}{sd} ({found['lowest']:.2f}) "
            f"| {best:.2f} | {found['n']}{failed} | {timed} |"
        )
    return "\n".join(
        [*lines, "", "¹ selected on the test set. ² measured with `benchmarks/usual_script.py` on a part of an epoch."]
    )


def put_into(document: Path, table: str, name: str = MARK) -> None:
    """Replace what stands between the two marks *name* in *document* by *table*."""
    before, mark, rest = document.read_text(encoding="utf-8").partition(name)
    _, end, after = rest.partition(name)
    if mark and end:
        document.write_text(f"{before}{mark}\n{table}\n{end}{after}", encoding="utf-8")


def main() -> None:
    """Train what is missing, print the table, write the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs") / "reproduction")
    parser.add_argument("--no-train", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path, default=RESULTS / "reproduction.json")
    given = parser.parse_args()
    tasks = [] if given.no_train else missing(given.runs, os.environ.get("HANDGRAD_DATA"))
    if tasks:
        with ProcessPoolExecutor(given.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
            for line in pool.map(do, tasks):
                print(line, flush=True)
    timed = RESULTS / "usual_script.json"
    record: dict[str, Any] = json.loads(timed.read_text()) if timed.exists() else {"images": 1, "networks": []}
    whole = 60_000 / record["images"]
    epoch_seconds = {row["network"]: whole * statistics.median(row["seconds"]["ours"]) for row in record["networks"]}
    runs = {place: folder for place, folder in known_runs(given.runs).items() if folder.complete}
    for folder in runs.values():
        if folder.path.parent != KEPT:
            keep(folder)
    rows = [row_of(recipe, runs, epoch_seconds) for recipe in (*PUBLISHED, *OURS)]
    print(table_of(rows))
    put_into(README, table_of(rows))
    environment = {"python": platform.python_version(), "torch": torch.__version__, "platform": platform.platform()}
    machine = {"cores": os.cpu_count(), "isa": torch.backends.cpu.get_cpu_capability(), "threads_a_run": 1}
    given.json.parent.mkdir(exist_ok=True)
    given.json.write_text(json.dumps({"versions": environment, "machine": machine, "recipes": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
