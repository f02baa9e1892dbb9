"""A view as a few lines of a terminal."""

from __future__ import annotations

import re

from handgrad.shown.view import View

NUMBER = re.compile(r"[(−+-]?\d|–?$")
"""How a cell of a column of numbers begins; one without a number is empty or a dash."""
GAP = "  "
MOST_LINES, WIDTH = 15, 100
"""What a terminal shows of a record: so many lines of so many letters."""


def as_text(view: View) -> str:
    """Return a view as at most `MOST_LINES` lines."""
    lines = [view.title, *view.lines]
    if view.rows:
        lines += table_lines(view, MOST_LINES - len(lines))
    shown = lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES - 1], "…"]
    return "\n".join(line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…" for line in shown)


def table_lines(view: View, most: int) -> list[str]:
    """Return the table as at most *most* lines, numbers to the right; what does not fit is counted in the last."""
    if most < 3:
        return []
    rows = [view.head, *view.rows]
    kept = rows if len(rows) <= most else rows[: most - 1]
    columns = list(zip(*kept, strict=True))
    widths = _fitting([max(len(cell) for cell in column) for column in columns])
    # Numbers stand under one another by their last digit, words by their first letter.
    right = [all(NUMBER.match(cell) for cell in column[1:]) for column in columns]
    lines = [
        GAP.join(_padded(cell, width, side) for cell, width, side in zip(row, widths, right, strict=True))
        for row in kept
    ]
    left = len(rows) - len(kept)
    return [line.rstrip() for line in lines] + ([f"… {left} more"] if left else [])


def _fitting(widths: list[int]) -> list[int]:
    """Return widths that a line has room for: what is too much is taken from the widest, so that no column is lost."""
    widths = list(widths)
    while sum(widths) + len(GAP) * (len(widths) - 1) > WIDTH:
        widths[widths.index(max(widths))] -= 1
    return widths


def _padded(cell: str, width: int, right: bool) -> str:
    cell = cell if len(cell) <= width else f"{cell[: width - 1]}…"
    return cell.rjust(width) if right else cell.ljust(width)
