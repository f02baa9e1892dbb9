"""The rows of long tables, written as the file format has them, from one template for the whole table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from xml.sax.saxutils import escape

TOKEN = re.compile(r"\{([+-]\d+)\}")
# Rows of XML joined before they are compressed: large enough that zip sees the repetition, small enough for a few
# kilobytes.
CHUNK = 500
# From 1,000 steps on (and the row before the first). Short tables keep every address, which some readers look for.
LONG = 1_001


@dataclass(frozen=True)
class TableRows:
    """A table whose first row is already on the sheet; ``following`` are the templates of its other rows."""

    top: int
    columns: tuple[int, ...]
    following: tuple[str | None, ...]
    values: Sequence[Sequence[float | str]]


@cache
def column_letters(column: int) -> str:
    """Return the letters of a column: 0 → A, 26 → AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def column_number(letters: str) -> int:
    """Return the number of a column: ``A`` → 0, ``AA`` → 26."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def address(row: int, column: int, fixed: bool = False) -> str:
    """Return the address of a cell, rows and columns from 0: ``B3``, or ``$B$3``."""
    return f"${column_letters(column)}${row + 1}" if fixed else f"{column_letters(column)}{row + 1}"


def fill(template: str, row: int) -> str:
    """Fill a formula template for one row (1-based): ``{+0}`` is that row, ``{-1}`` the one before."""
    return TOKEN.sub(lambda token: str(row + int(token[1])), template)


def row_texts(table: TableRows, styles: Sequence[str], shared: Iterator[int]) -> Iterator[str]:
    """Yield the rows of a table after its first, as XML, some hundred at a time; ``styles`` are those of the first row.

    Each column's formula stands in its second row and is *shared* (ECMA-376, 18.3.1.40) by those below, as spreadsheet
    programs write a formula that was copied down: a third of the size. ``shared`` gives numbers not used before.
    """
    # 1-based, as the file counts: the 0-based top plus the height is the last row's number.
    last = table.top + len(table.values[0])
    columns = [
        _Copied(column_letters(column), style, formula, last, next(shared))
        for column, style, formula in zip(table.columns, styles, table.following, strict=True)
    ]
    chunk: list[str] = []
    # In long tables only the first cell after a gap says where it stands; the others follow it (a third less again).
    named = [len(table.values[0]) <= LONG or c - 1 not in table.columns for c in table.columns]
    template = "".join(
        # %r writes the shortest text that reads back as the same double: no digit of a number is lost in the file.
        f'<c{f" r={chr(34)}{column.letters}{{0}}{chr(34)}" if name else ""} s="{column.style}">{column.copy}<v>%r</v></c>'
        for column, name in zip(columns, named, strict=True)
    )
    for number, values in enumerate(zip(*table.values, strict=True)):
        row = table.top + number + 1
        # The second row carries the formulas that the others share. A row with a word in it ("diverged") needs its
        # own kind of cell.
        if number == 1 or (number > 1 and str in map(type, values)):
            cells = "".join(column.cell(row, value, number == 1) for column, value in zip(columns, values, strict=True))
            chunk.append(f'<row r="{row}">{cells}</row>')
        elif number:
            chunk.append(f'<row r="{row}">{template.replace("{0}", str(row)) % values}</row>')
        if len(chunk) == CHUNK:
            yield "".join(chunk)
            chunk = []
    yield "".join(chunk)


@dataclass(frozen=True, slots=True)
class _Copied:
    """A column whose formula, written out once, is copied down to the row ``last`` (1-based)."""

    letters: str
    style: str
    formula: str | None
    last: int
    number: int

    @property
    def copy(self) -> str:
        return "" if self.formula is None else f'<f t="shared" si="{self.number}"/>'

    def cell(self, row: int, value: float | str, original: bool) -> str:
        shown = self.copy
        if original and self.formula is not None:
            place = f"{self.letters}{row}:{self.letters}{self.last}"
            # The range reaches to the table's end: a program that moves the first cell then knows which cells go
            # along.
            shown = f'<f t="shared" ref="{place}" si="{self.number}">{escape(fill(self.formula, row))}</f>'
        # "str" is a text that a formula found; a plain text would be "s", a number in the list of shared strings.
        kind, content = (' t="str"', escape(value)) if isinstance(value, str) else ("", repr(value))
        return f'<c r="{self.letters}{row}" s="{self.style}"{kind}>{shown}<v>{content}</v></c>'
