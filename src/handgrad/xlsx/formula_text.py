"""Formulas as text: moved as filling down moves them, turned, with sheets renamed, compared without their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from handgrad.xlsx.formula import TOKEN, FormulaError, reference
from handgrad.xlsx.rows import column_letters


def written(row: int, column: int, *, fixed_row: bool, fixed_column: bool) -> str:
    """Return the address of a cell, rows and columns from 0, with a ``$`` before what is fixed."""
    return f"{'$' if fixed_column else ''}{column_letters(column)}{'$' if fixed_row else ''}{row + 1}"


def turned(text: str) -> str:
    """Return the formula for sheets whose rows and columns are exchanged; raises :class:`FormulaError`."""
    return _with_references(text, _turned)


def _turned(text: str) -> str:
    ref = reference(text, None)
    return written(ref.column, ref.row, fixed_row=ref.fixed_column, fixed_column=ref.fixed_row)


class Fill:
    """A formula that is copied to many cells: cut at its references once, as looking for them is nearly all the time.

    Raises :class:`FormulaError` where it is not understood.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        pattern: list[str] = []
        rows: list[int] = []

        def note(address: str) -> str:
            ref = reference(address, None)
            pattern.append(
                f"{'$' if ref.fixed_column else ''}{column_letters(ref.column)}{'$' if ref.fixed_row else ''}"
            )
            if not ref.fixed_row:
                rows.append(ref.row + 1)
                # Two signs that XML cannot hold, and so no formula: they mark the places until the rest is escaped.
            return "\0" if not ref.fixed_row else f"\1{ref.row + 1}"

        whole = _with_references(text, note).replace("%", "%%")
        for piece in pattern:
            at = min(place for place in (whole.find("\0"), whole.find("\1")) if place >= 0)
            whole = whole[:at] + piece + ("%d" if whole[at] == "\0" else "") + whole[at + 1 :]
        self._down, self._rows, self._first = whole, rows, min(rows, default=1)

    def at(self, down: int, right: int) -> str:
        """Return the formula so many rows below and columns right of its own cell."""
        # Over the upper edge, or into other columns: the general way, which writes #REF! where there is no cell.
        if right or self._first + down < 1:
            return _with_references(self.text, lambda address: _moved(address, down, right))
        return self._down % tuple([row + down for row in self._rows])


def _with_references(text: str, change: Callable[[str], str]) -> str:
    found: list[str] = []
    at = 0
    # Token by token: a search for addresses alone would also change B5 inside a text or a name.
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            if text[at:].strip():
                raise FormulaError("not understood")
            break
        piece = match.group()
        if match.lastgroup == "ref":
            piece = piece.replace(match["ref"], change(match["ref"]))
        found.append(piece)
        at = match.end()
    return "".join(found)


def renamed(text: str, sheets: Mapping[str, str]) -> str:
    """Return the formula with its sheets called otherwise (by case-folded name); raises :class:`FormulaError`."""
    found: list[str] = []
    at = 0
    while at < len(text.rstrip()):
        match = TOKEN.match(text, at)
        if match is None:
            raise FormulaError("not understood")
        piece = match.group()
        if match.lastgroup == "sheet":
            name = match["sheet"][:-1]
            name = name[1:-1].replace("''", "'") if name.startswith("'") else name
            if name.casefold() not in sheets:
                raise FormulaError(f"{name} is not a sheet of this book")
            piece = f"{sheets[name.casefold()]}!"
        found.append(piece)
        at = match.end()
    return "".join(found)


def _moved(text: str, down: int, right: int) -> str:
    ref = reference(text, None)
    row = ref.row if ref.fixed_row else ref.row + down
    column = ref.column if ref.fixed_column else ref.column + right
    # As a spreadsheet program writes a reference that was pushed over the edge.
    if row < 0 or column < 0:
        return "#REF!"
    return written(row, column, fixed_row=ref.fixed_row, fixed_column=ref.fixed_column)


def signature(text: str, row: int, column: int) -> str:
    """Return the formula with every reference told from its own place: equal for all cells of one fill."""
    found: list[str] = []
    at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            # What is not understood is told apart by its own text: no other cell is then taken for its copy.
            return text
        piece = match.group().strip()
        if match.lastgroup == "ref":
            ref = reference(piece, None)
            down = f"R{ref.row}" if ref.fixed_row else f"r{ref.row - row}"
            piece = down + (f"C{ref.column}" if ref.fixed_column else f"c{ref.column - column}")
        found.append(piece.upper() if match.lastgroup == "word" else piece)
        at = match.end()
    return "".join(found)
