"""Whether a network takes the images and gives one row of scores an image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from handgrad.digits.layers.table import run_quietly
from handgrad.errors import UsageError
from handgrad.runs.kind import DIGITS


def check_classes(
    module: nn.Module,
    classes: int = DIGITS.count,
    *,
    input_size: Sequence[int] = DIGITS.shape,
    batch: int = 128,
    name: str | None = None,
) -> None:
    """Raise `UsageError` unless *module* turns ``[batch, *input_size]`` into ``[batch, classes]``, one row per image.

    The module's mode and buffers and torch's random state stay as they are.
    """
    name = name or type(module).__name__
    found = scores_given(module, classes, input_size=input_size, batch=batch, name=name)
    if found != classes:
        raise UsageError(f"{name} returns {[batch, found]} – {classes} classes are needed")


def scores_given(module: nn.Module, classes: int, *, input_size: Sequence[int], batch: int, name: str) -> int:
    """Return how many scores *module* gives an image; *classes* are those that are wanted, for the message.

    Raises `UsageError` unless it turns ``[batch, *input_size]`` into a row of scores an image.
    """
    output = run_quietly(module, input_size, batch=batch, name=name)
    if not isinstance(output, torch.Tensor):
        raise UsageError(f"{name} returns a {type(output).__name__} – a tensor [{batch}, {classes}] is needed")
    if output.dim() != 2 or len(output) != batch:
        raise UsageError(
            f"{name} returns {list(output.shape)} – [{batch}, {classes}] is needed, one row of scores per image"
        )
    return output.shape[1]
