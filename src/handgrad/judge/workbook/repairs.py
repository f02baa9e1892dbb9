"""The one change of a learner's formula that makes it right, and with it the name of the mistake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from handgrad.backprop.graph.graph import Graph, Kind
from handgrad.backprop.mistakes.exchanged import misread
from handgrad.backprop.mistakes.kinds import MistakeKind
from handgrad.judge.workbook.changes import FACTORS, Made, bracketed, everywhere, other_signs, retyped
from handgrad.judge.workbook.table import number
from handgrad.judge.workbook.trial import Ground, gives, tried, true_value
from handgrad.judge.workbook.truth import Floats, Truth
from handgrad.xlsx.formula import (
    Area,
    Binary,
    Name,
    Number,
    Reference,
    Tree,
    parts,
)

# Each try evaluates the formula: a long one, changed at every place in every way, would take minutes for one cell.
MOST_TRIES = 3_000
E_SHORT = ("2.7", "2.71", "2.718", "2.72", "2.7183", "2.7182")


@dataclass(frozen=True)
class Formula:
    """A formula of a column in a row of the table (``place``), and what it should give at the points of the truth."""

    ground: Ground
    truth: Truth
    name: str
    place: int
    text: str
    tree: Tree
    wanted: Floats

    @property
    def graph(self) -> Graph:
        """Return the graph of the step."""
        return self.truth.graph

    @property
    def at(self) -> str:
        """Return the address of the cell."""
        return self.ground.book.address(self.ground.table.rows[self.place], self.ground.places[self.name])

    @property
    def state(self) -> bool:
        """Return whether the column is what the row before makes of itself."""
        return self.name in self.graph.successors

    def right(self, tree: Tree) -> bool:
        """Return whether this would be a right formula for the cell."""
        return gives(self.ground, self.truth, tree, self.place, wanted=self.wanted)


def first_right(formula: Formula, changes: Iterator[tuple[Tree, Made]]) -> Made | None:
    """Return the kind and words of the first change that makes the formula right."""
    for count, (tree, made) in enumerate(changes):
        if count > MOST_TRIES:
            return None
        if formula.right(tree):
            return made
    return None


def literal_repair(formula: Formula) -> Made | None:
    """Find a number typed in where a quantity belongs, or a number that stands for e."""
    if not any(isinstance(part, Reference | Area | Name) for part in parts(formula.tree)):
        return MistakeKind.CONSTANT, f"{formula.at} is ={formula.text[:30]}, which reads no other cell"
    # At random states: 0 at all of them is no accident.
    found = tried(formula.ground, formula.truth, formula.tree, formula.place)
    if found is not None and not found.any():
        return MistakeKind.CONSTANT, f"{formula.at} is always 0, for all values of the cells that it reads"
    return first_right(formula, everywhere(formula.tree, lambda part: _instead_of_number(formula, part)))


def outside_repair(formula: Formula) -> Made | None:
    """Find a reference to a cell that holds nothing known, where a known one belongs: often a $ is missing."""

    def change(part: Tree) -> Iterator[tuple[Tree, Made]]:
        if isinstance(part, Reference):
            page = formula.ground.book.sheet(part.sheet or formula.ground.table.sheet)
            if page is None or formula.ground.meant(page.name, part.row, part.column) is None:
                yield from _instead_of_reference(formula, part)

    return first_right(formula, everywhere(formula.tree, change))


def reference_repair(formula: Formula) -> Made | None:
    """Find a reference that leads to the wrong cell."""
    return first_right(formula, everywhere(formula.tree, lambda part: _instead_of_reference(formula, part)))


def bracket_repair(formula: Formula) -> Made | None:
    """Find brackets that are missing or too many."""
    return first_right(formula, bracketed(formula.text))


def sign_repair(formula: Formula) -> Made | None:
    """Find a wrong sign between two parts, a part with the wrong sign, a part or factor too many."""
    return (
        first_right(formula, everywhere(formula.tree, other_signs))
        or first_right(formula, retyped(formula.text))
        or first_right(formula, _scaled(formula))
    )


def _candidates(formula: Formula) -> Iterator[tuple[str, int]]:
    """Quantities that have a cell, and how many rows away; the formula's own row first."""
    names = [*formula.ground.places, *dict.fromkeys(formula.ground.roles.values())]
    # A value that is no state cannot be made of itself.
    names = [name for name in dict.fromkeys(names) if name != formula.name or formula.state]
    for away in (-1, 0) if formula.state else (0, -1):
        yield from ((name, away) for name in names)
    rest = [q.name for q in formula.graph if q.name not in names and q.name != formula.name]
    # Last: what has no cell could only be meant by a formula that works it out itself.
    yield from ((name, 0) for name in rest)


def _instead_of_number(formula: Formula, part: Tree) -> Iterator[tuple[Tree, Made]]:
    if not isinstance(part, Number):
        return
    # Whoever does not know EXP types e with as many digits as they remember.
    if f"{part.value:g}" in E_SHORT or 2.7 <= part.value < 2.73:
        words = f"{formula.at} has {part.value:g} typed in for e; EXP(…) is exact"
        yield Number(2.718281828459045), (MistakeKind.E_TYPED, words)
    held = {*formula.ground.places, *formula.ground.roles.values()}
    for name, away in _candidates(formula):
        if name not in held:
            continue
        label = "the learning rate" if name == "learning_rate" else formula.graph[name].label
        cell = _cell_of(formula, name, away)
        words = f"{formula.at} has {part.value:g} typed in where {label} should be read from its cell"
        if name == "learning_rate" and cell:
            shown = f"{label} {cell} ({_held(formula, name):g})"
            words = f"{formula.at} has {part.value:g} typed in where {shown} belongs"
        yield true_value(name, away), (MistakeKind.CONSTANT, words)


