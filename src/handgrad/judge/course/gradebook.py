"""Fills the grade book that a teacher exported from Moodle or Canvas: what is known, in the cells meant for it, and no more."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from handgrad.errors import UsageError
from handgrad.files import write_whole
from handgrad.judge.course.table import Table, decimal_sign, read_table
from handgrad.judge.verdict import Verdict
from handgrad.text import one_line, quoted

CANVAS_COLUMN = re.compile(r".+ \(\d+\)", re.DOTALL)
PARTICIPANT = re.compile(r"\D*(\d+)")
POINTS_POSSIBLE = "points possible"
# Moodle's own words for a comment that is given back, in the languages of most of its sites.
COMMENTS = re.compile(
    r"feedback.*(comment|komment|opmerking)|comment.*feedback|(commentaire|comentario|coment[áa]rio|commento)"
)
NO = frozenset(
    {"no", "nein", "non", "nee", "não", "nej", "nei", "ei", "ne", "nie", "нет", "ні", "いいえ", "否", "아니오", "لا"}
)
"""What stands where a grade cannot be changed, by language."""


@dataclass
class Filled:
    """What became of a grade book: how many cells were filled, and what was not matched, each with its reason."""

    filled: int = 0
    unmatched_rows: list[str] = field(default_factory=list)
    unmatched_people: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """People who are in the book and got no new grade: no verdict, something open, or a grade that stands there."""


@dataclass(frozen=True)
class Book:
    """Where things stand in a grade book; *most* is the maximum in a row, None where the book says none."""

    platform: str
    first_row: int
    number: int | None
    name: int
    grade: int
    most: Callable[[int], str]
    locked: int | None = None
    comments: int | None = None
    squeeze: bool = False
    """Whether the platform writes names in files as letters alone."""


def fill_grades(export: Path, target: Path, verdicts: Sequence[Verdict], *, column: str | None = None) -> Filled:
    """Write *export* with the points of *verdicts* filled in as *target*, and return what was filled and what was not.

    Columns, encoding, separator and all other cells stay as they are. *column* names the column of a Canvas book that has
    several assignments. Raises `UsageError` where the book is none, or its maximum is not that of the points.
    """
    table = read_table(export)
    book = _recognise(table, export, column)
    filled = Filled()
    rows = list(range(book.first_row, len(table.rows)))
    matches = _matches(table, book, rows, verdicts, filled=filled)
    sign = decimal_sign([table.value(row, book.grade) for row in rows] + [book.most(row) for row in rows])
    for row in rows:
        if _is_empty(table, row):
            continue
        verdict = matches.get(row)
        who = one_line(table.value(row, book.name), 80)
        if verdict is None:
            filled.unmatched_rows.append(who)
        else:
            reason = _fill(table, book, row, verdict, sign=sign)
            if reason:
                filled.left.append(f"{who}: {reason}")
            else:
                filled.filled += 1
    write_whole(target, table.data())
    return filled


def _recognise(table: Table, export: Path, column: str | None) -> Book:
    """Return where things stand, by the header. Raises `UsageError` for another table."""
    heads = [table.value(0, place).strip() for place in range(len(table.rows[0]))] if table.rows else []
    lower = [head.lower() for head in heads]
    if "identifier" in lower and "grade" in lower:
        return _moodle(table, lower)
    if lower[:1] == ["student"] and "id" in lower:
        return _canvas(table, heads, lower, export, column=column)
    grade = _moodle_grade(table, heads, column)
    if grade is not None:
        return _moodle_elsewhere(table, lower, grade)
    known = ", ".join(heads[:6]) or "nothing"
    raise UsageError(
        f"{export} is not a grade book that is known – found the columns {one_line(known, 100)} – give Moodle's grading "
        "worksheet (Identifier, Full name, Grade, …; in another language, --column names the grades) or Canvas's export "
        "(Student, ID, …)"
    )


def _moodle(table: Table, lower: Sequence[str]) -> Book:
    """Return where things stand in Moodle's grading worksheet."""

    def place(name: str) -> int | None:
        return lower.index(name) if name in lower else None

    most = place("maximum grade")
    name = place("full name")
    return Book(
        platform="Moodle",
        first_row=1,
        number=lower.index("identifier"),
        name=name if name is not None else lower.index("identifier"),
        grade=lower.index("grade"),
        most=lambda row: table.value(row, most) if most is not None else "",
        locked=place("grade can be changed"),
        comments=place("feedback comments"),
    )


def _moodle_grade(table: Table, heads: Sequence[str], column: str | None) -> int | None:
    """Return the column of the grades of Moodle's worksheet in another language, None where it is no such worksheet.

    By its cells, as the heads are in the language of the site: participants' numbers come first, and on a grade follow the
    same maximum in every row and the word for whether it can be changed.
    """
    rows = [row for row in range(1, len(table.rows)) if not _is_empty(table, row)]
    if not rows or not all(PARTICIPANT.fullmatch(table.value(row, 0).strip()) for row in rows):
        return None
    if column is not None:
        return heads.index(column) if column in heads else None
    for place in range(2, len(heads) - 2):
        grades, most, words = ({table.value(row, place + after).strip() for row in rows} for after in range(3))
        graded = all(each in ("", "-") or _number(each) is not None for each in grades)
        same = len(most) == 1 and _number(*most) is not None
        if graded and same and len(words) <= 2 and all(word and _number(word) is None for word in words):
            return place
    return None


