"""Networks whose kernels are tied over quarter turns and mirrors: eight maps from the parameters of one.

Every learned kernel stands for its *orbit*: the eight kernels that a square's symmetries make of it (the group p4m: four
quarter turns, each also mirrored). From the second layer on the same symmetry also reorders the maps that a kernel reads, so
that a corner in one direction is found from edges in its own direction; a layer is then equivariant: turning its input turns
its maps and reorders each orbit. (Group equivariant convolutions, arXiv:1602.07576.)

What answers in the end is not tied: a 6 must not be a 9.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

ORDER = 8
"""Symmetries of a square: element g is a mirror image (g ≥ 4), then g mod 4 quarter turns."""


def moved(images: Tensor, element: int) -> Tensor:
    """Return *images* ``[…, n, n]`` as symmetry *element* (0 to 7) moves them."""
    mirrored = images.flip(-1) if element >= ORDER // 2 else images
    return mirrored.rot90(element % 4, (-2, -1))


def products() -> list[list[int]]:
    """Return the table of the group: ``products()[g][h]`` is the element that first moves by h, then by g."""
    square = torch.arange(4).view(2, 2)  # four different corners tell the eight elements apart
    found = {tuple(moved(square, element).flatten().tolist()): element for element in range(ORDER)}
    return [[found[tuple(moved(moved(square, h), g).flatten().tolist())] for h in range(ORDER)] for g in range(ORDER)]


class Orbit(nn.Module):
    """The kernels ``[8·outputs, inputs, n, n]`` of a convolution from the learned ones ``[outputs, inputs, n, n]``.

    Map ``8·i + g`` is element g of orbit i. Where the inputs are orbits themselves (*orbits*), kernel g of an output reads map
    g·h of an input as the learned kernel reads map h.
    """

    places: Tensor

    def __init__(self, inputs: int, size: int, *, orbits: bool) -> None:
        super().__init__()
        table = products()
        # Where each number of the eight kernels stands in the learned one, so that one look-up makes them all. Rows and columns
        # first, inputs last, as in memory laid out channels last: convolutions give their maps in the layout of the kernels.
        square = torch.arange(inputs * size * size).view(size, size, inputs).permute(2, 0, 1)
        kernels = []
        for g in range(ORDER):
            kernel = moved(square, g)
            if orbits:
                # Map g·h takes what the learned kernel has for map h.
                reads = torch.empty(ORDER, dtype=torch.int64)
                reads[torch.tensor(table[g])] = torch.arange(ORDER)
                kernel = kernel.view(-1, ORDER, size, size)[:, reads].reshape(inputs, size, size)
            kernels.append(kernel.permute(1, 2, 0))
        self.register_buffer("places", torch.stack(kernels).flatten(), persistent=False)

    def forward(self, learned: Tensor) -> Tensor:
        """Return the kernels of whole orbits."""
        outputs, inputs, height, width = learned.shape
        kernels = learned.permute(0, 2, 3, 1).flatten(1).index_select(1, self.places)
        return kernels.view(outputs * ORDER, height, width, inputs).permute(0, 3, 1, 2)

    def right_inverse(self, kernels: Tensor) -> Tensor:
        """Return the learned kernels ``[outputs, inputs, n, n]``: the first of each orbit."""
        return kernels[::ORDER].clone()


class Alike(nn.Module):
    """One number for each orbit, repeated for its eight maps."""

    def forward(self, learned: Tensor) -> Tensor:
        """Return ``[8·orbits]`` from ``[orbits]``."""
        return learned.repeat_interleave(ORDER)

    def right_inverse(self, values: Tensor) -> Tensor:
        """Return the first of each eight."""
        return values[::ORDER].clone()


@dataclass(frozen=True)
class Step:
    """One layer of a shape: a convolution to whole orbits, and whether the map is then halved."""

    size: int
    orbits: int
    stride: int = 1
    padded: bool = False
    each: bool = False
    """Whether each map is first convolved alone, and a 1×1 convolution then mixes them."""
    pool: bool = False


SHAPE = re.compile(r"(?P<each>d?)(?P<size>\d+)(?:/(?P<stride>\d+))?(?P<padded>p?):(?P<orbits>\d+)(?P<pool>!?)")


def read_shape(text: str) -> list[Step]:
    """Return the layers of a shape in words such as ``5/2p:2 3:2 3:3! 3p:3 3:4``.

    A word is the kernel's size, ``/`` and its stride, ``p`` where it is padded, ``:`` and the orbits that it gives; ``!``
    halves the map, ``d`` first convolves each map alone. Raises `ValueError` for anything else.
    """
    steps = []
    for word in text.split():
        found = SHAPE.fullmatch(word)
        if not found:
            raise ValueError(f"{word!r} is no layer – write them as in 5/2p:2 3:2 3:3! 3p:3 3:4")
        steps.append(
            Step(
                int(found["size"]),
                int(found["orbits"]),
                int(found["stride"] or 1),
                bool(found["padded"]),
                bool(found["each"]),
                bool(found["pool"]),
            )
        )
    return steps


def tied(convolution: nn.Conv2d, *, orbits: bool) -> nn.Conv2d:
    """Return *convolution* with its kernels as orbits; *orbits* tells whether its inputs are orbits too."""
    inputs, size = convolution.weight.shape[1], convolution.weight.shape[2]
    # unsafe: the learned kernels have another shape than the layer's own, which is the point.
    parametrize.register_parametrization(convolution, "weight", Orbit(inputs, size, orbits=orbits), unsafe=True)
    return convolution


def orbit_norm(orbits: int) -> nn.BatchNorm2d:
    """Return a BatchNorm of ``8·orbits`` maps whose factors and offsets are the same within an orbit."""
    norm = nn.BatchNorm2d(orbits * ORDER)
    for name in ("weight", "bias"):
        parametrize.register_parametrization(norm, name, Alike(), unsafe=True)
    return norm


def layers_of(step: Step, inputs: int) -> list[nn.Module]:
    """Return the layers of *step* for *inputs* maps: of one image (1), or of whole orbits."""
    padding, outputs = step.size // 2 if step.padded else 0, step.orbits * ORDER
    layers: list[nn.Module] = []
    if step.each:
        alone = nn.Conv2d(inputs, inputs, step.size, step.stride, padding, groups=inputs, bias=False)
        layers.append(tied(alone, orbits=False))
    size, stride, padding = (1, 1, 0) if step.each else (step.size, step.stride, padding)
    layers.append(tied(nn.Conv2d(inputs, outputs, size, stride, padding, bias=False), orbits=inputs > 1))
    if step.pool:
        layers.append(nn.MaxPool2d(2))
    return [*layers, orbit_norm(step.orbits), nn.ReLU()]


class Orbits(nn.Sequential):
    """Convolutions to whole orbits, each with BatchNorm and ReLU, then the average of each map and one linear layer.

    *shape* is read by `read_shape`. The linear layer is not tied: it knows a map from its mirror image.
    """

    def __init__(self, shape: str) -> None:
        layers, inputs = list[nn.Module](), 1
        for step in read_shape(shape):
            layers += layers_of(step, inputs)
            inputs = step.orbits * ORDER
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 10))
