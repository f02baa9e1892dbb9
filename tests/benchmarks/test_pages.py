"""The figures in docs/page.md are those of the benchmark's record, and within what a page may weigh and take."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
RECORD = json.loads((ROOT / "benchmarks" / "results" / "pages.json").read_text(encoding="utf-8"))
DOCUMENT = (ROOT / "docs" / "page.md").read_text(encoding="utf-8")


def test_the_figures_of_the_document_are_the_records() -> None:
    for name, size in RECORD["lessons"].items():
        assert f"| lesson `{name}` | {size / 1000:.0f} kB |" in DOCUMENT
    for run in RECORD["digits"]:
        answers = f"{run['same_as_run']:,} of {run['total']:,}"
        figures = f"{run['bytes'] / 1000:.0f} kB | {answers} | {run['milliseconds']['median']:.1f} ms |"
        assert f"| `{run['recipe']}` ({run['network']}, {run['parameters']:,} parameters) | {figures}" in DOCUMENT
    slowest = max(run["milliseconds"]["highest"] for run in RECORD["digits"])
    assert f"{slowest:.1f} ms at most" in DOCUMENT
    assert f"Chromium {RECORD['machine']['chromium'].partition('.')[0]}" in DOCUMENT
    load = re.search(r"\(load ([\d.]+) before\)", DOCUMENT)
    assert load and float(load[1]) == round(RECORD["machine"]["load_average"][0], 1)


def test_the_record_keeps_the_limits() -> None:
    assert max(RECORD["lessons"].values()) <= 150_000
    for run in RECORD["digits"]:
        assert run["bytes"] <= 250_000
        assert run["same_as_run"] == run["total"]
        assert run["milliseconds"]["median"] <= 30
