"""Reads pools, and means, sums and maxima over axes, which are pools over all the positions of those axes."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Any, Literal

import numpy as np

from handgrad.export.plan import Pool, Window
from handgrad.export.reader.values import Node, Reading, Seen, Term, pair, seen


def pool(reading: Reading, node: Node, result: Any) -> Any:
    """``max_pool2d(x, kernel, stride, padding, dilation, ceil_mode)``, ``avg_pool2d(x, kernel, stride, padding, …)``."""
    source, largest = seen(node, 0), node.base.startswith("max")
    kernel = pair(node.arguments[1])
    stride = pair(node.argument(2, "stride") or kernel)
    rows, columns = pair(node.argument(3, "padding", 0), False, 0)
    dilation = pair(node.argument(4, "dilation", 1), False, 1) if largest else (1, 1)
    counts_edge = not largest and node.argument(5, "count_include_pad", True) and bool(rows or columns)
    if not largest and node.argument(6, "divisor_override") is not None:
        raise node.refuse("an average with a divisor of its own")
    top = result[0] if isinstance(result, tuple | list) else result
    # ceil_mode lets the last window reach over the edge: as far as the padding asks, or farther.
    reach = [(size - 1) * step + 1 for size, step in zip(kernel, dilation, strict=True)]
    ends = [
        max(before, (out - 1) * step + far - size - before)
        for out, step, far, size, before in zip(
            top.shape[2:], stride, reach, source.shape[1:], (rows, columns), strict=True
        )
    ]
    if counts_edge and ends != [rows, columns]:
        raise node.refuse("an average with padding and ceil_mode")
    number = reading.step(
        Pool,
        node.name,
        (source.number,),
        tuple(top.shape[1:]),
        kind="max" if largest else "average",
        window=Window(kernel, stride, (rows, columns, ends[0], ends[1]), dilation),
        counts_edge=counts_edge,
    )
    made = Seen(number, top)
    return [made, None] if isinstance(result, tuple | list) else made


def adaptive_pool(reading: Reading, node: Node, result: Any) -> Any:
    """``adaptive_avg_pool2d(x, size)`` and ``adaptive_max_pool2d``, where all windows are alike."""
    source = seen(node, 0)
    top = result[0] if isinstance(result, tuple | list) else result
    kernel, stride = [], []
    for size, out in zip(source.shape[1:], top.shape[2:], strict=True):
        starts = [place * size // out for place in range(out)]
        ends = [-(-(place + 1) * size // out) for place in range(out)]
        steps = {after - before for before, after in pairwise(starts)} or {1}
        sizes = {end - start for start, end in zip(starts, ends, strict=True)}
        # A plan has one window for a pool; windows of two sizes, as from 7 to 4 positions, would be another step.
        if len(steps) > 1 or len(sizes) > 1:
            raise node.refuse(f"a pool from {size} to {out} positions has windows of different sizes")
        kernel.append(sizes.pop())
        stride.append(steps.pop())
    kind: Literal["max", "average"] = "max" if "max" in node.base else "average"
    window = Window((kernel[0], kernel[1]), (stride[0], stride[1]))
    number = reading.step(Pool, node.name, (source.number,), tuple(top.shape[1:]), kind=kind, window=window)
    made = Seen(number, top)
    return [made, None] if isinstance(result, tuple | list) else made


def reduction(reading: Reading, node: Node, result: Any) -> Any:
    """``mean``, ``sum``, ``amax``, ``amin`` and ``max`` over axes, as a pool over all the positions of those axes."""
    source = seen(node, 0)
    pairs = isinstance(result, tuple | list)
    top = result[0] if pairs else result
    dim = node.argument(1, "dim")
    rank = source.tensor.dim()
    axes = sorted({(axis + rank) % rank for axis in ([dim] if isinstance(dim, int) else dim or range(rank))})
    if 0 in axes or (node.base in ("max", "min") and dim is None):
        raise node.refuse(f"{node.base} over the batch, or of whole tensors")
    count = prod(source.tensor.shape[axis] for axis in axes)
    rest = prod(source.shape) // count
    order = [axis - 1 for axis in range(1, rank) if axis not in axes] + [axis - 1 for axis in axes]
    index = np.arange(prod(source.shape)).reshape(source.shape).transpose(order)
    number = (
        reading.reshaped(node.name, source.number, (rest, 1, count))
        if order == sorted(order)
        else reading.gathered(node.name, source.number, index, (rest, 1, count))
    )
    term = Term(reading, node.name, number, (rest, 1, count))
    largest, sign = node.base in ("amax", "max", "amin", "min"), -1.0 if node.base in ("amin", "min") else 1.0
    term = -term if sign < 0 else term
    kind: Literal["max", "average"] = "max" if largest else "average"
    window = Window((1, count), (1, 1))
    number = reading.step(Pool, node.name, (term.number,), (rest, 1, 1), kind=kind, window=window)
    term = Term(reading, node.name, number, (rest, 1, 1))
    term = -term if sign < 0 else term * float(count) if node.base == "sum" else term
    made = Seen(reading.reshaped(node.name, term.number, tuple(top.shape[1:])), top)
    return [made, None] if pairs else made
