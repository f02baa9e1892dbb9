"""Random changes of whole batches on the device: an affine map for each image, the pen's width, a bent sheet."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from handgrad.digits.training.recipe import LIMITS, Augmentation
from handgrad.runs.kind import DIGITS, DataKind

PINS = 5
"""Along each side of an image: the points of the grid that an elastic distortion moves."""


def with_channels(images: Tensor) -> Tensor:
    """Return images ``[batch, height, width]`` or ``[batch, channels, height, width]`` as the latter."""
    return images.unsqueeze(1) if images.dim() == 3 else images


def normalise(images: Tensor, kind: DataKind = DIGITS) -> Tensor:
    """Turn bytes ``[batch, *kind.bytes_shape]`` into floats ``[batch, *kind.shape]``, channels last, normalised."""
    # Mean and deviation are stretched to bytes instead of the images to 0…1: one pass over the batch less.
    scaled = with_channels(images).float().sub(255 * kind.mean).div_(255 * kind.deviation)
    return scaled.contiguous(memory_format=torch.channels_last)


def augment(images: Tensor, recipe: Augmentation, generator: torch.Generator) -> Tensor:
    """Return *images* (bytes or floats in 0…255, ``[batch, *kind.bytes_shape]``), each changed at random, as floats.

    Every amount is drawn evenly from ± its limit: rotation and shear in degrees, shift in pixels along each axis, scale
    as a fraction, stroke in pixels, elastic in pixels along each axis at each point of a grid. What comes from outside the
    image is black. *generator* must live on the CPU: the numbers are drawn there and sent along, so that CPU and CUDA see
    the same changes.
    """
    if not recipe.any:
        return images.float()
    # Five numbers an image are drawn also where a limit is 0: a recipe that only changes the shift sees the same
    # rotations.
    amounts = torch.rand(amounts_drawn(recipe), len(images), generator=generator).mul_(2).sub_(1)
    return changed(images, recipe, amounts.to(images.device, non_blocking=True))


def annealed(recipe: Augmentation, done: float) -> Augmentation:
    """Return *recipe* as it stands when the part *done* (0…1) of the run lies behind: its limits shrink over the last part."""
    if done <= 1 - recipe.anneal:
        return recipe
    left = (1 - done) / recipe.anneal
    return replace(recipe, **{name: getattr(recipe, name) * left for name in LIMITS})


def amounts_drawn(recipe: Augmentation) -> int:
    """Return how many numbers are drawn for an image: more than five only where a recipe asks for a stroke or for elastic."""
    # So recipes without them train to the same bytes as before there were any.
    return 5 + bool(recipe.stroke) + (2 * PINS**2 if recipe.elastic else 0)


def with_stroke(images: Tensor, limit: float, amounts: Tensor) -> Tensor:
    """Return floats ``[batch, side, side]`` with the edge of the ink moved out (in) by ``limit · amounts[batch]`` pixels.

    For grey images: in colour there is no ink. A whole pixel is the largest (smallest) of a pixel and its four neighbours; a
    part of one lies as far between.
    """
    inputs = F.pad(images.unsqueeze(1), (1, 1, 1, 1))
    sides = [inputs[:, :, 1:-1, 1:-1], inputs[:, :, :-2, 1:-1], inputs[:, :, 2:, 1:-1], inputs[:, :, 1:-1, :-2]]
    around = torch.cat([*sides, inputs[:, :, 1:-1, 2:]], dim=1)
    part = (limit * amounts).view(-1, 1, 1)
    return images + part.clamp(min=0) * (around.amax(1) - images) - part.clamp(max=0) * (around.amin(1) - images)


def changed(images: Tensor, recipe: Augmentation, amounts: Tensor) -> Tensor:
    """Return *images* ``[batch, *kind.bytes_shape]`` as floats, changed as *amounts* ``[amounts_drawn, batch]`` in -1…1 say."""
    if recipe.stroke:
        # Before the map, whose sampling would blur an edge that is then moved.
        images = with_stroke(images.float(), recipe.stroke, amounts[5])
    # Not align_corners: a shift of one pixel is then 2 / size, and the corner pixels' outer edges are at ±1.
    planes = with_channels(images)
    grid = F.affine_grid(matrices(amounts, recipe, images.shape[-1]), list(planes.shape), False)
    if recipe.elastic:
        grid = grid + bent(amounts[-2 * PINS**2 :], recipe.elastic, images.shape[-1])
    moved = F.grid_sample(planes.float(), grid, padding_mode="zeros", align_corners=False)
    return moved.reshape(images.shape)


def bent(amounts: Tensor, limit: float, size: int) -> Tensor:
    """Return how far each position of an image of *size* pixels moves: ``[batch, size, size, 2]``, as ``affine_grid`` has it.

    *amounts* ``[2 · PINS², batch]`` in -1…1 say it at the points of a grid over the image, along x and then along y; a cubic
    surface through them says it between. An elastic distortion as in *Best Practices for Convolutional Neural Networks Applied
    to Visual Document Analysis* (ICDAR 2003), where one random number for each pixel is smoothed instead.
    """
    pins = (amounts.t() * (2 * limit / size)).reshape(-1, 2, PINS, PINS)
    return F.interpolate(pins, size=(size, size), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)


def matrices(amounts: Tensor, recipe: Augmentation, size: int) -> Tensor:
    """Return the affine maps ``[batch, 2, 3]`` from output to input positions for *amounts* ``[5 or more, batch]`` in -1…1.

    The first rows of *amounts* are rotation, shear, scale, shift along x, shift along y, each as a part of the recipe's limit.
    Positions run from -1 to 1 over an image of *size* pixels, as ``affine_grid`` takes them.
    """
    angle = amounts[0] * math.radians(recipe.rotation)
    shear = torch.tan(amounts[1] * math.radians(recipe.shear))
    # The map goes from output to input, so a picture enlarged by 1.1 is read at positions 1.1 times closer.
    zoom = 1 / (1 + amounts[2] * recipe.scale)
    shift = amounts[3:5] * (2 * recipe.shift / size)
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    return torch.stack((cos, cos * shear - sin, shift[0], sin, sin * shear + cos, shift[1]), dim=1).view(-1, 2, 3)
