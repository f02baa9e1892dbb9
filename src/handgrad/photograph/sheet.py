"""A sheet to write a hundred digits on: where everything lies on it, and the page itself as a PDF.

Places are in millimetres from the centre of the top left corner mark, x to the right and y downwards, the same on A4 and
Letter: what reads a sheet needs the four marks alone. Row r, counted from 0, is for the digit r.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from handgrad.errors import known

PAPERS = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}
"""Width and height of the paper, in millimetres."""
WIDE, HIGH = 182.0, 222.0
"""The rectangle between the centres of the marks."""
MARK = (9.0, 5.4, 3.0)
"""Sides of a mark's three squares, black in white in black: nothing that is written or printed elsewhere is nested so."""
BAR = (9.0, -3.0, 8.0, 6.0)
"""A black bar beside the first mark, (x, y, width, height): where it lies, there is the top left."""
BOX, GAP, GRID = 14.6, 1.8, (12.0, 42.0)
"""The side of a box, the space between two, and where the first begins."""
INSET = 0.9
"""What is within this of a box's frame is left out when it is read."""
COUNT = 10
MM = 25.4


@dataclass(frozen=True)
class Place:
    """A rectangle on the sheet, in millimetres."""

    x: float
    y: float
    wide: float
    high: float


def box_place(row: int, column: int) -> Place:
    """Return where the box in this row and column lies."""
    pitch = BOX + GAP
    return Place(GRID[0] + column * pitch, GRID[1] + row * pitch, BOX, BOX)


def mark_centres() -> list[tuple[float, float]]:
    """Return the centres of the marks: top left, top right, bottom right, bottom left."""
    return [(0.0, 0.0), (WIDE, 0.0), (WIDE, HIGH), (0.0, HIGH)]


def sheet_figure(paper: str) -> Any:
    """Return the sheet as a figure of matplotlib; raises `UsageError` for another *paper* than `PAPERS`."""
    from matplotlib.figure import Figure

    known("--paper", paper, PAPERS)
    wide, high = PAPERS[paper]
    figure = Figure(figsize=(wide / MM, high / MM))
    axes = figure.add_axes((0, 0, 1, 1))
    left, top = (wide - WIDE) / 2, (high - HIGH) / 2
    axes.set(xlim=(-left, wide - left), ylim=(high - top, -top))
    axes.axis("off")
    for x, y in mark_centres():
        for side, colour in zip(MARK, ("black", "white", "black"), strict=True):
            add_rectangle(axes, Place(x - side / 2, y - side / 2, side, side), colour, None)
    add_rectangle(axes, Place(*BAR), "black", None)
    axes.text(22, 3, "A hundred digits by hand", fontsize=17, va="center", color="#1F4E79", weight="bold")
    words = (
        "Write one digit into each box, in each row the digit that stands before it, as you usually write.\n"
        "A dark pen; do not touch the frames. Then photograph the whole page, all four marks on it, and:"
    )
    axes.text(0, 12, words, fontsize=9, va="top", color="#1F2933", linespacing=1.5)
    axes.text(
        0, 26, "handgrad predict RUN photo.jpg --sheet", fontsize=9, va="top", family="monospace", color="#1F2933"
    )
    for row in range(COUNT):
        first = box_place(row, 0)
        middle = first.y + first.high / 2
        axes.text(5, middle, str(row), fontsize=20, va="center", ha="center", color="#1F4E79")
        for column in range(COUNT):
            add_rectangle(axes, box_place(row, column), "none", "#B8C2CC")
    return figure


def add_rectangle(axes: Any, place: Place, fill: str, frame: str | None) -> None:
    """Draw a rectangle on the sheet."""
    from matplotlib.patches import Rectangle

    shape = Rectangle(
        (place.x, place.y), place.wide, place.high, facecolor=fill, edgecolor=frame or "none", linewidth=0.7
    )
    axes.add_patch(shape)


def sheet_pdf(paper: str) -> bytes:
    """Return the sheet as a PDF; the same bytes each time."""
    file = io.BytesIO()
    sheet_figure(paper).savefig(
        file, format="pdf", metadata={"CreationDate": None, "Title": "A hundred digits by hand"}
    )
    return file.getvalue()
