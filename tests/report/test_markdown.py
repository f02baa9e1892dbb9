"""A run as README.md: rendered by another library, its figures are those of the folder and of the page."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from handgrad.report.markdown import write_markdown
from handgrad.report.page import write_report
from handgrad.text import escaped_markdown
from report.pages import Page, cells
from report.run_folders import make_run

VIEWER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def rendered(text: str) -> Page:
    """Return *text* as a viewer of Markdown with tables and fenced code shows it."""
    return Page(f"<html><body>{VIEWER.render(text)}</body></html>")


def test_the_figures_are_those_of_the_folder_and_every_picture_is_there(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    write_report(folder)
    page = rendered(write_markdown(folder).read_text(encoding="utf-8"))
    summary = json.loads((folder / "summary.json").read_text())
    last = summary["last_epoch"]
    assert f"{last['correct']:,} of {last['total']:,}" in page.root.text
    epochs = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    log = cells(page.root.all("table")[-1])
    assert [row[1] for row in log] == [f"{each['evaluation']['loss']:.4f}" for each in epochs]
    shown = [image.attributes["src"] for image in page.root.all("img")]
    assert "plots/accuracy.png" in shown and all((folder / each).is_file() for each in shown)


@pytest.mark.parametrize("state", ["diverged", "unfinished"])
def test_a_run_without_a_result_says_so(tmp_path: Path, state: str) -> None:
    text = write_markdown(make_run(tmp_path, state=state)).read_text(encoding="utf-8")
    assert f"This run is {state} after 3 of 4 epochs: it has no result." in text and "Training log" in text


HOSTILE = [
    "<script>alert(1)</script>",
    "a | b ` c `",
    "*bold* _em_ [x](http://a.b) ![y](z) ~~x~~",
    "# head",
    "- item",
    "1. item",
    "<www.a.b> &amp; c@d.e $x$",
]


class Tags(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the name of a tag."""
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        """Keep what is shown."""
        self.said += data


@pytest.mark.parametrize("text", HOSTILE)
def test_a_strangers_text_is_shown_letter_for_letter(text: str) -> None:
    seen = Tags(VIEWER.render(escaped_markdown(text)))
    assert (seen.tags, seen.said.strip()) == (["p"], text)
    before = Tags(VIEWER.render(text))
    assert (before.tags, before.said.strip()) != (["p"], text), "as it is it would be shown so as well: no case"


def test_a_strangers_note_stays_within_its_paragraph(tmp_path: Path) -> None:
    page = rendered(
        write_markdown(make_run(tmp_path, recipe={"note": " | ".join(HOSTILE)})).read_text(encoding="utf-8")
    )
    assert " | ".join(HOSTILE) in page.root.text and not page.root.all("script") and not page.root.all("a")
