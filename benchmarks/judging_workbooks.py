"""How long a workbook takes to judge: a long one whose values are not stored, and one without any table.

``python benchmarks/judging_workbooks.py [--rows 5000] [--runs 3] [--out FILE]`` writes both books, judges each in a process of
its own, prints a table and writes ``results/judging_workbooks.json``. The long book is calculated by LibreOffice where it is
installed (the record says by what), the other one is judged without it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import openpyxl

from handgrad.files import write_whole
from machine import describe_machine

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests")]
from judge.corpus_workbooks import Layout, write  # type: ignore[import-not-found, unused-ignore]  # noqa: E402

RESULTS = Path(__file__).with_name("results") / "judging_workbooks.json"
JUDGE = (
    "import sys; from pathlib import Path; from handgrad.judge.workbook import judge_workbook; "
    "v = judge_workbook(Path(sys.argv[1]), office=sys.argv[2] == 'office'); print(v.verdict, v.values_from, sep='|')"
)


def without_table(path: Path, rows: int) -> Path:
    """Write a book of as many rows as the long one, numbers and formulas under heads that are no names."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("List")
    sheet.append([f"item {column}" for column in range(30)])
    for row in range(2, rows + 2):
        sheet.append([row, *(f"=A{row}*{column}" for column in range(1, 30))])
    book.save(path)
    return path


def timed(path: Path, office: bool, runs: int) -> dict[str, Any]:
    """Return verdict, where the values came from, and the seconds of each run, the start of Python included."""
    seconds: list[float] = []
    said = ""
    for _ in range(runs):
        begun = time.perf_counter()
        how = "office" if office else "alone"
        command = [sys.executable, "-c", JUDGE, str(path), how]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds.append(time.perf_counter() - begun)
        said = done.stdout.strip()
    verdict, values_from = said.split("|")
    return {"verdict": verdict, "values_from": values_from, "seconds": [round(each, 2) for each in seconds]}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        long = write(Layout("long", steps=chosen.rows - 1), folder / "long.xlsx")
        other = without_table(folder / "other.xlsx", chosen.rows)
        found = {
            f"{chosen.rows:,} rows, LibreOffice": timed(long, True, chosen.runs),
            f"{chosen.rows:,} rows, without it": timed(long, False, chosen.runs),
            "no table, without it": timed(other, False, chosen.runs),
        }
    for what, each in found.items():
        middle = median(each["seconds"])
        print(f"{what:28} {middle:7.2f} s   {each['verdict']}, values from {each['values_from']}")
    record = {"machine": describe_machine("openpyxl"), "rows": chosen.rows, "runs": chosen.runs, "books": found}
    write_whole(chosen.out, (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    main()
