"""How time and memory grow with the images, the parameters and the seeds: measured, with the exponent of each.

    python benchmarks/scaling.py [--series images,parameters,seeds] [--rounds 3] [--images 60000] [--some 10000] [--json FILE]

* images: an epoch of ``squeeze-16k`` over 1,000 images up to ``--images``;
* parameters: an epoch over ``--some`` images, one shape of network from 1,000 to 100,000 parameters;
* seeds: a study of 1 to 8 seeds of ``squeeze-16k``, one epoch over ``--some`` images each, from its call to its record.

Batches of 128, rotation of up to 5 degrees; seconds of an epoch are those of the second, without start-up and evaluation. Every
point is trained in a process of its own, the points in turn in each round. The exponent p of ``c · x^p`` is the slope of a
straight line through the logarithms of the medians, R² how well that line fits. Writes the JSON file, from which
`benchmarks/speed.py` makes table and plot.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from alone import Seen, run_alone, surroundings, write_first
from given import Given
from handgrad.digits.data.dataset import Dataset
from handgrad.digits.data.load import load_dataset
from handgrad.digits.networks.published import count_parameters
from widths import WIDTHS, Wide

IMAGES = (1_000, 2_000, 5_000, 10_000, 20_000, 40_000, 60_000)
TEST = 1_000
"""Test images, the same for every point: more of them would be memory that grows with something else."""
SEEDS = tuple(range(1, 9))
NETWORK = "squeeze-16k"
LIBRARIES = ("handgrad", "torch", "numpy")
MEASURES: dict[str, tuple[str, Callable[[Seen], float]]] = {
    "time": ("seconds", lambda seen: seen.seconds),
    "memory": ("MB", lambda seen: seen.peak_bytes / 1e6),
}


@dataclass(frozen=True)
class Point:
    """One size of a series: where it stands on the axis and what is trained for it."""

    size: int
    script: str
    given: Given


@dataclass(frozen=True)
class PowerLaw:
    """``factor · size^exponent``, and the part of the logarithms' variance that it explains (None where nothing varies)."""

    exponent: float
    factor: float
    r_squared: float | None

    def at(self, size: float) -> float:
        """Return the value at *size*."""
        return float(self.factor * size**self.exponent)


def power_law(sizes: Sequence[float], values: Sequence[float]) -> PowerLaw:
    """Return the power law through *values* at *sizes* (least squares of the logarithms); at least two sizes."""
    x, y = np.log(sizes), np.log(values)
    slope, constant = np.polyfit(x, y, 1)
    spread, rest = float(((y - y.mean()) ** 2).sum()), float(((y - slope * x - constant) ** 2).sum())
    return PowerLaw(float(slope), float(np.exp(constant)), 1 - rest / spread if spread > 0 else None)


def points_of(series: str, dataset: Dataset, folder: Path, images: int, some: int) -> list[Point]:
    """Return the points of *series*, their images written below *folder*."""

    def data(count: int) -> str:
        place = folder / f"{count}"
        place.mkdir(exist_ok=True)
        write_first(place, dataset, count, TEST)
        return str(place)

    if series == "images":
        sizes = [size for size in IMAGES if size <= min(images, len(dataset.train_labels))]
        return [Point(size, "with_handgrad", Given(NETWORK, data(size))) for size in sizes]
    if series == "parameters":
        file = Path(__file__).with_name("widths.py")
        given = [Given(f"{file}:wide_{width}", data(some)) for width in WIDTHS]
        sizes = [count_parameters(Wide(width)) for width in WIDTHS]
        return [Point(size, "with_handgrad", each) for size, each in zip(sizes, given, strict=True)]
    return [Point(seeds, "with_study", Given(NETWORK, data(some), epochs=1, seeds=seeds)) for seeds in SEEDS]


def measure(points: Sequence[Point], rounds: int) -> dict[str, Any]:
    """Return what each of *points* took in each round, the medians, and the power law through them."""
    seen: list[list[Seen]] = [[] for _ in points]
    for _ in range(rounds):
        for runs, point in zip(seen, points, strict=True):
            runs.append(run_alone(point.script, point.given))
    sizes = [point.size for point in points]
    found: dict[str, Any] = {"sizes": sizes, "rounds": [[asdict(run) for run in runs] for runs in seen]}
    for name, (unit, value) in MEASURES.items():
        values = [[value(run) for run in runs] for runs in seen]
        medians = [statistics.median(each) for each in values]
        found[name] = {
            "unit": unit,
            "median": medians,
            "lowest": [min(each) for each in values],
            "highest": [max(each) for each in values],
            "law": asdict(power_law(sizes, medians)),
        }
    return found


