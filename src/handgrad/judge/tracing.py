"""Writes down what a network computes: a list of operations from image to output, for any size of batch.

This runs beside the stranger's code and may be deceived by it. That does no harm: what is judged and trained afterwards is
what was written down (`handgrad.judge.rebuilt`), in a process where the stranger's code never runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

SIZES = (13, 17)
"""Two batch sizes, prime and unlike anything else in a network: where the two recordings differ, the batch is meant."""


class UntraceableError(Exception):
    """The computation cannot be written down; ``author`` says whether the network is at fault, or the judge's means."""

    def __init__(self, reason: str, *, author: bool) -> None:
        super().__init__(reason)
        self.author = author


@dataclass(frozen=True)
class Recording:
    """One pass written down: nodes as plain values, and the constant tensors among them."""

    nodes: list[Any]
    output: Any
    constants: list[Tensor]


def record(network: nn.Module, images: Tensor) -> tuple[dict[str, Any], list[Tensor]]:
    """Return what *network* computes of *images* ``[≥ 17, 1, 28, 28]`` in training and in ``eval()``, and its constants.

    Raises `UntraceableError`. State and mode of *network* stay as they are, unless it changes itself.
    """
    plans: dict[str, Any] = {
        "parameters": [name for name, _ in network.named_parameters()],
        "buffers": [name for name, _ in network.named_buffers()],
    }
    constants: list[Tensor] = []
    before = network.training
    for mode in ("training", "answering"):
        network.train(mode == "training")
        small, large = (one_pass(network, images[:size]) for size in SIZES)
        nodes = [for_any_batch(first, second) for first, second in zip_alike(small.nodes, large.nodes)]
        if [shape_of(each) for each in small.constants] != [shape_of(each) for each in large.constants] or any(
            not torch.equal(first, second) for first, second in zip(small.constants, large.constants, strict=True)
        ):
            raise UntraceableError(
                "the output is not computed from the image by the network alone: numbers that change from one batch to "
                "the next enter it from outside",
                author=True,
            )
        first = len(constants)
        constants += small.constants
        plans[mode] = {
            "nodes": nodes,
            "output": for_any_batch(small.output, large.output),
            "constants": list(range(first, len(constants))),
        }
    network.train(before)
    return plans, constants


def one_pass(network: nn.Module, images: Tensor) -> Recording:
    """Write down one pass of *network* over *images*."""
    from torch.fx.experimental.proxy_tensor import make_fx

    parameters = {name: value.detach().clone() for name, value in network.named_parameters()}
    buffers = {name: value.detach().clone() for name, value in network.named_buffers()}

    def forward(parameters: dict[str, Tensor], buffers: dict[str, Tensor], images: Tensor) -> Any:
        return functional_call(network, {**parameters, **buffers}, (images,))

    try:
        module = make_fx(forward, pre_dispatch=True)(parameters, buffers, images)
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        if "tracing tensor" in lines[0] or "data-dependent" in str(error).lower():
            reason = (
                "the output is not computed from the image by the network alone: its forward reads single numbers out of "
                "tensors (item, tolist, numpy, if), where no computation can be followed"
            )
            raise UntraceableError(reason, author=True) from error
        raise UntraceableError(f"{type(error).__name__}: {lines[0][:200]}", author=False) from error
    return written_down(module, len(parameters) + len(buffers))


def written_down(module: Any, inputs: int) -> Recording:
    """Return the nodes of the graph *module*: values are numbered, inputs first, then the images, then each node."""
    numbers: dict[Any, int] = {}
    nodes: list[Any] = []
    constants: list[Tensor] = []
    output: Any = None
    for node in module.graph.nodes:
        if node.op == "placeholder":
            numbers[node] = len(numbers)
            continue
        if node.op == "output":
            output = plain(node.args[0], numbers)
            continue
        if node.op == "get_attr":
            nodes.append(["constant", [len(constants)], {}])
            constants.append(getattr(module, node.target).detach().clone())
        elif node.op == "call_function":
            arguments = [plain(each, numbers) for each in node.args]
            named = {key: plain(value, numbers) for key, value in node.kwargs.items()}
            nodes.append([name_of(node.target), arguments, named])
        else:
            raise UntraceableError(f"a step of the kind {node.op}", author=False)
        numbers[node] = inputs + len(nodes)
    if isinstance(output, list) and len(output) == 1:
        output = output[0]
    if not (isinstance(output, dict) and "value" in output):
        raise UntraceableError("the output is not computed from the image by the network", author=True)
    return Recording(nodes, output, constants)


def name_of(target: Any) -> str:
    """Return the name of an operation."""
    if isinstance(target, torch._ops.OpOverload):
        return str(target)
    return f"python.{getattr(target, '__name__', type(target).__name__)}"


def plain(value: Any, numbers: dict[Any, int]) -> Any:
    """Return an argument as plain JSON."""
    if isinstance(value, torch.fx.Node):
        return {"value": numbers[value]}
    if isinstance(value, list | tuple):
        return [plain(each, numbers) for each in value]
    if isinstance(value, torch.dtype | torch.memory_format | torch.layout):
        return {"torch": str(value).removeprefix("torch.")}
    if isinstance(value, torch.device):
        return {"device": value.type}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise UntraceableError(f"an argument of type {type(value).__name__}", author=False)


def zip_alike(first: Sequence[Any], second: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Pair two recordings."""
    if len(first) != len(second):
        raise UntraceableError("the network computes something else for another size of batch", author=True)
    return list(zip(first, second, strict=True))


def for_any_batch(small: Any, large: Any) -> Any:
    """Return what two recordings have in common, with ``{"batch": k}`` for k times the size of the batch."""
    if isinstance(small, list) and isinstance(large, list):
        return [for_any_batch(*pair) for pair in zip_alike(small, large)]
    if isinstance(small, dict) and isinstance(large, dict) and small.keys() == large.keys():
        return {key: for_any_batch(small[key], large[key]) for key in small}
    if type(small) is type(large) and small == large:
        return small
    if type(small) is int and type(large) is int and small * SIZES[1] == large * SIZES[0] and small % SIZES[0] == 0:
        return {"batch": small // SIZES[0]}
    if (
        isinstance(small, float)
        and isinstance(large, float)
        and math.isclose(small * SIZES[0], large * SIZES[1], rel_tol=1e-9)
    ):
        return {"share": small * SIZES[0]}
    raise UntraceableError("the network computes something else for another size of batch", author=True)


def shape_of(tensor: Tensor) -> tuple[list[int], str]:
    """Return shape and type."""
    return list(tensor.shape), str(tensor.dtype)
