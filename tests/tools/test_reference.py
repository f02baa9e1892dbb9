"""The pages of reference say what the code says, and the site that they belong to is whole."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from handgrad.cli.app import command_names
from handgrad.judge.network.assignment import HANDED_IN, Assignment
from handgrad.toml_records import read_record, read_table
from reference import commands, files, json_records
from reference.__main__ import FOLDER, PAGES
from reference.records import rows_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_the_code_says(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), "run: python tools/reference"


@pytest.mark.parametrize("command", command_names())
def test_every_option_of_the_help_stands_on_the_page_of_commands(command: str) -> None:
    """Against what the command itself prints, which another library makes of the same functions."""
    printed = subprocess.run(
        [sys.executable, "-m", "handgrad", command, "--help"], capture_output=True, text=True, env={"COLUMNS": "300"}
    ).stdout
    section = (
        (FOLDER / "commands.md")
        .read_text(encoding="utf-8")
        .partition(f"## handgrad {command}\n")[2]
        .partition("\n## ")[0]
    )
    options = set(re.findall(r"(?m)^ +(?:-\w, )?(--[\w-]+)", printed)) - {"--help"}
    assert options, printed
    assert {each for each in options if not re.search(rf"`[^`]*{each}(?![\w-])", section)} == set()


@pytest.mark.parametrize("file", files.FILES, ids=lambda file: file.page)
def test_the_example_of_a_file_is_one(file: files.UserFile) -> None:
    table = read_table(file.example, "example")
    if file.record is Assignment and "recipe" in table:
        # As everywhere where an assignment is read: the network of its recipe is the file's that is handed in.
        table["recipe"]["network"] = HANDED_IN
    read_record(file.record, table, "example")


def test_a_key_without_a_meaning_is_found() -> None:
    @dataclass(frozen=True)
    class Bare:
        """Says nothing of its key."""

        key: int = 3

    # The source of a class within a function is indented, and read all the same.
    assert [(row.key, row.kind, row.default, row.meaning) for row in rows_of(Bare)] == [
        ("key", "whole number", "`3`", "")
    ]
    with pytest.raises(ValueError, match="key have no meaning"):
        files.page(files.UserFile("bare.md", "Bare", "", Bare, ""))


def test_every_command_that_prints_json_has_its_record_on_the_page() -> None:
    page, listed = (FOLDER / "json.md").read_text(encoding="utf-8"), commands.page()
    section = {
        name: listed.partition(f"## handgrad {name}\n")[2].partition("\n## ")[0] for name in commands.callbacks()
    }
    printing = {name for name, text in section.items() if "--json" in text}
    missing = {name for name in printing if f"## handgrad {name} --json" not in page}
    assert missing == set(), "add a call to tools/reference/json_records.py"


@pytest.mark.long
def test_the_records_have_the_keys_on_the_page() -> None:
    """Some values are times and paths of a machine; the keys and the order in which they stand are not."""
    keys = re.compile(r"(?m)^\| `([^`]+)` \|")
    assert keys.findall(json_records.page()) == keys.findall((FOLDER / "json.md").read_text(encoding="utf-8"))


class Links(HTMLParser):
    """Collects where a page leads and which ids it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep links, pictures and anchors."""
        for name, value in attrs:
            if name in ("href", "src") and value and tag in ("a", "img", "link"):
                self.targets.append(value)
            elif name in ("id", "name") and value:
                self.ids.add(value)


def test_the_site_builds_without_a_warning_and_no_link_is_broken(tmp_path: Path) -> None:
    pytest.importorskip("zensical", reason="the site is built with the development extra")
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    built = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"], cwd=tmp_path, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stdout + built.stderr
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in (tmp_path / "site").rglob("*.html")}
    assert len(pages) >= len(list((ROOT / "docs").rglob("*.md")))
    broken = [
        (path.name, target)
        for path, links in pages.items()
        for target in links.targets
        if not _leads(path, target, pages)
    ]
    # The page that stands in for one that is missing is found at any depth, so that its links begin at the root.
    assert [each for each in broken if each[0] != "404.html"] == []


def _leads(page: Path, target: str, pages: dict[Path, Links]) -> bool:
    parts = urlsplit(target)
    if parts.scheme:
        return True
    place = (page.parent / unquote(parts.path)).resolve() if parts.path else page.resolve()
    place = place / "index.html" if place.is_dir() else place
    found = pages.get(place)
    return place.exists() and (not parts.fragment or found is None or unquote(parts.fragment) in found.ids)
