"""The published runs, found out: which of the values that a publication leaves unsaid explains its whole trace best.

    python benchmarks/traces.py [--runs DIR] [--seeds 3] [--jobs 2] [--no-train]

For each published recipe, `CANDIDATES` lists what may stand behind it. Each is trained with the same seeds, the test set read
after every epoch, and weighed by `handgrad.audit` against the figures in ``published/``: what a publication printed, by epoch,
counted from 1. What was trained before is not trained again; records of finished runs are kept in ``results/runs``. Makes the
tables and the pictures of docs/reproductions.md.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from handgrad.audit import Audit, Candidate, read_trace, runs_of, traced, weigh
from handgrad.audit.page import HEAD, cells, charts_of, shown
from handgrad.digits.run import train
from handgrad.digits.training.recipe_file import load_recipe
from handgrad.errors import HandgradError
from handgrad.report.plots import as_png, chart_plot
from handgrad.runs import open_run
from handgrad.runs.find import complete_runs
from handgrad.runs.read import Run
from reproduction import KEPT, keep, put_into

PUBLISHED = Path(__file__).parent / "published"
DOCUMENT = Path(__file__).parents[1] / "docs" / "reproductions.md"
PICTURES = DOCUMENT.parent / "pictures"
MARK = "<!-- made by benchmarks/traces.py: {} -->"

CANDIDATES: dict[str, dict[str, tuple[str, ...]]] = {
    # recipe: what is tried, by the values that differ from the shipped recipe
    "squeeze-16k-adam": {"as published": ()},
    "squeeze-16k-sgd": {"as published": ()},
    "twopool-17k": {
        "Adam, drops after epochs 10 and 15": (),
        "SGD, momentum 0.9, a drop after epoch 10": (
            "optimizer.name=sgd",
            "optimizer.momentum=0.9",
            "schedule.milestones=[]",
            "schedule.every=10",
            "name=twopool-sgd",
        ),
    },
    "biasfree-12k": {
        "dropout 0.05, no augmentation": (),
        "dropout 0.15, rotation 7": ("dropout=0.15", "augmentation.rotation=7", "name=biasfree-rotated"),
    },
    "transition-11k": {"as published": ()},
    "gap10-17k": {
        "momentum 0.9, a tenth after every 6 epochs": (),
        "momentum 0.9, constant rate": ("schedule.name=constant", "name=gap10-constant"),
        "momentum 0, constant rate": ("schedule.name=constant", "optimizer.momentum=0", "name=gap10-plain"),
        "momentum 0.9, a tenth after every 6 epochs, rotation 5": ("augmentation.rotation=5", "name=gap10-rotated"),
        "momentum 0.9, a tenth after every 6 epochs, dropout before the squeezes": (
            "network=benchmarks/published/gap10_dropout.py:Gap10",
            "name=gap10-dropout",
        ),
    },
}


@dataclass(frozen=True)
class Training:
    """One training to be done."""

    recipe: str
    overrides: tuple[str, ...]
    seed: int
    out: Path


def candidates(recipe: str) -> list[Candidate]:
    """Return the candidates of a published recipe under their names."""
    return [Candidate(name, load_recipe(recipe, overrides)) for name, overrides in CANDIDATES[recipe].items()]


def do(training: Training) -> str:
    """Train with one thread and keep the record; return one line."""
    try:
        run = train(
            training.recipe,
            overrides=training.overrides,
            seed=training.seed,
            data=os.environ.get("HANDGRAD_DATA"),
            out=training.out,
            precision="fp32",
            threads=1,
        )
    except HandgradError as error:
        return f"{training}: {error}"
    keep(open_run(Path(run.path)))
    return f"{run.recipe} seed {training.seed}: {run.last_epoch.correct} of {run.last_epoch.total}"


def all_runs(roots: list[Path]) -> list[Run]:
    """Return every complete run below *roots*, read once for all candidates."""
    return [run for root in roots for run in complete_runs(root)]


def missing(seeds: range, runs: list[Run], out: Path) -> list[Training]:
    """Return what is still to be trained, seed by seed so that every candidate has one early."""
    found = []
    for seed in seeds:
        for recipe, tried in CANDIDATES.items():
            for candidate, overrides in zip(candidates(recipe), tried.values(), strict=True):
                if not runs_of(candidate, [seed], runs):
                    found.append(Training(recipe, overrides, seed, out))
    return found


def audited(recipe: str, seeds: range, known: list[Run]) -> Audit | None:
    """Return the audit of one publication over the candidates with two finished seeds or more; None where there are none."""
    tried = {}
    for candidate in candidates(recipe):
        runs = runs_of(candidate, seeds, known)
        if len(runs) > 1:
            tried[candidate.name] = [(seed, traced(runs[seed])) for seed in sorted(runs)]
    return weigh(replace(read_trace(PUBLISHED / f"{recipe}.csv"), source=recipe), tried) if tried else None


def section(recipe: str, audit: Audit) -> str:
    """Return what the document shows of one publication, and draw its picture."""
    best = audit.best
    picture = PICTURES / f"trace-{recipe}.png"
    chart = replace(charts_of(audit, best)[0], title=f"{recipe}: {best.name}, {len(best.seeds)} seeds")
    picture.write_bytes(as_png(chart_plot(chart)))
    lines = [f"### `{recipe}`", "", "| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
    lines += ["| " + " | ".join(cells(each)) + " |" for each in audit.candidates]
    waiting = [name for name in CANDIDATES[recipe] if name not in {each.name for each in audit.candidates}]
    if waiting:
        lines += ["", f"Not yet trained with two seeds: {'; '.join(waiting)}."]
    outside = [each for each in best.figures if each.word == "outside"]
    if outside:
        told = "; ".join(
            f"epoch {each.epoch}, {shown(each.series, each.printed)} ({shown(each.series, each.low)} to "
            f"{shown(each.series, each.high)})"
            for each in outside
        )
        lines += ["", f"Outside of the nearest candidate: {told}."]
    lines += ["", f"![{chart.text}](pictures/{picture.name})"]
    return "\n".join(lines)


def main() -> None:
    """Train what is missing, then make the document's tables and pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs") / "traces")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--no-train", action="store_true")
    given = parser.parse_args()
    seeds, roots = range(given.seeds), [KEPT, given.runs]
    todo = [] if given.no_train else missing(seeds, all_runs(roots), given.runs)
    if todo:
        with ProcessPoolExecutor(given.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
            for line in pool.map(do, todo):
                print(line, flush=True)
    known = all_runs(roots)
    audits = {recipe: audit for recipe in CANDIDATES if (audit := audited(recipe, seeds, known)) is not None}
    put_into(DOCUMENT, "\n\n".join(section(recipe, audit) for recipe, audit in audits.items()), MARK.format("traces"))
    for recipe, audit in audits.items():
        print(f"{recipe}: {audit.best.name}, distance {audit.best.distance:.2f}, {audit.best.count('outside')} outside")


if __name__ == "__main__":
    main()
