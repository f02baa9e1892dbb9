"""Renders a plan in whole numbers as C."""

from __future__ import annotations

from math import prod
from typing import Any

from handgrad.export.c.float_file import NEEDS, moving_call
from handgrad.export.c.source import Source, axes, comment, float_text, kernels, small, window_fields
from handgrad.export.c.tied import SCRATCH, add_scratch, tied, tied_kernels
from handgrad.export.memory import lay_out
from handgrad.export.plan import Plan, Softmax, Step
from handgrad.export.quantised import (
    Clamp,
    Dequantise,
    IntegerAdd,
    IntegerConvolution,
    IntegerMultiply,
    IntegerPlan,
    IntegerPool,
    IntegerScaleShift,
    Table,
)

FLOATS = ("exponential", "logarithm", "softmax", "stretched")
"""The kernels that both kinds of file share."""


def int8_source(quantised: IntegerPlan) -> tuple[Source, int]:
    """Return the C of *quantised* in parts, and how many bytes its memory holds."""
    plan = quantised.plan
    shared = {name: text for name, text in kernels("float.c").items() if name in FLOATS}
    source = Source(shared | tied_kernels("int8_t") | kernels("int8.c"))
    # What follows the scoring step works on the scores themselves.
    layout = lay_out(Plan(plan.name, plan.steps[: quantised.scored - 1]))
    places = [f"memory + {offset}" for offset in layout.offsets]
    # The scores themselves are the memory of what follows: float32 does not fit into the bytes of `memory`.
    places += ["scores"] * (len(plan.shapes) - len(places))
    first = layout.offsets[0]
    source.calls.append(f"for (n = 0; n < {prod(plan.shapes[0])}; n++) memory[{first} + n] = (int8_t)(image[n] - 128);")
    for place, step in enumerate(plan.steps):
        add_step(source, quantised, place, step, places=places)
    add_scratch(source, "int8_t")
    return source, layout.size


def add_step(source: Source, quantised: IntegerPlan, place: int, step: Step, *, places: list[str]) -> None:
    """Add the constants and the call of one step."""
    x, y = places[step.inputs[0]], places[place + 1]
    shapes, size = [quantised.plan.shapes[number] for number in step.inputs], prod(step.shape)
    call = ""
    match step:
        case IntegerConvolution():
            call = convolution_call(source, step, place, x, y=y)
        case IntegerPool():
            call = pool_call(source, step, place, shapes[0], x=x, y=y)
        case Table():
            source.use("table")
            call = f"look_up({source.array('int8_t', f'table_{place}', step.table)}, {size}, {x}, {y});"
        case IntegerAdd() | IntegerMultiply():
            call = joined_call(source, step, place, shapes, values=(x, places[step.inputs[1]], y))
        case IntegerScaleShift():
            source.use("shifted", "clamped", "stretched", "scale-shift")
            fields = {
                "weight": source.array("int16_t", f"weight_{place}", step.weight),
                "bias": source.array("int32_t", f"bias_{place}", step.bias),
                "shape": axes(step.shape),
                "weights": axes(step.weight.shape),
                "biases": axes(step.bias.shape),
                "multiplier": step.multiplier,
                "shift": step.shift,
                "zero": step.zero,
            }
            record = source.record("ScaleShift", f"scale_shift_{place}", fields | bounds(step.clamp))
            call = f"scale_and_shift({record}, {size}, {x}, {y});"
        case Dequantise():
            source.use("dequantise")
            call = f"dequantise({float_text(step.scale.scale)}, {step.scale.zero}, {size}, {x}, {y});"
        case Softmax():
            source.use(*NEEDS["softmax"])
            call = f"softmax({size}, {int(step.log)}, {x}, {y});"
        case _:
            inputs = [places[number] for number in step.inputs]
            zero = f"{quantised.scales[step.inputs[0]].zero}, " if place + 1 < quantised.scored else ""
            call = moving_call(source, place, step, inputs, y=y, shapes=shapes, zero=zero)
    if call:
        source.calls.append(f"{call} /* {comment(step.name)} */")


def convolution_call(source: Source, step: IntegerConvolution, place: int, x: str, *, y: str) -> str:
    """Add the weights and the record of a convolution and return its call."""
    # A linear layer is a convolution over a map of one position.
    shape = (*step.shape, 1, 1)[:3]
    of_orbits = tied(step.weight) if step.factors is None else None
    fields: dict[str, Any] = {
        "weight": source.array("int8_t", f"weight_{place}", step.weight if of_orbits is None else of_orbits.learned),
        "bias": source.array("int32_t", f"bias_{place}", step.bias),
        "border": source.array("int16_t", f"border_{place}", step.border) if step.border.any() else 0,
        "outputs": small(shape[0]),
        "groups": step.groups,
        "zero": step.zero,
    }
    if step.factors is None:
        fields["multiplier"] = source.array("int16_t", f"multiplier_{place}", step.multiplier)
        fields["shift"] = source.array("uint8_t", f"shift_{place}", step.shift)
        fields |= bounds(step.clamp)
    fields |= window_fields(step.window, step.source, shape, "inputs")
    record = source.record("Convolution", f"convolution_{place}", fields)
    if of_orbits is not None:
        source.use("shifted", "clamped", "turned", "convolution", "convolve map", "convolve tied")
        source.scratch.append(of_orbits.size)
        return f"convolve_tied({record}, {int(of_orbits.orbits)}, {SCRATCH}, {x}, {y});"
    if step.factors is None:
        source.use("shifted", "clamped", "convolution", "convolve map", "convolve")
        return f"convolve({record}, {x}, {y});"
    source.use("convolution", "score")
    return f"score({record}, {source.array('float', f'factor_{place}', step.factors)}, {x}, {y});"


def pool_call(source: Source, step: IntegerPool, place: int, shape: tuple[int, ...], *, x: str, y: str) -> str:
    """Add the record of a pool and return its call."""
    fields = window_fields(step.window, shape, step.shape, "channels")
    fields |= {
        "average": int(step.kind == "average"),
        "counts_edge": int(step.counts_edge),
        "multiplier": step.multiplier,
        "shift": step.shift,
        "zero": step.zero,
        "out_zero": step.clamp.zero,
    }
    record = source.record("Pool", f"pool_{place}", fields)
    if step.factor is not None:
        source.use("pool", "pool scores")
        return f"pool_scores({record}, {float_text(step.factor)}, {x}, {y});"
    source.use("shifted", "clamped", "pool", "pool numbers")
    return f"pool({record}, {x}, {y});"


def joined_call(
    source: Source,
    step: IntegerAdd | IntegerMultiply,
    place: int,
    shapes: list[tuple[int, ...]],
    *,
    values: tuple[str, str, str],
) -> str:
    """Add the record of a sum or a product and return its call."""
    name = "add" if isinstance(step, IntegerAdd) else "multiply"
    source.use("shifted", "clamped", "stretched", "joined", name)
    first, second = step.multipliers if isinstance(step, IntegerAdd) else (step.multiplier, 0)
    fields: dict[str, Any] = {
        "shape": axes(shapes[0]),
        "part": axes(shapes[1]),
        "multiplier": first,
        "other_multiplier": second,
        "shift": step.shift,
        "zero": step.zeros[0],
        "other_zero": step.zeros[1],
    }
    record = source.record("Joined", f"joined_{place}", fields | bounds(step.clamp))
    return f"{name}({record}, {prod(step.shape)}, {', '.join(values)});"


def bounds(clamp: Clamp) -> dict[str, int]:
    """Return the fields of an output's zero and bounds."""
    return {"out_zero": clamp.zero, "low": clamp.low, "high": clamp.high}
