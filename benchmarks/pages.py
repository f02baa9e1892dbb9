"""Pages in headless Chromium: bytes, the answers of a trained network beside its run, milliseconds an image.

``python benchmarks/pages.py RUN… [--data DIR]`` writes the page of each run, asks the page's own script all test images, one
at a time, and measures how long one image takes, on the first hundred, and how long a drawn photograph of 1,600 pixels takes to
be read; writes ``results/pages.json`` with the machine, and the table into ``docs/page.md``. Without a run: the table alone.
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import sync_playwright

from handgrad.backprop.presets import load_network, preset_names
from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.trained import trained_module
from handgrad.export.from_module import plan_of
from handgrad.export.material import Material, material_of
from handgrad.page.digits import write_digits
from handgrad.page.lesson import write_lesson
from handgrad.page.of_run import subject_of
from handgrad.runs.read import read_run
from machine import describe_machine
from photograph_scenes import Scene, photograph
from reproduction import put_into

RESULTS = Path(__file__).with_name("results") / "pages.json"
PAGE = Path(__file__).parents[1] / "docs" / "page.md"
MARK = "<!-- made by benchmarks/pages.py -->"
SECTION, TIMED, REPEATS = 500, 100, 5
PIXELS = 1600
"""Along the longer side of the photograph: what is kept of one that a telephone takes."""
READ = """
([grey, columns]) => {
  const values = Float64Array.from(atob(grey), (sign) => sign.charCodeAt(0));
  const started = performance.now();
  const { digits } = seen({ values, rows: values.length / columns, columns });
  return [digits.length, (performance.now() - started) / 1000];
}
"""
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
    grey = photograph_of_three()
    packed = [base64.b64encode(grey.tobytes()).decode(), grey.shape[1]]
    reading = sorted(page.evaluate(READ, packed)[1] for _ in range(3))
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
        "seconds_a_photograph": reading[1],
    }


def photograph_of_three() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a grey photograph of three drawn digits on ruled paper with a shadow, `PIXELS` wide."""
    scene = Scene(digits=3, shadow=0.5, ruling="lines")
    photo = photograph(draw_digits(3, seed=9)[0], scene, np.random.default_rng(1))
    factor = PIXELS / max(photo.shape)
    large = cv2.resize(photo, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.cvtColor(large, cv2.COLOR_BGR2GRAY), np.uint8)


def lessons(folder: Path) -> dict[str, int]:
    """Return the bytes of the lesson of every preset."""
    return {
        name: write_lesson(load_network(name), folder / f"{name}.html").stat().st_size
        for name in preset_names()
    }  # fmt: skip


def table_of(record: dict[str, Any]) -> str:
    """Return what was measured as the table of the document, with the sentence that says how."""
    machine = record["machine"]
    lines = ["| page | size | answers as in the run | one image |", "|---|---|---|---|"]
    lines += [f"| lesson `{name}` | {size / 1000:.0f} kB | – | – |" for name, size in record["lessons"].items()]
    for row in record["digits"]:
        lines.append(
            f"| `{row['recipe']}` ({row['network']}, {row['parameters']:,} parameters) | {row['bytes'] / 1000:.0f} kB "
            f"| {row['same_as_run']:,} of {row['total']:,} | {row['milliseconds']['median']:.1f} ms |"
        )
    slowest = max(row["milliseconds"]["highest"] for row in record["digits"])
    reading = max(row["seconds_a_photograph"] for row in record["digits"])
    busy = "busy with other work" if machine["load_average"][0] > 1 else "otherwise idle"
    load, chromium = machine["load_average"][0], machine["chromium"].split(".")[0]
    words = (
        f"The answers and the times are of the page's own JavaScript in headless Chromium {chromium}, on one of "
        f"{machine['cores']} cores of {machine['processor']}, {busy} (load {load:.1f} before); median of five passes over a "
        f"hundred images, {slowest:.1f} ms at most. A photograph of 1,600 pixels with three digits on ruled paper takes "
        f"{reading:.1f} s to be read (median of three)."
    )
    return "\n".join([*lines, "", *textwrap.wrap(words, 128)])


def main() -> None:
    """Measure the pages of the runs that are named, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    if not chosen.runs:
        put_into(PAGE, table_of(json.loads(chosen.out.read_text(encoding="utf-8"))), MARK)
        return
    rows = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        on = describe_machine("playwright") | {"chromium": browser.version}
        for number, path in enumerate(chosen.runs):
            run = read_run(path)
            material = material_of(run, plan_of(trained_module(run), run.network), chosen.data, False)
            page = write_digits(subject_of(material)[0], Path(folder) / f"{number}.html")
            rows.append(measured(browser, page, material))
            print(json.dumps(rows[-1]))
        record = {"machine": on, "lessons": lessons(Path(folder)), "digits": rows}
        browser.close()
    chosen.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    put_into(PAGE, table_of(record), MARK)


if __name__ == "__main__":
    main()
