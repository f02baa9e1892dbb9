"""Pages in headless Chromium: bytes, the answers of a trained network beside its run, milliseconds an image.

``python benchmarks/pages.py RUN… [--data DIR] [--out FILE]`` writes the page of each run, asks the page's own script all test
images, one at a time, and measures on the first hundred how long one image takes; writes a JSON file with the machine.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import platform
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from handgrad.backprop.presets import load_network, preset_names
from handgrad.digits.trained import trained_module
from handgrad.export.from_module import plan_of
from handgrad.export.material import Material, material_of
from handgrad.page.digits import write_digits
from handgrad.page.lesson import write_lesson
from handgrad.page.of_run import subject_of
from handgrad.runs.read import read_run

RESULTS = Path(__file__).with_name("results") / "pages.json"
SECTION, IMAGE, TIMED, REPEATS = 500, 784, 100, 5
ANSWERS = """
(all) => {
  const bytes = Uint8Array.from(atob(all), (sign) => sign.charCodeAt(0));
  const answers = [];
  for (let at = 0; at < bytes.length; at += 784) {
    const scores = runPlan(handgrad.plan, bytes.subarray(at, at + 784)).at(-1);
    answers.push(scores.indexOf(scores.reduce((high, score) => Math.max(high, score))));
  }
  return answers;
}
"""
TIME = """
(all) => {
  const bytes = Uint8Array.from(atob(all), (sign) => sign.charCodeAt(0));
  const started = performance.now();
  for (let at = 0; at < bytes.length; at += 784) runPlan(handgrad.plan, bytes.subarray(at, at + 784));
  return (performance.now() - started) / (bytes.length / 784);
}
"""


def measured(browser: Any, path: Path, material: Material) -> dict[str, Any]:
    """Return what one page of a trained network does: bytes, answers, time."""
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("html.ready")
    images = material.images
    answers: list[int] = []
    for at in range(0, len(images), SECTION):
        answers += page.evaluate(ANSWERS, base64.b64encode(images[at : at + SECTION].tobytes()).decode())
    few = base64.b64encode(images[:TIMED].tobytes()).decode()
    times = sorted(page.evaluate(TIME, few) for _ in range(REPEATS))
    page.close()
    expected = material.expected
    found = np.array(answers)
    return {
        "network": material.run.network,
        "parameters": material.run.parameters,
        "recipe": material.run.title,
        "bytes": path.stat().st_size,
        "total": expected.total,
        "same_as_run": int((found == expected.log_probabilities.argmax(axis=1)).sum()),
        "correct": int((found == expected.labels).sum()),
        "run_correct": expected.correct,
        "milliseconds": {"median": times[len(times) // 2], "lowest": times[0], "highest": times[-1]},
    }


def lessons(folder: Path) -> dict[str, int]:
    """Return the bytes of the lesson of every preset."""
    return {
        name: write_lesson(load_network(name), folder / f"{name}.html").stat().st_size
        for name in preset_names()
    }  # fmt: skip


def machine(browser: Any) -> dict[str, Any]:
    """Return what it was measured on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "load_before": [round(each, 2) for each in os.getloadavg()],
        "chromium": browser.version,
    }


def main() -> None:
    """Measure the pages of the runs that are named, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    rows = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        on = machine(browser)
        for number, path in enumerate(chosen.runs):
            run = read_run(path)
            material = material_of(run, plan_of(trained_module(run), run.network), chosen.data, False)
            page = write_digits(subject_of(material)[0], Path(folder) / f"{number}.html")
            rows.append(measured(browser, page, material))
            print(json.dumps(rows[-1]))
        record = {"machine": on, "lessons": lessons(Path(folder)), "digits": rows}
        browser.close()
    chosen.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
