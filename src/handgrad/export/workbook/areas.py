"""Where the numbers of a value lie in the book: rectangles of cells, in the order of the value laid out flat."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from math import prod

from handgrad.export.plan import Shape
from handgrad.xlsx.writer import address


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Cells of one sheet, rows and columns from 0; read row by row."""

    sheet: str
    row: int
    column: int
    height: int
    width: int

    @property
    def size(self) -> int:
        """How many cells it has."""
        return self.height * self.width

    def part(self, rows: tuple[int, int], columns: tuple[int, int]) -> Rectangle:
        """Return the part from the first of each pair to the second, which is left out."""
        place = self.row + rows[0], self.column + columns[0]
        return Rectangle(self.sheet, *place, rows[1] - rows[0], columns[1] - columns[0])

    def at(self, index: int) -> tuple[int, int]:
        """Return row and column of the cell with this number."""
        down, across = divmod(index, self.width)
        return self.row + down, self.column + across

    def text(self, seen_from: str = "") -> str:
        """Return it as a formula on the sheet *seen_from* names it: ``Conv_1!B5:D7``, ``B5`` for a cell of its own sheet."""
        first = address(self.row, self.column)
        last = address(self.row + self.height - 1, self.column + self.width - 1)
        cells = first if first == last else f"{first}:{last}"
        return cells if self.sheet == seen_from else f"{self.sheet}!{cells}"


@dataclass(frozen=True)
class Area:
    """The rectangles that hold a value of this *shape*, one after the other.

    All round each rectangle *margin* cells hold *border*: what a convolution finds beyond the edge of the image.
    """

    shape: Shape
    rectangles: tuple[Rectangle, ...]
    margin: int = 0
    border: float = 0.0

    def __post_init__(self) -> None:
        if sum(each.size for each in self.rectangles) != prod(self.shape):
            raise ValueError(f"{len(self.rectangles)} rectangles do not hold {self.shape}")

    def reshaped(self, shape: Shape) -> Area:
        """Return the same cells under another shape."""
        return replace(self, shape=shape)

    def cell(self, index: int) -> Rectangle:
        """Return the cell of the number *index* of the value laid out flat."""
        ends = self._ends()
        which = bisect_right(ends, index)
        rectangle = self.rectangles[which]
        row, column = rectangle.at(index - (ends[which] - rectangle.size))
        return Rectangle(rectangle.sheet, row, column, 1, 1)

    def maps(self) -> list[Rectangle] | None:
        """Return a rectangle for each channel of ``[channels, rows, columns]``, None where they do not lie so."""
        if len(self.shape) != 3:
            return None
        channels, rows, columns = self.shape
        if [(each.height, each.width) for each in self.rectangles] == [(rows, columns)] * channels:
            return list(self.rectangles)
        if rows * columns == 1:
            return [self.cell(channel) for channel in range(channels)]
        return None

    def column(self) -> Rectangle:
        """Return the one rectangle from the first to the last, gaps and all: those of a sheet lie one under the other."""
        first, last = self.rectangles[0], self.rectangles[-1]
        if {(each.sheet, each.column, each.width) for each in self.rectangles} != {
            (first.sheet, first.column, first.width)
        }:
            raise ValueError("the rectangles do not lie one under the other")
        return replace(first, height=last.row + last.height - first.row)

    def pieces(self, start: int, stop: int) -> list[Rectangle]:
        """Return rectangles that hold the numbers from *start* to *stop* (left out)."""
        found: list[Rectangle] = []
        before = 0
        for each in self.rectangles:
            first, last = max(start - before, 0), min(stop - before, each.size)
            before += each.size
            if first >= last:
                continue
            # A part that begins or ends within a row is no rectangle.
            if first % each.width or last % each.width:
                found += [Rectangle(each.sheet, *each.at(index), 1, 1) for index in range(first, last)]
            else:
                found.append(each.part((first // each.width, last // each.width), (0, each.width)))
        return found

    def _ends(self) -> list[int]:
        ends, before = [], 0
        for each in self.rectangles:
            before += each.size
            ends.append(before)
        return ends
