"""A verdict on a workbook as a page to hand back, in the look of the page for networks."""

from __future__ import annotations

from collections.abc import Sequence

from handgrad.html.document import document
from handgrad.html.markup import Markup, joined, table, tag
from handgrad.judge.page import badge
from handgrad.judge.workbook.verdict import HEADS, BookVerdict, rows, summary, unjudged

CLASSES = {"right": "yes", "wrong": "no", "follows": "open"}


def book_page(verdict: BookVerdict) -> str:
    """Return one self-contained page: the verdict, what to fix first, then every column.

    Texts from the workbook are shown letter for letter and do nothing.
    """
    listed = rows(verdict)
    own = [row for row, column in zip(listed, verdict.columns, strict=True) if column.own]
    facts = [f"{name}: {text}" for name, text in _facts(verdict) if text]
    what = "answer" if verdict.task else "column"
    body = joined(
        tag(
            "header",
            tag("p", "Handgrad – a workbook judged", class_="over"),
            tag("h1", verdict.file),
            badge(verdict.verdict),
        ),
        tag("p", " · ".join(facts), class_="quiet"),
        tag("p", summary(verdict)) if verdict.columns else None,
        tag("section", tag("h2", "Every table"), _tables(verdict)) if len(verdict.tables) > 1 else None,
        *(tag("p", line[:1].upper() + line[1:]) for line in unjudged(verdict)),
        tag("section", tag("h2", "To fix"), _cards(own)) if own else None,
        tag("ul", *(tag("li", note) for note in verdict.notes)) if verdict.notes else None,
        tag("section", tag("h2", f"Every {what}"), _table(verdict)) if listed else None,
    )
    return document(f"{verdict.file}: {verdict.verdict}", body)


def _facts(verdict: BookVerdict) -> list[tuple[str, str]]:
    """Return what the judging rests on, each with its name."""
    points = f"{verdict.points[0]} of {verdict.points[1]}" if verdict.points else ""
    return [
        ("sheet", verdict.sheet),
        ("network", verdict.network),
        ("task", verdict.task or ""),
        ("points", points),
        ("values from", verdict.values_from),
        ("learning rate", verdict.learning_rate),
        ("tolerance", verdict.tolerance),
    ]


def _tables(verdict: BookVerdict) -> Markup:
    """Return a row for each table: where it stands, whether it is calculated or typed, its rate, its verdict."""
    body = [
        [
            each.where,
            each.holds,
            each.rows,
            each.learning_rate,
            badge(each.verdict),
            ", ".join(c.head for c in each.mistakes),
        ]
        for each in verdict.tables
    ]
    return table(["table", "holds", "rows", "learning rate", "verdict", "mistakes"], body, class_="judged")


def _cards(own: Sequence[Sequence[str]]) -> Markup:
    """Return the mistakes made in the sheet itself, each with its place and the likely reason in words."""
    items = []
    for head, cell, _, from_row, mistake, explanation in own:
        where = f"{cell}, from row {from_row}" if from_row else cell
        place = joined(tag("b", head), " ", tag("span", f"({where})", class_="quiet"))
        likely = joined(tag("br"), tag("strong", mistake)) if mistake else None
        items.append(tag("li", place, likely, tag("br"), explanation))
    return tag("ol", *items, class_="to-fix")


def _table(verdict: BookVerdict) -> Markup:
    """Return a row for each column; what the list above explains is not said again."""
    body: list[list[object]] = []
    # In a book of several tables the same names come again: causes are those of the column's own table.
    tables = [each.columns for each in verdict.tables] or [verdict.columns]
    names = [{column.name: column.head for column in columns} for columns in tables for _ in columns]
    for column, heads, (head, cell, word, from_row, mistake, _) in zip(
        verdict.columns, names, rows(verdict), strict=True
    ):
        causes = ", ".join(heads.get(cause, cause) for cause in column.follows_from)
        why = f"right from what it reads, follows from {causes}" if word == "follows" and causes else mistake
        place = cell.rpartition("!")[2] if verdict.sheet else cell
        body.append([head, place, tag("span", word, class_=CLASSES[word]), from_row, why])
    return table([*HEADS[:4], "why"], body, class_="judged")
