"""The workbook of the classic network: the default book, and 10,000 steps, against a bare loop over the library's cells.

The yardstick writes 27 formulas a row, each with its value, and nothing else. Prints a table and writes a JSON file:
``python benchmarks/workbook.py [--runs 5] [--out FILE]``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xlsxwriter

from handgrad.backprop import load_network, preset_names
from handgrad.backprop.workbook import write_workbook
from machine import describe_machine

STEPS, COLUMNS = 10_000, 27
PROGRAM = """
from pathlib import Path
from handgrad.backprop import load_network
from handgrad.backprop.workbook import write_workbook
write_workbook(load_network("classic"), Path({path!r}), overwrite=True)
"""


def bare_loop(path: Path) -> Path:
    """27 columns of 10,000 formulas, the library's own way."""
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    value = 0.123456789
    for row in range(1, STEPS + 1):
        for column in range(COLUMNS):
            value = value * 1.37 % 1.0
            sheet.write_formula(row, column, f"=A{row}*B{row}+C{row}", None, value)
    book.close()
    return path


def in_a_new_process(path: Path) -> Path:
    """The default book, with the start of Python."""
    subprocess.run([sys.executable, "-c", PROGRAM.format(path=str(path))], check=True)
    return path


def measured(task: Callable[[], Path], runs: int) -> dict[str, Any]:
    """Wall-clock and processor seconds of several runs, and the size of the file."""
    wall, processor = [], []
    for _ in range(runs):
        start, used = time.perf_counter(), _processor()
        path = task()
        wall.append(time.perf_counter() - start)
        processor.append(_processor() - used)
    return {
        "median_s": statistics.median(wall),
        "min_s": min(wall),
        "max_s": max(wall),
        "processor_s": statistics.median(processor),
        "runs_s": wall,
        "bytes": path.stat().st_size,
    }


def _processor() -> float:
    """Processor seconds of this process and of those it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "workbook.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.xlsx"

        def book(name: str, steps: int) -> Callable[[], Path]:
            network = load_network(name)
            return lambda: write_workbook(network, path, steps=steps, overwrite=True)

        tasks: dict[str, Callable[[], Path]] = {
            f"yardstick: {COLUMNS} formulas x {STEPS:,}, bare": lambda: bare_loop(path),
            f"classic, {STEPS:,} steps, whole book": book("classic", STEPS),
            "classic, default book, with start of Python": lambda: in_a_new_process(path),
        }
        tasks |= {f"{name}, default book": book(name, 100) for name in preset_names()}
        figures = {name: measured(task, arguments.runs) for name, task in tasks.items()}
    print(
        f"{'':46} {'median':>8} {'lowest':>8} {'highest':>8} {'processor':>10} {'MB':>6}   {arguments.runs} runs, seconds"
    )
    for name, figure in figures.items():
        times = " ".join(f"{figure[key]:8.2f}" for key in ("median_s", "min_s", "max_s"))
        print(f"{name:46} {times} {figure['processor_s']:10.2f} {figure['bytes'] / 1e6:6.2f}")
    report = {"machine": describe_machine("xlsxwriter", "numpy"), "figures": figures}
    arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"written: {arguments.out}")


if __name__ == "__main__":
    main()
