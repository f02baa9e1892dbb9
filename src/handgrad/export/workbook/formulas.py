"""The formula of each number that a step computes, from the places of what it reads and of its weights.

Only functions that Excel 2010 and LibreOffice share. A formula is a text without ``=``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

import numpy as np

from handgrad.export.evaluate import divisors
from handgrad.export.plan import Convolution, Function, Pool, Shape, Window
from handgrad.export.workbook.areas import Area, Rectangle

Span = tuple[int, int]
ONCE = {"relu", "clip", "sigmoid", "tanh", "erf", "exp", "log", "sqrt", "reciprocal", "abs", "sin"}
"""Functions whose formula names its number once, so that a long sum may stand in its place."""


def products(pairs: Sequence[tuple[Rectangle, Rectangle]], sheet: str) -> str:
    """Return the sum over *pairs* of equal rectangles of the products of their cells."""
    terms = [
        # A product of two cells where it is one: shorter, and a person sees what it is.
        f"{a.text(sheet)}*{b.text(sheet)}" if a.size == 1 else f"SUMPRODUCT({a.text(sheet)},{b.text(sheet)})"
        for a, b in pairs
    ]
    return "+".join(terms)


def reach(window: Window, axis: int, position: int, size: int, *, margin: int = 0) -> tuple[Span, Span]:
    """Return what a window at *position* along an axis of *size* covers: places of the map, and places of the kernel.

    Both are half open; places beyond the edge by more than *margin* are left out of both. For a kernel without dilation.
    """
    start = position * window.stride[axis] - window.padding[axis]
    first = max(start, -margin)
    last = min(start + window.kernel[axis], size + margin)
    return (first, max(first, last)), (first - start, max(first, last) - start)


def convolution(step: Convolution, source: Area, kernels: Sequence[Sequence[Rectangle]], biases: Area) -> Iterator[str]:
    """Yield the formulas of *step*; ``kernels[out][in]`` are the rectangles of its weights, on the sheet of the formulas."""
    maps = source.maps()
    if maps is None:
        raise ValueError(f"{step.name}: its input does not lie in maps")
    sheet = biases.rectangles[0].sheet
    outputs, rows, columns = step.shape
    a_group, into = outputs // step.groups, len(maps) // step.groups
    lost = beyond_the_edge(step, source)
    for out, row, column in product(range(outputs), range(rows), range(columns)):
        first = out // a_group * into
        pairs = []
        for which, kernel in enumerate(kernels[out]):
            pairs += under_the_kernel(step.window, (row, column), maps[first + which], kernel, margin=source.margin)
        constant = float(lost[out, row, column]) if lost is not None else 0.0
        # Nine digits are all that a float32 has.
        more = f"{constant:+.9g}" if constant else ""
        yield f"{products(pairs, sheet)}+{biases.cell(out).text(sheet)}{more}"


def under_the_kernel(
    window: Window, at: tuple[int, int], values: Rectangle, kernel: Rectangle, *, margin: int
) -> list[tuple[Rectangle, Rectangle]]:
    """Return the rectangles of a map and of a kernel that lie over each other: one pair, or with dilation a pair a number."""
    if window.dilation == (1, 1):
        (down, kernel_rows), (across, kernel_columns) = (
            reach(window, axis, at[axis], size, margin=margin)
            for axis, size in enumerate((values.height, values.width))
        )
        part = values.part(down, across)
        return [(part, kernel.part(kernel_rows, kernel_columns))] if part.size else []
    pairs = []
    for row, column in product(range(window.kernel[0]), range(window.kernel[1])):
        y = at[0] * window.stride[0] - window.padding[0] + row * window.dilation[0]
        x = at[1] * window.stride[1] - window.padding[1] + column * window.dilation[1]
        if 0 <= y < values.height and 0 <= x < values.width:
            pairs.append((values.part((y, y + 1), (x, x + 1)), kernel.part((row, row + 1), (column, column + 1))))
    return pairs


def beyond_the_edge(step: Convolution, source: Area) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None:
    """Return ``[out, rows, columns]``: what the border adds where it is not 0 and has no cells of its own; None for nothing.

    It is the convolution of a map of zeros between borders: what is inside adds nothing.
    """
    if not step.border.any() or source.margin:
        return None
    from handgrad.export.evaluate import correlate

    zeros = np.zeros((1, *source.shape))
    return np.asarray(
        correlate(zeros, step.weight.astype(float), step.border.astype(float), step.window, groups=step.groups)[0]
    )


def pool(step: Pool, source: Area, sheet: str) -> Iterator[str]:
    """Yield the formulas of a pool: MAX or AVERAGE of what a window covers, or its sum over a count where the edge counts."""
    maps = source.maps()
    if maps is None:
        raise ValueError(f"{step.name}: its input does not lie in maps")
    over = divisors(step, source.shape[1:])
    for channel, row, column in product(*(range(size) for size in step.shape)):
        values = maps[channel]
        # A kernel of the same size stands for the window: only its part over the map is used.
        pairs = under_the_kernel(step.window, (row, column), values, Rectangle("", 0, 0, *step.window.kernel), margin=0)
        cells = ",".join(part.text(sheet) for part, _ in pairs)
        count = sum(part.size for part, _ in pairs)
        if step.kind == "max":
            yield f"MAX({cells})"
        elif count == over[row, column]:
            yield f"AVERAGE({cells})"
        else:
            # AVERAGE would divide by the cells that are there, and the network divides by the whole window.
            yield f"SUM({cells})/{over[row, column]:.9g}"


def function(step: Function, x: str) -> str:
    """Return the formula of a function of the number or formula *x*."""
    numbers = [f"{number:.9g}" for number in step.numbers]
    match step.function:
        case "relu":
            return f"MAX(0,{x})"
        case "clip":
            return f"MIN({numbers[1]},MAX({numbers[0]},{x}))"
        case "leaky relu":
            return f"IF({x}<0,{numbers[0]}*{x},{x})"
        case "elu":
            return f"IF({x}<0,{numbers[0]}*(EXP(MIN({x},0))-1),{x})"
        case "sigmoid":
            # As the numpy twin: through TANH, which never overflows.
            return f"(1+TANH(({x})/2))/2"
        case "softplus":
            return f"MAX(0,{x})+LN(1+EXP(-ABS({x})))"
        case "reciprocal":
            return f"1/({x})"
        case "square":
            return f"({x})*({x})"
        case "log":
            return f"LN({x})"
        case _:
            return f"{step.function.upper()}({x})"


def index_of(shape: Shape, other: Shape, index: int) -> int:
    """Return which number of a value of shape *other* stands at *index* of the *shape* that it stretches to."""
    places = np.unravel_index(index, shape)
    inside = [
        0 if size == 1 else int(place) for size, place in zip(other, places[len(shape) - len(other) :], strict=True)
    ]
    return int(np.ravel_multi_index(inside, other)) if prod(other) > 1 else 0
