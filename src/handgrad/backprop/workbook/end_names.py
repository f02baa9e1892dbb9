"""Where the names of the rates stand at the ends of their lines, so that none covers another: found by formulas, live.

A chart cannot move its labels apart. So each line has a short second one, from its end to the place of its name, and the
places are cells beside the charts' points: the ends in their order, each at least a name's height above the one before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from handgrad.backprop.workbook.looks import COUNT, HEADER, SMALL, VALUE
from handgrad.backprop.workbook.plan import Page
from handgrad.xlsx.writer import Series, address

HEADS = ("rank", "free", "end", "name at")
RANK, FREE, END, PLACE = range(len(HEADS))
GAP, MOST = 0.09, 0.95
"""The height of a name as a part of a chart's, and how much of it all names may take together."""
DECADES = 2
"""Of a logarithmic axis at least so many powers of ten are shown, by LibreOffice for one."""
WAY = 0.04
"""How far a name stands beyond the last step, as a part of all steps."""
ROOM = 0.2
"""How much further the axis goes than the steps, so that the names have room."""
DIGITS = 6
"""Two ends that agree to so many digits of the axis have one rank after the other, whatever rounding says of them."""


@dataclass(frozen=True)
class Ends:
    """A chart's ends: the first row and column of their cells, where the chart's points are, and its axis."""

    top: int
    left: int
    points: tuple[tuple[int, int], tuple[int, int]]
    log: bool

    def cell(self, column: int, number: int = 0) -> str:
        """Return the address of a number of one rate."""
        return address(self.top + number, self.left + column, fixed=True)

    def series(self, sheet: str, number: int, *, name: str, x: str, ink: str) -> Series:
        """Return the line from a rate's end to its name."""
        return Series(
            name, x, f"='{sheet}'!{self.cell(END, number)}:{self.cell(PLACE, number)}", ink, width=1.0, named=True
        )


def put_ends(page: Page, ends: Ends) -> None:
    """Write one row per rate: the rank of its end, the lowest free place of that rank, its end, the place of its name."""
    (first_row, first_column), (last_row, last_column) = ends.points
    points = [
        [_drawn(page, row, column) for column in range(first_column, last_column + 1)]
        for row in range(first_row, last_row + 1)
    ]
    numbers, drawn = points[-1], (min(map(min, points)), max(map(max, points)))
    area = f"{address(first_row, first_column, fixed=True)}:{address(last_row, last_column, fixed=True)}"
    scale, back = ("LOG10({})", "10^({})") if ends.log else ("{}", "{}")
    low, high = (f"MIN({area})", f"MAX({area})")
    # A logarithmic axis goes from a power of ten to another.
    reach = f"MAX({DECADES},-INT(-LOG10({high}))-INT(LOG10({low})))" if ends.log else high
    count, row = len(numbers), ends.top - 2
    for column, text in enumerate(HEADS):
        page.text(ends.top - 1, ends.left + column, text, HEADER)
        page.widths[ends.left + column] = 11
    places = [math.log10(number) if ends.log else number for number in numbers]
    share = min(GAP, MOST / max(1, count - 1))
    highest, reaches = _axis(drawn, ends.log)
    gap = share * reaches
    page.text(row, ends.left, "top", HEADER)
    page.formula(row, ends.left + 1, scale.format(high), highest, VALUE)
    page.text(row, ends.left + 2, "gap", HEADER)
    page.formula(row, ends.left + 3, f"{share!r}*({reach})", gap, VALUE)
    top_cell, gap_cell = (address(row, ends.left + column, fixed=True) for column in (1, 3))
    all_ends, all_ranks = (f"{ends.cell(column)}:{ends.cell(column, count - 1)}" for column in (END, RANK))
    unit = f"MAX({gap_cell},1E-300)"
    keys = f"ROUND({scale.format(all_ends)}/{unit},{DIGITS})"
    ranks = _ranks([round(place / max(gap, 1e-300), DIGITS) for place in places])
    # By rank and not by size: two ends that round to one key would else take each other's place.
    free = list(
        accumulate(
            (places[ranks.index(rank)] for rank in range(1, count + 1)), lambda below, end: max(end, below + gap)
        )
    )
    stands = [min(free[rank - 1], highest - (count - rank) * gap) for rank in ranks]
    for number in range(count):
        at, end = ends.top + number, ends.cell(END, number)
        key = f"ROUND({scale.format(end)}/{unit},{DIGITS})"
        earlier = f"(ROW({all_ends})<ROW({end}))"
        page.formula(
            at,
            ends.left + RANK,
            f"1+SUMPRODUCT(--({keys}<{key}))+SUMPRODUCT(({keys}={key})*{earlier})",
            float(ranks[number]),
            COUNT,
        )
        lowest = scale.format(f"INDEX({all_ends},MATCH({number + 1},{all_ranks},0))")
        before = f"MAX({lowest},{ends.cell(FREE, number - 1)}+{gap_cell})" if number else lowest
        page.formula(at, ends.left + FREE, before, free[number], VALUE)
        last = address(last_row, first_column + number, fixed=True)
        look = SMALL if ends.log else VALUE
        page.formula(at, ends.left + END, last, numbers[number], look)
        found = f"INDEX({ends.cell(FREE)}:{ends.cell(FREE, count - 1)},{ends.cell(RANK, number)})"
        place = back.format(f"MIN({found},{top_cell}-({count}-{ends.cell(RANK, number)})*{gap_cell})")
        page.formula(at, ends.left + PLACE, place, 10 ** stands[number] if ends.log else stands[number], look)


def _drawn(page: Page, row: int, column: int) -> float:
    value = page.cells[row, column].value
    if not isinstance(value, float):
        raise TypeError(f"{address(row, column)} of the chart's points is not a number: {value!r}")
    return value


def _axis(drawn: tuple[float, float], log: bool) -> tuple[float, float]:
    """Return the highest place of a chart and how far its axis reaches, in its own unit."""
    low, high = drawn
    if not log:
        return high, high
    return math.log10(high), float(max(DECADES, math.ceil(math.log10(high)) - math.floor(math.log10(low))))


def _ranks(keys: Sequence[float]) -> list[int]:
    order = sorted(range(len(keys)), key=lambda one: keys[one])
    return [order.index(number) + 1 for number in range(len(keys))]


__all__ = ["ROOM", "WAY", "Ends", "put_ends"]
