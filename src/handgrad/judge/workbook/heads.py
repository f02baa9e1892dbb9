"""The heads of a sheet, cell by cell: what a column is called, where its name stands in one row or in two."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from handgrad.judge.workbook.spelling import normal, number_in, spelled
from handgrad.xlsx.reader import Cell, CellError, Place, Sheet

COUNTERS = frozenset((
    "step", "steps", "iteration", "iterations", "iter", "epoch", "epochs", "n", "no", "nr", "num", "number", "index",
    "row", "round", "k", "cycle", "time", "sample", "samples", "pattern", "example", "case", "data", "dataset",
    "sno", "stepk", "stepno", "iterationno", "trial", "run", "pass", "t", "tick",
))  # fmt: skip
"""Heads of columns that only count the rows, plain of spaces and signs."""
ABOVE = 2
"""A head may be made of its own row and so many rows above it."""
GROUPS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (
            r"d_?e?_?(?:total|tot|t)?_?/?_?d_?w?s?|d_?(?:error|loss|cost|e)_?(?:total|tot)?/d_?w(?:eights?|_?i)?",
            "slope",
        ),
        (r"d_?(?:e|error|loss|cost)_?(?:total|tot)?/?_?d?", "slope"),
        (
            r"(?:weight_?)?(?:gradients?|grads?|slopes?|(?:d|partial)?derivatives?|grad_?w)"
            r"(?:(?:of|for|by|wrt)(?:the|all)?(?:e|error|loss|cost)?(?:total)?(?:by|wrt)?(?:the|all)?(?:w|weights?)?)?",
            "slope",
        ),
        (
            r"(?:new|updated|next)_?(?:w|weights?)|(?:w|weights?)_?(?:new|next|updated|after\w*)|update[ds]?weights",
            "next",
        ),
        (r"(?:step|delta|changein|changeof|weight)_?(?:w|weights?|changes?)", "step"),
        (r"net|nets|netinputs?|weightedsums?|z|sums?|preactivations?", "net"),
        (r"out|outs|activations?|a|act|sigmoids?|activated", "act"),
        (r"deltas?|errorterms?|localgradients?|localgrads?|errorsignals?", "delta"),
        (r"w|weights?", "w"),
        (r"i|x|inputs?", "i"),
        (r"t|targets?|desired", "t"),
        (r"b|bias|biases", "b"),
        (r"e|errors?", "E"),
    )
)
UNIT = re.compile(r"(?:net_)?([fgho]\d{1,2})")
EXPLAINED = re.compile(r"[wb]\d+|(?:net_)?[fgho]\d{1,2}")
"""Names that may stand in a table twice, told apart by the head of their group."""
FULL = {"slope": "dE/d{}", "next": "{}_next", "step": "step!{}"}


@dataclass(frozen=True, slots=True)
class Head:
    """A head: its column, what it means (see :func:`spelled`; None where it is not understood), and its text."""

    column: int
    name: str | None
    text: str


def heads_of(sheet: Sheet, row: int, left: int, right: int) -> list[Head]:
    """Return the heads of a row's columns; a name may be completed by what stands above it, also over several columns."""
    parts = _parts(sheet.cells, row, left, right)
    return [head for first, last in parts for head in _heads_of_part(sheet, row, first, last)]


def _parts(cells: Mapping[Place, Cell], row: int, left: int, right: int) -> list[tuple[int, int]]:
    """Return the first and last columns of what may be tables side by side; a group of heads reaches over one of them.

    A table begins where a name comes again that no group explains: w1 or h1 may stand twice in one table, as the weight
    and under ∂E/∂w, but t1 or E_total may not.
    """
    begins = [left]
    seen: dict[str, int] = {}
    for column in range(left, right + 1):
        name = spelled(text_at(cells, row, column))
        if name is None or EXPLAINED.fullmatch(name):
            continue
        if name in seen:
            # What comes before it, alike in both tables, belongs to the second as well.
            apart, first = column - seen[name], column
            while first - 1 - apart >= begins[-1] and first - 1 > seen[name]:
                if text_at(cells, row, first - 1) != text_at(cells, row, first - 1 - apart):
                    break
                first -= 1
            begins.append(first)
            seen = {}
        seen[name] = column
    return [(first, after - 1) for first, after in zip(begins, [*begins[1:], right + 1], strict=True)]


