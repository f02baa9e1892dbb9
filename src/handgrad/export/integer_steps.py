"""One step after the other in whole numbers of 8 bits: scales, multipliers and shifts, tables."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import frexp, prod
from typing import Any

import numpy as np

from handgrad.errors import UsageError
from handgrad.export.evaluate import apply_function
from handgrad.export.plan import (
    Add,
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
    Step,
    Window,
)
from handgrad.export.quantised import (
    Clamp,
    IntegerAdd,
    IntegerConvolution,
    IntegerMultiply,
    IntegerPool,
    IntegerScaleShift,
    Scale,
    Table,
)

# Half of what 32 bits hold, so that a bias and the products beside it cannot overflow together.
MOST_SUM = 2**30


@dataclass
class Quantising:
    """A plan on its way to whole numbers: the range of each value, and what has been made so far."""

    plan: Plan
    lows: list[float]
    highs: list[float]
    steps: list[Step] = field(default_factory=list)
    scales: list[Scale] = field(default_factory=list)


def scale_of(low: float, high: float) -> Scale:
    """Return the scale on which *low* … *high*, 0 among them, fill the 256 numbers, and 0 is one of them exactly."""
    # 255 steps between 256 numbers. A value that is 0 on all images still needs a scale.
    scale = max(high - low, 1e-6) / 255
    return Scale(scale, int(np.clip(round(-128 - low / scale), -128, 127)))


def fixed_point(factor: float) -> tuple[int, int]:
    """Return (multiplier, shift) with ``multiplier / 2^shift`` next to *factor*, the multiplier of 15 bits."""
    if factor == 0:
        return 0, 0
    mantissa, exponent = frexp(abs(factor))
    # 15 bits and a sign: a product with a 32-bit sum stays within 47 bits, which C does in one 64-bit multiplication.
    multiplier, shift = round(mantissa * 2**15), 15 - exponent
    if multiplier == 2**15:
        # A mantissa next to 1 rounds up to 2^15, one bit too many.
        multiplier, shift = 2**14, shift - 1
    if shift < 0:
        raise UsageError(
            "a value becomes a thousand times larger in one step – it cannot be written in 8 bits, export without --int8"
        )
    # Beyond 62 places everything is rounded to 0 all the same.
    multiplier, shift = (0, 0) if shift > 62 else (multiplier, shift)
    return (multiplier if factor > 0 else -multiplier), shift


def make_step(work: Quantising, step: Step, inputs: tuple[int, ...], place: int, *, final: bool) -> None:
    """Add *step* in whole numbers; its value is the one of the plan's step at *place*, a bound that it takes in."""
    bound = work.plan.steps[place] if work.plan.steps[place] is not step else None
    low, high = work.lows[place + 1], work.highs[place + 1]
    scale = scale_of(low, high)
    first = work.scales[inputs[0]]
    common: Any = {"name": step.name, "inputs": inputs, "shape": step.shape}
    match step:
        case Convolution() | Linear():
            clamp = clamp_of(bound, scale)
            made: Step = integer_convolution(work, step, inputs, scale, clamp=clamp, final=final and bound is None)
        case Function():
            xs = (first.scale * (np.arange(-128, 128) - first.zero)).astype(np.float32)
            with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
                # A table has an entry for each of 256 inputs, also for those that never occur, where a logarithm or
                # quotient has no value.
                ys = np.nan_to_num(apply_function(step, xs), nan=low, posinf=high, neginf=low)
            table = np.clip(np.round(ys / scale.scale) + scale.zero, -128, 127).astype(np.int8)
            made = Table(**common, table=table)
        case Pool():
            made, scale = integer_pool(work, step, inputs, scale, final=final)
        case Reshape() | Gather():
            # What only moves numbers keeps their scale: a new one would round them for nothing.
            made, scale = replace(step, inputs=inputs), first
        case Add():
            second = work.scales[inputs[1]]
            made = IntegerAdd(
                **common,
                zeros=(first.zero, second.zero),
                **together(first.scale / scale.scale, second.scale / scale.scale),
                clamp=clamp_of(bound, scale),
            )
        case Multiply():
            second = work.scales[inputs[1]]
            multiplier, shift = fixed_point(first.scale * second.scale / scale.scale)
            zeros = first.zero, second.zero
            made = IntegerMultiply(
                **common, zeros=zeros, multiplier=multiplier, shift=shift, clamp=clamp_of(bound, scale)
            )
        case ScaleShift():
            made = integer_scale_shift(work, step, inputs, scale, clamp=clamp_of(bound, scale))
        case Concatenate():
            made = replace(step, inputs=tuple(rescaled(work, number, scale) for number in inputs))
        case _:
            kind = type(step).__name__.lower()
            raise UsageError(
                f"{work.plan.name}: layer {step.name}: {kind} cannot be written in 8 bits – export without --int8"
            )
    work.steps.append(made)
    work.scales.append(scale)


