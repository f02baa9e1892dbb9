"""Calculates formulas of a workbook as a spreadsheet program would: the functions such sheets use, within a budget."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from handgrad.xlsx.formula import (
    Area,
    Binary,
    Error,
    FormulaError,
    Function,
    Minus,
    Name,
    Number,
    Percent,
    Reference,
    Text,
    Tree,
    parse,
    parts,
)
from handgrad.xlsx.functions import GATHERING, NAME, NUMERIC, VALUE, Result, Unsupported, each, joined, spread
from handgrad.xlsx.reader import Book, Cell, CellError, Value

# Nodes and cells looked at: a book of 10,000 steps asks for some millions, and no book takes for ever.
BUDGET = 40_000_000
MAX_CHAIN = 100
"""So many cells deep a calculation may reach at once; rows are asked for from the top, so that chains stay short."""

RELATIVE = re.compile(r"(?<![\w$.\\?])(\$?[A-Za-z]{1,3})([1-9]\d{0,6})(?![\w(.!])")
"""A cell whose row follows a fill: its column, its row."""

At = tuple[str, int, int]
"""Sheet, row, column."""


class Calculation:
    """Values of a book with some cells changed; whatever cannot be calculated is noted in ``beyond``."""

    def __init__(self, book: Book, changes: Mapping[At, float] | None = None, budget: int = BUDGET) -> None:
        self.book = book
        self.beyond: set[At] = set()
        self._changes = dict(changes or {})
        self._values: dict[At, Value] = {}
        self._working: list[At] = []
        self._sheets = {sheet.name.casefold(): sheet for sheet in book.sheets}
        self._left = budget
        # The tree of each fill's first formula, and its row: the others differ from it by how far down they stand.
        self._fills: dict[str, tuple[Tree, int]] = {}
        self._down = 0

    def value(self, sheet: str, row: int, column: int) -> Value:
        """Return the value of a cell; one beyond this calculation keeps what the file stores."""
        at = (sheet, row, column)
        # Each cell once: every row of a table asks for the one above, which asks for the one above it.
        if at in self._values:
            return self._values[at]
        if at in self._changes:
            return self._changes[at]
        cell = self._cell(sheet, row, column)
        if cell is None or cell.formula is None:
            return None if cell is None else cell.value
        try:
            found = self._formula(at, cell)
        except (Unsupported, RecursionError):
            self.beyond.add(at)
            found = cell.value
        self._values[at] = found
        return found

    def _cell(self, sheet: str, row: int, column: int) -> Cell | None:
        page = self._sheets.get(sheet.casefold())
        return None if page is None else page.cells.get((row, column))

    def _formula(self, at: At, cell: Cell) -> Value:
        # A circle keeps what the file stores: spreadsheet programs iterate or refuse, by a setting that is not in the
        # cell.
        if cell.array or at in self._working or len(self._working) > MAX_CHAIN:
            raise Unsupported
        tree, down = self._tree(cell.formula or "", at[1])
        self._working.append(at)
        before, self._down = self._down, down
        try:
            found = self._one(self._of(tree, at[0]))
        finally:
            self._working.pop()
            self._down = before
        # A formula that refers to an empty cell shows 0.
        return 0.0 if found is None else found

    def _tree(self, formula: str, row: int) -> tuple[Tree, int]:
        """Return a formula as a tree, and how far below that tree's own row it stands."""
        try:
            # A text or a sheet's name may hold what looks like a cell; the short pattern does not know.
            if '"' in formula or "'" in formula:
                return parse(formula), 0
            # Parsing is most of the time of a long book; a column of ten thousand copies is parsed once.
            fill, count = RELATIVE.subn(lambda found: f"{found[1]}[{int(found[2]) - row}]", formula)
            if fill in self._fills:
                tree, own = self._fills[fill]
                return tree, row - own
            tree = parse(formula)
        except FormulaError as error:
            raise Unsupported from error
        # Where the short pattern saw other cells than the parser did, the tree serves this formula alone.
        if count == sum(isinstance(part, Reference) and not part.fixed_row for part in parts(tree)):
            self._fills[fill] = tree, row
        return tree, 0

    def _row(self, cell: Reference) -> int:
        return cell.row if cell.fixed_row else cell.row + self._down

    def _of(self, tree: Tree, sheet: str) -> Result:
        self._left -= 1
        if self._left < 0:
            raise Unsupported
        match tree:
            case Number(value) | Text(value):
                return value
            case Error(value):
                return CellError(value)
            case Reference():
                return self._read(tree.sheet or sheet, self._row(tree), tree.column)
            case Area(first, last):
                return self._area(first, last, sheet)
            case Name(value):
                return self._named(value, sheet)
            case Minus(operand):
                return each(lambda x: -x, self._of(operand, sheet))
            case Percent(operand):
                return each(lambda x: x / 100.0, self._of(operand, sheet))
            case Binary(sign, left, right):
                return joined(sign, self._of(left, sheet), self._of(right, sheet))
            case Function(name, arguments):
                return self._call(name, arguments, sheet)

    def _read(self, sheet: str, row: int, column: int) -> Value:
        page = self._sheets.get(sheet.casefold())
        if page is None:
            raise Unsupported
        before = len(self.beyond)
        value = self.value(page.name, row, column)
        # What is calculated from a value that could not be is not calculated either: half a truth would look like a
        # finding.
        if len(self.beyond) > before or (page.name, row, column) in self.beyond:
            raise Unsupported
        return value

    def _area(self, first: Reference, last: Reference, sheet: str) -> list[list[Value]]:
        name = first.sheet or sheet
        ends = (self._row(first), self._row(last))
        rows = range(min(ends), max(ends) + 1)
        columns = range(min(first.column, last.column), max(first.column, last.column) + 1)
        # Before they are read: SUM(A1:XFD1048576) is a short text.
        self._left -= len(rows) * len(columns)
        if self._left < 0:
            raise Unsupported
        return [[self._read(name, row, column) for column in columns] for row in rows]

    def _named(self, name: str, sheet: str) -> Result:
        if name.upper() in ("TRUE", "FALSE"):
            return name.upper() == "TRUE"
        text = self.book.names.get(name.casefold())
        if text is None:
            return NAME
        try:
            tree = parse(text)
        except FormulaError as error:
            raise Unsupported from error
        # A name of a name could lead round in a circle.
        if isinstance(tree, Name):
            raise Unsupported
        before, self._down = self._down, 0
        try:
            return self._of(tree, sheet)
        finally:
            self._down = before

    def _call(self, name: str, arguments: Sequence[Tree], sheet: str) -> Result:
        if name in ("IF", "IFERROR"):
            return self._chosen(name, arguments, sheet)
        values = [self._of(argument, sheet) for argument in arguments]
        if name in NUMERIC and len(values) in NUMERIC[name][0]:
            return spread(NUMERIC[name][1], values)
        if name in GATHERING and values:
            return GATHERING[name](values)
        if name == "PI" and not values:
            return math.pi
        raise Unsupported

    def _chosen(self, name: str, arguments: Sequence[Tree], sheet: str) -> Value:
        if not 2 <= len(arguments) <= 3:
            raise Unsupported
        # Only the branch that is taken: the other may divide by 0, which is what the IF is for.
        first = self._one(self._of(arguments[0], sheet))
        if name == "IFERROR":
            return self._one(self._of(arguments[1], sheet)) if isinstance(first, CellError) else first
        if isinstance(first, CellError):
            return first
        if isinstance(first, str):
            return VALUE
        if first:
            return self._one(self._of(arguments[1], sheet))
        # Excel's own answer where the third is left out.
        return self._one(self._of(arguments[2], sheet)) if len(arguments) == 3 else False

    def _one(self, value: Result) -> Value:
        if isinstance(value, list):
            if len(value) == 1 and len(value[0]) == 1:
                return value[0][0]
            raise Unsupported
        return value
