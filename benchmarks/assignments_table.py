"""The published networks against the shipped assignments: which meets which, and why not.

    python benchmarks/assignments_table.py [--runs DIR] [--check]

Layers, parameters and answers are examined here and now on drawn digits; epochs, batch size and rotation are those of the
published recipes; the accuracy is that of the run folders in DIR (``results/runs`` beside this script, finished ones only,
every seed there is), or, where there is none, the published figure, said as such. The judge's own conditions decide.

The table goes between the two marks in docs/assignments.md; ``--check`` writes nothing and fails where the document says
otherwise.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.networks.load import load_network
from handgrad.digits.training.augment import normalise
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import load_recipe
from handgrad.judge.examination.examine import examine
from handgrad.judge.network.assignment import Assignment
from handgrad.judge.network.assignment_file import load_assignment, shipped_assignments
from handgrad.judge.network.conditions import check, verdict_of
from handgrad.judge.network.reached import at_line
from handgrad.judge.verdict import EpochAnswer, Examination, Requirement, SeedResult
from handgrad.score import percent

RUNS = Path(__file__).parent / "results" / "runs"
DOCUMENT = Path(__file__).parents[1] / "docs" / "assignments.md"
MARK = "<!-- made by benchmarks/assignments_table.py -->"
PUBLISHED = {
    # recipe: right answers of 10,000 in the last epoch, as published
    "squeeze-16k-adam": 9933,
    "squeeze-16k-sgd": 9949,
    "twopool-17k": 9957,
    "biasfree-12k": 9938,
    "transition-11k": 9942,
    "gap10-17k": 9948,
}


def results_of(recipe: Recipe, runs: Path) -> list[SeedResult]:
    """Return the finished runs of *recipe* in *runs*, by seed."""
    found = []
    for folder in sorted(runs.glob(f"*{recipe.name}-s*")):
        summary = json.loads((folder / "summary.json").read_text("utf-8")) if (folder / "summary.json").exists() else {}
        if summary.get("recipe") != recipe.name or summary.get("status") != "complete":
            continue
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]
        if any(line["evaluation"]["on"] != "test" for line in lines):
            continue
        answers = [
            EpochAnswer(line["epoch"], line["evaluation"]["correct"], line["evaluation"]["total"]) for line in lines
        ]
        found.append(SeedResult(summary["seed"], tuple(answers)))
    return found


def as_published(assignment: Assignment, recipe: Recipe, requirement: Requirement) -> Requirement:
    """Return the accuracy by the published figure of the last epoch; open where more epochs are asked for."""
    last = EpochAnswer(recipe.epochs, PUBLISHED[recipe.name], 10_000)
    good = at_line(last, assignment.accuracy.share)
    met = None if good and assignment.accuracy.epochs > 1 else good
    found = f"{percent(last.correct, last.total)} in the last epoch as published, not trained here"
    return replace(requirement, found=found, met=met)


def judged(
    assignment: Assignment, examination: Examination, recipe: Recipe, results: Sequence[SeedResult]
) -> tuple[Requirement, ...]:
    """Return every condition of *assignment*, the accuracy from *results* or from print."""
    found = check(assignment, examination, recipe, results)
    if results:
        return found
    return tuple(as_published(assignment, recipe, each) if each.name == "accuracy" else each for each in found)


def seen(name: str) -> Examination:
    """Return what *name* computes with, on drawn digits."""
    torch.manual_seed(0)
    images = torch.from_numpy(draw_digits(16, seed=1)[0])
    return examine(load_network(name), normalise(images), name=name)


def lines(runs: Path) -> Iterator[str]:
    """Return the table, and below it what keeps each recipe from each assignment."""
    presets = [load_assignment(name) for name in shipped_assignments()]
    yield f"| recipe | parameters | trained with seeds | {' | '.join(each.name for each in presets)} |"
    yield f"|---|---|---|{'---|' * len(presets)}"
    reasons: dict[str, list[str]] = {}
    untrained = False
    for name in PUBLISHED:
        recipe = load_recipe(name)
        examination, results = seen(recipe.network), results_of(recipe, runs)
        cells = []
        for preset in presets:
            found = judged(preset, examination, recipe, results)
            missed = [each for each in found if each.met is False]
            cells.append(verdict_of(found) + (f": {', '.join(each.name for each in missed)}" if missed else ""))
            for each in missed:
                reasons.setdefault(f"{each.name}: {each.asked} – found {each.found}|{name}", []).append(preset.name)
        printed, seeds = ("", ", ".join(str(each.seed) for each in results)) if results else (" †", "none")
        untrained |= not results
        yield f"| `{name}` | {examination.counted:,} | {seeds} | {' | '.join(f'{cell}{printed}' for cell in cells)} |"
    yield ""
    if untrained:
        yield "† No run of this recipe here yet: the accuracy is the published one, and nothing was trained."
        yield ""
    yield "Why not, condition by condition:"
    yield ""
    for words, where in reasons.items():
        reason, _, name = words.rpartition("|")
        yield f"- `{name}` for {', '.join(where)} – {reason}"


def main() -> None:
    """Write the table into the document, or check that it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    before, mark, rest = DOCUMENT.read_text(encoding="utf-8").partition(MARK)
    _, end, after = rest.partition(MARK)
    if not mark or not end:
        raise SystemExit(f"{DOCUMENT} has not two marks {MARK}")
    text = f"{before}{MARK}\n" + "\n".join(lines(given.runs)) + f"\n{MARK}{after}"
    if given.check and text != DOCUMENT.read_text(encoding="utf-8"):
        raise SystemExit(f"{DOCUMENT} is out of date – run python benchmarks/assignments_table.py")
    if not given.check:
        DOCUMENT.write_text(text, encoding="utf-8")
        print("\n".join(lines(given.runs)))


if __name__ == "__main__":
    main()
