"""A CSV file of somebody else's, changed in single cells: encoding, separator, quotes and every other byte stay."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handgrad.errors import UsageError
from handgrad.text import csv_cell, one_line

SEPARATORS = (",", ";", "\t")
# A grade book of a whole university is a few megabytes.
LARGEST = 32 << 20
MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
"""Byte-order marks, and the encoding of what follows."""


@dataclass
class Table:
    """Rows of cells as they stand in the file (quotes and all), and how the file is written."""

    rows: list[list[str]]
    ends: list[str]
    """What ends each row: ``\\r\\n``, ``\\n`` or, after the last, perhaps nothing."""
    separator: str
    encoding: str
    mark: bytes

    def value(self, row: int, column: int) -> str:
        """Return what a cell says, empty where the row is shorter."""
        cells = self.rows[row]
        return unquoted(cells[column]) if column < len(cells) else ""

    def put(self, row: int, column: int, value: str) -> None:
        """Let a cell say *value*; its neighbours stay byte for byte."""
        cells = self.rows[row]
        cells += [""] * (column + 1 - len(cells))
        cells[column] = quoted_cell(value, self.separator, always=cells[column].startswith('"'))

    def data(self) -> bytes:
        """Return the file's bytes."""
        text = "".join(self.separator.join(cells) + end for cells, end in zip(self.rows, self.ends, strict=True))
        return self.mark + text.encode(self.encoding)


def read_table(path: Path) -> Table:
    """Return the table in the CSV file *path*. Raises `UsageError` where it cannot be read as one."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror} – give the file that the platform exported"
        ) from error
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if len(data) > LARGEST or data.startswith(b"PK\3\4") or (b"\0" in data[:1000] and not wide):
        raise UsageError(f"{path} is not a CSV file – export the grades as CSV, not as a workbook")
    mark, encoding = next(((mark, name) for mark, name in MARKS if data.startswith(mark)), (b"", ""))
    body = data[len(mark) :]
    # UTF-8 first: it fails on almost every text that is not its own, Windows-1252 on almost none.
    for name in [encoding] if encoding else ["utf-8", "cp1252"]:
        try:
            text = body.decode(name)
        except UnicodeDecodeError:
            continue
        # What could not be written back as it was must not be touched.
        if text.encode(name) == body:
            rows, ends, separator = _parsed(text, path)
            return Table(rows, ends, separator, name, mark)
    raise UsageError(f"{path} is neither UTF-8 nor UTF-16 nor Windows-1252 – export the grades again")


def _parsed(text: str, path: Path) -> tuple[list[list[str]], list[str], str]:
    """Return raw cells, row ends and the separator: the one that the first row holds most often outside quotes."""
    head = re.sub(r'"[^"]*"', "", text[: 1 << 16]).partition("\n")[0]
    separator = max(SEPARATORS, key=head.count)
    if separator not in head:
        raise UsageError(f"{path} has a single column – give the file that the platform exported")
    # A parser of its own, because Python's csv forgets which cells were quoted, and the file must come out byte for
    # byte.
    cell = re.compile(rf'"(?:[^"]|"")*"|(?!")[^{re.escape(separator)}\r\n]*')
    rows: list[list[str]] = []
    ends: list[str] = []
    cells: list[str] = []
    place = 0
    while place < len(text):
        found = cell.match(text, place)
        if found is None:  # an opening quote that is never closed
            raise UsageError(f"{path}: row {len(rows) + 1} cannot be read as CSV – export the grades again")
        cells.append(found[0])
        place = found.end()
        following = text[place : place + 1]
        if following == separator:
            place += 1
            if place == len(text):
                cells.append("")
            continue
        end = "\r\n" if text.startswith("\r\n", place) else following
        if end and end not in ("\r\n", "\n", "\r"):
            where = one_line(text[max(0, place - 10) : place + 10], 30)
            raise UsageError(
                f"{path}: row {len(rows) + 1} cannot be read as CSV near {where} – export the grades again"
            )
        rows.append(cells)
        ends.append(end)
        cells = []
        place += len(end)
    if cells:
        rows.append(cells)
        ends.append("")
    return rows, ends, separator


def unquoted(cell: str) -> str:
    """Return what a cell of a CSV file says."""
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell.startswith('"') and cell.endswith('"') else cell


def quoted_cell(value: str, separator: str, *, always: bool = False) -> str:
    """Return *value* as a cell, in quotes where it needs them; a text is never a formula."""
    text = str(csv_cell(value))
    needs = always or any(sign in text for sign in (separator, '"', "\r", "\n"))
    return '"' + text.replace('"', '""') + '"' if needs else text


def decimal_sign(cells: Sequence[str]) -> str:
    """Return the sign that the numbers in *cells* are written with: a comma where one is seen and no point."""
    numbers = [cell.strip() for cell in cells if re.fullmatch(r"\s*\d+[.,]\d+\s*", cell)]
    return "," if any("," in cell for cell in numbers) and not any("." in cell for cell in numbers) else "."
