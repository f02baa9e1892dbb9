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
    lines += [f"{one_line(verdict.file)} – {verdict.assignment}: {verdict.verdict}"]
    lines += [f"note: {one_line(note, None)}" for note in verdict.notes]
    lines += [f"judged: {one_line(verdict.judged, None)}"] if verdict.judged else []
    lines += [f"isolation: {verdict.isolation}; {verdict.seconds:.1f} s"]
    return "\n".join(lines)


def _row(requirement: Requirement) -> tuple[str, str, str, str]:
    """Return the cells of one condition."""
    return requirement.name, requirement.asked, requirement.found, MARKS[requirement.met]


def class_csv(verdicts: Sequence[Verdict]) -> str:
    """Return one row a file: file, verdict, then a column for each condition with what was found and whether it is met."""
    names = list(dict.fromkeys(each.name for verdict in verdicts for each in verdict.requirements))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(csv_cell, ["file", "assignment", "verdict", *names, "notes", "isolation"]))
    for verdict in verdicts:
        cells = {each.name: f"{MARKS[each.met]}: {each.found}" for each in verdict.requirements}
        judged = [verdict.file, verdict.assignment, verdict.verdict, *(cells.get(name, "") for name in names)]
        writer.writerow(map(csv_cell, [*judged, "; ".join(verdict.notes), verdict.isolation]))
    return text.getvalue()


def verdict_page(verdict: Verdict) -> str:
    """Return the page to hand back for one file."""
    return document(f"{verdict.file}: {verdict.verdict}", _verdict_section(verdict, "h1"))


def class_page(verdicts: Sequence[Verdict]) -> str:
    """Return one page for a class: an overview, then each file on a sheet of its own when printed."""
    met = sum(verdict.verdict == "met" for verdict in verdicts)
    rows: list[list[object]] = [
        [tag("a", verdict.file, href=f"#file{index}"), badge(verdict.verdict), why(verdict)]
        for index, verdict in enumerate(verdicts)
    ]
    title = f"{verdicts[0].assignment if verdicts else ''}: {met} of {len(verdicts)} met"
    overview = joined(
        tag("header", tag("p", "Handgrad – a class judged", class_="over"), tag("h1", title)),
        table(["file", "verdict", "why"], rows, class_="judged"),
    )
    sheets = [
        tag("section", _verdict_section(verdict, "h2"), class_="sheet", id=f"file{index}")
        for index, verdict in enumerate(verdicts)
    ]
    return document("A class judged", joined(overview, *sheets))


def why(verdict: Verdict) -> str:
    """Return the conditions that are not met, in one line."""
    missed = [f"{each.name}: {each.found}" for each in verdict.requirements if each.met is False]
    return "; ".join(missed) if missed else "; ".join(verdict.notes if verdict.verdict == "no verdict" else ())


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
            tag(heading, verdict.file),
            badge(verdict.verdict),
        ),
        table(["condition", "asked", "found", "met"], rows, class_="judged") if rows else None,
        tag("ul", *(tag("li", note) for note in verdict.notes)) if verdict.notes else None,
        tag("p", f"judged: {verdict.judged}", class_="quiet") if verdict.judged else None,
        tag("p", f"isolation: {verdict.isolation} · judged in {verdict.seconds:.1f} s", class_="quiet"),
    )


def badge(word: str) -> Markup:
    """Return the *word* of a verdict as a coloured one."""
    return tag("span", word, class_=f"verdict {word.replace(' ', '-')}")