def _moodle_elsewhere(table: Table, lower: Sequence[str], grade: int) -> Book:
    """Return where things stand in Moodle's worksheet of a language whose heads are not known here."""
    comments = (place for place in range(grade + 1, len(lower)) if COMMENTS.search(lower[place]))
    return Book(
        platform="Moodle",
        first_row=1,
        number=0,
        name=1,
        grade=grade,
        most=lambda row: table.value(row, grade + 1),
        locked=grade + 2,
        comments=next(comments, None),
    )


def _canvas(table: Table, heads: Sequence[str], lower: Sequence[str], export: Path, *, column: str | None) -> Book:
    """Return where things stand in Canvas's export; the points possible stand in a row of their own."""
    possible = next(
        (row for row in range(1, min(4, len(table.rows))) if POINTS_POSSIBLE in table.value(row, 0).lower()), None
    )
    columns = [head for head in heads if CANVAS_COLUMN.fullmatch(head)]
    wanted = [head for head in columns if column is None or head == column or head.rpartition(" (")[0] == column]
    if len(wanted) != 1:
        asked = "--column is missing" if column is None else f"no column {quoted(column)}"
        listed = ", ".join(quoted(head) for head in columns[:10]) or "none"
        raise UsageError(f"{export}: {asked} – found the assignments {listed} – name one of them with --column")
    grade = heads.index(wanted[0])
    return Book(
        platform="Canvas",
        first_row=1 if possible is None else possible + 1,
        number=lower.index("id"),
        name=0,
        grade=grade,
        most=lambda row: table.value(possible, grade) if possible is not None else "",
        squeeze=True,
    )


def _matches(
    table: Table, book: Book, rows: Sequence[int], verdicts: Sequence[Verdict], *, filled: Filled
) -> Mapping[int, Verdict]:
    """Return the verdict of each row: by the platform's number, else by a name that only one has on either side."""
    by_number: dict[str, int] = {}
    by_name: dict[str, list[int]] = {}
    for place in rows:
        number = PARTICIPANT.fullmatch(table.value(place, book.number).strip()) if book.number is not None else None
        if number:
            by_number[number[1]] = place
        # All rows of a name are kept: a name that two people have decides nothing.
        by_name.setdefault(_plain(table.value(place, book.name), book.squeeze), []).append(place)
    names = [_plain(verdict.person, book.squeeze) for verdict in verdicts]
    matches: dict[int, Verdict] = {}
    for verdict, name in zip(verdicts, names, strict=True):
        who = one_line(f"{verdict.person} ({verdict.file})", 160)
        row: int | None = by_number.get(verdict.number) if verdict.number else None
        # Whoever has a number and is not in the book by it is another person of the same name.
        if row is None and not verdict.number:
            there = by_name.get(name, [])
            if len(there) > 1 or names.count(name) > 1:
                filled.unmatched_people.append(f"{who}: several people have this name")
                continue
            row = there[0] if there else None
        if row is None:
            filled.unmatched_people.append(f"{who}: not in the book")
        elif row in matches:
            filled.unmatched_people.append(f"{who}: another hand-in has that row")
        else:
            matches[row] = verdict
    return matches


def _plain(name: str, squeeze: bool) -> str:
    """Return a name for comparing; *squeeze* leaves nothing but its letters and figures, whatever their order of words.

    Canvas writes "Lovelace, Ada" into the name of a file as ``lovelaceada``.
    """
    text = " ".join(unicodedata.normalize("NFC", name).casefold().split())
    return re.sub(r"[\W_]", "", text) if squeeze else text


def _fill(table: Table, book: Book, row: int, verdict: Verdict, *, sign: str) -> str:
    """Fill one row, and return why not where it is left as it is."""
    points = verdict.points
    if verdict.verdict == "no verdict" and not verdict.requirements:
        return f"no verdict – {one_line(verdict.notes[0], 120) if verdict.notes else 'not judged'}"
    if points is None or points.total is None:
        return "something is not decided yet"
    # Row by row, because Moodle's worksheet repeats the maximum in each.
    _check_most(book, row, points.most)
    if book.locked is not None and table.value(row, book.locked).strip().lower() in NO:
        return "the book says that the grade cannot be changed"
    text = f"{points.total:g}".replace(".", sign)
    there = table.value(row, book.grade).strip()
    # A grade that stands there may be a teacher's own: it is told, never overwritten.
    if _number(there) is not None:
        return (
            "" if _number(there) == points.total else f"the cell already has the grade {there} – empty it to get {text}"
        )
    if there not in ("", "-"):
        return f"{quoted(there)} stands there"
    table.put(row, book.grade, text)
    if book.comments is not None and not table.value(row, book.comments).strip():
        reasons = [f"{each.name}: {'–' if each.points is None else f'{each.points:g}'}" for each in points.rows]
        table.put(row, book.comments, one_line("; ".join(reasons), None))
    return ""


def _check_most(book: Book, row: int, most: float) -> None:
    """Refuse points of another scale than the book's: stretching them would be an invention."""
    there = _number(book.most(row))
    if there is not None and abs(there - most) > 1e-9:
        raise UsageError(
            f"the assignment gives up to {most:g} points, {book.platform}'s book has a maximum of {there:g} – make them the "
            "same, in [points] or on the platform"
        )


def _number(text: str) -> float | None:
    """Return the number in a cell, None where it holds none."""
    plain = text.strip().replace(",", ".")
    return float(plain) if re.fullmatch(r"\d+(\.\d+)?", plain) else None


def _is_empty(table: Table, row: int) -> bool:
    return not any(table.value(row, column).strip() for column in range(len(table.rows[row])))
