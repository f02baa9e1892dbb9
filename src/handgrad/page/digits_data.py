"""The data of a digits page: the inference plan, its numbers packed small, and the digits to choose from."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.export.plan import Plan, Step

Bytes = NDArray[np.uint8]
Labels = NDArray[np.integer[Any]]
A_CLASS = 10
"""So many test digits of each class are on the page: a hundred in all."""
# The page is one file that is sent by mail: 784 bytes each, before packing.
MOST_MISTAKES = 24


@dataclass(frozen=True)
class Sample:
    """One image to choose: its number in the test set, its class, and the wrong answer where it got one."""

    image: Bytes
    index: int
    label: int
    answer: int | None = None


def plan_data(plan: Plan, *, half: bool) -> tuple[dict[str, Any], bytes]:
    """Return the plan's steps as plain data, and the numbers that they refer to, float16 where *half*, else float32."""
    numbers: list[NDArray[Any]] = []
    at = 0
    steps: list[dict[str, Any]] = []
    for step in plan.steps:
        arrays: dict[str, dict[str, int]] = {}
        for name, array in step.arrays.items():
            # Little-endian whatever this machine is: the script reads it as the browser's own arrays, which are so
            # everywhere.
            flat = np.ascontiguousarray(array, dtype="<f4").reshape(-1)
            arrays[name] = {"at": at, "size": flat.size}
            at += flat.size
            numbers.append(flat)
        shapes = {name: array.shape for name, array in step.arrays.items()}
        steps.append(_plain(step) | {"op": operation_name(step), "arrays": arrays, "shapes": shapes})
    whole = np.concatenate(numbers) if numbers else np.zeros(0, "<f4")
    data = {"half": half, "image": plan.shapes[0], "steps": steps}
    return data, (whole.astype("<f2") if half else whole).tobytes()


def operation_name(step: Step) -> str:
    """Return the name of a step's operation: ``scale_shift`` of `ScaleShift`."""
    name = type(step).__name__
    return "".join(f"_{sign.lower()}" if sign.isupper() and place else sign.lower() for place, sign in enumerate(name))


def _plain(step: Step) -> dict[str, Any]:
    """The fields of a step that are not arrays of numbers."""
    found: dict[str, Any] = {}
    for field in fields(step):
        value = getattr(step, field.name)
        if field.name == "window":
            found["window"] = {part.name: getattr(value, part.name) for part in fields(value)}
        elif field.name == "index":
            found["index"] = value.tolist()
        elif not isinstance(value, np.ndarray):
            found[field.name] = value
    return found


def halved(plan: Plan) -> Plan:
    """Return the plan with every number rounded to float16, as a page of half precision computes with."""
    return Plan(plan.name, tuple(_halved(step) for step in plan.steps))


def _halved(step: Step) -> Step:
    # What float16 cannot hold becomes infinite: the proof then fails, and the page keeps float32.
    with np.errstate(over="ignore"):
        rounded = {name: array.astype(np.float16).astype(np.float32) for name, array in step.arrays.items()}
    return replace(step, **rounded)  # type: ignore[arg-type]  # the fields of arrays, by their names


def hundred_digits(images: Bytes, labels: Labels) -> list[Sample]:
    """Return the first ten test images of each class, in the order of the classes."""
    chosen = [int(at) for label in range(10) for at in np.flatnonzero(labels == label)[:A_CLASS]]
    return [Sample(images[at], at, int(labels[at])) for at in chosen]


def packed_bytes(data: bytes) -> str:
    """Return bytes deflated, in base64."""
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def groups_of(samples: Sequence[Sample], mistakes: Sequence[Sample]) -> tuple[list[dict[str, Any]], bytes]:
    """Return the digits to choose from in groups, and their images one after the other."""
    everything = [*samples, *mistakes[:MOST_MISTAKES]]
    rows: list[dict[str, Any]] = [
        {"at": at, "index": sample.index, "label": sample.label}
        | ({} if sample.answer is None else {"answer": sample.answer})
        for at, sample in enumerate(everything)
    ]
    groups = [
        {"title": "Test digits", "open": True, "digits": rows[: len(samples)]},
        {"title": "Mistakes it was surest of", "open": False, "digits": rows[len(samples) :]},
    ]
    return [group for group in groups if group["digits"]], b"".join(sample.image.tobytes() for sample in everything)
