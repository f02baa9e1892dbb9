"""The workbook as plain data: sheets of addressed cells, each with its formula and the value it has now.

The sheets are made by one module each; :mod:`handgrad.backprop.workbook.file` writes them and knows no calculus. A plan
can be printed, searched and changed (an exercise blanks cells of it) before anything is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from handgrad.xlsx.rows import fill
from handgrad.xlsx.writer import Bounds, Chart, LineShape, Look, Print, Rule, Value, address

MOST_PRINTED = 44, 24
"""Last row and column of a working sheet that is printed: all of a large network's are pages of letters too small to read."""


class CellKind(StrEnum):
    """What a cell holds; an input is a number that may be typed over."""

    TEXT = "text"
    NUMBER = "number"
    INPUT = "input"
    FORMULA = "formula"
    BLANK = "blank"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: what it shows, and for a formula (without ``=``) also how that is found.

    ``span`` joins rows and columns; ``link`` is a place in the book (``Training!A1``) that a text leads to.
    """

    kind: CellKind
    value: Value | None
    look: Look
    formula: str | None = None
    span: tuple[int, int] = (1, 1)
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: the formula of the first row, the template of the others, and all values.

    In a formula ``{+0}`` is the row's number and ``{-1}`` the one before; None stands for a plain number.
    """

    # One template for all rows but the first: a table of 10,000 steps is planned with one formula a column, not one a
    # cell.
    index: int
    name: str
    first: str | None
    following: str | None
    values: list[Value]
    look: Look


@dataclass(frozen=True, slots=True)
class Table:
    """A block with one row per step. The rows it takes hold nothing else."""

    top: int
    columns: tuple[Column, ...]

    @property
    def height(self) -> int:
        """Return how many rows it has."""
        return len(self.columns[0].values)

    def cells(self) -> Iterator[tuple[tuple[int, int], Cell]]:
        """Yield its cells one by one, as if it were no table."""
        for number in range(self.height):
            row = self.top + number
            for column in self.columns:
                template = column.following if number else column.first
                formula = None if template is None else fill(template, row + 1)
                kind = CellKind.NUMBER if formula is None else CellKind.FORMULA
                yield (row, column.index), Cell(kind, column.values[number], column.look, formula)


@dataclass(frozen=True)
class SheetPlan:
    """One sheet. Rows and columns count from 0; ``working`` sheets stand last and are only for those who look closer, who
    must first bring them back where they are ``hidden``."""

    name: str
    cells: Mapping[tuple[int, int], Cell]
    tables: tuple[Table, ...] = ()
    names: Mapping[str, tuple[int, int] | tuple[int, int, int, int]] = field(default_factory=dict)
    widths: Mapping[int, float] = field(default_factory=dict)
    heights: Mapping[int, float] = field(default_factory=dict)
    folded: frozenset[int] = frozenset()
    charts: tuple[Chart, ...] = ()
    lines: tuple[LineShape, ...] = ()
    rules: tuple[Rule, ...] = ()
    bounds: tuple[Bounds, ...] = ()
    freeze: tuple[int, int] = (0, 0)
    printing: Print = field(default_factory=Print)
    working: bool = False
    hidden: bool = False

    def all_cells(self) -> Iterator[tuple[tuple[int, int], Cell]]:
        """Yield every cell with its (row, column), tables unrolled."""
        yield from self.cells.items()
        for table in self.tables:
            yield from table.cells()

    @property
    def size(self) -> int:
        """Return how many cells it has."""
        return len(self.cells) + sum(table.height * len(table.columns) for table in self.tables)


@dataclass(frozen=True)
class Plan:
    """The whole book; the first sheet is the one that opens."""

    title: str
    sheets: tuple[SheetPlan, ...]

    def __getitem__(self, name: str) -> SheetPlan:
        return next(sheet for sheet in self.sheets if sheet.name == name)

    @property
    def size(self) -> int:
        """Return how many cells it has."""
        return sum(sheet.size for sheet in self.sheets)

    def values(self) -> dict[str, dict[str, Value]]:
        """Return sheet → address → value, formulas only: what a spreadsheet program must find too."""
        found: dict[str, dict[str, Value]] = {}
        for sheet in self.sheets:
            cells = found[sheet.name] = {}
            for at, cell in sheet.all_cells():
                if cell.formula is not None and cell.value is not None:
                    cells[address(*at)] = cell.value
        return found