def _held(formula: Formula, name: str) -> float:
    for (sheet, row, column), role in formula.ground.roles.items():
        page = formula.ground.book.sheet(sheet)
        if role == name and page is not None and (row, column) in page.cells:
            return number(page.cells[row, column].value) or float("nan")
    return float("nan")


def _cell_of(formula: Formula, name: str, away: int) -> str:
    """The address of the cell that holds a quantity, "" where none does."""
    ground = formula.ground
    if name in ground.places:
        place = formula.place + away
        rows = ground.table.rows
        return ground.book.address(rows[place], ground.places[name]) if 0 <= place < len(rows) else ""
    for (sheet, row, column), role in ground.roles.items():
        if role == name:
            where = ground.book.address(row, column)
            return where if sheet == ground.table.sheet else f"{sheet}!{where}"
    return ""


def _instead_of_reference(formula: Formula, part: Tree) -> Iterator[tuple[Tree, Made]]:
    if not isinstance(part, Reference):
        return
    ground = formula.ground
    sheet = part.sheet or ground.table.sheet
    page = ground.book.sheet(sheet)
    meant = ground.meant(page.name if page is not None else sheet, part.row, part.column)
    where = ground.book.address(part.row, part.column)
    where = where if part.sheet is None else f"{part.sheet}!{where}"
    for name, away in _candidates(formula):
        # What it reads already is no other reference.
        if meant == (name, formula.place + away) or (meant is not None and meant[1] is None and meant[0] == name):
            continue
        yield true_value(name, away), _misread(formula, part, where, meant[0] if meant else None, name=name, away=away)


def _misread(formula: Formula, part: Reference, where: str, read: str | None, *, name: str, away: int) -> Made:
    graph = formula.graph
    belongs = _cell_of(formula, name, away)
    label = "the learning rate" if name == "learning_rate" else graph[name].label
    if read is None:
        words = f"{formula.at} reads {where} where {belongs + ', ' if belongs else ''}{label}, belongs"
        if not belongs:
            words = f"{formula.at} reads {where} where {label} belongs"
        if _slid(formula, part, name):
            return MistakeKind.DOLLAR, f"{words}: a $ is missing"
        empty = (part.row, part.column) not in formula.ground.cells and part.sheet is None
        table = formula.ground.table
        if part.sheet is None and part.column in table.columns.values() and part.row in formula.ground.index:
            words += f"; what {where} holds is not judged, because the heading of its column is not understood"
        return MistakeKind.INPUT, words + ("" if not empty else f"; {where} is empty")
    if read == name:
        fixed = part.fixed_row
        words = f"{formula.at} reads {where} ({label}), another row: {belongs or 'its own row'} belongs there"
        if fixed:
            shown = formula.ground.book.address(part.row, part.column, fixed=True)
            words = f"{formula.at} reads {shown} ({label}): the $ stops it from following, {belongs} belongs there"
        rows = formula.ground.table.rows
        later = (
            graph[name].kind is Kind.WEIGHT and formula.place + 1 < len(rows) and part.row == rows[formula.place + 1]
        )
        return (MistakeKind.NEXT_ROW if later else MistakeKind.STOPS), words
    if name == "learning_rate":
        shown = (
            formula.ground.book.address(part.row, part.column, fixed=part.fixed_row) if part.sheet is None else where
        )
        words = f"{formula.at} reads {shown} ({graph[read].label}) where {label}{belongs and f', {belongs},'} belongs"
        return MistakeKind.INPUT, words
    return misread(graph[formula.name], graph[name], graph[read])


def _slid(formula: Formula, part: Reference, name: str) -> bool:
    """Whether a reference without $ began at the cell of a quantity and slid with the row (or column)."""
    for (sheet, row, column), role in formula.ground.roles.items():
        if role != name or sheet != (part.sheet or formula.ground.table.sheet):
            continue
        if (
            part.column == column
            and part.row != row
            and not part.fixed_row
            and abs(part.row - row) <= len(formula.ground.table.rows)
        ):
            return True
        if part.row == row and part.column != column and not part.fixed_column:
            return True
    return False


def _scaled(formula: Formula) -> Iterator[tuple[Tree, Made]]:
    """The formula times or over a number or a quantity."""
    tree = formula.tree
    for factor, kind in FACTORS:
        yield Binary("/", tree, Number(factor)), (kind, f"{factor:g} times too large")
        yield Binary("*", tree, Number(factor)), (kind, f"{factor:g} times too small")
    for name, away in _candidates(formula):
        label = formula.graph[name].label
        yield Binary("*", tree, true_value(name, away)), (MistakeKind.FACTOR, f"the factor {label} is missing")
        yield (
            Binary("/", tree, true_value(name, away)),
            (MistakeKind.FACTOR, f"the factor {label} does not belong there"),
        )
