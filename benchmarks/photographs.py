"""How well a run reads photographs: 1,000 that are drawn here from test digits, a hundred with each of ten nuisances.

``python benchmarks/photographs.py RUN`` prints the table of docs/photographs.md and writes it into the page. Three ways from
a photograph to 28×28 are measured: the pipeline of `handgrad predict`; the same without the change of the stroke's width; and
what textbooks do (the whole picture squeezed into 28×28, inverted). A digit counts as right where it is found and answered
right; what is found beside the true digits counts as wrong. Everything follows from the seed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from handgrad.digits.data.load import dataset_of
from handgrad.digits.trained import trained_module
from handgrad.digits.training.loop import predict
from handgrad.files import write_whole
from handgrad.photograph.digits import see
from handgrad.photograph.fit import THICKEST, THINNEST
from handgrad.runs.read import Run, read_run
from handgrad.score import percent, wilson_interval
from photograph_scenes import NUISANCES, Scene, photograph

Bytes = NDArray[np.uint8]
Answer = Callable[[Bytes], NDArray[np.int64]]
RESULTS = Path(__file__).with_name("results") / "photographs.json"
PAGE = Path(__file__).parents[1] / "docs" / "photographs.md"
MARK = "<!-- made by benchmarks/photographs.py -->"
STROKE_MARK = "<!-- made by benchmarks/photographs.py --stroke-run -->"
PENS = (0.4, 0.7, 1.0, 2.5, 4.5, 6.0, 7.0)
"""Widths of a pen in pixels of 28×28, from very fine to very thick."""


@dataclass
class Count:
    """Right digits of all, and photographs whose digits were not the true number."""

    right: int = 0
    total: int = 0
    miscounted: int = 0

    def add(self, answers: NDArray[np.int64], labels: NDArray[np.int64]) -> None:
        """Count one photograph."""
        if len(answers) != len(labels):
            self.miscounted += 1
        longer = max(len(answers), len(labels))
        self.total += longer
        self.right += int((answers[: len(labels)] == labels[: len(answers)]).sum())


def ways(answer: Answer) -> dict[str, Callable[[Bytes], NDArray[np.int64]]]:
    """Return the ways from a grey photograph to its answers, by name."""
    return {
        "handgrad": lambda grey: answer(see(grey).images),
        "without the stroke's width": lambda grey: answer(see(grey, stroke=False).images),
        "textbook": lambda grey: answer(255 - as_bytes(cv2.resize(grey, (28, 28), interpolation=cv2.INTER_AREA))[None]),
    }


def as_bytes(values: Any) -> Bytes:
    """Return what OpenCV gave as bytes."""
    return np.asarray(values, np.uint8)


def drawn(images: Bytes, labels: Bytes, each: int, seed: int) -> Iterator[tuple[str, Bytes, NDArray[np.int64]]]:
    """Yield nuisance, grey photograph and labels: *each* of every nuisance, from test digits taken in turn."""
    at = 0
    for number, nuisance in enumerate(NUISANCES):
        for shot in range(each):
            rng = np.random.default_rng([seed, number, shot])
            scene = nuisance(rng)
            chosen = np.arange(at, at + scene.digits) % len(images)
            at += scene.digits
            picture = photograph(images[chosen], scene, rng)
            yield (
                nuisance.__name__,
                as_bytes(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)),
                labels[chosen].astype(np.int64),
            )


def measure(run: Run, images: Bytes, labels: Bytes, each: int, seed: int) -> dict[str, Any]:
    """Return the counts of every way and nuisance, and of plain MNIST with and without the pipeline."""
    module = trained_module(run)

    def answer(digits: Bytes) -> NDArray[np.int64]:
        if not len(digits):
            return np.zeros(0, np.int64)
        with torch.no_grad():
            return np.asarray(predict(module, torch.from_numpy(digits)).argmax(1).numpy(), np.int64)

    counts: dict[str, dict[str, Count]] = {}
    for name, grey, true in drawn(images, labels, each, seed):
        for way, read in ways(answer).items():
            counts.setdefault(name, {}).setdefault(way, Count()).add(read(grey), true)
    plain = {"as they are": Count(), "handgrad": Count()}
    for digit, label in zip(images, labels.astype(np.int64), strict=True):
        plain["handgrad"].add(answer(see(digit).images), np.array([label]))
    plain["as they are"] = Count(int((answer(images) == labels).sum()), len(labels))
    return {
        "run": run.name, "network": run.network, "recipe": run.title, "each": each, "seed": seed,
        "stroke": float(run.recipe["augmentation"].get("stroke", 0)),
        "counts": {name: {way: asdict(count) for way, count in row.items()} for name, row in counts.items()},
        "plain": {name: asdict(count) for name, count in plain.items()},
    }  # fmt: skip


def measure_pens(runs: dict[str, Run], images: Bytes, labels: Bytes, count: int, seed: int) -> list[dict[str, Any]]:
    """Return how many of *count* digits each of *runs* reads right, drawn with each of `PENS`, with and without the step."""
    modules = {name: trained_module(run) for name, run in runs.items()}
    rows = []
    for pen in PENS:
        right = {f"{name}, {step}": 0 for name in runs for step in ("handgrad", "without")}
        for at in range(count):
            rng = np.random.default_rng([seed, len(NUISANCES), at])
            grey = as_bytes(cv2.cvtColor(photograph(images[at : at + 1], Scene(pen=pen), rng), cv2.COLOR_BGR2GRAY))
            for step in ("handgrad", "without"):
                seen = torch.from_numpy(see(grey, stroke=step == "handgrad").images)
                if len(seen) != 1:
                    continue
                for name, module in modules.items():
                    with torch.no_grad():
                        right[f"{name}, {step}"] += int(predict(module, seen).argmax() == labels[at])
        rows.append({"pen": pen, "count": count, "right": right})
    return rows


def table(found: dict[str, Any]) -> list[str]:
    """Return the lines of the page."""
    names = list(next(iter(found["counts"].values())))
    lines = [f"| difficulty | {' | '.join(names)} | digits |", "|---|" + "---|" * (len(names) + 1)]
    sums = {way: Count() for way in names}
    for name, row in found["counts"].items():
        cells = [percent(row[way]["right"], row[way]["total"]) for way in names]
        lines.append(f"| {name} | {' | '.join(cells)} | {row[names[0]]['total']:,} |")
        for way in names:
            sums[way].right += row[way]["right"]
            sums[way].total += row[way]["total"]
    cells = [f"**{percent(sums[way].right, sums[way].total)}**" for way in names]
    lines.append(f"| all | {' | '.join(cells)} | {sums[names[0]].total:,} |")
    low, high = wilson_interval(sums[names[0]].right, sums[names[0]].total)
    asis, through = found["plain"]["as they are"], found["plain"]["handgrad"]
    shots = found["each"] * len(found["counts"])
    lines += [
        "",
        f"Recipe `{found['recipe']}` ({found['network']}, run {found['run']}), {shots:,} photographs, seed {found['seed']}.",
        f"95 % interval of the first column: {low:.2f} to {high:.2f} %.",
        "",
        f"Plain MNIST, {asis['total']:,} test images: {percent(asis['right'], asis['total'])} as they are, "
        f"{percent(through['right'], asis['total'])} through the pipeline.",
    ]
    return lines


def beside(found: dict[str, Any], stroked: dict[str, Any]) -> list[str]:
    """Return the table of two runs that differ in the augmentation ``stroke`` alone."""
    names = ("handgrad", "without the stroke's width")
    lines = [
        f"| trained with | photographs | {names[1]} | `pen` alone | {names[1]} | plain MNIST | through the pipeline |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in (found, stroked):
        cells = [
            percent(*(sum(row[name][key] for row in rows) for key in ("right", "total")))
            for rows in (list(each["counts"].values()), [each["counts"]["pen"]])
            for name in names
        ]
        total = each["plain"]["as they are"]["total"]
        cells += [percent(each["plain"][name]["right"], total) for name in ("as they are", "handgrad")]
        words = f"`augmentation.stroke={each['stroke']:g}`" if each["stroke"] else "the recipe as it is"
        lines.append(f"| {words} | {' | '.join(cells)} |")
    low, high = wilson_interval(*overall(found))
    right, total = overall(stroked)
    inside = low <= 100 * right / total <= high
    words = (
        f"One run each (the second run is {stroked['run']}), the same seed, the same photographs. The second result lies "
        f"{'inside' if inside else 'outside'} the first's interval ({low:.2f} to {high:.2f} %): "
        + ("on these photographs the augmentation makes no difference that this many digits can show." if inside else
           "on these photographs the augmentation makes a difference.")
    )  # fmt: skip
    return [*lines, "", words, *(pen_table(found["pens"]) if "pens" in found else [])]


def pen_table(rows: list[dict[str, Any]]) -> list[str]:
    """Return the table of one digit a photograph, drawn with pens from very fine to very thick."""
    names = list(rows[0]["right"])
    heads = [
        name.replace("handgrad", "handgrad's steps").replace("without", "without the stroke's width") for name in names
    ]
    lines = ["", f"| pen, pixels of 28×28 | {' | '.join(heads)} |", "|---|" + "---|" * len(names)]
    for row in rows:
        cells = [percent(row["right"][name], row["count"]) for name in names]
        lines.append(f"| {row['pen']:g} | {' | '.join(cells)} |")
    outside = [row for row in rows if not THINNEST <= row["pen"] <= THICKEST]
    total = sum(row["count"] for row in outside)
    cells = [f"**{percent(sum(row['right'][name] for row in outside), total)}**" for name in names]
    lines.append(f"| thinner or thicker than MNIST's | {' | '.join(cells)} |")
    return [
        *lines,
        "",
        f"{rows[0]['count']:,} photographs per row, each with one test digit and no other difficulty than the pen.",
    ]


def overall(found: dict[str, Any]) -> tuple[int, int]:
    """Return how many digits of how many the pipeline read right, all nuisances together."""
    rows = [row["handgrad"] for row in found["counts"].values()]
    return sum(row["right"] for row in rows), sum(row["total"] for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "run", type=Path, nargs="?", help="left out: the page is made again from the results that are there"
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--stroke-run", type=Path, help="a run of the same recipe with augmentation.stroke")
    parser.add_argument("--each", type=int, default=100, help="photographs of each nuisance")
    parser.add_argument("--plain", type=int, default=10_000, help="test images for the cost on plain MNIST")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--look", type=Path, help="write a sheet of the photographs here and stop")
    parser.add_argument("--dry", action="store_true", help="print, and write nothing")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.run is None:
        write_page(tables_of(json.loads(RESULTS.read_text(encoding="utf-8"))))
        return
    run = read_run(given.run)
    data = dataset_of(run.dataset, run.environment.dataset_sha256, given.data or run.environment.data, download=False)
    images, labels = data.test_images.numpy()[: given.plain], data.test_labels.numpy()[: given.plain]
    if given.look:
        shots = [cv2.resize(grey, (150, 150)) for _, grey, _ in drawn(images, labels, 8, given.seed)]
        rows = [np.hstack(shots[at : at + 8]) for at in range(0, len(shots), 8)]
        cv2.imwrite(str(given.look), np.vstack(rows))
        return
    found = measure(run, images, labels, given.each, given.seed)
    if given.stroke_run:
        stroked = read_run(given.stroke_run)
        found["with stroke"] = measure(stroked, images, labels, given.each, given.seed)
        runs = {"as it is": run, "stroke": stroked}
        found["pens"] = measure_pens(runs, images, labels, 2 * given.each, given.seed)
    tables = tables_of(found)
    sys.stdout.write("\n\n".join("\n".join(lines) for lines in tables.values()) + "\n")
    if not given.dry:
        write_whole(RESULTS, (json.dumps(found, indent=1) + "\n").encode())
        write_page(tables)


def tables_of(found: dict[str, Any]) -> dict[str, list[str]]:
    """Return the lines of each table by the mark between which they stand on the page."""
    tables = {MARK: table(found)}
    if "with stroke" in found:
        tables[STROKE_MARK] = beside(found, found["with stroke"])
    return tables


def write_page(tables: dict[str, list[str]]) -> None:
    """Put the tables into the page, each between its two marks."""
    for mark, lines in tables.items():
        write_between(mark, lines)


def write_between(mark: str, lines: list[str]) -> None:
    """Put *lines* into the page between two *mark*s."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(mark)
    write_whole(PAGE, "\n".join([f"{before}{mark}", *lines, f"{mark}{rest.partition(mark)[2]}"]).encode())


if __name__ == "__main__":
    main()
