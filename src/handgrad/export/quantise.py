"""From a plan to one in whole numbers of 8 bits, the scale of each value read off training images.

Weights get one scale per channel, values one scale (B. Jacob and others, "Quantization and training of neural networks for
efficient integer-arithmetic-only inference", 2018). What only bounds its input (a ReLU) is taken into the step before it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from handgrad.export.evaluate import all_values
from handgrad.export.fold import Draft, finish
from handgrad.export.integer_steps import Quantising, make_step
from handgrad.export.plan import (
    IMAGE_VALUE,
    Add,
    Convolution,
    Function,
    Linear,
    Multiply,
    Plan,
    Pool,
    Reshape,
    ScaleShift,
    Softmax,
    Step,
)
from handgrad.export.quantised import (
    Dequantise,
    IntegerPlan,
    Scale,
)

# Bytes as they are: q = byte - 128 stands for the byte itself, and the first convolution's weights hold the
# normalisation.
IMAGE_SCALE = Scale(1.0, -128)
BOUNDED = (Convolution, Linear, Add, Multiply, ScaleShift)
"""Steps that can bound their output as they write it."""


def quantise(plan: Plan, images: NDArray[np.uint8]) -> IntegerPlan:
    """Return *plan* in whole numbers, its scales calibrated on *images*, bytes ``[n, 28, 28]``.

    Raises `UsageError` where a step has no form in whole numbers.
    """
    plan = bounds_first(plan)
    final = scoring_step(plan)
    lows, highs = ranges(plan, images)
    work = Quantising(plan, lows, highs)
    work.scales = [IMAGE_SCALE]
    numbers = {IMAGE_VALUE: IMAGE_VALUE}
    place, scored = 0, 0
    while place < len(plan.steps):
        step = plan.steps[place]
        bound = bound_after(plan, place)
        last = place + 1 if bound else place
        inputs = tuple(numbers[number] for number in step.inputs)
        if scored:
            work.steps.append(replace(step, inputs=inputs))
        else:
            make_step(work, step, inputs, last, final=last == final)
        numbers[last + 1] = len(work.steps)
        if last == final:
            # A convolution or an average that scores gives float32 by itself, from its 32-bit sums; anything else has 8
            # bits to offer.
            if not is_float(work.steps[-1]):
                add_dequantise(work)
                numbers[last + 1] = len(work.steps)
            scored = len(work.steps)
        place = last + 1
    return IntegerPlan(Plan(plan.name, tuple(work.steps)), scored, tuple(work.scales[:scored]))


def bounds_first(plan: Plan) -> Plan:
    """Return *plan* with bounds before the maxima they stand behind: they commute, and a convolution bounds for nothing."""
    draft = Draft(dict(enumerate(plan.steps, 1)), plan.output)
    for number, step in list(draft.steps.items()):
        before = step.inputs[0]
        pool = draft.steps.get(before)
        if is_bound(step) and isinstance(pool, Pool) and pool.kind == "max" and draft.only_reader(before, number):
            inputs = pool.inputs
            draft.steps[before] = replace(step, inputs=inputs, shape=draft.shape(inputs[0]))
            draft.steps[number] = replace(pool, inputs=(before,))
    return finish(plan.name, draft)


def is_bound(step: Step) -> bool:
    """Whether *step* only bounds what it reads."""
    return isinstance(step, Function) and step.function in ("relu", "clip")


def bound_after(plan: Plan, place: int) -> Function | None:
    """Return the bound that alone reads what the step at *place* computes, if it can be taken into it."""
    if not isinstance(plan.steps[place], BOUNDED) or place + 1 >= len(plan.steps):
        return None
    after = plan.steps[place + 1]
    readers = [step for step in plan.steps if place + 1 in step.inputs]
    return after if isinstance(after, Function) and is_bound(after) and readers == [after] else None


def scoring_step(plan: Plan) -> int:
    """Return the place of the last step that computes in whole numbers: after it scores are only reshaped, or a softmax."""
    place = len(plan.steps) - 1
    while place >= 0 and isinstance(plan.steps[place], Softmax | Reshape) and plan.steps[place].inputs == (place,):
        # Backwards from the output: a softmax in whole numbers would flatten what few levels there are.
        place -= 1
    return place


def ranges(plan: Plan, images: NDArray[np.uint8]) -> tuple[list[float], list[float]]:
    """Return the lowest and the highest number that each value of *plan* takes on *images*, 0 always within."""
    # 0 lies in every range: padding, ReLU and sums need it exactly.
    lows, highs = [0.0] * len(plan.shapes), [0.0] * len(plan.shapes)
    # In pieces, because every value of every step is held at once.
    for at in range(0, len(images), 250):
        for number, value in enumerate(all_values(plan, images[at : at + 250])):
            # The extremes and no percentile: nothing that training images hold is cut off.
            lows[number] = min(lows[number], float(value.min()))
            highs[number] = max(highs[number], float(value.max()))
    return lows, highs


def is_float(step: Step) -> bool:
    """Whether *step* gives float32."""
    return getattr(step, "factors", None) is not None or getattr(step, "factor", None) is not None


def add_dequantise(work: Quantising) -> None:
    """Add the step that turns the last value into float32."""
    last = work.steps[-1]
    work.steps.append(Dequantise("scores", (len(work.steps),), last.shape, scale=work.scales[-1]))
    work.scales.append(work.scales[-1])
