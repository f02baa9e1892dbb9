"""The rows of long tables, written as the file format has them, from one template for the whole table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from xml.sax.saxutils import escape

TOKEN = re.compile(r"\{([+-]\d+)\}")
CHUNK = 500


@dataclass(frozen=True)
class TableRows:
    """A table whose first row is already on the sheet; ``following`` are the templates of its other rows."""

    top: int
    columns: tuple[int, ...]
    following: tuple[str | None, ...]
    values: Sequence[Sequence[float | str]]


@cache
def column_letters(column: int) -> str:
    """0 → A, 26 → AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def address(row: int, column: int, fixed: bool = False) -> str:
    """The address of a cell, rows and columns from 0: ``B3``, or ``$B$3``."""
    return f"${column_letters(column)}${row + 1}" if fixed else f"{column_letters(column)}{row + 1}"


def fill(template: str, row: int) -> str:
    """A formula template for one row (1-based): ``{+0}`` is that row, ``{-1}`` the one before."""
    return TOKEN.sub(lambda token: str(row + int(token[1])), template)


def row_texts(table: TableRows, styles: Sequence[str]) -> Iterator[str]:
    """The rows of a table after its first, as XML, some hundred at a time; ``styles`` are those of the first row."""
    parts = list(zip(table.columns, styles, table.following, strict=True))
    template = '<row r="{+0}">' + "".join(_cell(*part) for part in parts) + "</row>"
    tokens = sorted(set(TOKEN.findall(template)))
    chunk: list[str] = []
    for number, values in enumerate(zip(*table.values, strict=True)):
        if number == 0:
            continue
        row = table.top + number + 1
        if str in map(type, values):
            text = '<row r="{+0}">' + "".join(map(_mixed_cell, parts, values)) + "</row>"
            chunk.append(fill(text, row))
        else:
            text = template
            for token in tokens:
                text = text.replace(f"{{{token}}}", str(row + int(token)))
            chunk.append(text % values)
        if len(chunk) == CHUNK:
            yield "".join(chunk)
            chunk = []
    yield "".join(chunk)


def _cell(column: int, style: str, formula: str | None) -> str:
    shown = "" if formula is None else f"<f>{escape(formula).replace('%', '%%')}</f>"
    return f'<c r="{column_letters(column)}{{+0}}" s="{style}">{shown}<v>%r</v></c>'


def _mixed_cell(part: tuple[int, str, str | None], value: float | str) -> str:
    column, style, formula = part
    shown = "" if formula is None else f"<f>{escape(formula)}</f>"
    kind, content = (' t="str"', escape(value)) if isinstance(value, str) else ("", repr(value))
    return f'<c r="{column_letters(column)}{{+0}}" s="{style}"{kind}>{shown}<v>{content}</v></c>'