def table(series: str, found: dict[str, Any]) -> str:
    """Return the lines that the terminal shows for *series*."""
    lines = [f"{series:>10} {'seconds':>9} {'spread':>18} {'MB':>7} {'spread':>14}"]
    columns = [found[name][key] for name in MEASURES for key in ("median", "lowest", "highest")]
    for size, seconds, fast, slow, memory, least, most in zip(found["sizes"], *columns, strict=True):
        between, within = f"{fast:.2f} to {slow:.2f}", f"{least:.0f} to {most:.0f}"
        lines.append(f"{size:10,} {seconds:9.2f} {between:>18} {memory:7.0f} {within:>14}")
    lines += [f"{name:>10} grows as {law_text(series, found[name]['law'])}" for name in MEASURES]
    return "\n".join(lines)


def law_text(series: str, law: dict[str, Any]) -> str:
    """Return a power law in words."""
    fit = "–" if law["r_squared"] is None else f"{law['r_squared']:.3f}"
    return f"{series}^{law['exponent']:.2f} (R² {fit})"


def draw(record: dict[str, Any], path: Path) -> None:
    """Draw time above memory, a column a series, with spread and fitted line."""
    series = record["series"]
    figure = Figure(figsize=(4.2 * len(series), 6.4), layout="constrained")
    panels = figure.subplots(len(MEASURES), len(series), squeeze=False)
    for column, (name, found) in enumerate(series.items()):
        for line, measured in enumerate(MEASURES):
            draw_panel(panels[line, column], name, found["sizes"], found[measured])
    figure.suptitle(
        f"{record['dataset']}, batches of 128, {record['machine']['cores']} cores, median of {record['rounds']}"
    )
    figure.savefig(path, dpi=130)


def draw_panel(panel: Axes, series: str, sizes: Sequence[int], measured: dict[str, Any]) -> None:
    """Draw one measure of one series on logarithmic axes that show at least a factor of four."""
    median, unit = np.array(measured["median"]), measured["unit"]
    spread = [median - measured["lowest"], np.array(measured["highest"]) - median]
    panel.errorbar(sizes, median, yerr=spread, fmt="o", markersize=5, capsize=3, color="tab:blue")
    law = PowerLaw(**measured["law"])
    ends = [min(sizes), max(sizes)]
    panel.plot(ends, [law.at(size) for size in ends], color="tab:orange", linewidth=1.2, zorder=0)
    panel.set_xscale("log")
    panel.set_yscale("log")
    low, high = min(measured["lowest"]), max(measured["highest"])
    room = max(1.15, 2 * (low / high) ** 0.5)
    panel.set_ylim(low / room, high * room)
    for axis, ticks in ((panel.xaxis, round_ticks(*ends)), (panel.yaxis, round_ticks(*panel.get_ylim()))):
        axis.set_ticks(ticks, [f"{tick:,g}" if tick < 1e3 else f"{tick / 1e3:,g}k" for tick in ticks])
        axis.set_ticks([], minor=True)
    panel.set_xlabel(series)
    panel.set_ylabel(unit)
    panel.set_title(f"∝ {law_text(series, measured['law'])}", fontsize=10)
    panel.grid(alpha=0.3)


def round_ticks(low: float, high: float) -> list[float]:
    """Return round numbers from *low* to *high*: as many multiples of the powers of ten as six labels hold."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for steps in (range(1, 10), (1, 2, 3, 5), (1, 2, 5), (1,)):
        every = [step * 10.0**power for power in powers for step in steps]
        ticks = [tick for tick in every if low * 0.99 <= tick <= high * 1.01]
        if len(ticks) <= 6:
            break
    return ticks


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", default="images,parameters,seeds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--some", type=int, default=10_000)
    parser.add_argument("--data", type=Path, default=os.environ.get("HANDGRAD_DATA"))
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "scaling.json")
    given = parser.parse_args()
    given.series = given.series.split(",")
    if not set(given.series) <= {"images", "parameters", "seeds"}:
        parser.error("--series takes images, parameters and seeds, with commas between them")
    if given.rounds < 1 or given.images < IMAGES[1] or given.some < 200:
        parser.error(f"at least 1 round, --images {IMAGES[1]} and --some 200 are needed")
    return given


def main() -> None:
    """Measure, print the tables, write the JSON file and the plot."""
    given = arguments()
    dataset = load_dataset(Path(given.data) if given.data else None)
    record: dict[str, Any] = {"dataset": dataset.name, "rounds": given.rounds, "some": given.some}
    record |= surroundings(LIBRARIES) | {"series": {}}
    with tempfile.TemporaryDirectory() as folder:
        for series in given.series:
            points = points_of(series, dataset, Path(folder), given.images, given.some)
            record["series"][series] = found = measure(points, given.rounds)
            print(table(series, found), flush=True)
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"written: {given.json} – python benchmarks/speed.py makes the table and the plot")


if __name__ == "__main__":
    main()
