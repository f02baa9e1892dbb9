"""A view as a few lines of a terminal."""

from __future__ import annotations

from handgrad.shown.view import View

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
    widths = [max(len(cell) for cell in column) for column in zip(*kept, strict=True)]
    lines = [
        "  ".join(padded(cell, width, place) for place, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in kept
    ]
    left = len(rows) - len(kept)
    return [line.rstrip() for line in lines] + ([f"… {left} more"] if left else [])


def padded(cell: str, width: int, place: int) -> str:
    """Return a cell filled to its column's width: names to the left, numbers to the right."""
    return cell.rjust(width) if place else cell.ljust(width)
