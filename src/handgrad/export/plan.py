"""The inference plan: a trained network as plain data, a list of a few operations with their weights as numpy arrays.

Values are numbered. Value 0 is the image, its raw bytes 0 to 255 as numbers, of shape ``[1, 28, 28]``; the step at place k of
the list computes value k + 1 from values with smaller numbers. The last value holds the ten scores. Shapes leave the batch
out; arrays are float32, laid out as PyTorch lays them out (channels, rows, columns). Everything is frozen: what changes a plan
makes a new one.

``exp(score) / Σ exp(scores)`` are the probabilities, whether the network ends in logits or in log-probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Pair = tuple[int, int]
Shape = tuple[int, ...]

FunctionName = Literal[
    "relu", "clip", "leaky relu", "elu", "sigmoid", "tanh", "softplus", "erf",
    "exp", "log", "sqrt", "reciprocal", "abs", "square", "sin",
]  # fmt: skip
IMAGE: Shape = (1, 28, 28)
IMAGE_VALUE = 0
"""The number of the value that is the image."""


@dataclass(frozen=True, eq=False)
class Step:
    """What every step has: a name to show, the numbers of the values it reads, and the shape of the value it computes.

    The name is the path of the layer in the network (``conv1``, ``blocks.0.act``), made unique within the plan.
    """

    overwrites: ClassVar[bool] = False
    """Whether the value may be written where the first input lies: each of its numbers is needed for one number alone."""
    name: str
    inputs: tuple[int, ...]
    shape: Shape

    @property
    def arrays(self) -> dict[str, Array]:
        """Return the arrays of numbers of the step (not of places) by the names of their fields."""
        found = ((each.name, getattr(self, each.name)) for each in fields(self) if each.name != "index")
        return {name: value for name, value in found if isinstance(value, np.ndarray)}


@dataclass(frozen=True)
class Window:
    """How a kernel moves over a map: (rows, columns) each; padding is (top, left, bottom, right)."""

    kernel: Pair
    stride: Pair = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: Pair = (1, 1)

    @property
    def pads(self) -> bool:
        """Whether any position of the kernel reaches over the edge."""
        return any(self.padding)


@dataclass(frozen=True, eq=False)
class Convolution(Step):
    """Cross-correlation: ``y[o] = bias[o] + Σ weight[o, i, r, c] · x[i, …]``, the input channels in *groups* equal parts.

    ``weight [out, in / groups, rows, columns]``, ``bias [out]``. Beyond the edge input channel i holds ``border[i]``: not
    always 0, because what shifts the input (the normalisation, a BatchNorm) has been folded into the weights, and the zeros
    that the network padded with lie elsewhere on the scale of the raw input. Where nothing pads, the border is all zeros.
    """

    window: Window
    weight: Array
    bias: Array
    border: Array
    groups: int = 1


@dataclass(frozen=True, eq=False)
class Linear(Step):
    """``y = weight · x + bias`` of a value of shape ``[in]``: ``weight [out, in]``, ``bias [out]``."""

    weight: Array
    bias: Array


@dataclass(frozen=True, eq=False)
class ScaleShift(Step):
    """``y = scale · x + shift``, arrays that broadcast to the shape: what no neighbour could take into its weights."""

    overwrites = True

    scale: Array
    shift: Array


@dataclass(frozen=True, eq=False)
class Function(Step):
    """A function of each number, one of `FunctionName`.

    *numbers* are its constants: (lowest, highest) of ``clip``, (slope,) of ``leaky relu``, (alpha,) of ``elu``; the others
    have none.
    """

    overwrites = True

    function: FunctionName
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Pool(Step):
    """The largest number in a window, or the average.

    Positions beyond the edge never win a maximum. An average divides by the whole window where ``counts_edge`` (they then
    count as 0), else by the number of positions inside.
    """

    kind: Literal["max", "average"]
    window: Window
    counts_edge: bool = False


@dataclass(frozen=True, eq=False)
class Add(Step):
    """The sum of two values; shapes of equal length, in which 1 stretches to whatever the other has there."""

    overwrites = True


@dataclass(frozen=True, eq=False)
class Multiply(Step):
    """The product of two values, number by number; shapes as for `Add`."""

    overwrites = True


@dataclass(frozen=True, eq=False)
class Concatenate(Step):
    """Two or more values one after the other along their first axis: the channels."""


@dataclass(frozen=True, eq=False)
class Reshape(Step):
    """The same numbers in the same order under another shape."""

    overwrites = True


@dataclass(frozen=True, eq=False)
class Gather(Step):
    """Numbers taken from their places: a slice, a permutation, a repetition, a padding with zeros.

    With both values laid out flat, ``y[i] = x[index[i]]``, and 0 where the index is -1; ``index [size of the shape]``.
    """

    index: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Standardise(Step):
    """The numbers in *groups* equal consecutive parts, each brought to mean 0 and variance 1: LayerNorm, GroupNorm.

    ``(x - mean) / √(variance + epsilon)``, the variance over n, not n - 1.
    """

    overwrites = True

    groups: int
    epsilon: float


@dataclass(frozen=True, eq=False)
class Softmax(Step):
    """``exp(x) / Σ exp(x)`` over a value of shape ``[n]``; its logarithm where *log*."""

    overwrites = True

    log: bool


@dataclass(frozen=True, eq=False)
class Plan:
    """A network ready to answer: *steps* in the order in which they are computed."""

    name: str
    steps: tuple[Step, ...]
    shapes: tuple[Shape, ...] = field(init=False)
    """The shape of every value, the image's first."""

    def __post_init__(self) -> None:
        shapes: list[Shape] = [IMAGE]
        for step in self.steps:
            if not all(0 <= number < len(shapes) for number in step.inputs):
                raise ValueError(f"{step.name} reads a value that is not computed before it")
            shapes.append(step.shape)
        object.__setattr__(self, "shapes", tuple(shapes))

    @property
    def output(self) -> int:
        """The number of the value that holds the scores."""
        return len(self.steps)

    @property
    def classes(self) -> int:
        """How many scores there are."""
        return math.prod(self.shapes[-1])

    @property
    def numbers(self) -> int:
        """How many numbers the plan holds: weights, biases, scales and shifts, borders that are not zero."""
        return sum(
            array.size for step in self.steps for name, array in step.arrays.items() if name != "border" or array.any()
        )

    @property
    def last_readers(self) -> tuple[int, ...]:
        """For each value the place of the last step that reads it, from where on its memory is free; -1 for none."""
        last = [-1] * len(self.shapes)
        for place, step in enumerate(self.steps):
            for number in step.inputs:
                last[number] = place
        return tuple(last)

    def values(self) -> Iterator[tuple[int, str, Shape]]:
        """Return number, name and shape of each value, the image's first."""
        yield IMAGE_VALUE, "image", IMAGE
        for number, step in enumerate(self.steps, 1):
            yield number, step.name, step.shape
