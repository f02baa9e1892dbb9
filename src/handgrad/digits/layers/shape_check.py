"""Whether a network takes the images and gives one row of scores an image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from handgrad.digits.layers.table import run_quietly
from handgrad.errors import UsageError


def check_classes(
    module: nn.Module,
    classes: int = 10,
    *,
    input_size: Sequence[int] = (1, 28, 28),
    batch: int = 128,
    name: str | None = None,
) -> None:
    """Raise `UsageError` unless *module* turns ``[batch, *input_size]`` into ``[batch, classes]``, one row an image.

    The module's mode and buffers and torch's random state stay as they are.
    """
    name = name or type(module).__name__
    output = run_quietly(module, input_size, batch=batch, name=name)
    if not isinstance(output, torch.Tensor):
        raise UsageError(f"{name} returns a {type(output).__name__} – a tensor [{batch}, {classes}] is needed")
    if list(output.shape) == [batch, classes]:
        return
    if output.dim() == 2 and len(output) == batch:
        raise UsageError(f"{name} returns {list(output.shape)} – {classes} classes are needed")
    raise UsageError(f"{name} returns {list(output.shape)} – [{batch}, {classes}] is needed, a row of scores an image")
