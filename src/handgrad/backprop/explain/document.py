"""A derivation as plain data: headings, paragraphs, equations, tables, pictures; what writes it knows no calculus.

In the strings that :func:`say` takes, ``$…$`` is mathematics and backquotes are code. A text that a user wrote is never
such a string: it is wrapped in :class:`User`, and every writer shows it letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """Words of the derivation's own."""

    text: str


@dataclass(frozen=True, slots=True)
class User:
    """Words that somebody else wrote."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """A command or a key."""

    text: str


@dataclass(frozen=True, slots=True)
class Math:
    """LaTeX that matplotlib's mathtext reads too; ``label`` is how it reads where no mathematics can stand."""

    latex: str
    label: str = ""


Span = Text | User | Code | Math
Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1 (the title) to 3."""

    level: int
    line: Line


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    line: Line


@dataclass(frozen=True, slots=True)
class Equation:
    """``left = rights[0] = rights[1] = …``; a right-hand side may go over several lines."""

    left: str
    rights: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; every row has as many cells as the header. Numbers stand at the right unless told otherwise."""

    header: tuple[Line, ...]
    rows: tuple[tuple[Line, ...], ...]
    left: frozenset[int] = frozenset({0})


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture by the name of its file without ending, and what it shows."""

    name: str
    shows: Line


Block = Heading | Paragraph | Equation | Bullets | Table | Picture


@dataclass(frozen=True, slots=True)
class Document:
    """The blocks in order."""

    blocks: tuple[Block, ...]


def say(*parts: str | Span) -> Line:
    """Return a line from strings (with ``$…$`` and backquotes) and spans."""
    spans: list[Span] = []
    for part in parts:
        if not isinstance(part, str):
            spans.append(part)
            continue
        for piece in re.split(r"(\$[^$]+\$|`[^`]+`)", part):
            if piece.startswith("$") and piece.endswith("$") and len(piece) > 1:
                spans.append(Math(piece[1:-1]))
            elif piece.startswith("`") and piece.endswith("`") and len(piece) > 1:
                spans.append(Code(piece[1:-1]))
            elif piece:
                spans.append(Text(piece))
    return tuple(spans)


def listed(lines: Iterable[Line], last: str = " and ") -> Line:
    """Return lines parted by commas, the last by a word."""
    items = list(lines)
    spans: list[Span] = []
    for index, item in enumerate(items):
        if index:
            spans.append(Text(last if index == len(items) - 1 else ", "))
        spans.extend(item)
    return tuple(spans)
