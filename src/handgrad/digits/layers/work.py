"""The multiply-adds of a forward pass, counted by the operations that torch really runs, whatever layer they come from.

The rule: a product of matrices, a convolution or attention counts each product of a weight (or value) that enters a sum; a
normalisation one a value; additions of biases, activations and pools nothing. Where torch has a counter of its own
(``torch.utils.flop_counter``, two operations a multiply-add) the tests hold this one against it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from handgrad.digits.layers.receptive_field import tensors_in

Rule = Callable[[Sequence[Any], Tensor], int]


def _convolution(arguments: Sequence[Any], result: Tensor) -> int:
    """``(input, weight, bias, stride, padding, dilation, transposed, …)``: each weight of a filter once a position."""
    image, weight = arguments[0], arguments[1]
    # Transposed, it is each value of the input that meets the whole filter.
    positions = image.numel() if arguments[6] else result.numel()
    return int(positions * math.prod(weight.shape[1:]))


def _recurrent(arguments: Sequence[Any], result: Tensor) -> int:
    """``(input [steps, batch, features], weights of the input, weights of the state, …)``: both once per step."""
    steps = math.prod(arguments[0].shape[:2])
    return int(steps * (arguments[1].numel() + arguments[2].numel()))


def _attention(arguments: Sequence[Any], result: Tensor) -> int:
    """``(query, key, value, …)`` as ``[…, places, features]``: every query with every key, then with every value."""
    query, key, value = arguments[:3]
    return int(query.numel() * key.shape[-2] + query.shape[:-1].numel() * key.shape[-2] * value.shape[-1])


def _normalised(arguments: Sequence[Any], result: Tensor) -> int:
    return result.numel()


ATTENTION = (
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention",
)
NORMS = (
    *("native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training", "cudnn_batch_norm"),
    *("_batch_norm_with_update", "native_layer_norm", "native_group_norm"),
)

RULES: Mapping[str, Rule] = {
    "convolution": _convolution,
    "mm": lambda arguments, result: arguments[0].numel() * arguments[1].shape[1],
    "addmm": lambda arguments, result: arguments[1].numel() * arguments[2].shape[1],
    "bmm": lambda arguments, result: arguments[0].numel() * arguments[1].shape[2],
    "baddbmm": lambda arguments, result: arguments[1].numel() * arguments[2].shape[2],
    "addbmm": lambda arguments, result: arguments[1].numel() * arguments[2].shape[2],
    "mv": lambda arguments, result: arguments[0].numel(),
    "addmv": lambda arguments, result: arguments[1].numel(),
    "dot": lambda arguments, result: arguments[0].numel(),
    "vdot": lambda arguments, result: arguments[0].numel(),
    "linear": lambda arguments, result: arguments[0].numel() * arguments[1].shape[0],
    "_trilinear": lambda arguments, result: (
        arguments[0].shape[0] * (arguments[1].numel() + arguments[1].shape[0] * arguments[1].shape[1])
    ),
    "mkldnn_rnn_layer": _recurrent,
    **dict.fromkeys(ATTENTION, _attention),
    **dict.fromkeys(NORMS, _normalised),
}


def multiply_adds(name: str, arguments: Sequence[Any], result: Any) -> int:
    """Return the multiply-adds of the operation *name* for all images together; 0 for what counts nothing."""
    rule = RULES.get(name)
    outputs = tensors_in(result if isinstance(result, list | tuple) else [result])
    return rule(arguments, outputs[0]) if rule is not None and outputs else 0


@contextmanager
def every_operation_apart() -> Iterator[None]:
    """Keep torch from running attention as one operation that shows nothing of what is in it."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
