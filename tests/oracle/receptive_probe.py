"""An oracle for receptive fields: which input rows and columns really reach a value, found by sending in NaN."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def reach(network: nn.Module, layers: Sequence[nn.Module], size: int) -> list[tuple[int, int]]:
    """Return the height and width of what the middle value of each layer sees in an image of *size*×*size* pixels.

    Image i has NaN in row i (then in column i); NaN passes through sums, maxima and ReLU alike, so a value that is NaN
    depends on that row. The image must be so large that no field of a middle value meets its edge; a linear layer
    behind the last of *layers* need not fit it. A layer that runs twice counts with its last run.
    """
    heights, widths = (extents(network, layers, size, axis) for axis in (2, 3))
    return list(zip(heights, widths, strict=True))


def extents(network: nn.Module, layers: Sequence[nn.Module], size: int, axis: int) -> list[int]:
    """Return how far apart the first and last row (axis 2) or column (axis 3) are that each middle value sees."""
    images = torch.zeros(size, 1, size, size)
    for line in range(size):
        images[line].select(axis - 1, line).fill_(float("nan"))
    found: dict[int, int] = {}

    def note(layer: nn.Module, _: object, output: Tensor) -> None:
        middle = output[:, :, output.shape[2] // 2, output.shape[3] // 2] if output.dim() == 4 else output
        lines = middle.flatten(1).isnan().any(dim=1).nonzero().flatten()
        found[id(layer)] = int(lines[-1] - lines[0]) + 1

    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        # In double precision, where convolutions are plain sums: transformed ones would spread NaN to their neighbours.
        with torch.no_grad():
            network.double().eval()(images.double())
    except RuntimeError:
        assert len(found) == len({id(layer) for layer in layers}), "the network failed before the last layer"
    finally:
        network.float()
        for handle in handles:
            handle.remove()
    return [found[id(layer)] for layer in layers]
