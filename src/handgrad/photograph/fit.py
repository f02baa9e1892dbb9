"""One digit as MNIST has it: a grey picture of any size in, the 28×28 bytes that the network sees out.

The steps are those by which MNIST was made (LeCun et al., Proc. IEEE 86, 1998, section III.A): the ink's box fitted into 20×20,
the centre of mass in the middle of 28×28; and one more before them, the stroke brought to a width that MNIST has. Numpy and
plain arithmetic alone, in an order that another language can repeat: the page's pad does. `tests/fixtures/fit.json` holds
pictures with what becomes of them, for both.

Everything here is about *ink*: 0 is paper, 255 is ink. What makes ink of a photograph is `handgrad.photograph.paper`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]

SIDE, INSIDE = 28, 20
"""The image, and the square that the ink is fitted into, in pixels."""
INK = 20
"""What is darker counts for the box; a tenth of black and less is the soft edge or noise."""
WORKING = 160
"""Pixels along the longer side while the stroke is measured and changed: eight to each of the 20."""
THINNEST, THICKEST = 1.6, 4.5
"""Stroke widths between which a stroke stays as it is, in pixels of 28×28. Of 10,000 training digits 98 % lie between 1.60 and
4.55, 80 % between 1.89 and 3.45, and half below 2.49."""
WIDENED_TO, NARROWED_TO = 2.2, 3.6
"""What a stroke is brought to that lies outside: well inside of what MNIST has."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """The image ``[28, 28]``, the box ``(top, left, bottom, right)`` of the ink, and the stroke's width before and after.

    Widths are in pixels of the 28×28 image.
    """

    image: Bytes
    box: tuple[int, int, int, int]
    width: float
    changed_to: float | None


def fit(ink: Bytes, *, stroke: bool = True) -> Fitted | None:
    """Return *ink* ``[rows, columns]`` (0 paper, 255 ink) as the network sees it, None where there is no ink.

    1. The box of what is darker than `INK`. 2. That part resampled so that its longer side is `WORKING` pixels, the stroke's
    width measured (`stroke_width`) and, outside `THINNEST` … `THICKEST`, its edge moved out or in (`with_edge_moved`). 3. The
    result (where nothing was moved, the part itself) resampled so that the longer side is 20. 4. Placed so that its centre of
    mass is nearest to the middle of 28×28, all of it inside. Without *stroke* step 2 is left out, which is what textbooks do.
    """
    box = ink_box(ink)
    if box is None:
        return None
    top, left, bottom, right = box
    part = ink[top:bottom, left:right].astype(np.float64)
    large = scaled(part, WORKING)
    longer = max(part.shape)
    # At the size that the network will see, where the limits were measured on MNIST.
    width = stroke_width(part) * INSIDE / longer
    wanted = WIDENED_TO if width < THINNEST else NARROWED_TO if width > THICKEST else width
    moved = stroke and wanted != width
    if moved:
        # On the large picture: a fraction of a pixel of the small one is some pixels here.
        part = with_edge_moved(large, distance_to_move(width, wanted))
        cut = ink_box(part)
        if cut is None:
            return None
        part = part[cut[0] : cut[2], cut[1] : cut[3]]
    return Fitted(centred(scaled(part, INSIDE)), box, width, wanted if moved else None)


def ink_box(ink: NDArray[Any]) -> tuple[int, int, int, int] | None:
    """Return ``(top, left, bottom, right)`` around what is at least `INK`, the last two exclusive; None for no ink."""
    rows, columns = np.flatnonzero((ink >= INK).any(axis=1)), np.flatnonzero((ink >= INK).any(axis=0))
    if not len(rows):
        return None
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def stroke_width(ink: NDArray[Any]) -> float:
    """Return the mean width of the strokes, in pixels of *ink*: twice the area by the length of the edge.

    A stroke of length l and width w has the area l·w and an edge of 2·l. Both are taken from the grey values, so that a soft
    edge counts in part: the area is Σ ink, the edge the sum of the gradient's lengths, each over a square of four pixels, which
    is right along the axes and on the diagonal.
    """
    wide = np.pad(ink.astype(np.float64), 1)
    left_up, right_up, left_down, right_down = wide[:-1, :-1], wide[:-1, 1:], wide[1:, :-1], wide[1:, 1:]
    across = (right_up + right_down - left_up - left_down) / 2
    down = (left_down + right_down - left_up - right_up) / 2
    edge = np.sqrt(across**2 + down**2).sum()
    return float(2 * wide.sum() / edge) if edge else 0.0


def distance_to_move(width: float, wanted: float) -> float:
    """Return how far the edge of a stroke moves out (negative: in) at the scale of `WORKING`.

    Moving by r makes the stroke 2·r wider and the whole digit as well, which then shrinks to 20 again: from
    ``(w + 2r) · 20 / (L + 2r) = wanted`` with L = `WORKING` and w = the width there.
    """
    return (wanted - width) * WORKING / (2 * (INSIDE - wanted))


def with_edge_moved(ink: Floats, distance: float) -> Floats:
    """Return *ink* with its edge moved out by *distance* pixels (negative: in), the picture grown by as much all round.

    The edge is where the ink is half black. Every pixel whose distance from the other side of the edge is less than
    *distance* changes sides; at the new edge it changes in part, so that it stays soft.
    """
    margin = max(0, int(np.ceil(distance))) + 1
    inside = np.pad(ink >= 127.5, margin)
    # Distances lie between centres of pixels: the edge is half a pixel before the nearest of the other side.
    outwards = distances(inside) - 0.5
    inwards = distances(~inside) - 0.5
    signed = np.where(inside, -inwards, outwards)
    return np.asarray(255 * np.clip(distance - signed + 0.5, 0, 1))


def distances(marked: NDArray[np.bool_]) -> Floats:
    """Return for each pixel how far the nearest marked one is, centre to centre; a large number where none is marked.

    Two passes: within each column by counting, then across the columns the least ``√((x - x')² + d(x')²)``.
    """
    rows, columns = marked.shape
    # Farther than any two pixels lie apart.
    far = float(rows + columns)
    down = np.where(marked, 0.0, far)
    for row in range(1, rows):
        down[row] = np.minimum(down[row], down[row - 1] + 1)
    for row in range(rows - 2, -1, -1):
        down[row] = np.minimum(down[row], down[row + 1] + 1)
    across = (np.arange(columns)[:, None] - np.arange(columns)) ** 2.0
    squares = down**2
    return np.asarray(np.sqrt(np.stack([(row[None, :] + across).min(axis=1) for row in squares])))


def scaled(ink: Floats, longer: int) -> Floats:
    """Return *ink* resampled so that its longer side has *longer* pixels, at least one along the other."""
    factor = longer / max(ink.shape)
    # floor(x + 0.5) and not round(), which goes to even at a half: JavaScript has the first alone, and both must agree.
    rows, columns = (max(1, int(np.floor(side * factor + 0.5))) for side in ink.shape)
    down, across = (weights(*each) for each in ((ink.shape[0], rows), (ink.shape[1], columns)))
    return np.asarray(down @ ink @ across.T)


def weights(length: int, parts: int) -> Floats:
    """Return ``[parts, length]``: what each of *parts* new pixels takes from the old ones along a side of *length*.

    Fewer pixels: the mean of what each covers. More: straight lines between the centres of the old ones.
    """
    size = length / parts
    if parts <= length:
        starts = np.arange(parts)[:, None] * size
        places = np.arange(length)[None, :]
        covered = np.minimum(starts + size, places + 1) - np.maximum(starts, places)
        return np.asarray(np.clip(covered, 0, None) / size)
    places = np.clip((np.arange(parts) + 0.5) * size - 0.5, 0, length - 1)
    return np.asarray(np.clip(1 - np.abs(places[:, None] - np.arange(length)[None, :]), 0, None))


def centred(ink: Floats) -> Bytes:
    """Return *ink*, at most 20 along each side, in 28×28 with its centre of mass nearest to the middle, as bytes."""
    mass = ink.sum()
    rows, columns = ink.shape
    middle = ((np.arange(rows) + 0.5) @ ink.sum(axis=1) / mass, (np.arange(columns) + 0.5) @ ink.sum(axis=0) / mass)
    top, left = (
        # Moved back inside where the centre of mass would push a stroke over the edge.
        min(max(int(np.floor(SIDE / 2 - at + 0.5)), 0), SIDE - side)
        for at, side in zip(middle, ink.shape, strict=True)
    )
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[top : top + rows, left : left + columns] = np.clip(np.floor(ink + 0.5), 0, 255)
    return image