class Page:
    """A sheet being planned: puts cells, refuses to put two in one place."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cells: dict[tuple[int, int], Cell] = {}
        self.tables: list[Table] = []
        self.names: dict[str, tuple[int, int] | tuple[int, int, int, int]] = {}
        self.widths: dict[int, float] = {}
        self.heights: dict[int, float] = {}
        self.folded: set[int] = set()
        self.charts: list[Chart] = []
        self.lines: list[LineShape] = []
        self.rules: list[Rule] = []
        self.bounds: list[Bounds] = []

    def put(self, row: int, column: int, cell: Cell) -> str:
        """Place a cell; returns its address with the sheet's name, ``Training!$A$1``."""
        for place in ((row + down, column + right) for down in range(cell.span[0]) for right in range(cell.span[1])):
            if place in self.cells:
                # Found when the plan is made: a spreadsheet would show the second and keep quiet.
                raise ValueError(f"{self.name}!{address(*place)} is taken")
        self.cells[row, column] = cell
        for down in range(cell.span[0]):
            for right in range(cell.span[1]):
                if (down, right) != (0, 0):
                    # The look again: a merged area is framed by each of its cells.
                    self.cells[row + down, column + right] = Cell(CellKind.BLANK, None, cell.look, span=(0, 0))
        return self.at(row, column)

    def text(
        self, row: int, column: int, text: str, look: Look, span: tuple[int, int] = (1, 1), link: str | None = None
    ) -> str:
        """Place words; returns the address, as all of these do."""
        return self.put(row, column, Cell(CellKind.TEXT, text, look, span=span, link=link))

    def number(self, row: int, column: int, value: float, look: Look) -> str:
        """Place a number that nobody is to change."""
        return self.put(row, column, Cell(CellKind.NUMBER, value, look))

    def input(self, row: int, column: int, value: float, look: Look) -> str:
        """Place a number that may be changed."""
        return self.put(row, column, Cell(CellKind.INPUT, value, look))

    def formula(
        self, row: int, column: int, formula: str, value: Value, look: Look, span: tuple[int, int] = (1, 1)
    ) -> str:
        """Place a formula (without ``=``) and the value that it has now."""
        return self.put(row, column, Cell(CellKind.FORMULA, value, look, formula, span))

    def at(self, row: int, column: int) -> str:
        """Return a cell's address with the sheet's name."""
        return f"{quoted(self.name)}!{address(row, column, fixed=True)}"

    def range(self, first: tuple[int, int], last: tuple[int, int]) -> str:
        """Return a block's address with the sheet's name."""
        return f"{quoted(self.name)}!{address(*first, fixed=True)}:{address(*last, fixed=True)}"

    def first_page(self) -> Print:
        """Return how a sheet of numbers that nobody reads on paper is printed: as much of it as one page shows legibly."""
        rows = max([at[0] for at in self.cells] + [table.top + table.height - 1 for table in self.tables])
        columns = max(
            [at[1] for at in self.cells] + [column.index for table in self.tables for column in table.columns]
        )
        return Print(pages_high=1, area=(0, 0, min(rows, MOST_PRINTED[0]), min(columns, MOST_PRINTED[1])))

    def done(
        self,
        *,
        freeze: tuple[int, int] = (0, 0),
        printing: Print | None = None,
        working: bool = False,
        hidden: bool = False,
    ) -> SheetPlan:
        """Return the finished plan; *freeze* is the first cell that scrolls."""
        return SheetPlan(
            name=self.name, cells=self.cells, tables=tuple(self.tables), names=self.names, widths=self.widths,
            heights=self.heights, folded=frozenset(self.folded), charts=tuple(self.charts), lines=tuple(self.lines),
            rules=tuple(self.rules), bounds=tuple(self.bounds), freeze=freeze, printing=printing or Print(),
            working=working, hidden=hidden,
        )  # fmt: skip


def quoted(sheet: str) -> str:
    """Return a sheet's name as formulas write it."""
    # Our own sheets have plain names and spaces, nothing else that would have to be quoted.
    return f"'{sheet}'" if " " in sheet else sheet
