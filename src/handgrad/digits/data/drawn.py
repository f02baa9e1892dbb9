"""Draws handwritten-looking digits, so that training works where no data set can be had. Plain numpy.

A digit is a few pen strokes through named points. Each image shifts the points, bends, slants, turns and stretches the
whole, fits it into 20×20 pixels and puts its centre of mass near the centre of 28×28, as MNIST's images were made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handgrad.digits.data.glyphs import GLYPHS, Glyph

Floats = npt.NDArray[np.float32]

SIDE = 28
# As in MNIST: digits were fitted into 20×20 and centred by mass in 28×28.
_BOX = 20.0
_SAMPLES = 10  # points on each piece of a stroke: about a pixel apart
# Each pixel looks at every point of the strokes: all images at once would take gigabytes.
_BATCH = 500


@dataclass(frozen=True, eq=False)
class _Ink:
    """Where the pen was: ``points`` ``[n, samples, 2]`` (x, y), and ``length`` of stroke ``[n, samples]`` at each."""

    points: Floats
    length: Floats


def draw_digits(count: int, seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Draw *count* digits: images uint8 ``[count, 28, 28]``, ink 255 on ground 0, and labels uint8 ``[count]``.

    The digits come in random order and each makes up a tenth of them, to within one image. The same *count* and
    *seed* give the same images.
    """
    order = np.random.default_rng(seed)
    # A permutation of equal shares and not a draw: a test set with 7 % of ones would move every accuracy.
    labels = order.permutation(np.arange(count) % 10).astype(np.uint8)
    styles = order.random(count)
    images = np.zeros((count, SIDE, SIDE), dtype=np.uint8)
    for digit, glyphs in enumerate(GLYPHS):
        style = np.floor(styles * len(glyphs))
        for number, glyph in enumerate(glyphs):
            # A generator for each shape, so that a new shape added later leaves the digits of the others as they
            # were.
            rng = np.random.default_rng((seed, digit, number))
            chosen = np.flatnonzero((labels == digit) & (style == number))
            for batch in np.split(chosen, range(_BATCH, len(chosen), _BATCH)):
                images[batch] = _draw(glyph, len(batch), rng)
    return images, labels


def _draw(glyph: Glyph, count: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Draw one glyph *count* times, uint8 ``[count, 28, 28]``."""
    radius = np.clip(rng.lognormal(0.2, 0.25, count), 0.7, 2.0).astype(np.float32)
    ink = _trace(_hand(glyph, count, rng), glyph)
    ink = _place(ink, radius, rng)
    return _render(ink, radius, _pressure(ink, rng))


def _hand(glyph: Glyph, count: int, rng: np.random.Generator) -> Floats:
    """Return the glyph's points as *count* different hands would set them, ``[count, points, 2]``."""
    # Around the middle, so that turning and stretching do not move it away.
    model = np.array(glyph.points, dtype=np.float32) - np.float32(0.5)
    shake = 0.04 * rng.lognormal(0.0, 0.35, (count, 1, 1))
    loose = rng.standard_normal((count, len(model) + 2, 2))
    # Neighbouring points move partly together, which changes shapes and leaves curves round.
    points = model + shake * (loose[:, :-2] + 1.4 * loose[:, 1:-1] + loose[:, 2:]) / 2
    x, y = points[..., 0], points[..., 1]
    x = x * rng.lognormal(0.1, 0.2, (count, 1))
    # In this order: bent, slanted, turned. A hand slants what it has bent; the paper turns all of it.
    x = x + rng.normal(0.0, 0.16, (count, 1)) * y * y
    x = x - np.clip(rng.normal(0.16, 0.22, (count, 1)), -0.4, 0.75) * y
    angle = rng.normal(0.0, 0.09, (count, 1))
    turned = (x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle))
    return np.stack(turned, axis=-1).astype(np.float32)


