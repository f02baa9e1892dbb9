"""What a reader of recorded operations works with: values seen so far, the current node, and terms to compute with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, prod
from typing import Any

import numpy as np
from torch import Tensor

from handgrad.export.plan import Add, Function, FunctionName, Gather, Multiply, Reshape, ScaleShift, Shape, Step


class UnreadableError(Exception):
    """An operation that a plan cannot express; the message begins with the layer's name."""


@dataclass(frozen=True)
class Seen:
    """A value that depends on the image: its number in the plan, and what it is for a few images, the batch first."""

    number: int
    tensor: Tensor

    @property
    def shape(self) -> Shape:
        """The shape without the batch."""
        return tuple(self.tensor.shape[1:])


@dataclass(frozen=True)
class Node:
    """One recorded operation, ``aten.base.overload``, with its arguments: numbers, tensors known now, and `Seen` values."""

    operation: str
    place: str
    in_leaf: bool
    arguments: Sequence[Any]
    keys: Mapping[str, Any]

    @property
    def base(self) -> str:
        """The operation without library, overload and the sign for working in place."""
        name = self.operation.split(".")[1]
        # Operations of torch's own that begin with a line keep their names: the sign at the end marks those in place.
        return name if name.startswith("_") else name.removesuffix("_")

    @property
    def name(self) -> str:
        """What to call the step: the path of its layer, with the operation where the layer does several things."""
        if self.in_leaf and self.place:
            return self.place
        return f"{self.place}.{self.base}" if self.place else self.base

    def argument(self, place: int, key: str, default: Any = None) -> Any:
        """Return the argument at *place* or under *key*."""
        if place < len(self.arguments):
            return self.arguments[place]
        return self.keys.get(key, default)

    def refuse(self, reason: str = "") -> UnreadableError:
        """Return the error that says that this node cannot be expressed."""
        where = f"layer {self.place}" if self.place else "its forward"
        return UnreadableError(f"{where}: {reason or f'the operation {self.base} is not among those of a plan'}")


class Reading:
    """The steps read so far, each with the number of the value that it computes."""

    def __init__(self, steps: list[tuple[int, Step]]) -> None:
        self.steps = steps

    def step(self, kind: type[Step], name: str, inputs: Sequence[int], shape: Shape, /, **more: Any) -> int:
        """Add a step and return the number of its value."""
        number = self.steps[-1][0] + 1
        self.steps.append((number, kind(name, tuple(inputs), tuple(shape), **more)))
        return number

    def reshaped(self, name: str, number: int, shape: Shape) -> int:
        """Return the value *number* under another shape."""
        return self.step(Reshape, name, (number,), shape)

    def gathered(self, name: str, number: int, index: Any, shape: Shape) -> int:
        """Return the numbers of a value at the places *index*, under *shape*."""
        return self.step(Gather, name, (number,), shape, index=np.asarray(index, np.int32).reshape(-1))


@dataclass(frozen=True)
class Term:
    """A value of the plan to compute with: ``x * x.function("sigmoid")`` adds two steps."""

    reading: Reading
    name: str
    number: int
    shape: Shape

    def function(self, function: FunctionName, *numbers: float) -> Term:
        """Return the function of each number."""
        made = self.reading.step(
            Function, self.name, (self.number,), self.shape, function=function, numbers=tuple(map(float, numbers))
        )
        return self._with(made, self.shape)

    def __add__(self, other: Term | Any) -> Term:
        if isinstance(other, Term):
            return self._joined(Add, other)
        return self._changed(1.0, other)

    def __mul__(self, other: Term | Any) -> Term:
        if isinstance(other, Term):
            return self._joined(Multiply, other)
        return self._changed(other, 0.0)

    def __neg__(self) -> Term:
        return self * -1.0

    def __sub__(self, other: Term | Any) -> Term:
        return self + (-other)

    def __truediv__(self, other: Term | Any) -> Term:
        return self * (other.function("reciprocal") if isinstance(other, Term) else 1 / np.asarray(other, np.float64))

    def widened(self, shape: Shape) -> Term:
        """Return the value stretched to *shape*, a number that stands alone along an axis repeated."""
        if self.shape == shape:
            return self
        places = np.arange(prod(self.shape)).reshape((1,) * (len(shape) - len(self.shape)) + self.shape)
        index = np.broadcast_to(places, shape)
        return self._with(self.reading.gathered(self.name, self.number, index, shape), shape)

    def _with(self, number: int, shape: Shape) -> Term:
        return Term(self.reading, self.name, number, shape)

    def _changed(self, scale: Any, shift: Any) -> Term:
        factors, summands = np.asarray(scale, np.float64), np.asarray(shift, np.float64)
        shape = tuple(np.broadcast_shapes(self.shape, factors.shape, summands.shape))
        wide = self.widened(shape)
        made = self.reading.step(ScaleShift, self.name, (wide.number,), shape, scale=factors, shift=summands)
        return self._with(made, shape)

    def _joined(self, kind: type[Step], other: Term) -> Term:
        shape = tuple(np.broadcast_shapes(self.shape, other.shape))
        full, part = (self, other) if self.shape == shape else (other, self)
        full = full.widened(shape)
        if len(part.shape) != len(shape):
            part = part.widened(shape)
        return self._with(self.reading.step(kind, self.name, (full.number, part.number), shape), shape)


def known_array(value: Any, rank: int, node: Node) -> Any:
    """Return a number or a tensor known now as float64 without the batch, to compute with a value of *rank* axes.

    *rank* counts the batch. Raises `UnreadableError` where the tensor differs from image to image.
    """
    array = value.detach().double().numpy() if isinstance(value, Tensor) else np.asarray(value, np.float64)
    if array.ndim < rank:
        return array
    # A tensor with a batch of its own is allowed where all images get the same, as a mask that was expanded.
    if array.ndim > rank or np.any(array != array[:1]):
        raise node.refuse("numbers that differ from one image of a batch to the next")
    return array[0]


def seen(node: Node, place: int) -> Seen:
    """Return the argument at *place*, which must depend on the image."""
    value = node.arguments[place]
    if not isinstance(value, Seen):
        raise node.refuse(f"{node.base} with a weight instead of the input")
    return value


def known(node: Node, place: int) -> Any:
    """Return the argument at *place* as float64, which must not depend on the image."""
    value = node.arguments[place]
    if not isinstance(value, Tensor):
        raise node.refuse(f"{node.base} with weights that depend on the image")
    return double(value)


def double(value: Tensor) -> Any:
    """Return a tensor as float64 numbers of numpy."""
    array = value.detach().double().numpy()
    if not isfinite(float(np.abs(array).sum())):
        raise ValueError("weights that are not finite numbers")
    return array


def pair(value: Any, flat: bool = False, along: int = 1) -> tuple[int, int]:
    """Return (rows, columns) of a number for both, of two, or, for one row (*flat*), of one: *along* is then the other."""
    items: Sequence[int] = [value] if isinstance(value, int) else list(value)
    if flat:
        return along, int(items[0])
    return int(items[0]), int(items[-1])