def _heads_of_part(sheet: Sheet, row: int, left: int, right: int) -> list[Head]:
    cells = sheet.cells
    # The nearest row above first: it says most about what stands below it.
    groups = [_spread(sheet, row - back, row, left, right=right) for back in range(1, ABOVE + 1) if row >= back]
    found: list[Head] = []
    taken: set[str] = set()
    for column in range(left, right + 1):
        own = text_at(cells, row, column)
        above = [text_at(cells, row - back, column) for back in range(1, ABOVE + 1)]
        if not own:
            # Merged downwards, or a head one row higher than its neighbours.
            upper = next((text for text in above if text and spelled(text) is not None), "")
            # A label beside its number, above the table, is none.
            if upper and any(holds_number(cells.get((row + down, column))) for down in (1, 2, 3)):
                found.append(Head(column, spelled(upper), upper))
            continue
        name, text = spelled(own), own
        for group in groups:
            above_it, sure = group.get(column, ("", True))
            joined = grouped(above_it, own, name, sure=sure)
            # Where a group ends is not said: what would come twice stands beside it.
            if joined is not None and joined not in taken:
                name, text = joined, f"{above_it} {own}"
                taken.add(joined)
                break
        found.append(Head(column, name, text))
    return found


def grouped(group: str, own: str, name: str | None, *, sure: bool) -> str | None:
    """Return what a head means under the head of its group, or None where the group says nothing about it.

    ``sure`` is whether the group surely reaches so far: its text is merged over the column, or stands right above it.
    """
    if not group:
        return None
    plain = normal(group)[0]
    kind = next((kind for pattern, kind in GROUPS if pattern.fullmatch(plain)), None)
    if kind is None:
        return None
    number = re.fullmatch(r"\s*(\d{1,3})\s*", own)
    if kind in FULL:
        if name is not None and re.fullmatch(r"[wb]\d+", name):
            return FULL[kind].format(name)
        if number is not None:
            return FULL[kind].format(f"w{int(number[1])}")
        unit = UNIT.fullmatch(name or "") if sure else None
        return f"d!{unit[1]}" if kind == "slope" and unit else None
    if not sure:
        return None
    if kind in ("net", "act", "delta"):
        unit = UNIT.fullmatch(name or "")
        return f"{'a' if kind == 'act' else kind}_{unit[1]}" if unit else None
    if number is not None:
        return f"{kind}{int(number[1])}"
    unit = re.fullmatch(r"o(\d{1,2})", name or "")
    return f"E{unit[1]}" if kind == "E" and unit else None


def _spread(sheet: Sheet, row: int, header: int, left: int, *, right: int) -> dict[int, tuple[str, bool]]:
    """Return column → the head of its group, and whether it surely reaches so far.

    A merged text reaches as far as it is merged. Another one may reach to the right until the next text, or a column
    without a head; where it comes more than once, each stands for its own column.
    """
    cells = sheet.cells
    texts = [text_at(cells, row, column) for column in range(left, right + 1)]
    found: dict[int, tuple[str, bool]] = {}
    last, end, merged = "", -1, False
    for column, own in zip(range(left, right + 1), texts, strict=True):
        if own:
            last, merged = own, (row, column) in sheet.merged
            # A text that comes several times stands for its own column; one that comes once may head all that follow.
            end = sheet.merged.get((row, column), column if texts.count(own) > 1 else right)
        elif column > end or not (merged or text_at(cells, header, column)):
            last = ""
        if last:
            found[column] = (last, merged or bool(own))
    return found


def text_at(cells: Mapping[Place, Cell], row: int, column: int) -> str:
    """Return the words in a cell, or "" where it holds none; a formula or an error is not a head, a small number is."""
    cell = cells.get((row, column))
    if cell is None or isinstance(cell.value, CellError | bool) or cell.value is None:
        return ""
    if isinstance(cell.value, str):
        return cell.value.strip()
    return ""


def counts(text: str) -> bool:
    """Return whether a head only says that its column counts rows."""
    return re.sub(r"[\W_]", "", text.casefold()) in COUNTERS


def holds_number(cell: Cell | None) -> bool:
    """Return whether a cell holds a formula, a number, or what stands for one."""
    if cell is None:
        return False
    # A formula that shows nothing yet will show a number.
    if cell.formula is not None:
        return True
    if isinstance(cell.value, bool) or cell.value is None:
        return False
    if isinstance(cell.value, str) and not isinstance(cell.value, CellError):
        return number_in(cell.value) is not None or cell.value == "diverged"
    return True
