"""Somebody's workbook as plain data: sheets of cells, each with its formula and the value that the file stores."""

from __future__ import annotations

import gc
import math
import posixpath
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from handgrad.errors import UsageError
from handgrad.xlsx.archive import Archive, local
from handgrad.xlsx.formula import FormulaError
from handgrad.xlsx.formula_text import Fill, written
from handgrad.xlsx.limits import MAX_CELLS_READ, MAX_COLUMNS, MAX_ROWS
from handgrad.xlsx.rows import column_number

MAX_SHEETS = 200
MERGED = re.compile(r"([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})[0-9]{1,7}")
CELL_NAME = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")

Place = tuple[int, int]
"""Row and column, from 0."""


class CellError(str):
    """An error a cell shows: ``#NAME?``."""


Value = float | str | bool | CellError | None


@dataclass(frozen=True, slots=True)
class Cell:
    """What the file stores of a cell; ``formula`` is without ``=``, None for a plain value."""

    value: Value
    formula: str | None = None
    array: bool = False


@dataclass(frozen=True)
class Sheet:
    """One sheet: only cells that hold something."""

    name: str
    hidden: bool
    cells: Mapping[Place, Cell]
    merged: Mapping[Place, int] = field(default_factory=dict)
    """The first cell of those that are merged → their last column."""


@dataclass(frozen=True)
class Book:
    """A workbook as read: its sheets in order and its defined names (the text each stands for)."""

    path: Path
    sheets: tuple[Sheet, ...]
    names: Mapping[str, str]
    notes: tuple[str, ...] = ()
    """What was left out in reading, in words."""
    turned: bool = False
    """Whether rows and columns are exchanged, for tables that run from left to right."""

    def address(self, row: int, column: int, *, fixed: bool = False) -> str:
        """Return a cell's address as the file has it, also where the book is turned; ``fixed`` puts a $ before the row."""
        if self.turned:
            return written(column, row, fixed_row=False, fixed_column=fixed)
        return written(row, column, fixed_row=fixed, fixed_column=False)

    def sheet(self, name: str) -> Sheet | None:
        """Return the sheet of this name, in any case, or None."""
        return next((sheet for sheet in self.sheets if sheet.name.casefold() == name.casefold()), None)


def read_book(path: Path) -> Book:
    """Read an .xlsx file.

    Links to other files and connections are left out and noted. Raises :class:`UsageError` with one line for what is no
    workbook, is too large, or holds macros or declared entities; :class:`MissingError` where it cannot be read.
    """
    archive = Archive(path)
    # By relationship and not by name: sheet1.xml need not be the first sheet.
    targets = _targets(archive)
    found: list[tuple[str, bool, str]] = []
    names: dict[str, str] = {}
    for element in archive.elements("xl/workbook.xml", frozenset({"sheet", "definedName"})):
        if local(element.tag) == "sheet":
            target = targets.get(_attribute(element, "id"))
            if target is not None:
                found.append((element.get("name", ""), element.get("state", "visible") != "visible", target))
        # Names of the whole book; one that a sheet has for itself could hide one of the same name.
        elif element.get("localSheetId") is None:
            names[element.get("name", "").casefold()] = element.text or ""
    if not 1 <= len(found) <= MAX_SHEETS:
        raise UsageError(f"{path}: {len(found)} sheets of cells – 1 to {MAX_SHEETS} are read")
    strings = _strings(archive)
    sheets: list[Sheet] = []
    count = 0
    with _without_collecting():
        for name, hidden, target in found:
            merged: dict[Place, int] = {}
            cells = _cells(archive, target, strings, MAX_CELLS_READ - count, merged=merged)
            count += len(cells)
            sheets.append(Sheet(name, hidden, cells, merged))
    return Book(path, tuple(sheets), names, archive.notes)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Let Python look for no circles meanwhile.

    It looks at all objects again and again while they become more, which is a quarter of the time of a long book, and cells
    hold nothing that could make one.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _attribute(element: ElementTree.Element, name: str) -> str:
    return next((value for key, value in element.attrib.items() if local(key) == name and "}" in key), "")


