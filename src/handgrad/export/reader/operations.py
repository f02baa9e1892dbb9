"""For each operation of ``torch.ops.aten`` that a plan can express, the function that reads it into steps.

What has no function here and does not only move numbers cannot be expressed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from handgrad.export.reader.functions import ONE, TWO, arithmetic, function
from handgrad.export.reader.layers import (
    added_product,
    batch_norm,
    concatenated,
    convolution,
    group_norm,
    layer_norm,
    linear,
    product,
    softmax,
    unchanged,
)
from handgrad.export.reader.moving import moved
from handgrad.export.reader.pools import adaptive_pool, pool, reduction
from handgrad.export.reader.values import Node, Reading

Reader = Callable[[Reading, Node, Any], Any]

READERS: Mapping[str, Reader] = {
    "conv2d": convolution,
    "conv1d": convolution,
    "linear": linear,
    "matmul": product,
    "mm": product,
    "addmm": added_product,
    "batch_norm": batch_norm,
    "instance_norm": batch_norm,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "max_pool2d": pool,
    "max_pool2d_with_indices": pool,
    "avg_pool2d": pool,
    "adaptive_avg_pool2d": adaptive_pool,
    "adaptive_max_pool2d": adaptive_pool,
    **dict.fromkeys(("mean", "sum", "amax", "amin", "max", "min"), reduction),
    **dict.fromkeys(("softmax", "log_softmax", "_softmax", "_log_softmax"), softmax),
    **dict.fromkeys(("cat", "concat", "concatenate", "stack"), concatenated),
    **dict.fromkeys(TWO, arithmetic),
    **dict.fromkeys(("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"), unchanged),
    **dict.fromkeys(ONE, function),
}
"""By the name of the operation."""


def read_node(reading: Reading, node: Node, result: Any) -> Any:
    """Return what *node* computes as values of the plan; raise `UnreadableError` where it cannot be expressed."""
    return READERS.get(node.base, moved)(reading, node, result)
