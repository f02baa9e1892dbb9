"""A verdict on a workbook as a page to hand back, in the look of the page for networks."""

from __future__ import annotations

from collections.abc import Sequence

from handgrad.judge.page import badge, document, shown
from handgrad.judge.workbook.verdict import HEADS, BookVerdict, rows, summary

CLASSES = {"right": "yes", "wrong": "no", "follows": "open"}


def book_page(verdict: BookVerdict) -> str:
    """Return one self-contained page: the verdict, what to mend first, then every column.

    Texts from the workbook are shown letter for letter and do nothing.
    """
    listed = rows(verdict)
    own = [row for row, column in zip(listed, verdict.columns, strict=True) if column.own]
    facts = [f"{name}: {text}" for name, text in _facts(verdict) if text]
    parts = [f"<h1>{shown(verdict.file)}</h1><p>{badge(verdict.verdict)}</p>"]
    parts.append(f'<p class="small">{" · ".join(shown(fact) for fact in facts)}</p>')
    if verdict.columns:
        parts.append(f"<p>{shown(summary(verdict))}</p>")
    if own:
        parts.append(f"<section><h2>To mend</h2>{_cards(own)}</section>")
    if verdict.notes:
        parts.append(f"<ul>{''.join(f'<li>{shown(note)}</li>' for note in verdict.notes)}</ul>")
    if listed:
        what = "answer" if verdict.task else "column"
        parts.append(f"<h2>Every {what}</h2>{_table(verdict)}")
    return document(f"{verdict.file}: {verdict.verdict}", "".join(parts))


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


def _cards(own: Sequence[Sequence[str]]) -> str:
    """Return the mistakes made in the sheet itself, each with its place and the likely reason in words."""
    items = ""
    for head, cell, _, from_row, mistake, explanation in own:
        where = f"{cell}, from row {from_row}" if from_row else cell
        likely = f"<br><strong>{shown(mistake)}</strong>" if mistake else ""
        items += (
            f'<li><b>{shown(head)}</b> <span class="small">({shown(where)})</span>{likely}<br>{shown(explanation)}</li>'
        )
    return f"<ol>{items}</ol>"


def _table(verdict: BookVerdict) -> str:
    """Return a row for each column; what the list above explains is not said again."""
    heads = {column.name: column.head for column in verdict.columns}
    body = ""
    for column, (head, cell, word, from_row, mistake, _) in zip(verdict.columns, rows(verdict), strict=True):
        causes = ", ".join(heads.get(cause, cause) for cause in column.follows_from)
        why = f"right from what it reads, follows from {causes}" if word == "follows" and causes else mistake
        place = cell.rpartition("!")[2] if verdict.sheet else cell
        body += (
            f'<tr><th scope="row">{shown(head)}</th><td>{shown(place)}</td><td class="{CLASSES[word]}">{shown(word)}</td>'
            f"<td>{shown(from_row)}</td><td>{shown(why)}</td></tr>"
        )
    names = "".join(f"<th>{name}</th>" for name in (*HEADS[:4], "why"))
    return f'<table class="columns"><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>'
