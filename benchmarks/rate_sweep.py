"""64 learning rates × 1,000 steps of the classic network, all at once, against a loop in plain Python.

Also 10,000 steps of the classic network with every quantity kept. Prints a table and writes a JSON file:
``python benchmarks/rate_sweep.py [--runs 7] [--out FILE]``.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.backprop import load_network, rate_sweep, trace
from machine import describe_machine

RATES = tuple(float(rate) for rate in np.geomspace(0.01, 10, 64))
STEPS = 1000


def plain_loop(rate: float, steps: int) -> list[float]:
    """The classic network written out by hand, independent of the package: E by step for one rate."""
    i1, i2, t1, t2 = 0.05, 0.10, 0.01, 0.99
    w = [0.15, 0.20, 0.25, 0.30, 0.40, 0.45, 0.50, 0.55]
    errors = []
    for _ in range(steps + 1):
        h1 = 1 / (1 + math.exp(-(w[0] * i1 + w[1] * i2)))
        h2 = 1 / (1 + math.exp(-(w[2] * i1 + w[3] * i2)))
        o1 = 1 / (1 + math.exp(-(w[4] * h1 + w[5] * h2)))
        o2 = 1 / (1 + math.exp(-(w[6] * h1 + w[7] * h2)))
        errors.append(0.5 * (t1 - o1) ** 2 + 0.5 * (t2 - o2) ** 2)
        d1, d2 = (o1 - t1) * o1 * (1 - o1), (o2 - t2) * o2 * (1 - o2)
        e1 = (d1 * w[4] + d2 * w[6]) * h1 * (1 - h1)
        e2 = (d1 * w[5] + d2 * w[7]) * h2 * (1 - h2)
        slopes = (e1 * i1, e1 * i2, e2 * i1, e2 * i2, d1 * h1, d1 * h2, d2 * h1, d2 * h2)
        w = [weight - rate * slope for weight, slope in zip(w, slopes, strict=True)]
    return errors


def measured(task: Callable[[], Any], runs: int) -> dict[str, Any]:
    """Wall-clock seconds of several runs after one that is not counted."""
    task()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        task()
        seconds.append(time.perf_counter() - start)
    return {"median_s": statistics.median(seconds), "min_s": min(seconds), "max_s": max(seconds), "runs_s": seconds}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "rate_sweep.json")
    arguments = parser.parse_args()
    classic = load_network("classic")
    loop = np.array([plain_loop(rate, STEPS) for rate in RATES]).T
    worst = float(np.abs(rate_sweep(classic, RATES, STEPS).errors - loop).max())
    if worst > 1e-12:
        raise SystemExit(f"the sweep and the loop disagree by {worst:g}: no figure is worth printing")
    figures = {
        "64 rates x 1,000 steps, at once": measured(lambda: rate_sweep(classic, RATES, STEPS), arguments.runs),
        "64 rates x 1,000 steps, plain loop": measured(
            lambda: [plain_loop(rate, STEPS) for rate in RATES], arguments.runs
        ),
        "classic, 10,000 steps, every quantity": measured(lambda: trace(classic, 10_000), arguments.runs),
    }
    print(f"{'':40} {'median':>9} {'lowest':>9} {'highest':>9}   seconds, {arguments.runs} runs")
    for name, figure in figures.items():
        print(f"{name:40} {figure['median_s']:9.4f} {figure['min_s']:9.4f} {figure['max_s']:9.4f}")
    print(f"largest difference between sweep and loop: {worst:.1e}")
    report = {"machine": describe_machine("numpy"), "largest_difference": worst, "figures": figures}
    arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"written: {arguments.out}")


if __name__ == "__main__":
    main()
