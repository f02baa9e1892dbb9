"""Renders a plan as C in float32."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from handgrad.export.c.source import Source, axes, comment, float_text, kernels, small, window_fields
from handgrad.export.c.tied import SCRATCH, add_scratch, tied, tied_kernels
from handgrad.export.memory import lay_out
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
    Softmax,
    Standardise,
    Step,
)

FUNCTIONS = {
    "relu": "v > 0.0f ? v : 0.0f",
    "clip": "v < {0} ? {0} : v > {1} ? {1} : v",
    "leaky relu": "v < 0.0f ? {0} * v : v",
    "elu": "v < 0.0f ? {0} * (exponential(v) - 1.0f) : v",
    "sigmoid": "sigmoid(v)",
    "tanh": "hyperbolic_tangent(v)",
    "softplus": "softplus(v)",
    "erf": "error_function(v)",
    "exp": "exponential(v)",
    "log": "logarithm(v)",
    "sqrt": "square_root(v)",
    "reciprocal": "1.0f / v",
    "abs": "v < 0.0f ? -v : v",
    "square": "v * v",
    "sin": "sine(v)",
}
NEEDS = {
    "elu": ("exponential",),
    "sigmoid": ("exponential", "sigmoid"),
    "tanh": ("exponential", "sigmoid", "hyperbolic tangent"),
    "softplus": ("exponential", "logarithm", "softplus"),
    "erf": ("exponential", "error function"),
    "exp": ("exponential",),
    "log": ("logarithm",),
    "sqrt": ("square root",),
    "sin": ("sine",),
    # Of both kinds: the kernel asks at run time which one it is.
    "softmax": ("exponential", "logarithm", "softmax"),
}
"""The kernels that a function needs; the library of C is not asked."""


def float_source(plan: Plan) -> tuple[Source, int]:
    """Return the C of *plan* in parts, and how many numbers its memory holds."""
    source, layout = Source(tied_kernels("float") | kernels("float.c")), lay_out(plan)
    places = [f"memory + {offset}" for offset in layout.offsets]
    source.calls.append(
        f"for (n = 0; n < {prod(plan.shapes[0])}; n++) memory[{layout.offsets[0]} + n] = (float)image[n];"
    )
    for place, step in enumerate(plan.steps):
        add_step(source, plan, place, step, places=places)
    add_scratch(source, "float")
    source.calls.append(f"for (n = 0; n < {plan.classes}; n++) scores[n] = memory[{layout.offsets[-1]} + n];")
    return source, layout.size


def add_step(source: Source, plan: Plan, place: int, step: Step, *, places: list[str]) -> None:
    """Add the constants and the call of one step."""
    x, y = places[step.inputs[0]], places[place + 1]
    shapes, size = [plan.shapes[number] for number in step.inputs], prod(step.shape)
    call = ""
    match step:
        case Convolution():
            call = convolution_call(source, step, shapes[0], place, values=(x, y))
        case Linear():
            source.use("linear")
            weight, bias = (
                source.array("float", f"{name}_{place}", getattr(step, name)) for name in ("weight", "bias")
            )
            call = f"multiply_matrix({weight}, {bias}, {small(shapes[0][0])}, {size}, {x}, {y});"
        case Pool():
            source.use("pool")
            fields = window_fields(step.window, shapes[0], step.shape, "channels")
            fields |= {"average": int(step.kind == "average"), "counts_edge": int(step.counts_edge)}
            call = f"pool({source.record('Pool', f'pool_{place}', fields)}, {x}, {y});"
        case Function():
            call = f"for (n = 0; n < {size}; n++) {{ {function_text(source, step, x, y)} }}"
        case Add() | Multiply():
            name = "add" if isinstance(step, Add) else "multiply"
            source.use("stretched", name)
            stretch = shape_arrays(source, place, shape=shapes[0], part=shapes[1])
            call = f"{name}({stretch}, {size}, {x}, {places[step.inputs[1]]}, {y});"
        case ScaleShift():
            source.use("stretched", "scale-shift")
            arrays = [source.array("float", f"{name}_{place}", getattr(step, name)) for name in ("scale", "shift")]
            stretch = shape_arrays(source, place, shape=step.shape, scales=step.scale.shape, shifts=step.shift.shape)
            call = f"scale_and_shift({', '.join(arrays)}, {stretch}, {size}, {x}, {y});"
        case Softmax():
            source.use(*NEEDS["softmax"])
            call = f"softmax({size}, {int(step.log)}, {x}, {y});"
        case Standardise():
            source.use("square root", "standardise")
            part = size // step.groups
            call = f"standardise({step.groups}, {part}, {float_text(step.epsilon)}, {x}, {y});"
        case _:
            call = moving_call(source, place, step, [places[number] for number in step.inputs], y=y, shapes=shapes)
    if call:
        source.calls.append(f"{call} /* {comment(step.name)} */")


def convolution_call(
    source: Source, step: Convolution, shape: tuple[int, ...], place: int, *, values: tuple[str, str]
) -> str:
    """Add the weights and the record of a convolution and return its call."""
    of_orbits = tied(step.weight)
    weight = step.weight if of_orbits is None else of_orbits.learned
    fields: dict[str, Any] = {
        "weight": source.array("float", f"weight_{place}", weight),
        "bias": source.array("float", f"bias_{place}", step.bias),
        "border": source.array("float", f"border_{place}", step.border) if step.border.any() else 0,
        "outputs": small(step.shape[0]),
        "groups": step.groups,
    }
    fields |= window_fields(step.window, shape, step.shape, "inputs")
    record = source.record("Convolution", f"convolution_{place}", fields)
    if of_orbits is None:
        source.use("convolution", "convolve")
        return f"convolve({record}, {', '.join(values)});"
    source.use("turned", "convolution", "convolve tied")
    source.scratch.append(of_orbits.size)
    factors = source.array("float", f"factor_{place}", of_orbits.factors)
    return f"convolve_tied({record}, {factors}, {int(of_orbits.orbits)}, {SCRATCH}, {', '.join(values)});"


def function_text(source: Source, step: Function, x: str, y: str) -> str:
    """Return the statement that computes one number of a function."""
    source.use(*NEEDS.get(step.function, ()))
    formula = FUNCTIONS[step.function].format(*(float_text(number) for number in step.numbers))
    return f"const float v = ({x})[n]; ({y})[n] = {formula};"


def shape_arrays(source: Source, place: int, **shapes: tuple[int, ...]) -> str:
    """Add an array of four sizes for each of *shapes* and return their names."""
    for name, shape in shapes.items():
        source.data.append(f"static const uint16_t {name}_axes_{place}[4] = {axes(shape)};\n")
    return ", ".join(f"{name}_axes_{place}" for name in shapes)


def moving_call(
    source: Source, place: int, step: Step, inputs: list[str], *, y: str, shapes: list[tuple[int, ...]], zero: str = ""
) -> str:
    """Return the call of a step that only moves numbers; *zero* is an argument more, for what an absent one is."""
    match step:
        case Reshape():
            # The layout has put both in one place: there is nothing to do.
            if inputs[0] == y:
                return ""
            source.use("copy")
            return f"copy({prod(step.shape)}, {inputs[0]}, {y});"
        case Gather():
            source.use("gather")
            # Places are 16 bits wide, and 65,535 stands for "none".
            small(prod(shapes[0]))
            index = source.array("uint16_t", f"index_{place}", np.where(step.index < 0, 65535, step.index))
            return f"gather({index}, {zero}{prod(step.shape)}, {inputs[0]}, {y});"
        case Concatenate():
            source.use("copy")
            calls, start = [], 0
            for value, shape in zip(inputs, shapes, strict=True):
                calls.append(f"copy({prod(shape)}, {value}, {y} + {start});")
                start += prod(shape)
            return " ".join(calls)
        case _:
            raise TypeError(f"{type(step).__name__} is not a step that can be written in C")