def _targets(archive: Archive) -> dict[str, str]:
    """Return relationship → part, worksheets only."""
    targets: dict[str, str] = {}
    for element in archive.elements("xl/_rels/workbook.xml.rels", frozenset({"Relationship"})):
        if element.get("Type", "").endswith("/worksheet") and element.get("TargetMode") != "External":
            target = element.get("Target", "")
            part = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join("xl", target))
            targets[element.get("Id", "")] = part
    return targets


def _strings(archive: Archive) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.names:
        return []
    return [_text(element) for element in archive.elements("xl/sharedStrings.xml", frozenset({"si"}))]


def _text(element: ElementTree.Element) -> str:
    """Return the text of a string item; phonetic hints are left out."""
    parts: list[str] = []
    for child in element:
        if local(child.tag) == "t":
            parts.append(child.text or "")
        elif local(child.tag) == "r":
            parts += [grand.text or "" for grand in child if local(grand.tag) == "t"]
    return "".join(parts)


def _cells(
    archive: Archive, part: str, strings: list[str], room: int, *, merged: dict[Place, int]
) -> dict[Place, Cell]:
    cells: dict[Place, Cell] = {}
    shared: dict[str, tuple[Place, Fill | None]] = {}
    row, column = -1, -1
    for element in archive.elements(part, frozenset({"c", "mergeCell"}), frozenset({"row"})):
        if local(element.tag) == "mergeCell":
            if (area := MERGED.fullmatch(element.get("ref", ""))) is not None:
                merged[int(area[2]) - 1, column_number(area[1])] = column_number(area[3])
            continue
        if local(element.tag) == "row":
            row, column = int(_number(element.get("r"), row + 2)) - 1, -1
            continue
        name = CELL_NAME.fullmatch(element.get("r", ""))
        # Without an address a cell stands right of the one before (ECMA-376, 18.3.1.4).
        place = (int(name[2]) - 1, column_number(name[1])) if name else (row, column + 1)
        column = place[1]
        # An address beyond every sheet is damage.
        if not (0 <= place[0] < MAX_ROWS and 0 <= column < MAX_COLUMNS):
            continue
        cell = _cell(element, place, strings, shared)
        # An empty cell with a look is none; formatted columns hold a million of them.
        if cell.value is not None or cell.formula is not None:
            cells[place] = cell
        # Within the loop: a part of 96 MB can hold ten million cells.
        if len(cells) > room:
            raise UsageError(
                f"{archive.path}: more than {MAX_CELLS_READ:,} cells – too large to be read, make it with fewer steps"
            )
    return cells


def _cell(
    element: ElementTree.Element, place: Place, strings: list[str], shared: dict[str, tuple[Place, Fill | None]]
) -> Cell:
    formula, array, stored = None, False, None
    inline = ""
    for child in element:
        match local(child.tag):
            case "f":
                formula, array = _formula(child, place, shared)
            case "v":
                stored = child.text
            case "is":
                inline = _text(child)
    return Cell(_value(element.get("t", "n"), stored, inline, strings), formula, array)


def _formula(
    element: ElementTree.Element, place: Place, shared: dict[str, tuple[Place, Fill | None]]
) -> tuple[str | None, bool]:
    kind, text, number = element.get("t", "normal"), element.text or "", element.get("si", "")
    if kind == "shared" and not text:
        if number not in shared:
            return None, False
        (row, column), fill = shared[number]
        # A formula copied down is stored once; here each cell gets its own, as a person sees it.
        return None if fill is None else fill.at(place[0] - row, place[1] - column), False
    if kind == "shared":
        shared[number] = (place, _fill(text))
    return text or None, kind in ("array", "dataTable")


def _fill(text: str) -> Fill | None:
    """Return a formula as it is copied, None for one that is not understood: its copies then have none."""
    try:
        return Fill(text)
    except FormulaError:
        return None


def _value(kind: str, stored: str | None, inline: str, strings: list[str]) -> Value:
    if kind == "inlineStr":
        return inline
    if stored is None:
        return None
    match kind:
        case "s":
            index = int(_number(stored, -1))
            return strings[index] if 0 <= index < len(strings) else None
        case "str":
            return stored
        case "b":
            return stored.strip() == "1"
        case "e":
            return CellError(stored)
    found: float | None = _number(stored, None)
    return found


def _number(text: str | None, otherwise: float | None) -> Any:
    try:
        found = float(text) if text is not None else math.nan
    except ValueError:
        return otherwise
    return found if math.isfinite(found) else otherwise
