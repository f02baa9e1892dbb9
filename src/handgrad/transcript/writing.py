"""One traced pass as plain values: the nodes of a graph with their names, arguments, constants and places."""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from handgrad.transcript.places import place_noted


class UntraceableError(Exception):
    """The computation cannot be written down; ``author`` says whether the network is at fault, or the judge's means."""

    def __init__(self, reason: str, *, author: bool) -> None:
        super().__init__(reason)
        self.author = author


@dataclass(frozen=True)
class Recording:
    """One pass written down: nodes as plain values, and the constant tensors and sources of chance among them."""

    nodes: list[Any]
    output: Any
    constants: list[Tensor]
    generators: list[torch.Generator]
    places: list[str]
    """For each node the path of the innermost module that was running, "" for the network's own ``forward``."""


def written_down(module: Any, inputs: int) -> Recording:
    """Return the nodes of the graph *module*: values are numbered, inputs first, then the images, then each node."""
    numbers: dict[Any, int] = {}
    nodes: list[Any] = []
    constants: list[Tensor] = []
    generators: list[torch.Generator] = []
    places: list[str] = []
    output: Any = None
    for node in module.graph.nodes:
        if node.op == "placeholder":
            numbers[node] = len(numbers)
            continue
        if node.op == "output":
            output = plain(node.args[0], numbers)
            continue
        if node.op == "get_attr":
            found = getattr(module, node.target)
            if isinstance(found, torch.Generator):
                # Its seed and not its state of 5,000 bytes: a generator made in forward begins at its seed.
                nodes.append(["generator", [found.initial_seed()], {}])
                generators.append(found)
            else:
                nodes.append(["constant", [len(constants)], {}])
                # A clone, because the author's code may still write into it after this pass.
                constants.append(found.detach().clone())
        elif node.op == "call_function":
            arguments = [plain(each, numbers) for each in node.args]
            named = {key: plain(value, numbers) for key, value in node.kwargs.items()}
            nodes.append([name_of(node.target), arguments, named])
        else:
            raise UntraceableError(f"a step of the kind {node.op}", author=False)
        numbers[node] = inputs + len(nodes)
        places.append(place_noted(node))
    # make_fx wraps a single result in a list.
    if isinstance(output, list) and len(output) == 1:
        output = output[0]
    if not (isinstance(output, dict) and "value" in output):
        raise UntraceableError("the output is not computed from the image by the network", author=True)
    return Recording(nodes, output, constants, generators, places)


def without_seeds(recording: Recording, kept: Container[int]) -> list[Any]:
    """Return the nodes with no seed for the generators in *kept*: what one pass leaves to the next begins nowhere again."""
    nodes, generators = [], iter(recording.generators)
    for node in recording.nodes:
        known = node[0] == "generator" and id(next(generators)) in kept
        nodes.append(["generator", [None], {}] if known else node)
    return nodes


def name_of(target: Any) -> str:
    """Return the name of an operation."""
    # What make_fx records is either an operation of torch's dispatcher or a function of Python; no public class tells
    # them apart.
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
    # JSON has no infinity, and a mask of -inf is an honest thing to compute with.
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise UntraceableError(f"an argument of type {type(value).__name__}", author=False)
