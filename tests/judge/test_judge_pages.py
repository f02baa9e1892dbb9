"""What is printed, written and handed back: complete, escaped, and never over something that exists."""

from __future__ import annotations

import csv
import html
import io
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from handgrad.cli import main
from handgrad.judge.page import as_json, class_csv, class_page, table_text, verdict_page
from handgrad.judge.verdict import Requirement, Verdict
from handgrad.judge.workbook import BookVerdict, ColumnVerdict, MistakeKind, book_page
from judge.corpus_workbooks import RIGHT, write

NASTY = '<script>alert("1")</script>&=cmd()\x1b[31m'


def verdict(word: str = "not met", text: str = NASTY) -> Verdict:
    """Return a verdict full of *text*."""
    rows = (
        Requirement("parameters", "fewer than 5", text, False),
        Requirement("accuracy", "60 %", "not trained", None),
    )
    return Verdict(word, f"{text}.py", "easy", rows, "sandbox", (text,), 1.25)  # type: ignore[arg-type]


def book(text: str = NASTY) -> BookVerdict:
    """Return a verdict on a workbook full of *text*: a mistake, what follows from it, and a right column."""
    columns = (
        ColumnVerdict(
            *("w1", text, "Sheet1!B2", False, 4, 3, 3, "B3", 0.25, 0.5), mistake=MistakeKind.SIGN, explanation=text
        ),
        ColumnVerdict(
            "h1", "h1", "Sheet1!C2", False, 4, 2, 4, "C4", mistake=MistakeKind.CONSEQUENCE, follows_from=("w1",)
        ),
        ColumnVerdict("h2", "h2", "Sheet1!D2", True, 4),
    )
    return BookVerdict("not met", f"{text}.xlsx", text, text, text, text, text, columns, (text,))


class Tags(HTMLParser):
    """Collects the tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a tag."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize(
    "page", [verdict_page(verdict()), class_page([verdict(), verdict("met", "x")]), book_page(book())]
)
def test_a_strangers_text_is_shown_and_does_nothing(page: str) -> None:
    tags = Tags()
    tags.feed(page)
    assert "script" not in tags.tags and "&lt;script&gt;" in page
    assert "\x1b" not in page
    assert not any(name.startswith("on") or name == "src" for name in tags.attributes)
    assert "default-src 'none'" in html.unescape(page)


class Cells(HTMLParser):
    """Collects the text of the cells of a table, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a row or a cell."""
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        """End a cell."""
        if tag in ("td", "th"):
            self.inside = False

    def handle_data(self, data: str) -> None:
        """Take text."""
        if self.inside:
            self.rows[-1][-1] += data


def test_the_page_of_a_workbook_says_of_every_column_what_the_verdict_says() -> None:
    page = book_page(book("plain"))
    cells = Cells()
    cells.feed(page)
    assert cells.rows == [
        ["column", "cell", "verdict", "from row", "why"],
        ["plain", "B2", "wrong", "3", "sign"],
        ["h1", "C2", "follows", "4", "right from what it reads, follows from plain"],
        ["h2", "D2", "right", "", ""],
    ]
    assert "plain (B3: 0.25, expected 0.5)" in page
    assert "1 of 3 columns right, 1 with a mistake of its own, 1 that follows from another" in page


def test_a_judged_workbook_is_written_as_one_page_and_never_over_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(RIGHT[0], tmp_path / "sheet.xlsx")
    monkeypatch.setenv("PATH", "")  # no LibreOffice: its start takes seconds and is tested elsewhere
    for status in (0, 2):
        with pytest.raises(SystemExit) as ended:
            main(["judge", "sheet.xlsx", "--report", "sheet.html"])
        assert ended.value.code == status
    assert "sheet.html exists – add --overwrite" in capsys.readouterr().err
    page = Path("sheet.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>") and '<span class="verdict met">met</span>' in page


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", " =", "\t+"])
def test_a_csv_has_a_row_a_file_and_no_formula(sign: str) -> None:
    rows = list(csv.reader(io.StringIO(class_csv([verdict(text=f"{sign}cmd()"), verdict("met", "fine")]))))
    assert [row[1] for row in rows] == ["file", f"'{sign.strip()}cmd().py", "fine.py"]
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert rows[0][8:12] == ["parameters", "parameters: found", "accuracy", "accuracy: found"]
    assert rows[2][8:10] == ["no", "fine"]


def test_the_json_holds_what_the_table_shows() -> None:
    table = json.loads(json.dumps(as_json(verdict(text="plain"))))
    assert {"verdict", "assignment", "requirements", "isolation"} <= table.keys()
    assert table["requirements"][0] == {"name": "parameters", "asked": "fewer than 5", "found": "plain", "met": False}
    text = table_text(verdict(text="plain"))
    assert "parameters  fewer than 5  plain        no" in text and "plain.py – easy: not met" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["net.py"], "--assignment is missing"),
        (["net.py", "--assignment", "under-20"], 'no assignment "under-20" – did you mean "under-20k"?'),
        (["gone.py", "--assignment", "under-20k"], "gone.py is not there – found nothing"),
        (["net.py", "--assignment", "under-20k", "--report", "old.html"], "old.html exists – add --overwrite"),
        (["net.py", "--assignment", "under-20k", "--csv", "x.csv"], "--csv does not go with one file"),
        (["net.py", "--assignment", "under-20k", "--seeds", "3,3"], "--seeds needs 1 to 1000 different"),
        (["book.xlsx", "--assignment", "under-20k"], "--assignment does not go with a workbook"),
        (["empty", "--assignment", "under-20k"], "empty holds no hand-in"),
    ],
)
def test_a_command_that_cannot_be_meant_is_refused_in_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").touch()
    Path("old.html").write_text("mine")
    Path("empty").mkdir()
    with pytest.raises(SystemExit) as ended:
        main(["judge", *arguments])
    error = capsys.readouterr().err
    assert ended.value.code == 2 and message in error and error.count("\n") == 1
    assert Path("old.html").read_text() == "mine"
