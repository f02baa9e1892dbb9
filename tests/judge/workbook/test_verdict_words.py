"""What is said of a judged workbook, counted again from its columns; and the points of a hand-in."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from handgrad.judge.page import class_page, points_words, verdict_page
from handgrad.judge.verdict import Points, PointsRow, Verdict
from handgrad.judge.workbook import BookVerdict, ColumnVerdict, MistakeKind
from handgrad.judge.workbook.verdict import TableVerdict, lines, of_tables, rows, summary

WRONG = ColumnVerdict(
    "w1", "w1+", "S!B2", False, 9, 3, 4, "B5", found=0.25, expected=0.5, mistake=MistakeKind.FACTOR, explanation="half"
)
FOLLOWS = ColumnVerdict("h1", "h1", "S!C2", False, 9, 2, 5, "C6", mistake=MistakeKind.CONSEQUENCE, follows_from=("w1",))
RIGHT = ColumnVerdict("h2", "h2", "S!D2", True, 9)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            (WRONG, FOLLOWS, FOLLOWS, RIGHT),
            "1 of 4 columns right, 1 with a mistake of its own, 2 that follow from another",
        ),
        ((WRONG, WRONG, FOLLOWS), "0 of 3 columns right, 2 with mistakes of their own, 1 that follows from another"),
        ((RIGHT, RIGHT), "2 of 2 columns right, 0 with mistakes of their own, 0 that follow from another"),
    ],
)
def test_own_mistakes_and_those_that_follow_are_counted_apart(columns: tuple[ColumnVerdict, ...], said: str) -> None:
    book = BookVerdict("not met", "x.xlsx", "the file", columns=columns)
    assert summary(book) == said and said in lines(book)
    assert summary(replace(book, task="t")) == said.replace("columns", "answers")


def test_what_was_found_and_what_was_expected_are_not_exchanged() -> None:
    wrong, follows, right = rows(BookVerdict("not met", "x.xlsx", "the file", columns=(WRONG, FOLLOWS, RIGHT)))
    assert wrong == ("w1+", "S!B2", "wrong", "4", str(MistakeKind.FACTOR), "half (B5: 0.25, expected 0.5)")
    assert follows[2:5] == ("follows", "5", "") and right[2:] == ("right", "", "", "")
    said = "\n".join(lines(BookVerdict("not met", "x.xlsx", "the file", columns=(WRONG, FOLLOWS, RIGHT))))
    assert "follows from w1+, right from what it reads: h1 (from row 5)" in said


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        (("met", "met"), "met"),
        (("met", "no verdict"), "no verdict"),
        (("no verdict", "not met"), "not met"),
        (("not met", "met"), "not met"),
    ],
)
def test_a_book_is_met_where_every_table_is(words: tuple[str, str], verdict: str) -> None:
    tables = [TableVerdict(word, "S", f"S!A{number}", learning_rate="0.5") for number, word in enumerate(words)]  # type: ignore[arg-type]
    book = of_tables("x.xlsx", "the file", tables, ())
    assert book.verdict == verdict and lines(book)[-1] == f"verdict: {verdict}"
    assert book.learning_rate == "0.5"
    assert of_tables("x.xlsx", "the file", [tables[0], replace(tables[1], learning_rate="1")], ()).learning_rate == ""


def graded(total: float | None) -> Verdict:
    points = Points((PointsRow("parameters", 2, 2, "few"), PointsRow("accuracy", total, 8, "99.4 %")), total, 10)
    return Verdict("met", "net.py", "easy", (), "sandbox", (), 1.0, points=points)


def test_points_are_told_of_the_most_there_are() -> None:
    assert points_words(graded(7.5)) == "7.5 of 10" and points_words(graded(None)) == "open of 10"
    assert points_words(replace(graded(1), points=None)) == ""
    for page in (class_page([graded(7.5)]), verdict_page(graded(7.5))):
        assert "7.5" in page and "10" in page
    assert "<td>7.5 of 10</td>" in class_page([graded(7.5)])
    page = verdict_page(graded(None))
    rows = [re.sub(r"<[^>]*>", "|", row) for row in re.findall(r"<tr>(.*?)</tr>", page[page.index("points for") :])]
    assert [[cell for cell in row.split("|") if cell] for row in rows] == [
        ["parameters", "2", "2", "few"],
        ["accuracy", "open", "8", "99.4 %"],
        ["total", "open", "10"],
    ]