def _trace(points: Floats, glyph: Glyph) -> _Ink:
    """Follow the strokes: between two points runs a Catmull-Rom curve, sampled at the middle of equal steps."""
    t = (np.arange(_SAMPLES, dtype=np.float32) + np.float32(0.5)) / _SAMPLES
    position = np.stack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]) / 2
    speed = np.stack([-1 + 4 * t - 3 * t**2, -10 * t + 9 * t**2, 1 + 8 * t - 9 * t**2, 3 * t**2 - 2 * t]) / 2
    corners = np.stack([points[:, piece] for piece in _pieces(glyph)], axis=1)
    flat = (len(points), corners.shape[1] * _SAMPLES, 2)
    where = np.einsum("npcd,cs->npsd", corners, position).reshape(flat)
    velocity = np.einsum("npcd,cs->npsd", corners, speed).reshape(flat)
    return _Ink(where, np.linalg.norm(velocity, axis=-1) / np.float32(_SAMPLES))


def _pieces(glyph: Glyph) -> Iterator[list[int]]:
    """Yield the four points that shape each piece; the ends of a stroke count twice."""
    for stroke in glyph.strokes:
        # A Catmull-Rom curve needs a neighbour on either side of each piece; twice the end point lets it end
        # straight.
        ends = [stroke[0], *stroke, stroke[-1]]
        yield from (ends[start : start + 4] for start in range(len(stroke) - 1))


def _place(ink: _Ink, radius: Floats, rng: np.random.Generator) -> _Ink:
    """Scale to the box of 20×20 pixels, stroke width included, and move the centre of mass near the middle."""
    count = len(radius)
    extent = (ink.points.max(axis=1) - ink.points.min(axis=1)).max(axis=1)
    size = rng.uniform(0.88, 1.0, count).astype(np.float32) * np.float32(_BOX) - 2 * radius
    scale = (size / extent)[:, None]
    mass = ink.length[..., None] / ink.length.sum(axis=1)[:, None, None]
    centre = (ink.points * mass).sum(axis=1, keepdims=True)
    shift = np.clip(rng.normal(0.0, 0.6, (count, 1, 2)), -1.5, 1.5) + (SIDE - 1) / 2
    return _Ink((ink.points - centre) * scale[..., None] + shift.astype(np.float32), ink.length * scale)


def _pressure(ink: _Ink, rng: np.random.Generator) -> Floats:
    """Return a slow swell of the pen along the strokes, around 1, ``[n, samples]``."""
    count = len(ink.length)
    along = np.cumsum(ink.length, axis=1) / ink.length.sum(axis=1, keepdims=True)
    phase = rng.uniform(0, 2 * np.pi, (count, 1))
    waves = rng.uniform(0.5, 2.5, (count, 1))
    strength = rng.uniform(0.0, 0.3, (count, 1))
    swell: Floats = np.exp(strength * np.sin(phase + 2 * np.pi * waves * along)).astype(np.float32)
    return swell


def _render(ink: _Ink, radius: Floats, pressure: Floats) -> npt.NDArray[np.uint8]:
    """Ink the strokes with soft edges.

    A line integral of Gaussians along the stroke stands for the distance to it: beside a straight stroke the integral
    is exp(-d²/2σ²) exactly, where strokes meet it runs together as ink does, and as a Gaussian parts into x and y,
    all pixels of an image are one matrix product.
    """
    sigma = np.float32(0.25) + np.float32(0.4) * radius[:, None, None]
    pixels = np.arange(SIDE, dtype=np.float32)
    spread_x, spread_y = (
        np.exp(-(((pixels[None, :, None] - ink.points[:, None, :, axis]) / sigma) ** 2) / 2) for axis in (0, 1)
    )
    weight = ink.length * pressure / (sigma[:, 0] * np.float32(np.sqrt(2 * np.pi)))
    field = spread_y @ (spread_x * weight[:, None, :]).transpose(0, 2, 1)
    distance = sigma * np.sqrt(-2 * np.log(np.clip(field, 1e-9, 1.0)))
    cover = np.clip((radius[:, None, None] - distance) / np.float32(1.3) + np.float32(0.5), 0, 1)
    inked: npt.NDArray[np.uint8] = np.round(255 * cover).astype(np.uint8)
    return inked
