"""Spreadsheet formulas as trees: read, and never executed. What is done to them as text is in `formula_text`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from handgrad.xlsx.limits import MAX_COLUMNS, MAX_FORMULA, MAX_ROWS
from handgrad.xlsx.rows import column_number

# The depth is near Excel's 64 levels; 300 signs are a long sum, and keep walks within Python's stack.
MAX_DEPTH, MAX_SIGNS = 60, 300
# The order matters: a number before a reference (1E5), a sheet before a word, a reference before a name.
TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)(?![A-Za-z_(])"
    r'|(?P<string>"(?:[^"]|"")*")'
    r"|(?P<error>#(?:REF!|NAME\?|VALUE!|DIV/0!|N/A|NUM!|NULL!))"
    r"|(?P<sheet>(?:'(?:[^']|'')+'|[A-Za-z_\u00c0-\uffff][\w.\u00c0-\uffff]*)!)"
    r"|(?P<ref>\$?[A-Za-z]{1,3}\$?[1-9]\d{0,6})(?![\w(.])"
    r"|(?P<word>[A-Za-z_\\\u00a1-\uffff][\w.\\?\u00a1-\uffff]*)"
    r"|(?P<sign><=|>=|<>|[-+*/^&=<>(),;:%{}]))"
)
REFERENCE = re.compile(r"(\$?)([A-Za-z]{1,3})(\$?)(\d+)")


class FormulaError(ValueError):
    """A formula that is not understood."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number written in the formula."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """Words in quotes."""

    value: str


@dataclass(frozen=True, slots=True)
class Error:
    """An error value such as ``#N/A``."""

    value: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A cell; rows and columns from 0; ``sheet`` is None for the formula's own."""

    sheet: str | None
    row: int
    column: int
    fixed_row: bool = False
    fixed_column: bool = False


@dataclass(frozen=True, slots=True)
class Area:
    """A block of cells from its first to its last."""

    first: Reference
    last: Reference


@dataclass(frozen=True, slots=True)
class Name:
    """A defined name."""

    value: str


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and the sign between them."""

    sign: str
    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class Minus:
    """The operand with the other sign."""

    operand: Tree


@dataclass(frozen=True, slots=True)
class Percent:
    """A hundredth of the operand."""

    operand: Tree


@dataclass(frozen=True, slots=True)
class Function:
    """A function, its name in capitals, and its arguments."""

    name: str
    arguments: tuple[Tree, ...]


Tree = Number | Text | Error | Reference | Area | Name | Binary | Minus | Percent | Function


def parts(tree: Tree) -> Iterator[Tree]:
    """Yield the tree and everything below it."""
    yield tree
    match tree:
        case Binary(_, left, right):
            yield from parts(left)
            yield from parts(right)
        case Minus(operand) | Percent(operand):
            yield from parts(operand)
        case Area(first, last):
            yield first
            yield last
        case Function(_, arguments):
            for argument in arguments:
                yield from parts(argument)


def parse(text: str) -> Tree:
    """Read a formula (without ``=``); raises :class:`FormulaError` for what is not understood."""
    if len(text) > MAX_FORMULA:
        raise FormulaError("too long")
    return _Parser(_tokens(text)).whole()


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at, text = 0, text.strip()
    while at < len(text):
        # Each piece is looked for once, where the last one ended: time grows with the length.
        match = TOKEN.match(text, at)
        if match is None:
            raise FormulaError(f"not understood from sign {at + 1} on")
        found.append((match.lastgroup or "", match.group(match.lastgroup or 0)))
        at = match.end()
    return found


# From loosest to tightest. All of them group to the left, the power too: 2^3^2 is 64 in Excel and LibreOffice.
LEVELS = (("=", "<>", "<", ">", "<=", ">="), ("&",), ("+", "-"), ("*", "/"), ("^",))


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens, self._at, self._depth, self._signs = tokens, 0, 0, 0

    def whole(self) -> Tree:
        tree = self._level(0)
        if self._at < len(self._tokens):
            raise FormulaError(f"{self._tokens[self._at][1]} is not expected")
        return tree

    def _next(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "")

    def _take(self, *signs: str) -> str | None:
        kind, text = self._next()
        if kind == "sign" and text in signs:
            self._at += 1
            return text
        return None

    def _level(self, level: int) -> Tree:
        if level == len(LEVELS):
            return self._signed()
        left = self._level(level + 1)
        while (sign := self._take(*LEVELS[level])) is not None:
            # Each sign nests the tree once more: a bound keeps every walk over it within the interpreter's stack.
            self._signs += 1
            if self._signs > MAX_SIGNS:
                raise FormulaError("too many signs")
            left = Binary(sign, left, self._level(level + 1))
        return left

    def _signed(self) -> Tree:
        # A leading minus binds tighter than a power in spreadsheets.
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FormulaError("nested too deep")
        sign = self._take("-", "+")
        tree = self._percent() if sign is None else self._signed()
        self._depth -= 1
        return Minus(tree) if sign == "-" else tree

    def _percent(self) -> Tree:
        tree = self._atom()
        while self._take("%"):
            tree = Percent(tree)
        return tree

    def _atom(self) -> Tree:
        kind, text = self._next()
        self._at += 1
        match kind:
            case "number":
                return Number(float(text))
            case "string":
                return Text(text[1:-1].replace('""', '"'))
            case "error":
                return Error(text)
            case "sheet":
                kind, after = self._next()
                if kind != "ref":
                    raise FormulaError(f"{text} stands before no cell")
                self._at += 1
                sheet = text[:-1]
                quoted = sheet.startswith("'")
                return self._area(reference(after, sheet[1:-1].replace("''", "'") if quoted else sheet))
            case "ref":
                return self._area(reference(text, None))
            case "word":
                return self._call(text) if self._take("(") else Name(text)
            case "sign" if text == "(":
                tree = self._level(0)
                self._close()
                return tree
        raise FormulaError(f"{text or 'its end'} is not expected")

    def _area(self, first: Reference) -> Tree:
        if not self._take(":"):
            return first
        kind, text = self._next()
        if kind != "ref":
            raise FormulaError("an area without its end")
        self._at += 1
        return Area(first, reference(text, first.sheet))

    def _call(self, name: str) -> Function:
        arguments: list[Tree] = []
        if not self._take(")"):
            arguments.append(self._level(0))
            while self._take(",", ";"):
                arguments.append(self._level(0))
            self._close()
        # Excel writes functions newer than the format with these prefixes, for old versions to keep.
        return Function(name.upper().removeprefix("_XLFN.").removeprefix("_XLWS."), tuple(arguments))

    def _close(self) -> None:
        if not self._take(")"):
            raise FormulaError("a bracket is not closed")


def reference(text: str, sheet: str | None) -> Reference:
    """Return the cell that an address such as ``$B$6`` names; raises :class:`FormulaError` for none."""
    match = REFERENCE.fullmatch(text)
    if match is None:
        raise FormulaError(f"{text} is not a cell")
    column = column_number(match[2].upper()) + 1
    row = int(match[4])
    # ABC1234567 is a name to some eyes; as a cell it would ask for a sheet of that size.
    if row > MAX_ROWS or column > MAX_COLUMNS:
        raise FormulaError(f"{text} lies outside every sheet")
    return Reference(sheet, row - 1, column - 1, bool(match[3]), bool(match[1]))
