"""One layer's sheet: its weights are written first, then the formulas that name them are made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.export.plan import (
    Add,
    Convolution,
    Function,
    Gather,
    Linear,
    Multiply,
    Pool,
    ScaleShift,
    Shape,
    Softmax,
    Standardise,
    Step,
)
from handgrad.export.workbook import formulas
from handgrad.export.workbook.areas import Area, Rectangle
from handgrad.export.workbook.looks import CAPTION, FINE_WEIGHT, LABEL, SHADE_HIGH, SHADE_LOW, VALUE, WEIGHT
from handgrad.xlsx.writer import Shade, Sheet

Floats = NDArray[np.float64]
Numbers = NDArray[np.floating[Any]]
TOP, LEFT = 5, 1
"""Where the first map begins on a sheet."""


class LayerSheet:
    """One sheet: weights are written first, then the formulas that name them are made."""

    def __init__(self, sheet: Sheet, step: Step, sources: Sequence[Area], first: Floats) -> None:
        self.sheet, self.step, self.sources = sheet, step, sources
        self.first = first
        """The numbers of the first input, for what is computed between it and the values."""
        tall = step.weight.shape[2] if isinstance(step, Convolution) else 0
        self.area = Area(step.shape, rectangles_for(step.shape, sheet.name, tall))
        last = self.area.rectangles[0]
        self.right = self.last = last.column + last.width + 1

    def formulas(self) -> Iterable[str]:
        """Write the weights and return the formula of each number, in order."""
        step, sources, name = self.step, self.sources, self.sheet.name
        match step:
            case Convolution():
                biases = self.biases(step.bias)
                return formulas.convolution(step, sources[0], self.kernels(step), biases)
            case Linear():
                return self.linear(step)
            case ScaleShift():
                return self.scale_shift(step)
            case Function():
                return (formulas.function(step, cell) for cell in self.cells(sources[0]))
            case Pool():
                return formulas.pool(step, sources[0], name)
            case Add() | Multiply():
                sign = "+" if isinstance(step, Add) else "*"
                return (
                    sign.join(self.cell_for(source, index) for source in sources) for index in range(prod(step.shape))
                )
            case Gather():
                source = sources[0]
                return ("0" if at < 0 else source.cell(int(at)).text(name) for at in step.index)
            case Standardise():
                return self.standardise(step)
            case Softmax():
                return self.softmax(step)
        raise TypeError(f"{type(step).__name__} is not a step that can be written into a sheet")

    def cells(self, source: Area) -> Iterable[str]:
        """Yield the cells of a value in order."""
        return (source.cell(index).text(self.sheet.name) for index in range(prod(source.shape)))

    def cell_for(self, source: Area, index: int) -> str:
        """Return the cell of *source* that stands at *index* of this step's shape, to which it stretches."""
        return source.cell(formulas.index_of(self.step.shape, source.shape, index)).text(self.sheet.name)

    def block(self, numbers: Numbers, row: int, column: int) -> Rectangle:
        """Write weights ``[rows, columns]`` and return where they lie."""
        # By the whole block, so that the numbers of one kernel have the same decimals.
        look = FINE_WEIGHT if np.abs(numbers).max(initial=0) < 0.1 else WEIGHT
        for at, number in np.ndenumerate(numbers):
            self.sheet.number(row + at[0], column + at[1], plain(float(number)), look)
        self.last = max(self.last, column + numbers.shape[1])
        return Rectangle(self.sheet.name, row, column, *numbers.shape)

    def biases(self, bias: Numbers) -> Area:
        """Write a bias beside the first row of each map, or beside each number of a column, and return where they lie."""
        rectangles = []
        self.sheet.text(TOP - 2, self.right, "bias", CAPTION)
        for channel, number in enumerate(bias):
            row = self.area.rectangles[min(channel, len(self.area.rectangles) - 1)].row
            row += channel if len(self.area.rectangles) == 1 else 0
            rectangles.append(self.block(np.array([[number]]), row, self.right))
        return Area((len(bias),), tuple(rectangles))

    def kernels(self, step: Convolution) -> list[list[Rectangle]]:
        """Write the kernels of each output beside its map, one for each map that it reads."""
        kernels = []
        wide = step.weight.shape[3] + 1
        for out, kernel in enumerate(step.weight):
            row = self.area.rectangles[out].row
            first = out // (len(step.weight) // step.groups) * step.weight.shape[1]
            line = []
            for which, each in enumerate(kernel):
                column = self.right + 2 + which * wide
                self.sheet.text(row - 1, column, f"of map {first + which + 1}", CAPTION)
                line.append(self.block(each, row, column))
            kernels.append(line)
        return kernels

    def linear(self, step: Linear) -> Iterable[str]:
        """Write the weights of each output as its inputs lie, and return the formulas."""
        source, biases = self.sources[0], self.biases(step.bias)
        column = self.right + 2
        texts = []
        for out, weights in enumerate(step.weight):
            self.sheet.text(TOP - 2, column, f"to {out}", CAPTION)
            pairs, at, row = [], 0, TOP
            for rectangle in source.rectangles:
                part = weights[at : at + rectangle.size].reshape(rectangle.height, rectangle.width)
                pairs.append((rectangle, self.block(part, row, column)))
                at, row = at + rectangle.size, row + rectangle.height
            column += max(rectangle.width for rectangle in source.rectangles)
            texts.append(f"{formulas.products(pairs, self.sheet.name)}+{biases.cell(out).text(self.sheet.name)}")
        return texts

    def scale_shift(self, step: ScaleShift) -> Iterable[str]:
        """Write scales and shifts in two columns and return the formulas."""
        areas = []
        for offset, (words, numbers) in enumerate((("scale", step.scale), ("shift", step.shift))):
            self.sheet.text(TOP - 2, self.right + offset, words, CAPTION)
            column = self.block(numbers.reshape(-1, 1), TOP, self.right + offset)
            areas.append(Area(numbers.shape, (column,)))
        scale, shift = areas
        for index in range(prod(step.shape)):
            yield f"{self.cell_for(self.sources[0], index)}*{self.cell_for(scale, index)}+{self.cell_for(shift, index)}"

    def standardise(self, step: Standardise) -> Iterable[str]:
        """Write the mean and the deviation of each group beside the values, and return the formulas."""
        source, size = self.sources[0], prod(step.shape) // step.groups
        for offset, words in enumerate(("mean", "deviation")):
            self.sheet.text(TOP - 2, self.right + offset, words, CAPTION)
        for group in range(step.groups):
            cells = ",".join(each.text(self.sheet.name) for each in source.pieces(group * size, (group + 1) * size))
            numbers = self.first.ravel()[group * size : (group + 1) * size]
            self.statistic(group, 0, f"AVERAGE({cells})", numbers.mean())
            self.statistic(group, 1, f"SQRT(VARP({cells})+{step.epsilon:.9g})", np.sqrt(numbers.var() + step.epsilon))
        for index in range(prod(step.shape)):
            mean, deviation = (
                Rectangle("", TOP + index // size, self.right + offset, 1, 1).text("") for offset in (0, 1)
            )
            yield f"({source.cell(index).text(self.sheet.name)}-{mean})/{deviation}"

    def softmax(self, step: Softmax) -> Iterable[str]:
        """Write the largest score and the sum of the powers beside the values, and return the formulas."""
        source = self.sources[0]
        cells = [each.text(self.sheet.name) for each in source.pieces(0, prod(step.shape))]
        highest, total = (Rectangle("", TOP + offset, self.right, 1, 1).text("") for offset in (0, 1))
        self.sheet.text(TOP - 2, self.right, "largest, sum of powers", CAPTION)
        most = self.first.max()
        self.statistic(0, 0, f"MAX({','.join(cells)})", most)
        # SUMPRODUCT takes EXP of a whole area without being entered as an array formula.
        powers = "+".join(f"SUMPRODUCT(EXP({each}-{highest}))" for each in cells)
        self.statistic(1, 0, powers, np.exp(self.first - most).sum())
        for cell in self.cells(source):
            yield f"{cell}-{highest}-LN({total})" if step.log else f"EXP({cell}-{highest})/{total}"

    def statistic(self, row: int, column: int, text: str, value: float) -> None:
        """Write a formula between the inputs and the values, counted from the first place beside them."""
        self.sheet.formula(TOP + row, self.right + column, text, value=rounded(value), look=VALUE)

    def labels(self) -> None:
        """Write what each map or number is called, colour the numbers, and set the widths."""
        area, sheet = self.area, self.sheet
        maps = len(area.rectangles) > 1
        for number, each in enumerate(area.rectangles, 1):
            if maps:
                sheet.text(each.row, 0, f"map {number}", LABEL)
            else:
                for row in range(each.height):
                    sheet.text(each.row + row, 0, str(row if len(area.shape) == 1 else row + 1), LABEL)
            last = each.row + each.height - 1, each.column + each.width - 1
            sheet.shade(Shade((each.row, each.column), last, SHADE_LOW, SHADE_HIGH))
        first = area.rectangles[0]
        wide = 4.6 if maps else 8
        sheet.widths(
            {first.column + offset: wide for offset in range(first.width)} | {0: 9, first.column + first.width: 2}
        )


def rectangles_for(shape: Shape, sheet: str, tall: int = 0) -> tuple[Rectangle, ...]:
    """Return where a value of *shape* lies on a sheet of its own: maps one under the other, or one column.

    *tall* is how many rows what stands beside each map needs.
    """
    if len(shape) == 1 or (prod(shape[1:]) == 1 and tall == 0):
        return (Rectangle(sheet, TOP, LEFT, shape[0], 1),)
    if len(shape) == 2:
        return (Rectangle(sheet, TOP, LEFT, *shape),)
    rows, columns = shape[-2:]
    pitch = max(rows, tall) + 2
    return tuple(Rectangle(sheet, TOP + number * pitch, LEFT, rows, columns) for number in range(prod(shape[:-2])))


def plain(number: float) -> float:
    """Return a float32 as the shortest decimal that reads back as it: half the digits of the float64 beside it."""
    return float(str(np.float32(number)))


def rounded(number: float) -> float:
    """Return a value as it is stored beside its formula: nine digits, a thousandth of what the check allows."""
    return float(f"{number:.9g}")
