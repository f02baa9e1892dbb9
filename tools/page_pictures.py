"""Takes the pictures of the pages in docs/pictures, in headless Chromium: ``python tools/page_pictures.py [RUN [--data DIR]]``.

The lesson is shown in the middle of a training step; the page of a trained network, where a run is given, with a test digit.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from handgrad.backprop.presets import load_network
from handgrad.page.lesson import write_lesson
from handgrad.page.of_run import write_run_page

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
LESSON = "#done=18"
RATES = "#rates=0.1;1;10;100;1000;1000000&axis=log"
CHOOSE_A_DIGIT = "document.querySelectorAll('#samples button')[43].click(); handgrad.maps.choose(3, 60)"


def take(browser: Any, page_file: Path, name: str, *, hash_: str = "", before: str = "", height: int = 760) -> None:
    """Write one picture of a page, 1,280 pixels wide; *before* is run in it first."""
    page = browser.new_page(viewport={"width": 1280, "height": height}, color_scheme="light")
    page.goto(page_file.as_uri() + hash_)
    page.wait_for_selector("html.ready")
    if before:
        page.evaluate(f"() => {{ {before} }}")
    page.wait_for_timeout(300)
    page.screenshot(path=PICTURES / f"{name}.png")
    page.close()


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--data", type=Path)
    chosen = parser.parse_args()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        lesson = write_lesson(load_network("classic"), Path(folder) / "lesson.html")
        take(browser, lesson, "page-lesson", hash_=LESSON)
        to_rates = "document.querySelector('#rates-picture').closest('section').scrollIntoView()"
        take(browser, lesson, "page-rates", hash_=RATES, before=to_rates, height=560)
        if chosen.run is not None:
            digits, _ = write_run_page(chosen.run, Path(folder) / "digits.html", data=chosen.data, download=False)
            take(browser, digits, "page-digits", before=CHOOSE_A_DIGIT, height=900)
        browser.close()


if __name__ == "__main__":
    main()
