"""Makes the inference plan of a PyTorch module: the module is recorded as operations, and each is read into steps.

The recording is the judge's (`handgrad.transcript.record`). What depends on weights alone is computed here and now, so that
parametrizations, masks and the like leave only their result. What depends on the image must be an operation that
`handgrad.export.reader` knows; everything else is refused with the name of the layer.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.training.augment import normalise
from handgrad.errors import UsageError
from handgrad.export.evaluate import evaluate
from handgrad.export.fold import folded
from handgrad.export.plan import IMAGE, IMAGE_VALUE, Plan, ScaleShift
from handgrad.export.reader.operations import read_node
from handgrad.export.reader.values import Node, Reading, Seen, UnreadableError
from handgrad.runs.kind import DIGITS
from handgrad.transcript.modules import module_paths
from handgrad.transcript.operations import operation
from handgrad.transcript.rebuild import real
from handgrad.transcript.record import SIZES, for_every_batch, weights_of
from handgrad.transcript.writing import Recording, UntraceableError

BATCH = 3
"""Images that every operation is really run on, to know shapes; more than one, so that the batch is told from the rest."""
SAME = 1e-3
"""How far the plan's scores may lie from the module's, as a part of the largest score: float32 rounds deep networks so."""
# More than one, so that a layer that mixes the images of a batch is seen; drawn, so that no data set is needed.
CHECKED = 32


def plan_of(module: nn.Module, name: str | None = None) -> Plan:
    """Return the plan of what *module* computes in ``eval()`` of normalised images ``[n, 1, 28, 28]``.

    The plan takes raw bytes: the normalisation is folded in. The module is left in ``eval()``, otherwise as it was. Raises
    `UsageError`, one line with the layer's name, where an operation cannot be expressed, and where the plan does not give
    the module's scores on drawn digits.
    """
    name = name or type(module).__name__
    module.eval()
    bytes_, _ = draw_digits(CHECKED, seed=0)
    images = normalise(torch.from_numpy(bytes_))
    try:
        with torch.no_grad():
            expected = module(images)
            # Recorded with the two sizes of batch, computed with three images: each part asks for no more than it
            # needs.
            recording = for_every_batch(module, images[: max(SIZES)])
            plan = read(module, name, recording, images[:BATCH])
    except UntraceableError as error:
        raise UsageError(
            f"{name} cannot be exported – {error} – an export needs a forward without such steps"
        ) from error
    except UnreadableError as error:
        raise UsageError(f"{name} cannot be exported – {error} – it can be used in Python") from error
    check_same(plan, bytes_, expected)
    return plan


def check_same(plan: Plan, images: np.ndarray[Any, np.dtype[np.uint8]], expected: Tensor) -> None:
    """Raise `UsageError` unless *plan* gives the *expected* scores for *images*."""
    wanted = expected.detach().double().reshape(len(images), -1).numpy()
    difference = float(np.abs(evaluate(plan, images) - wanted).max())
    # `not … <=`, so that a NaN is a difference.
    if not difference <= SAME * max(1.0, float(np.abs(wanted).max())):
        raise UsageError(
            f"{plan.name} cannot be exported – its recorded operations give other scores, {difference:.2g} apart – "
            "it can be used in Python"
        )


def read(module: nn.Module, name: str, recording: Recording, images: Tensor) -> Plan:
    """Return the plan of *recording*; raise `UnreadableError` for what cannot be expressed."""
    parameters, buffers = weights_of(module)
    leaves = {path for path, leaf in module_paths(module).values() if leaf}
    normalised = ScaleShift(
        "normalise",
        (IMAGE_VALUE,),
        IMAGE,
        np.array([[[1 / (255 * DIGITS.deviation)]]]),
        np.array([[[-DIGITS.mean / DIGITS.deviation]]]),
    )
    reading = Reading([(1, normalised)])
    values: list[Any] = [each.detach() for each in (*parameters.values(), *buffers.values())]
    values.append(Seen(1, images))
    for (operation_name, arguments, named), place in zip(recording.nodes, recording.places, strict=True):
        given = real(arguments, values, len(images))
        keys = {key: real(each, values, len(images)) for key, each in named.items()}
        node = Node(operation_name, place, place in leaves, given, keys)
        values.append(value_of(reading, node, recording))
    output = real(recording.output, values, len(images))
    if not isinstance(output, Seen):
        raise UnreadableError("its output does not depend on the image")
    return folded(name, reading.steps, output.number)


def value_of(reading: Reading, node: Node, recording: Recording) -> Any:
    """Return what *node* computes: numbers known now, or a value of the plan that depends on the image."""
    if node.operation == "constant":
        return recording.constants[node.arguments[0]]
    if node.operation == "python.getitem":
        return operator.getitem(*node.arguments)
    if node.operation.startswith("python."):
        return None  # gradients or reduced precision switched on and off: the check at the end says if it mattered
    if node.operation == "generator":
        raise UnreadableError(f"{node.name}: it draws random numbers while it answers")
    result = run(node)
    if not seen_in([node.arguments, node.keys]):
        return result
    return read_node(reading, node, result)


def run(node: Node) -> Any:
    """Return what the operation of *node* gives for the images that stand for all."""
    in_place = node.operation.split(".")[1].endswith("_")
    arguments, keys = (plain(each, copy=in_place) for each in (node.arguments, node.keys))
    return operation(node.operation)(*arguments, **keys)


def plain(value: Any, *, copy: bool = False) -> Any:
    """Return *value* with tensors instead of what is seen."""
    if isinstance(value, list | tuple):
        return [plain(each, copy=copy) for each in value]
    if isinstance(value, dict):
        return {key: plain(each, copy=copy) for key, each in value.items()}
    value = value.tensor if isinstance(value, Seen) else value
    # A clone where the operation works in place: the value of the step before is still needed by others.
    return value.clone() if copy and isinstance(value, Tensor) else value


def seen_in(value: Any) -> bool:
    """Whether anything in *value* depends on the image."""
    if isinstance(value, list | tuple):
        return any(seen_in(each) for each in value)
    if isinstance(value, dict):
        return any(seen_in(each) for each in value.values())
    return isinstance(value, Seen)
