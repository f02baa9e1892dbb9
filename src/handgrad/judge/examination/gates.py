"""Whether what an operation computes only weighs the channels of a map, as in squeeze-and-excitation."""

from __future__ import annotations

import math

from torch import Tensor

from handgrad.judge.examination.flow import readers_of
from handgrad.judge.examination.operations_seen import Node, Trace
from handgrad.transcript.modules import place_of


def only_gates(node: Node, trace: Trace) -> bool:
    """Whether every way from *node* onwards ends in a product with a map of more positions than it has itself."""
    waiting, seen, gated = [node.number], {node.number}, False
    while waiting:
        number = waiting.pop()
        readers = readers_of(trace).get(number, ())
        if not readers and number != node.number and not _is_over(trace.nodes[number]):
            return False  # here the answer comes out
        for reader in readers:
            if reader in seen:
                continue
            seen.add(reader)
            if _weighs_a_map(trace.nodes[reader], number):
                gated = True
            else:
                waiting.append(reader)
    return gated


def _is_over(node: Node) -> bool:
    """Whether *node* gives nothing that could be an answer: nothing of the images, or a view of what others read themselves."""
    if not node.images or not node.results:
        return True
    seen = {read.place for read in node.reads}
    return not node.name.endswith("_") and place_of(node.results[0]) in seen


def _weighs_a_map(node: Node, number: int) -> bool:
    """Whether *node* multiplies a map with what operation *number* computed, one number per channel."""
    if node.name.rstrip("_") != "mul" or len(node.reads) != 2 or len(node.shape) != 4:
        return False
    gate = next((read for read in node.reads if number in read.writers), None)
    other = next((read for read in node.reads if read is not gate), None)
    if gate is None or other is None or not other.images or gate.tensor.dim() != 4:
        return False
    return _positions(gate.tensor) < _positions(other.tensor)


def _positions(tensor: Tensor) -> int:
    """Return how many positions a map has that is stored, not one that only stands for many by a stride of nothing."""
    return math.prod(size for size, stride in zip(tensor.shape[2:], tensor.stride()[2:], strict=True) if stride != 0)
