"""Tensors as plain numbers: shapes and types in JSON, and the raw bytes of all, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

# No quantised and no complex ones: only what its raw bytes describe completely.
DTYPES = {str(each).removeprefix("torch."): each for each in (
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.bool,
)}  # fmt: skip


class MalformedError(Exception):
    """What was written down does not describe a network."""


def pack_tensors(tensors: Sequence[Tensor]) -> tuple[list[dict[str, Any]], bytes]:
    """Return shapes and types of *tensors*, and their raw numbers one after the other."""
    heads = [
        {"shape": list(each.shape), "dtype": str(each.dtype).removeprefix("torch."), "learns": bool(each.requires_grad)}
        for each in tensors
    ]
    flat = [each.detach().cpu().contiguous().reshape(-1).view(torch.uint8) for each in tensors if each.numel()]
    return heads, b"".join(each.numpy().tobytes() for each in flat)


def unpack_tensors(heads: Sequence[Mapping[str, Any]], body: bytes) -> list[Tensor]:
    """Return the tensors that `pack_tensors` packed; raise `MalformedError` where the two do not fit together."""
    tensors, place = [], 0
    for head in heads:
        dtype, shape = DTYPES.get(str(head.get("dtype"))), head.get("shape")
        # `type`, because True is an int and no length.
        if dtype is None or not isinstance(shape, list) or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
            raise MalformedError("a tensor without a shape or type that is known")
        count = 1
        for length in shape:
            # In Python's whole numbers, which do not wrap round; a product in 64 bits could come out small.
            count *= length
        end = place + count * dtype.itemsize
        # Before memory is taken for it.
        if end > len(body):
            raise MalformedError("fewer numbers than were announced")
        raw = bytearray(body[place:end])
        tensor = torch.frombuffer(raw, dtype=dtype).reshape(shape) if count else torch.empty(shape, dtype=dtype)
        tensors.append(tensor.clone())
        place = end
    return tensors
