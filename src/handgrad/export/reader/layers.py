"""Reads the layers that have weights, those that normalise, and what joins values or ends a network."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from torch import Tensor

from handgrad.export.plan import Concatenate, Convolution, Linear, Softmax, Standardise, Window
from handgrad.export.reader.values import Node, Reading, Seen, Term, double, known, known_array, pair, seen


def convolution(reading: Reading, node: Node, result: Tensor) -> Seen:
    """``conv2d(x, weight, bias, stride, padding, dilation, groups)``; ``conv1d`` as one row."""
    source, weight, bias = seen(node, 0), known(node, 1), node.argument(2, "bias")
    flat = node.base == "conv1d"
    if source.tensor.dim() != weight.ndim:
        raise node.refuse("a convolution without the axis of the batch")
    kernel = pair(weight.shape[2:], flat)
    stride, dilation = (pair(node.argument(place, key, 1), flat, 1) for place, key in ((3, "stride"), (5, "dilation")))
    asked = node.argument(4, "padding", 0)
    if isinstance(asked, str):
        whole = [step * (size - 1) if asked == "same" else 0 for size, step in zip(kernel, dilation, strict=True)]
        # As torch does for "same": of an odd sum the larger half lies below and to the right.
        padding = (whole[0] // 2, whole[1] // 2, whole[0] - whole[0] // 2, whole[1] - whole[1] // 2)
    else:
        rows, columns = pair(asked, flat, 0)
        padding = (rows, columns, rows, columns)
    number, shape = source.number, tuple(result.shape[1:])
    if flat:
        number = reading.reshaped(node.name, number, (source.shape[0], 1, source.shape[1]))
    outputs = weight.shape[0]
    number = reading.step(
        Convolution,
        node.name,
        (number,),
        (shape[0], 1, shape[1]) if flat else shape,
        window=Window(kernel, stride, padding, dilation),
        weight=weight.reshape(outputs, -1, *kernel),
        bias=np.zeros(outputs) if bias is None else known(node, 2),
        border=np.zeros(source.shape[0]),
        groups=int(node.argument(6, "groups", 1)),
    )
    return Seen(reading.reshaped(node.name, number, shape) if flat else number, result)


def linear(reading: Reading, node: Node, result: Tensor) -> Seen:
    """``linear(x, weight, bias)``."""
    bias = node.argument(2, "bias")
    weight = known(node, 1)
    return weighted(
        reading,
        node,
        seen(node, 0),
        weight,
        bias=np.zeros(len(weight)) if bias is None else known(node, 2),
        result=result,
    )


def product(reading: Reading, node: Node, result: Tensor) -> Seen:
    """``x @ weight`` with a matrix known now."""
    weight = known(node, 1)
    if weight.ndim != 2:
        raise node.refuse("a product of two values that depend on the image, or of more than matrices")
    return weighted(reading, node, seen(node, 0), weight.T, bias=np.zeros(weight.shape[1]), result=result)


def added_product(reading: Reading, node: Node, result: Tensor) -> Seen:
    """``addmm(bias, x, weight)``."""
    if node.keys.get("beta", 1) != 1 or node.keys.get("alpha", 1) != 1:
        raise node.refuse("addmm with factors")
    weight = known(node, 2)
    bias = np.broadcast_to(known_array(node.arguments[0], 2, node), weight.shape[1])
    return weighted(reading, node, seen(node, 1), weight.T, bias=bias, result=result)


def weighted(reading: Reading, node: Node, source: Seen, weight: Any, *, bias: Any, result: Tensor) -> Seen:
    """Return ``weight · x + bias`` along the last axis; with more axes than one, as a 1×1 convolution over the others."""
    shape = tuple(result.shape[1:])
    if prod(source.shape[:-1]) == 1:
        number = reading.reshaped(node.name, source.number, source.shape[-1:])
        number = reading.step(Linear, node.name, (number,), (len(weight),), weight=weight, bias=bias)
        return Seen(reading.reshaped(node.name, number, shape), result)
    inputs, outputs, count = source.shape[-1], len(weight), prod(source.shape[:-1])
    # Features first, as a convolution has its channels; and back again below.
    across = np.arange(count * inputs).reshape(count, inputs).T
    number = reading.gathered(node.name, source.number, across, (inputs, 1, count))
    number = reading.step(
        Convolution,
        node.name,
        (number,),
        (outputs, 1, count),
        window=Window((1, 1)),
        weight=weight.reshape(outputs, inputs, 1, 1),
        bias=bias,
        border=np.zeros(inputs),
    )
    back = np.arange(count * outputs).reshape(outputs, count).T
    return Seen(reading.gathered(node.name, number, back, shape), result)


def batch_norm(reading: Reading, node: Node, result: Tensor) -> Seen:
    """``batch_norm(x, weight, bias, mean, variance, training, momentum, epsilon)`` and ``instance_norm``, of the same form."""
    source, (weight, bias, mean, variance) = seen(node, 0), node.arguments[1:5]
    each = (-1, *[1] * (len(source.shape) - 1))
    term = Term(reading, node.name, source.number, source.shape)
    if node.arguments[5]:
        # InstanceNorm asks for statistics made now too, but for those of one image, which a plan can make.
        if node.base != "instance_norm":
            raise node.refuse("it normalises by the statistics of the batch also when it answers")
        term = standardised(term, source.shape[0], node.arguments[7])
    else:
        deviation = np.sqrt(double(variance) + node.arguments[7])
        term = term * (1 / deviation).reshape(each) + (-double(mean) / deviation).reshape(each)
    return affine(term, weight, bias, each, result=result)


def layer_norm(reading: Reading, node: Node, result: Tensor) -> Seen:
    """``layer_norm(x, shape, weight, bias, epsilon)``."""
    source, inner = seen(node, 0), tuple(node.arguments[1])
    term = Term(reading, node.name, source.number, source.shape)
    term = standardised(term, prod(source.shape) // prod(inner), node.argument(4, "eps", 1e-5))
    return affine(term, node.argument(2, "weight"), node.argument(3, "bias"), inner, result=result)


def group_norm(reading: Reading, node: Node, result: Tensor) -> Seen:
    """``group_norm(x, groups, weight, bias, epsilon)``."""
    source = seen(node, 0)
    term = Term(reading, node.name, source.number, source.shape)
    term = standardised(term, node.arguments[1], node.argument(4, "eps", 1e-5))
    each = (-1, *[1] * (len(source.shape) - 1))
    return affine(term, node.argument(2, "weight"), node.argument(3, "bias"), each, result=result)


def standardised(term: Term, groups: int, epsilon: float) -> Term:
    """Return the term with each of its groups at mean 0 and variance 1."""
    made = term.reading.step(
        Standardise, term.name, (term.number,), term.shape, groups=int(groups), epsilon=float(epsilon)
    )
    return Term(term.reading, term.name, made, term.shape)


def affine(term: Term, weight: Any, bias: Any, shape: tuple[int, ...], *, result: Tensor) -> Seen:
    """Return ``term · weight + bias`` where they are there, both laid out as *shape*."""
    if weight is not None:
        term = term * double(weight).reshape(shape)
    if bias is not None:
        term = term + double(bias).reshape(shape)
    return Seen(term.number, result)


def softmax(reading: Reading, node: Node, result: Tensor) -> Seen:
    """``softmax(x, dim)`` and ``log_softmax`` over the only axis that has more than one position."""
    source, axis = seen(node, 0), node.arguments[1] % seen(node, 0).tensor.dim()
    # Over a part, as in attention: no step of a plan does that, and the sum of all would be another number.
    if axis == 0 or source.tensor.shape[axis] != prod(source.shape):
        raise node.refuse("a softmax over a part of the numbers")
    number = reading.reshaped(node.name, source.number, (prod(source.shape),))
    number = reading.step(Softmax, node.name, (number,), (prod(source.shape),), log="log" in node.base)
    return Seen(reading.reshaped(node.name, number, source.shape), result)


def concatenated(reading: Reading, node: Node, result: Tensor) -> Seen:
    """``cat(values, dim)`` and ``stack``: along the channels as they are, along other axes by moving numbers."""
    parts, rank = node.arguments[0], result.dim()
    axis = node.argument(1, "dim", 0) % rank
    if not all(isinstance(part, Seen) for part in parts):
        raise node.refuse("numbers that do not depend on the image beside some that do")
    if axis == 0:
        raise node.refuse("images of a batch one after the other")
    numbers = [part.number for part in parts]
    if axis == 1 and node.base != "stack":
        return Seen(reading.step(Concatenate, node.name, numbers, tuple(result.shape[1:])), result)
    sizes = [prod(part.shape) for part in parts]
    flat = [reading.reshaped(node.name, number, (size,)) for number, size in zip(numbers, sizes, strict=True)]
    together = reading.step(Concatenate, node.name, flat, (sum(sizes),))
    starts = np.cumsum([0, *sizes])
    places = [
        np.arange(size).reshape(part.shape) + start for part, size, start in zip(parts, sizes, starts[:-1], strict=True)
    ]
    join = np.stack if node.base == "stack" else np.concatenate
    return Seen(reading.gathered(node.name, together, join(places, axis - 1), tuple(result.shape[1:])), result)


def unchanged(reading: Reading, node: Node, result: Tensor) -> Seen:
    """Dropout and the like, which do nothing when a network answers."""
    if node.arguments[2]:
        raise node.refuse("it drops numbers at random also when it answers")
    return seen(node, 0)
