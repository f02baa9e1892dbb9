"""Verdicts as text, JSON, CSV rows and self-contained pages. A stranger's text is shown letter for letter and does nothing."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from handgrad.judge.verdict import Requirement, Verdict

MARKS = {True: "yes", False: "no", None: "open"}
FORMULA = ("=", "+", "-", "@", "\t", "\r")
STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; overflow-wrap: anywhere; }
.verdict { display: inline-block; padding: .2rem .8rem; border-radius: .4rem; font-weight: 700; border: 2px solid; }
.met { color: #14532d; background: #e7f6ec; } .not-met { color: #7f1d1d; background: #fdeaea; }
.no-verdict { color: #554400; background: #fff7dc; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; vertical-align: top; padding: .45rem .6rem; border-bottom: 1px solid #ccc; overflow-wrap: anywhere; }
thead th { border-bottom: 2px solid #444; }
thead th, .verdict, td.yes, td.no, td.open { white-space: nowrap; }
tbody th { min-width: 11rem; } tbody td { min-width: 3rem; }
td.yes { color: #14532d; font-weight: 700; } td.no { color: #7f1d1d; font-weight: 700; } td.open { color: #554400; }
table.columns th { min-width: 0; } table.columns th, table.columns td { padding: .25rem .4rem; }
table.columns th, table.columns td:not(:last-child) { overflow-wrap: break-word; }
table.columns tr { break-inside: avoid; }
h2 { break-after: avoid; }
h2 { font-size: 1.2rem; margin: 1.6rem 0 .4rem; } ol > li { margin: .6rem 0; }
ul, ol { padding-left: 1.4rem; } li, p { overflow-wrap: anywhere; }
@media (max-width: 34rem) { body { margin: 1rem auto; } th, td { padding: .35rem .3rem; font-size: .9rem; }
  table.columns thead th { white-space: normal; } }
.small { color: #555; font-size: .9rem; } section { break-inside: avoid-page; }
section + section { margin-top: 3rem; } a { color: #1d4ed8; }
@media print { body { margin: 0; max-width: none; } section.sheet { break-before: page; } a { color: inherit; } }
"""


def as_json(verdict: Verdict) -> dict[str, Any]:
    """Return *verdict* as plain values."""
    return asdict(verdict)


def table_text(verdict: Verdict) -> str:
    """Return *verdict* as a table for a terminal: condition, asked, found, met."""
    rows = [("condition", "asked", "found", "met"), *(row(each) for each in verdict.requirements)]
    widths = [max(len(cells[column]) for cells in rows) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(cells, widths, strict=False)), cells[3]])
        for cells in rows
    ]
    lines = [line.rstrip() for line in lines] if verdict.requirements else []
    lines += [f"{verdict.file} – {verdict.assignment}: {verdict.verdict}"]
    lines += [f"note: {note}" for note in verdict.notes]
    lines += [f"isolation: {verdict.isolation}; {verdict.seconds:.1f} s"]
    return "\n".join(lines)


def row(requirement: Requirement) -> tuple[str, str, str, str]:
    """Return the cells of one condition."""
    return requirement.name, requirement.asked, requirement.found, MARKS[requirement.met]


def safe_cell(text: object) -> str:
    """Return *text* so that no spreadsheet program takes it for a formula."""
    shown = str(text)
    return f"'{shown}" if shown.startswith(FORMULA) else shown


def class_csv(verdicts: Sequence[Verdict]) -> str:
    """Return one row a file: file, verdict, then a column for each condition with what was found and whether it is met."""
    names = list(dict.fromkeys(each.name for verdict in verdicts for each in verdict.requirements))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "assignment", "verdict", *map(safe_cell, names), "notes", "isolation"])
    for verdict in verdicts:
        cells = {each.name: f"{MARKS[each.met]}: {each.found}" for each in verdict.requirements}
        notes = "; ".join(verdict.notes)
        writer.writerow(
            [
                safe_cell(cell)
                for cell in (
                    verdict.file,
                    verdict.assignment,
                    verdict.verdict,
                    *(cells.get(name, "") for name in names),
                    notes,
                    verdict.isolation,
                )
            ]
        )
    return text.getvalue()


def verdict_page(verdict: Verdict) -> str:
    """Return the page to hand back for one file."""
    return document(f"{verdict.file}: {verdict.verdict}", verdict_section(verdict, "h1"))


def class_page(verdicts: Sequence[Verdict]) -> str:
    """Return one page for a class: an overview, then each file on a sheet of its own when printed."""
    met = sum(verdict.verdict == "met" for verdict in verdicts)
    rows = "".join(
        f'<tr><th scope="row"><a href="#file{index}">{shown(verdict.file)}</a></th>'
        f"<td>{badge(verdict.verdict)}</td><td>{shown(why(verdict))}</td></tr>"
        for index, verdict in enumerate(verdicts)
    )
    head = "<thead><tr><th>file</th><th>verdict</th><th>why</th></tr></thead>"
    overview = (
        f"<section><h1>{shown(verdicts[0].assignment if verdicts else '')}: {met} of {len(verdicts)} met</h1>"
        f"<table>{head}<tbody>{rows}</tbody></table></section>"
    )
    sheets = "".join(
        f'<section class="sheet" id="file{index}">{verdict_section(verdict, "h2")}</section>'
        for index, verdict in enumerate(verdicts)
    )
    return document("A class judged", overview + sheets)


def why(verdict: Verdict) -> str:
    """Return the conditions that are not met, in one line."""
    missed = [f"{each.name}: {each.found}" for each in verdict.requirements if each.met is False]
    return "; ".join(missed) if missed else "; ".join(verdict.notes if verdict.verdict == "no verdict" else ())


def verdict_section(verdict: Verdict, heading: str) -> str:
    """Return verdict, table and notes as HTML."""
    rows = "".join(
        f'<tr><th scope="row">{shown(each.name)}</th><td>{shown(each.asked)}</td><td>{shown(each.found)}</td>'
        f'<td class="{MARKS[each.met]}">{MARKS[each.met]}</td></tr>'
        for each in verdict.requirements
    )
    head = "<thead><tr><th>condition</th><th>asked</th><th>found</th><th>met</th></tr></thead>"
    table = f"<table>{head}<tbody>{rows}</tbody></table>" if rows else ""
    notes = "".join(f"<li>{shown(note)}</li>" for note in verdict.notes)
    return (
        f"<{heading}>{shown(verdict.file)}</{heading}>"
        f"<p>assignment {shown(verdict.assignment)}: {badge(verdict.verdict)}</p>{table}"
        + (f"<ul>{notes}</ul>" if notes else "")
        + f'<p class="small">isolation: {shown(verdict.isolation)} · judged in {verdict.seconds:.1f} s</p>'
    )


def badge(word: str) -> str:
    """Return the *word* of a verdict as a coloured one."""
    return f'<span class="verdict {word.replace(" ", "-")}">{shown(word)}</span>'


def shown(text: object) -> str:
    """Return *text* as HTML that shows it and does nothing."""
    printable = "".join(letter if letter.isprintable() else "\ufffd" for letter in str(text))
    return html.escape(printable, quote=True)


def document(title: str, body: str) -> str:
    """Return a whole page; a policy in it lets nothing be loaded and no script run."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{shown(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body>{body}</body></html>\n"
    )
