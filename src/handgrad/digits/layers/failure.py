"""One line on why a network cannot run: the layer, and what did not fit between it and the map it was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from handgrad.digits.layers.receptive_field import tensors_in


def explain_failure(name: str, running: Sequence[tuple[str, nn.Module, Any]], error: Exception) -> str:
    """Return one line on why the network stopped: the layer, and what did not fit."""
    if not running:
        return f"{name}: {first_line(error)}"
    path, module, inputs = running[-1]
    kind = type(module).__name__
    place = name if not path else f"{path} ({kind})" if path.split(".")[-1].isdigit() else path
    tensors = tensors_in(list(inputs))
    return f"{place}: {(misfit(module, tensors[0]) if tensors else None) or first_line(error)}"


def misfit(module: nn.Module, inputs: Tensor) -> str | None:
    """Return what does not fit between a layer and the map it was given, None where that is not the reason."""
    if isinstance(module, nn.Linear) and inputs.shape[-1] != module.in_features:
        return f"takes {module.in_features:,} features – found {inputs.shape[-1]:,}"
    if isinstance(module, nn.Conv2d | nn.BatchNorm2d) and inputs.dim() in (3, 4):
        channels = module.in_channels if isinstance(module, nn.Conv2d) else module.num_features
        # Counted from the end: an image without a batch has its channels first.
        if inputs.shape[-3] != channels:
            return f"takes {channels:,} channels – found {inputs.shape[-3]:,}"
    if not isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d) or inputs.dim() not in (3, 4):
        return None
    kernel, padding = sides(module.kernel_size), sides(module.padding)
    dilation = sides(getattr(module, "dilation", 1))
    # A kernel of 3 dilated by 2 reaches over 5.
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    room = [size + 2 * p for size, p in zip(inputs.shape[-2:], padding, strict=True)]
    if all(r <= size for r, size in zip(reach, room, strict=True)):
        return None
    spread = f" dilated to {times(reach)}" if reach != kernel else ""
    padded = f" padded to {times(room)}" if any(padding) else ""
    return f"kernel {times(kernel)}{spread} on a {inputs.shape[-2]}×{inputs.shape[-1]} map{padded}"


def sides(value: Any) -> list[int]:
    """Return a kernel size or padding as [rows, columns]; padding by name fits always."""
    return [0, 0] if isinstance(value, str) else [value, value] if isinstance(value, int) else [int(v) for v in value]


def times(values: Sequence[int]) -> str:
    """Return ``7`` for a square and ``7×3`` otherwise."""
    return str(values[0]) if values[0] == values[1] else f"{values[0]}×{values[1]}"


def first_line(error: Exception) -> str:
    """Return the kind and the first line of *error*."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