def clamp_of(bound: Step | None, scale: Scale) -> Clamp:
    """Return the bounds of an output on *scale*: all of 8 bits, or those of the *bound* taken in."""
    if not isinstance(bound, Function):
        return Clamp(scale.zero)
    low, high = (0.0, float("inf")) if bound.function == "relu" else bound.numbers
    ends = [int(np.clip(np.round(end / scale.scale) + scale.zero, -128, 127)) for end in (low, high)]
    return Clamp(scale.zero, ends[0], ends[1])


def integer_convolution(
    work: Quantising, step: Convolution | Linear, inputs: tuple[int, ...], scale: Scale, *, clamp: Clamp, final: bool
) -> IntegerConvolution:
    """Return a convolution or a linear layer in whole numbers."""
    before = work.scales[inputs[0]]
    if isinstance(step, Linear):
        weight: Any = step.weight[:, :, None, None].astype(np.float64)
        window, groups, border = Window((1, 1)), 1, np.zeros(weight.shape[1])
        source: tuple[int, ...] = (weight.shape[1], 1, 1)
    else:
        weight, window, groups = step.weight.astype(np.float64), step.window, step.groups
        border, source = step.border.astype(np.float64), work.plan.shapes[step.inputs[0]]
    bias = step.bias.astype(np.float64)
    # 127 and not 128, so that the weights are symmetric and need no zero of their own: one sum less for each
    # position.
    scales = np.abs(weight).max(axis=(1, 2, 3)) / 127
    # A channel of nearly nothing but its bias: the bias must still fit into 32 bits.
    scales = np.maximum(scales, np.maximum(np.abs(bias) / (before.scale * MOST_SUM), 1e-12))
    sums = scales * before.scale
    multipliers, shifts = zip(*(fixed_point(float(each / scale.scale)) for each in sums), strict=True)
    return IntegerConvolution(
        step.name,
        inputs,
        step.shape,
        window=window,
        source=source,
        # np.round goes to even at a half; what C does with weights does not depend on it, they are constants there.
        weight=np.round(weight / scales[:, None, None, None]).astype(np.int8),
        bias=np.round(bias / sums).astype(np.int32),
        border=np.clip(np.round(border / before.scale), -32768, 32767).astype(np.int16),
        groups=groups,
        zero=before.zero,
        multiplier=np.array(multipliers, np.int16),
        shift=np.array(shifts, np.uint8),
        clamp=clamp,
        factors=sums.astype(np.float32) if final else None,
    )


def integer_pool(
    work: Quantising, step: Pool, inputs: tuple[int, ...], scale: Scale, *, final: bool
) -> tuple[IntegerPool, Scale]:
    """Return a pool in whole numbers, and the scale of its output: a maximum keeps that of its input."""
    before = work.scales[inputs[0]]
    factor = before.scale / prod(step.window.kernel)
    average = step.kind == "average"
    scale = scale if average else before
    multiplier, shift = fixed_point(factor / scale.scale) if average else (0, 0)
    made = IntegerPool(
        step.name,
        inputs,
        step.shape,
        kind=step.kind,
        window=step.window,
        counts_edge=step.counts_edge,
        zero=before.zero,
        multiplier=multiplier,
        shift=shift,
        clamp=Clamp(scale.zero),
        factor=float(np.float32(factor)) if final and average else None,
    )
    return made, scale


def integer_scale_shift(
    work: Quantising, step: ScaleShift, inputs: tuple[int, ...], scale: Scale, *, clamp: Clamp
) -> IntegerScaleShift:
    """Return a scale and shift in whole numbers, weights of 16 bits."""
    before = work.scales[inputs[0]]
    shift: Any = step.shift.astype(np.float64)
    # Wide enough that neither a weight leaves 16 bits nor a shift 32.
    unit = max(np.abs(step.scale).max() / 32767, np.abs(shift).max() / (before.scale * MOST_SUM), 1e-12)
    multiplier, places = fixed_point(float(unit * before.scale / scale.scale))
    return IntegerScaleShift(
        step.name,
        inputs,
        step.shape,
        weight=np.round(step.scale / unit).astype(np.int16),
        bias=np.round(shift / (unit * before.scale)).astype(np.int32),
        zero=before.zero,
        multiplier=multiplier,
        shift=places,
        clamp=clamp,
    )


def together(first: float, second: float) -> dict[str, Any]:
    """Return two multipliers and the shift that both share."""
    multiplier, shift = fixed_point(max(first, second))
    # The smaller shares the larger one's shift and keeps fewer bits, as many as its part of the sum deserves.
    other = round(min(first, second) * 2**shift)
    return {"multipliers": (multiplier, other) if first >= second else (other, multiplier), "shift": shift}


def rescaled(work: Quantising, number: int, scale: Scale) -> int:
    """Return the number of a value on another *scale*."""
    before = work.scales[number]
    if before == scale:
        return number
    # All 256 cases at once: another scale is a table like any function.
    numbers = np.round((np.arange(-128, 128) - before.zero) * before.scale / scale.scale) + scale.zero
    shape = work.steps[number - 1].shape if number else work.plan.shapes[0]
    work.steps.append(Table("rescale", (number,), shape, table=np.clip(numbers, -128, 127).astype(np.int8)))
    work.scales.append(scale)
    return len(work.steps)
