"""Verdicts as text, JSON, CSV rows and self-contained pages. A stranger's text is shown letter for letter and does nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from handgrad.html.document import document
from handgrad.html.markup import Markup, joined, table, tag
from handgrad.judge.verdict import Requirement, Verdict
from handgrad.text import aligned, csv_cell, one_line

MARKS = {True: "yes", False: "no", None: "open"}


def as_json(verdict: Verdict) -> dict[str, Any]:
    """Return *verdict* as plain values."""
    return asdict(verdict)


def table_text(verdict: Verdict) -> str:
    """Return *verdict* as a table for a terminal: condition, asked, found, met."""
    rows = [_row(each) for each in verdict.requirements]
    lines = aligned(["condition", "asked", "found", "met"], rows) if rows else []
    if verdict.points is not None:
        lines += [f"points: {points_words(verdict)}"]
        lines += [
            f"  {each.name}: {'open' if each.points is None else f'{each.points:g}'}"
            f"{f' of {each.most:g}' if each.most else ' extra'} – {one_line(each.reason, None)}"
            for each in verdict.points.rows
        ]
    lines += [f"{one_line(verdict.file)} – {verdict.assignment}: {verdict.word}"]
    lines += [f"change: {one_line(each, None)}" for each in verdict.advice]
    lines += [f"said: {one_line(each, None)}" for each in verdict.said]
    lines += [f"note: {one_line(note, None)}" for note in verdict.notes]
    lines += [f"judged: {one_line(verdict.judged, None)}"] if verdict.judged else []
    lines += [f"isolation: {verdict.isolation}; {verdict.seconds:.1f} s"]
    return "\n".join(lines)


def _row(requirement: Requirement) -> tuple[str, str, str, str]:
    """Return the cells of one condition."""
    return requirement.name, requirement.asked, requirement.found, MARKS[requirement.met]


def class_csv(verdicts: Sequence[Verdict]) -> str:
    """Return one row a hand-in: values that sort, then for each condition whether it is met and, beside it, in words why.

    ``points`` is empty where there is no verdict or something is still open; ``accuracy`` is in percent.
    """
    # In the order of their first appearance, not sorted: conditions have an order in which they are read.
    names = list(dict.fromkeys(each.name for verdict in verdicts for each in verdict.requirements))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [column for name in names for column in (name, f"{name}: found")]
    writer.writerow(map(csv_cell, [*HEAD, *columns, "notes", "isolation"]))
    for verdict in verdicts:
        found = {each.name: (MARKS[each.met], each.found) for each in verdict.requirements}
        points = verdict.points
        row: list[object] = [verdict.person, verdict.file, verdict.assignment, verdict.word]
        row += [None if points is None else points.total, None if points is None else points.most]
        row += [verdict.parameters, None if verdict.accuracy is None else round(verdict.accuracy, 6)]
        cells = [cell for name in names for cell in found.get(name, ("", ""))]
        writer.writerow(map(csv_cell, [*row, *cells, "; ".join(verdict.notes), verdict.isolation]))
    return text.getvalue()


HEAD = ("person", "file", "assignment", "verdict", "points", "of", "parameters", "accuracy")


def count_words(verdicts: Sequence[Verdict]) -> str:
    """Return how many are what, as in ``3 met, 1 not met, 2 open of 6``."""
    words = [verdict.word for verdict in verdicts]
    counts = [f"{words.count(word)} {word}" for word in ("met", "not met", "open", "no verdict") if word in words]
    return f"{', '.join(counts) or '0 met'} of {len(words)}"


def points_words(verdict: Verdict) -> str:
    """Return the points as in ``7.5 of 10``, empty where there are none."""
    points = verdict.points
    if points is None:
        return ""
    return f"{'open' if points.total is None else f'{points.total:g}'} of {points.most:g}"


def verdict_page(verdict: Verdict) -> str:
    """Return the page to hand back for one file."""
    return document(f"{verdict.file}: {verdict.verdict}", _verdict_section(verdict, "h1"))


def class_page(verdicts: Sequence[Verdict]) -> str:
    """Return one page for a class: an overview, then each hand-in on a sheet of its own when printed."""
    graded = any(verdict.points is not None for verdict in verdicts)
    rows: list[list[object]] = [
        [
            tag("a", verdict.person or verdict.file, href=f"#file{index}"),
            badge(verdict.word),
            *([points_words(verdict)] if graded else []),
            why(verdict),
        ]
        for index, verdict in enumerate(verdicts)
    ]
    title = f"{verdicts[0].assignment if verdicts else ''}: {count_words(verdicts)}"
    overview = joined(
        tag("header", tag("p", "Handgrad – a class judged", class_="over"), tag("h1", title)),
        table(["person", "verdict", *(["points"] if graded else []), "why"], rows, class_="judged"),
    )
    sheets = [
        tag("section", _verdict_section(verdict, "h2"), class_="sheet", id=f"file{index}")
        for index, verdict in enumerate(verdicts)
    ]
    return document("A class judged", joined(overview, *sheets))


def why(verdict: Verdict) -> str:
    """Return the conditions that are not met, in one line; without one, what stands in the notes of a lack of a verdict."""
    missed = [f"{each.name}: {each.found}" for each in verdict.requirements if each.met is False]
    if missed or verdict.verdict != "no verdict":
        return "; ".join(missed)
    return "; ".join(note for note in verdict.notes if not (verdict.is_open and note.startswith(NOT_TRAINED)))


NOT_TRAINED = "not trained:"
"""How the note begins that says why nothing was trained."""


def _verdict_section(verdict: Verdict, heading: str) -> Markup:
    """Return verdict, table and notes; *heading* is the element that names the file."""
    rows: list[list[object]] = [
        [each.name, each.asked, each.found, tag("span", MARKS[each.met], class_=MARKS[each.met])]
        for each in verdict.requirements
    ]
    return joined(
        tag(
            "header",
            tag("p", f"Handgrad – assignment {verdict.assignment}", class_="over"),
            tag(heading, f"{verdict.person}: {verdict.file}" if verdict.person else verdict.file),
            badge(verdict.word),
        ),
        _listed("What to change first", verdict.advice),
        table(["condition", "asked", "found", "met"], rows, class_="judged") if rows else None,
        _points_table(verdict),
        _listed("The training here", verdict.training),
        _listed("What the author claims", verdict.said),
        _listed("Notes", verdict.notes),
        tag("p", f"judged: {verdict.judged}", class_="quiet") if verdict.judged else None,
        tag("p", f"isolation: {verdict.isolation} · judged in {verdict.seconds:.1f} s", class_="quiet"),
    )


def _listed(heading: str, lines: Sequence[str]) -> Markup | None:
    """Return *lines* under a *heading*, None where there are none."""
    return joined(tag("h3", heading), tag("ul", *(tag("li", line) for line in lines))) if lines else None


def _points_table(verdict: Verdict) -> Markup | None:
    """Return the points row by row with their reasons; None where the assignment gives none."""
    if verdict.points is None:
        return None
    rows: list[list[object]] = [
        [
            each.name,
            "open" if each.points is None else f"{each.points:g}",
            f"{each.most:g}" if each.most else "extra",
            each.reason,
        ]
        for each in verdict.points.rows
    ]
    total = "open" if verdict.points.total is None else f"{verdict.points.total:g}"
    rows.append(["total", total, f"{verdict.points.most:g}", ""])
    return table(["points for", "points", "of", "because"], rows, class_="points")


def badge(word: str) -> Markup:
    """Return the *word* of a verdict as a coloured one."""
    return tag("span", word, class_=f"verdict {word.replace(' ', '-')}")
