"""Which rows below a row of heads belong to the table, and in which of them a run begins again."""

from __future__ import annotations

import re
from collections.abc import Mapping

from handgrad.backprop.limits import MAX_STEPS
from handgrad.judge.workbook.heads import holds_number, text_at
from handgrad.judge.workbook.spelling import spelled
from handgrad.xlsx.formula import Area, Binary, FormulaError, Function, Reference, Tree, parse, parts
from handgrad.xlsx.reader import Cell, Place

# Fewer known heads occur in other tables by chance: a list of points has i1 and o1 as well.
MIN_NAMES, MIN_WEIGHTS = 5, 2
MAX_TABLE_ROWS = MAX_STEPS + 1
"""As many as our own workbook can have: step 0 and all after it."""
# Between heads and numbers people put units, a line of words, empty rows.
FIRST_ROW_WITHIN = 6
GAP = 3
"""So many empty rows may stand inside a table."""
TOTALS = re.compile(
    r"\b(total|totals|average|averages|avg|mean|sum|min|max|summe|mittelwert|moyenne)\b|[Σ∑ø]", re.IGNORECASE
)


def rows_below(cells: Mapping[Place, Cell], header: int, columns: Mapping[str, int]) -> tuple[tuple[int, ...], bool]:
    """Return the rows of numbers below a header, and whether the last holds the state alone."""
    # Weights decide where a table begins: inputs and targets may be filled in above it as an example.
    weights = [column for name, column in columns.items() if re.fullmatch(r"w\d+", name)]
    known = list(columns.values())
    below = range(header + 1, header + 1 + FIRST_ROW_WITHIN)
    first = next((row for row in below if _filled(cells, row, weights)), None)
    if first is None or any(_names(cells, row, known) >= MIN_NAMES for row in range(header + 1, first)):
        return (), False
    rows: list[int] = []
    row = first
    while len(rows) < MAX_TABLE_ROWS:
        if _filled(cells, row, known, least=0.5) and not _is_totals(cells, row, known, rows):
            rows.append(row)
            row += 1
            continue
        later = next((r for r in range(row + 1, row + 1 + GAP) if _filled(cells, r, known, least=0.5)), None)
        blank = all(not holds_number(cells.get((r, c))) for r in range(row, later or row) for c in known)
        if (
            later is None
            or not blank
            or _is_totals(cells, later, known, rows)
            or any(_names(cells, r, known) >= MIN_NAMES for r in range(row, later))
        ):
            break
        row = later
    # The last update without the rest of its row, as when somebody filled down the weights alone.
    partial = _filled(cells, row, weights, least=1.0) and not _is_totals(cells, row, known, rows)
    return (*rows, *([row] if partial and row not in rows else [])), partial


def _names(cells: Mapping[Place, Cell], row: int, columns: list[int]) -> int:
    return sum(spelled(text_at(cells, row, column)) is not None for column in columns)


def _filled(cells: Mapping[Place, Cell], row: int, columns: list[int], least: float = 0.6) -> bool:
    """Whether the row holds formulas, numbers, or what stands for them in most of these columns."""
    count = sum(holds_number(cells.get((row, column))) for column in columns)
    return count >= least * len(columns) and count > 0


def _is_totals(cells: Mapping[Place, Cell], row: int, columns: list[int], rows: list[int]) -> bool:
    """Whether a row sums up the rows above it: it says so, or most of its formulas gather a part of their column."""
    if not rows:
        return False
    left = min(columns)
    for column in range(max(0, left - 3), left + 3):
        text = text_at(cells, row, column)
        if text and TOTALS.search(text):
            return True
    formulas = [cell.formula for column in columns if (cell := cells.get((row, column))) is not None and cell.formula]
    return bool(formulas) and 2 * sum(map(_gathers, formulas)) > len(formulas)


def _gathers(formula: str) -> bool:
    if ":" not in formula:
        return False
    tree = _parsed(formula)
    return tree is not None and any(
        isinstance(part, Area) and part.first.row != part.last.row and part.first.column == part.last.column
        for part in parts(tree)
    )


def _parsed(formula: str) -> Tree | None:
    try:
        return parse(formula)
    except FormulaError:
        return None


def starts_in(cells: Mapping[Place, Cell], rows: tuple[int, ...], columns: Mapping[str, int]) -> tuple[int, ...]:
    """Return the rows in which every weight is given again, after rows in which they were calculated."""
    weights = [column for name, column in columns.items() if re.fullmatch(r"w\d+", name)]
    inside = {(row, column) for row in rows for column in columns.values()}
    found = [0]
    made = False
    for place, row in enumerate(rows):
        given = [_is_given(cells.get((row, column)), inside) for column in weights]
        if made and all(given):
            found.append(place)
            made = False
        made = made or (place > found[-1] and not any(given))
    return tuple(found)


def _is_given(cell: Cell | None, inside: set[Place]) -> bool:
    """Whether a cell holds a number, or a formula that only takes one over from outside the table."""
    if cell is None or cell.formula is None:
        return cell is not None
    # A look at the text spares parsing nearly every cell of a long table.
    if any(sign in cell.formula for sign in "+-*/(,;"):
        return False
    tree = _parsed(cell.formula)
    if isinstance(tree, Reference) and tree.sheet is None:
        return (tree.row, tree.column) not in inside
    return tree is not None and not isinstance(tree, Binary | Function)
