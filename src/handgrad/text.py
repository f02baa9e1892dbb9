"""A stranger's text made safe, one way for each place where it is shown: a line, a message, a table cell, a page.

Names of files and people, cells of workbooks, paths inside a network and errors of a stranger's code may hold anything:
line breaks that forge a second message, escape sequences that a terminal obeys, marks that turn the direction of what
follows, formulas that a spreadsheet runs, tags that a browser obeys. Everything of the kind goes through here, so that
two places cannot disagree on what is safe. Scripts keep all that they need: joiners, combining signs, any letter.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence

REPLACEMENT = "\ufffd"
DOES_SOMETHING = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # controls: a terminal acts on them, XML and HTML may not hold most of them
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # turn the direction of the text that follows
    "\u2028\u2029"  # begin a new line wherever JSON or a browser reads them
    "\u200b\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # cannot be seen, so two names look alike
    "\ud800-\udfff\ufffe\uffff]"  # no characters at all: halves of a pair (a file name that is no UTF-8), non-characters
)
# A message fits a terminal's few lines and a quoted value half of one; whoever wrote it finds the rest in the file.
MOST_SHOWN, MOST_QUOTED = 300, 40
BEGINS_A_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""Excel and LibreOffice calculate a cell of a CSV file that begins so; the full-width signs in Japanese settings."""
PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?([eE][+-]?[0-9]{1,3})?")
MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#|!~$&@^=]|(?i:(?<=www))\.|:(?=//)|^[-+]|(?<=^\d)[.)]")
"""The signs that are markup within a line of Markdown or at its begin, and those by which a viewer knows a bare address."""
WIDE, COMBINING = ("W", "F"), ("Mn", "Me", "Cf")


def visible(text: object) -> str:
    """Return *text* letter for letter, with U+FFFD for each character that does something or cannot be seen."""
    return DOES_SOMETHING.sub(REPLACEMENT, str(text))


def one_line(text: object, most: int | None = MOST_SHOWN) -> str:
    """Return *text* on one line, white space as single spaces; *most* letters, then ``…``; None for all."""
    whole = str(text)
    if most is not None:
        whole = whole[: 10 * most]  # a stranger's text may be a gigabyte long
    line = visible(" ".join(whole.split()))
    return line if most is None or len(line) <= most else f"{line[: most - 1]}…"


def quoted(text: object) -> str:
    """Return *text* in quotation marks for a message: letter for letter, so that a stray space shows, at most 40 of them."""
    letters = visible(str(text)[: MOST_QUOTED + 1])
    return f'"{letters}"' if len(letters) <= MOST_QUOTED else f'"{letters[: MOST_QUOTED - 3]}…"'


def csv_cell(value: object) -> object:
    """Return *value* for a cell of a CSV file: numbers as they are, so that they sort; a text on one line, never a formula.

    A text that a spreadsheet would calculate gets an apostrophe before it, also where white space or characters that cannot
    be seen stand before its sign (`OWASP, CSV Injection <https://owasp.org/www-community/attacks/CSV_Injection>`_). A plain
    number in a text stays one.
    """
    if value is None or isinstance(value, int | float):
        return "" if value is None else value
    line = one_line(value, None)
    first = line.lstrip(f" {REPLACEMENT}")
    dangerous = first.startswith(BEGINS_A_FORMULA) and not PLAIN_NUMBER.fullmatch(line)
    return f"'{line}" if dangerous else line


def escaped(text: object) -> str:
    """Return *text* for HTML, shown letter for letter, in an element or an attribute; line breaks and tabs stay."""
    return html.escape(DOES_SOMETHING.sub(lambda sign: sign[0] if sign[0] in "\n\t" else REPLACEMENT, str(text)))


def escaped_markdown(text: object) -> str:
    """Return *text* for a line or a table cell of Markdown, shown letter for letter: no sign of it is markup or a link."""
    return MARKDOWN.sub(lambda sign: f"\\{sign[0]}", one_line(text, None))


def and_joined(words: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def width(text: str) -> int:
    """Return how many columns *text* takes in a terminal: two for the wide letters of East Asia, none for combining signs.

    Source: Unicode Standard Annex 11 (East Asian Width).
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(sign) in COMBINING else 1 + (unicodedata.east_asian_width(sign) in WIDE)
        for sign in text
    )


def aligned(head: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()) -> list[str]:
    """Return lines with the columns of *rows* under their *head*; the columns named in *right* end flush."""
    cells = [[one_line(cell, None) for cell in row] for row in (head, *rows)]
    widths = [max(width(row[column]) for row in cells) for column in range(len(head))]
    flush = [name in right for name in head]
    lines = []
    for row in cells:
        parts = []
        for cell, most, end in zip(row, widths, flush, strict=True):
            space = " " * (most - width(cell))
            parts.append(space + cell if end else cell + space)
        lines.append("  ".join(parts).rstrip())
    return lines
