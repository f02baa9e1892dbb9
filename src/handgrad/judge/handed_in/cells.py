"""Reads a hand-in as code cells: a Python file is one, a notebook (JSON, format 3 or 4) as many as it has. Nothing is run."""

from __future__ import annotations

import io
import json
import re
import tokenize
from pathlib import Path
from typing import Any

from handgrad.judge.handed_in.records import Cell, NotTakenError

MOST_PRINTED = 200_000
"""Characters of one cell's output that are kept; logs of trainings are shorter, pictures are left out anyway."""
POINTER = b"version https://git-lfs"
STATEMENT = re.compile(rb"^(?:import|from|class)\s+\w", re.MULTILINE)
# Colours and cursor moves that a progress bar leaves in a saved output; they stand in the middle of numbers.
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def read_cells(path: Path) -> tuple[Cell, ...]:
    """Return the code cells of the file *path*; raises `NotTakenError` where it can be read as neither."""
    data = path.read_bytes()
    if data.startswith(POINTER):
        raise NotTakenError(f"{path.name} is a pointer of Git LFS – hand in the real file", author=False)
    if path.suffix.lower() == ".ipynb" and not is_program(data):
        return tuple(_cells_of(_notebook(data, path.name), path.name))
    return (Cell(0, _text(data, path.name)),)


def is_program(data: bytes) -> bool:
    """Whether *data*, called a notebook, is a plain Python program: some save or rename one so."""
    # A notebook begins with a brace; its strings could hold lines of a program, so that is asked first.
    first = data.lstrip(b"\xef\xbb\xbf\xff\xfe \0\r\n\t")[:1]
    return first not in (b"{", b"[", b"<", b"") and bool(STATEMENT.search(data))


def _text(data: bytes, name: str) -> str:
    """Return *data* as Python would read it: by its byte-order mark or coding line, else UTF-8."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        # What Windows' Notepad calls Unicode; Python itself refuses it, but the network in it is none the worse.
        return data.decode("utf-16", "replace").replace("\r\n", "\n")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    # Latin-1 reads any bytes: a wrong accent in a comment is no reason to refuse a network.
    except (SyntaxError, UnicodeDecodeError, LookupError):
        text = data.decode("latin-1")
    if "\0" in text:
        raise NotTakenError(f"{name} holds null bytes – it is not a Python file", author=True)
    # One sign for the end of a line, because lines are counted by it and a place must be the author's.
    return text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _notebook(data: bytes, name: str) -> dict[str, Any]:
    """Return the JSON object that a notebook is."""
    try:
        wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")  # as PowerShell writes what a command prints
        book = json.loads(data.decode("utf-16" if wide else "utf-8-sig", "replace"))
    except (ValueError, RecursionError) as error:
        # RecursionError comes without a line.
        where = f": line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise NotTakenError(f"{name} is not a notebook{where} – save it again", author=False) from error
    if not isinstance(book, dict) or not isinstance(book.get("cells", book.get("worksheets")), list):
        raise NotTakenError(f"{name} is not a notebook – it holds no cells", author=False)
    return book


def _cells_of(book: dict[str, Any], name: str) -> list[Cell]:
    """Return the code cells of a notebook of format 4, or 3 with its work sheets."""
    language = _at(book, "metadata", "kernelspec", "language") or _at(book, "metadata", "language_info", "name")
    if isinstance(language, str) and language.lower() not in ("python", "ipython", "python3", ""):
        raise NotTakenError(f"{name} is a notebook in {language[:40]}, not in Python", author=False)
    sheets = [each for each in _listed(book.get("worksheets")) if isinstance(each, dict)]
    # Format 3, of IPython before 2015: cells within work sheets.
    entries = book.get("cells") or [each for sheet in sheets for each in _listed(sheet.get("cells"))]
    cells = []
    # All kinds are counted, since that is what a person counts who looks for "cell 7" on the screen.
    for number, entry in enumerate(entries, 1):
        if isinstance(entry, dict) and entry.get("cell_type") == "code":
            code = _joined(entry.get("source", entry.get("input", "")))
            outputs = [each for each in _listed(entry.get("outputs")) if isinstance(each, dict)]
            ran = entry.get("execution_count", entry.get("prompt_number"))
            failed = next((str(each.get("ename", "an error")) for each in outputs if _is_error(each)), "")
            printed = "\n".join(filter(None, map(_printed, outputs)))[:MOST_PRINTED]
            cells.append(Cell(number, code, printed, ran if isinstance(ran, int) else None, failed[:80]))
    return cells


def _listed(value: Any) -> list[Any]:
    """Return a list as it is, and an empty one for what is none in a damaged file."""
    return value if isinstance(value, list) else []


def _at(table: Any, *keys: str) -> Any:
    """Return what lies at *keys* in nested tables, None where something is missing."""
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table


def _joined(source: Any) -> str:
    """Return text that a notebook keeps as one string or as a list of lines."""
    text = "".join(map(str, source)) if isinstance(source, list) else str(source)
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _is_error(output: dict[str, Any]) -> bool:
    """Whether *output* is a traceback."""
    return output.get("output_type") in ("error", "pyerr")


def _printed(output: dict[str, Any]) -> str:
    """Return the plain text of one output, as a terminal would leave it: what a progress bar wrote over is gone."""
    text = output.get("text") or _at(output, "data", "text/plain") or ""
    lines = ESCAPES.sub("", "".join(map(str, text)) if isinstance(text, list) else str(text)).split("\n")
    # After the last carriage return stands what a terminal would show; before it, a hundred states of the same bar.
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def prose_of(path: Path) -> str:
    """Return the text cells of the notebook *path*, "" for other files and for what cannot be read."""
    if path.suffix.lower() != ".ipynb":
        return ""
    try:
        book = _notebook(path.read_bytes(), path.name)
    except (NotTakenError, OSError):
        return ""
    cells = book.get("cells")
    texts = [each for each in cells or [] if isinstance(each, dict) and each.get("cell_type") == "markdown"]
    return "\n".join(_joined(each.get("source", "")) for each in texts)[:MOST_PRINTED]
