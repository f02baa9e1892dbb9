"""Operations that only move numbers: views, slices, permutations, repetitions, paddings with zeros."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from handgrad.export.reader.values import Node, Reading, Seen
from handgrad.transcript.operations import operation

LISTED = """
    _reshape_alias _to_copy _unsafe_view adjoint alias channel_shuffle chunk clone constant_pad_nd contiguous detach
    diagonal expand expand_as flatten flip fliplr flipud float im2col index_select lift_fresh mH mT moveaxis movedim
    narrow native_channel_shuffle numpy_T pad permute pixel_shuffle pixel_unshuffle positive ravel reflection_pad1d
    reflection_pad2d repeat repeat_interleave replication_pad1d replication_pad2d reshape roll rot90 select slice split
    split_with_sizes squeeze swapaxes swapdims t tensor_split tile to transpose tril triu type_as unbind unflatten
    unfold unsqueeze upsample_nearest2d view view_as
"""
MOVING = frozenset(LISTED.split())
"""Operations that only move numbers, or put zeros beside them."""


def moved(reading: Reading, node: Node, result: Any) -> Any:
    """Return what an operation makes that only moves numbers; raise `UnreadableError` for any other.

    Where each number comes from is found by letting the operation move numbers that say where they are.
    """
    source, *others = [each for each in node.arguments if isinstance(each, Seen)]
    if node.base not in MOVING or others or source is not node.arguments[0]:
        raise node.refuse()
    if "pad" in node.base and node.argument(3 if node.base == "pad" else 2, "value") not in (None, 0, 0.0, "constant"):
        raise node.refuse("a padding with a number other than 0")
    size, batch = prod(source.shape), len(source.tensor)
    # float64 holds whole numbers to 2^53; float32 would mix up places from 16 million on.
    places = torch.arange(1, batch * size + 1, dtype=torch.float64).reshape(source.tensor.shape)
    keys = {key: value for key, value in node.keys.items() if key != "dtype"}
    if node.base in ("to", "_to_copy", "float", "type_as"):
        found: Any = places
    else:
        found = operation(node.operation)(places, *node.arguments[1:], **keys)
    if isinstance(result, Tensor):
        return _moved_to(reading, node, source, places=found, result=result)
    return [
        _moved_to(reading, node, source, places=places, result=each) for places, each in zip(found, result, strict=True)
    ]


def _moved_to(reading: Reading, node: Node, source: Seen, *, places: Tensor, result: Tensor) -> Seen:
    """Return *result*, whose numbers come from *places* of *source*, counted from 1 over the whole batch; 0 is a zero."""
    batch, size = len(source.tensor), prod(source.shape)
    if places.dim() == 0 or len(places) != batch:
        raise node.refuse("it moves the axis of the batch")
    by_image = places.reshape(batch, -1).long().numpy()
    index = by_image - 1 - np.arange(batch)[:, None] * size
    # Counted from 1 so that what the operation itself fills in, a 0, can be told from the first number.
    index[by_image == 0] = -1
    if np.any(index != index[:1]) or index.max() >= size:
        raise node.refuse("it mixes the images of a batch")
    shape = tuple(result.shape[1:])
    if np.array_equal(index[0], np.arange(size)):
        number = source.number if shape == source.shape else reading.reshaped(node.name, source.number, shape)
    else:
        number = reading.gathered(node.name, source.number, index[0], shape)
    return Seen(number, result)
