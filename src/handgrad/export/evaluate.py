"""What a plan computes, in numpy: the reference that every renderer of the plan is held against."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from handgrad.export.plan import (
    Add,
    Array,
    Concatenate,
    Convolution,
    Function,
    Gather,
    Linear,
    Multiply,
    Plan,
    Pool,
    Reshape,
    ScaleShift,
    Softmax,
    Standardise,
    Step,
    Window,
)

BATCH = 250
"""Images at a time: the windows of a first layer, laid out side by side, are then some ten megabytes."""


def evaluate(plan: Plan, images: NDArray[np.uint8]) -> Array:
    """Return the scores ``[n, classes]`` for *images*, bytes ``[n, 28, 28]``."""
    parts = [all_values(plan, images[at : at + BATCH])[-1] for at in range(0, len(images), BATCH)]
    return np.concatenate(parts).reshape(len(images), -1) if parts else np.zeros((0, plan.classes), np.float32)


def all_values(plan: Plan, images: NDArray[np.uint8]) -> list[Array]:
    """Return every value of the plan for *images*, bytes ``[n, 28, 28]``: arrays ``[n, *shape]`` in the order of the plan."""
    values: list[Array] = [images.reshape(-1, *plan.shapes[0]).astype(np.float32)]
    for step in plan.steps:
        result = compute(step, [values[number] for number in step.inputs])
        # Back to float32 after each step, as C and ONNX compute: float64 in between would be another network.
        values.append(result.astype(np.float32, copy=False).reshape(-1, *step.shape))
    return values


def probabilities(scores: Array) -> NDArray[np.float64]:
    """Return ``[n, classes]`` from scores ``[n, classes]``, logits or log-probabilities."""
    # Less the largest, so that no power overflows; the quotient is the same.
    shifted = scores.astype(np.float64) - scores.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    result: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return result


def compute(step: Step, inputs: Sequence[Array]) -> Any:
    """Return what *step* makes of *inputs*, arrays with the batch first."""
    first = inputs[0]
    match step:
        case Convolution():
            return convolve(step, first)
        case Linear():
            return first @ step.weight.T + step.bias
        case ScaleShift():
            return first * step.scale + step.shift
        case Function():
            return apply_function(step, first)
        case Pool():
            return pool(step, first)
        case Add():
            return first + inputs[1]
        case Multiply():
            return first * inputs[1]
        case Concatenate():
            return np.concatenate(inputs, axis=1)
        case Reshape():
            return first.reshape(len(first), *step.shape)
        case Gather():
            return gather(step, first)
        case Standardise():
            return standardise(step, first)
        case Softmax():
            chances = probabilities(first)
            return np.log(chances) if step.log else chances
        case _:
            raise TypeError(f"{type(step).__name__} is not a step that can be computed")


def convolve(step: Convolution, values: Array) -> Any:
    """Return the convolution of ``[n, in, rows, columns]``."""
    return correlate(values, step.weight, step.border, step.window, groups=step.groups) + step.bias[:, None, None]


def correlate(values: Any, weight: Any, border: Any, window: Window, *, groups: int) -> Any:
    """Return the cross-correlation ``[n, out, rows, columns]`` of ``[n, in, rows, columns]``, in the numbers of *values*."""
    n, outputs = len(values), len(weight)
    windows = windows_of(padded(values, window, border), window)
    rows, columns = windows.shape[2:4]
    # [n, groups, in, rows, columns, kernel] → positions × numbers under the kernel, a product of matrices for each group
    laid = windows.reshape(n, groups, -1, rows, columns, prod(window.kernel)).transpose(1, 0, 3, 4, 2, 5)
    flat = laid.reshape(groups, n * rows * columns, -1)
    result = flat @ weight.reshape(groups, outputs // groups, -1).transpose(0, 2, 1)
    return result.reshape(groups, n, rows, columns, -1).transpose(1, 0, 4, 2, 3).reshape(n, outputs, rows, columns)


def pool(step: Pool, values: Array) -> Any:
    """Return the largest number, or the average, of every window over ``[n, channels, rows, columns]``."""
    channels = values.shape[1]
    if step.kind == "max":
        # Beyond the edge -∞, which no maximum takes.
        edge = np.full(channels, -np.inf, np.float32)
        return windows_of(padded(values, step.window, edge), step.window).max(axis=(-2, -1))
    zero = np.zeros(channels, np.float32)
    sums = windows_of(padded(values, step.window, zero), step.window).sum(axis=(-2, -1))
    return sums / divisors(step, values.shape[-2:])


def divisors(step: Pool, size: tuple[int, ...]) -> Array:
    """Return ``[rows, columns]``: how many positions each window of an average over a map of *size* divides by."""
    inside = np.ones((1, 1, *size), np.float32)
    if step.counts_edge:
        return np.full(step.shape[-2:], prod(step.window.kernel), np.float32)
    zero = np.zeros(1, np.float32)
    # Counted by pooling a map of ones: the same windows as the numbers have, whatever stride and padding.
    counted: Array = windows_of(padded(inside, step.window, zero), step.window).sum(axis=(-2, -1))[0, 0]
    return counted


def padded(values: Any, window: Window, border: Any) -> Any:
    """Return ``[n, channels, rows, columns]`` with ``border[channel]`` all round, as wide as *window* asks."""
    if not window.pads:
        return values
    top, left, bottom, right = window.padding
    n, channels, rows, columns = values.shape
    # By hand and not np.pad, which knows one number for all channels.
    wide = np.empty((n, channels, top + rows + bottom, left + columns + right), values.dtype)
    wide[:] = border[:, None, None]
    wide[:, :, top : top + rows, left : left + columns] = values
    return wide


def windows_of(values: Any, window: Window) -> Any:
    """Return a view ``[n, channels, rows, columns, kernel rows, kernel columns]`` of the windows over padded *values*."""
    reach = [(size - 1) * step + 1 for size, step in zip(window.kernel, window.dilation, strict=True)]
    views = sliding_window_view(values, tuple(reach), axis=(2, 3))
    return views[:, :, :: window.stride[0], :: window.stride[1], :: window.dilation[0], :: window.dilation[1]]


def gather(step: Gather, values: Array) -> Array:
    """Return the numbers of *values* at the places that *step* names."""
    flat = values.reshape(len(values), -1)
    # An index of -1 reads the last number, which is then not taken.
    taken = np.where(step.index < 0, np.float32(0), flat[:, step.index])
    return taken.reshape(len(values), *step.shape)


def standardise(step: Standardise, values: Array) -> Any:
    """Return each of the groups with mean 0 and variance 1."""
    parts = values.reshape(len(values), step.groups, -1)
    centred = parts - parts.mean(axis=2, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=2, keepdims=True) + step.epsilon)
    return scaled.reshape(values.shape)


def apply_function(step: Function, x: Any) -> Any:
    """Return the function of each number of *x*."""
    numbers = step.numbers
    match step.function:
        case "relu":
            return np.maximum(x, 0)
        case "clip":
            return np.clip(x, numbers[0], numbers[1])
        case "leaky relu":
            return np.where(x < 0, numbers[0] * x, x)
        case "elu":
            # The minimum, because `where` computes both sides, and exp of a large x would warn.
            return np.where(x < 0, numbers[0] * np.expm1(np.minimum(x, 0)), x)
        case "sigmoid":
            # Through tanh, which never overflows: 1 / (1 + exp(-x)) = (1 + tanh(x / 2)) / 2.
            return (1 + np.tanh(x / 2)) / 2
        case "tanh":
            return np.tanh(x)
        case "softplus":
            # The exponent is never positive: exp cannot overflow, and for large x the second part vanishes.
            return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
        case "erf":
            return erf(x)
        case "exp":
            return np.exp(x)
        case "log":
            return np.log(x)
        case "sqrt":
            return np.sqrt(x)
        case "reciprocal":
            return 1 / x
        case "abs":
            return np.abs(x)
        case "square":
            return x * x
        case "sin":
            return np.sin(x)


def erf(x: Any) -> Any:
    """Return the error function, to 1.5e-7 (Abramowitz and Stegun, 7.1.26); numpy has none."""
    t = 1 / (1 + 0.3275911 * np.abs(x, dtype=np.float64))
    terms = 0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429
    series = sum(term * t**power for power, term in enumerate(terms, 1))
    return np.sign(x) * (1 - series * np.exp(-(x.astype(np.float64) ** 2)))
