"""Reads tables that are no .xlsx: comma-separated values here, .ods and .xls through LibreOffice where it is installed."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from handgrad.errors import UsageError
from handgrad.scratch import scratch_folder
from handgrad.xlsx.archive import read_bounded
from handgrad.xlsx.kinds import CONVERTED, CSV
from handgrad.xlsx.libreoffice import converted, office_program
from handgrad.xlsx.limits import MAX_CELLS_READ
from handgrad.xlsx.reader import Book, Cell, Place, Sheet, read_book

DELIMITERS = (";", "\t", ",")
ENCRYPTED = b"encryption-data"


def read_table_file(path: Path) -> Book:
    """Read a workbook of any kind that is read, or a file of comma-separated values as a book of one sheet.

    Raises :class:`UsageError` with one line for what cannot be read, is encrypted, or needs LibreOffice where it is not
    installed; :class:`MissingError` where the file cannot be opened.
    """
    kind = path.suffix.lower()
    if kind == CSV:
        return _from_csv(path)
    return _through_office(path) if kind in CONVERTED else read_book(path)


def _from_csv(path: Path) -> Book:
    """Read comma-separated values; the sign that parts the columns is the one that most lines have, of equals the first."""
    data = read_bounded(path)
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(f"{path}: not comma-separated values – save it as .xlsx or as CSV (UTF-8)")
    text = _decoded(data)
    head = text.splitlines()[:20]
    # By lines and not by signs: where commas are decimal ones, a row has more of them than semicolons, and the heads none.
    delimiter = max(DELIMITERS, key=lambda sign: (sum(sign in line for line in head), -DELIMITERS.index(sign)))
    cells: dict[Place, Cell] = {}
    try:
        for row, fields in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter)):
            for column, field in enumerate(fields):
                if field.strip():
                    cells[row, column] = _cell(field.strip())
            if len(cells) > MAX_CELLS_READ:
                raise UsageError(
                    f"{path}: more than {MAX_CELLS_READ:,} cells – too large to be read, make it with fewer steps"
                )
    except csv.Error as error:
        raise UsageError(f"{path}: not comma-separated values – {error}") from error
    return Book(path, (Sheet(path.stem[:31] or "table", False, cells),), {})


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What Excel in Western Europe writes where UTF-8 is not asked for; a few of its bytes mean nothing.
        return data.decode("cp1252", errors="replace")


def _cell(text: str) -> Cell:
    if text.startswith("=") and len(text) > 1:
        return Cell(None, text[1:])
    try:
        return Cell(float(text))
    except ValueError:
        return Cell(text)


def _through_office(path: Path) -> Book:
    data = read_bounded(path)
    if office_program() is None:
        raise UsageError(
            f"{path}: {path.suffix} files are read through LibreOffice, which is not installed – save it as .xlsx"
        )
    if path.suffix.lower() == ".ods" and ENCRYPTED in data:
        raise UsageError(f"{path}: protected by a password – save it without one")
    with scratch_folder("judge") as folder:
        given = folder / f"given{path.suffix.lower()}"
        given.write_bytes(data)
        found = converted(given, folder)
        if found is None:
            raise UsageError(
                f"{path}: LibreOffice cannot open it – it may be damaged or protected by a password: save it as .xlsx"
            )
        book = read_book(found)
    return Book(path, book.sheets, book.names, book.notes)
