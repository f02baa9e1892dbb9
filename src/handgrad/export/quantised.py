"""A plan in whole numbers of 8 bits, and what it computes in numpy, bit for bit as the C of it does.

A value q stands for ``scale · (q - zero)``; q is -128 … 127. A convolution adds products in 32 bits and brings the sum to the
scale of its output by a multiplier a channel: ``q = zero + round(sum · multiplier / 2^shift)``, halves away from zero. The
step that the scores come from gives them as float32, straight from its sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from handgrad.export.evaluate import compute, correlate, divisors, padded, windows_of
from handgrad.export.plan import Array, Concatenate, Gather, Plan, Pool, Reshape, Shape, Step, Window

Whole = NDArray[np.int64]
# All values of a plan are held at once, in 64 bits: batches bound that.
BATCH = 250


@dataclass(frozen=True)
class Scale:
    """How the numbers of a value are meant: ``scale · (q - zero)``."""

    scale: float
    zero: int


@dataclass(frozen=True)
class Clamp:
    """The zero of an output, and the lowest and highest number that it may hold: a ReLU costs nothing so."""

    zero: int
    low: int = -128
    high: int = 127


@dataclass(frozen=True, eq=False)
class IntegerConvolution(Step):
    """Sums in 32 bits: ``weight`` int8 ``[out, in / groups, rows, columns]``, ``bias`` int32 ``[out]``.

    ``border`` int16 ``[in]`` is what the input channel holds beyond the edge, minus its zero; ``multiplier`` int16 and
    ``shift`` uint8 ``[out]``. Where ``factors`` float32 ``[out]`` are there, the output is ``sum · factor`` in float32.
    A linear layer is one with a map of a single position.
    """

    window: Window
    source: Shape
    weight: NDArray[np.int8]
    bias: NDArray[np.int32]
    border: NDArray[np.int16]
    groups: int
    zero: int
    multiplier: NDArray[np.int16]
    shift: NDArray[np.uint8]
    clamp: Clamp
    factors: Array | None = None


@dataclass(frozen=True, eq=False)
class Table(Step):
    """A function of each number: ``table`` int8 ``[256]``, the first for -128."""

    overwrites = True
    table: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class IntegerPool(Step):
    """The largest number in a window, its scale unchanged; or the average, from the sum of numbers minus zero.

    Where a window is not whole inside the map, its sum is brought to that of a whole one first, rounded. *factor* as in
    `IntegerConvolution`.
    """

    kind: Literal["max", "average"]
    window: Window
    counts_edge: bool
    zero: int
    multiplier: int
    shift: int
    clamp: Clamp
    factor: float | None = None


@dataclass(frozen=True, eq=False)
class IntegerAdd(Step):
    """``(a - zero) · multiplier`` of both, added, shifted together; the second stretches."""

    overwrites = True
    zeros: tuple[int, int]
    multipliers: tuple[int, int]
    shift: int
    clamp: Clamp


@dataclass(frozen=True, eq=False)
class IntegerMultiply(Step):
    """``(a - zero) · (b - zero) · multiplier``, shifted; the second stretches."""

    overwrites = True
    zeros: tuple[int, int]
    multiplier: int
    shift: int
    clamp: Clamp


@dataclass(frozen=True, eq=False)
class IntegerScaleShift(Step):
    """``(x - zero) · weight + bias`` with ``weight`` int16 and ``bias`` int32, then one multiplier for all."""

    overwrites = True
    weight: NDArray[np.int16]
    bias: NDArray[np.int32]
    zero: int
    multiplier: int
    shift: int
    clamp: Clamp


@dataclass(frozen=True, eq=False)
class Dequantise(Step):
    """The numbers as float32: ``scale · (q - zero)``."""

    scale: Scale


@dataclass(frozen=True, eq=False)
class IntegerPlan:
    """A plan whose steps are those of this file, `Gather`, `Reshape` and `Concatenate`; the image enters as byte - 128.

    *scored* is the number of the first value that is float32; what follows it works on the scores.
    """

    plan: Plan
    scored: int
    scales: tuple[Scale, ...]
    """Of every value before that."""


def evaluate_integers(quantised: IntegerPlan, images: NDArray[np.uint8]) -> Array:
    """Return the scores ``[n, classes]`` for *images*, bytes ``[n, 28, 28]``."""
    parts = []
    for at in range(0, len(images), BATCH):
        batch = images[at : at + BATCH]
        # int64 throughout: numpy would let int8 wrap round without a message, and C's promotions are not numpy's.
        values: list[Any] = [batch.reshape(-1, *quantised.plan.shapes[0]).astype(np.int64) - 128]
        for step in quantised.plan.steps:
            inputs = [values[number] for number in step.inputs]
            whole = len(values) < quantised.scored
            result = (
                compute_integers(step, inputs, quantised) if len(values) <= quantised.scored else compute(step, inputs)
            )
            values.append(np.asarray(result, np.int64 if whole else np.float32).reshape(-1, *step.shape))
        parts.append(values[-1])
    return np.concatenate(parts).reshape(len(images), -1)


def compute_integers(step: Step, inputs: Sequence[Any], quantised: IntegerPlan) -> Any:
    """Return what *step* makes of whole numbers *inputs*, the batch first."""
    x = inputs[0]
    match step:
        case IntegerConvolution():
            return convolve_integers(step, x)
        case Table():
            return step.table.astype(np.int64)[x + 128]
        case IntegerPool():
            return pool_integers(step, x)
        case IntegerAdd():
            first, second = (
                (value - zero) * multiplier
                for value, zero, multiplier in zip(inputs, step.zeros, step.multipliers, strict=True)
            )
            return clamped(shifted(first + second, step.shift), step.clamp)
        case IntegerMultiply():
            product = (x - step.zeros[0]) * (inputs[1] - step.zeros[1])
            return clamped(shifted(product * step.multiplier, step.shift), step.clamp)
        case IntegerScaleShift():
            sums = (x - step.zero) * step.weight.astype(np.int64) + step.bias
            return clamped(shifted(sums * step.multiplier, step.shift), step.clamp)
        case Dequantise():
            return ((x - step.scale.zero) * np.float32(step.scale.scale)).astype(np.float32)
        case Gather():
            flat = x.reshape(len(x), -1)
            zero = quantised.scales[step.inputs[0]].zero
            # Zero of the scale and not 0: outside the map is what stands for nothing.
            return np.where(step.index < 0, zero, flat[:, step.index])
        case Reshape():
            return x
        case Concatenate():
            return np.concatenate(inputs, axis=1)
        case _:
            raise TypeError(f"{type(step).__name__} is not a step in whole numbers")


def convolve_integers(step: IntegerConvolution, x: Whole) -> Any:
    """Return the convolution, as numbers or, with factors, as scores."""
    # Products of matrices in float64 are exact up to 2^53, and many times faster than those of whole numbers.
    values = (x.reshape(-1, *step.source) - step.zero).astype(np.float64)
    weight, border = step.weight.astype(np.float64), step.border.astype(np.float64)
    sums = (
        correlate(values, weight, border, step.window, groups=step.groups).astype(np.int64) + step.bias[:, None, None]
    )
    # From the sums and not from 8 bits: two close scores would often round to the same number.
    if step.factors is not None:
        return sums.astype(np.float32) * step.factors[:, None, None]
    scaled = shifted(sums * step.multiplier[:, None, None], step.shift[:, None, None].astype(np.int64))
    return clamped(scaled, step.clamp)


def pool_integers(step: IntegerPool, x: Whole) -> Any:
    """Return the largest number, or the average, of every window."""
    channels = x.shape[1]
    if step.kind == "max":
        # -128 is the lowest number there is, whatever it stands for.
        return windows_of(padded(x, step.window, np.full(channels, -128)), step.window).max(axis=(-2, -1))
    sums = windows_of(padded(x - step.zero, step.window, np.zeros(channels, np.int64)), step.window).sum(axis=(-2, -1))
    whole = prod(step.window.kernel)
    pool = Pool(step.name, step.inputs, step.shape, "average", step.window, step.counts_edge)
    counts = divisors(pool, x.shape[-2:]).astype(np.int64)
    sums = np.where(counts == whole, sums, rounded_quotient(sums * whole, counts))
    if step.factor is not None:
        return sums.astype(np.float32) * np.float32(step.factor)
    return clamped(shifted(sums * step.multiplier, step.shift), step.clamp)


def shifted(values: Any, shift: Any) -> Any:
    """Return ``round(values / 2^shift)``, halves away from zero."""
    # 0 where nothing is shifted. C's >> of a negative number is implementation-defined, so sign and size are kept apart.
    half = (np.int64(1) << shift) >> 1
    return np.sign(values) * ((np.abs(values) + half) >> shift)


def rounded_quotient(values: Any, divisors: Any) -> Any:
    """Return ``round(values / divisors)``, halves away from zero."""
    return np.sign(values) * ((2 * np.abs(values) + divisors) // (2 * divisors))


def clamped(values: Any, clamp: Clamp) -> Any:
    """Return the numbers with the zero of the output added, within its bounds."""
    return np.clip(values + clamp.zero, clamp.low, clamp.high)
