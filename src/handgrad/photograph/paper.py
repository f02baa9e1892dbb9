"""From grey bytes to ink: the paper evened out, light writing turned dark, what is darker than paper by enough kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from handgrad.photograph.library import opencv

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Polarity = Literal["dark", "light"]
POLARITIES: tuple[Polarity, ...] = ("dark", "light")

BORDER = 0.06
"""The part of each side that is looked at for the paper's own brightness: nobody writes up to the edge."""
STROKES = (1.5, 3.0, 6.0)
"""Half widths of strokes that are looked for, in pixels of a picture of 2 · `SMALL`."""
SMALL = 160
"""Pixels along the longer side at which the paper is estimated: it changes slowly."""
WIDEST = 0.25
"""What is dark over less than this part of the picture is ink; over more, shadow."""
FAINT = 0.08
"""The least contrast of ink with its paper: a hard pencil has 0.2, the shadow of a crease 0.05."""
OF_FULL = 0.4
"""Ink is what has this part of the contrast of full ink: ruled lines are fainter, soft edges half as dark."""


@dataclass(frozen=True, eq=False)
class Ink:
    """``ink [rows, columns]``, 0 paper to 255 full ink; ``mask`` where there is ink; whether the writing was dark or light."""

    ink: Bytes
    mask: NDArray[np.bool_]
    polarity: Polarity


def ink_of(grey: Bytes, polarity: Polarity | None = None) -> Ink | None:
    """Return the ink on a picture of grey bytes; None where nothing stands out from the paper.

    *polarity* says whether the writing is darker than its ground or lighter; left out, the border against the strokes decides.
    """
    found = polarity or polarity_of(grey)
    dark = grey if found == "dark" else 255 - grey
    contrast = 1 - np.clip(dark / np.maximum(paper_of(dark), 1.0), 0, 1)
    level = full_ink(contrast)
    if level is None:
        return None
    noise = noise_of(contrast)
    threshold = max(OF_FULL * level, 4 * noise)
    if threshold >= level:
        return None
    mask = contrast > threshold
    # What lies below half the threshold is paper; between it and full ink the edge stays soft.
    floor = min(threshold / 2, 2 * noise)
    ink = np.clip((contrast - floor) / max(level - floor, 1e-6), 0, 1) * 255
    return Ink(np.asarray(ink + 0.5, np.uint8), mask, found)


def polarity_of(grey: Bytes) -> Polarity:
    """Return whether the strokes are darker or lighter than the ground.

    The border shows the ground: a plane is laid through its brightness, and what is far from the plane is strokes. Where the
    border is not even (a shadow lies over a part of it, or rules), thin things decide. Never the mean: of a thick white digit
    on black, or a photograph in the shade, it says the opposite.
    """
    plane, uneven = plane_through_border(grey)
    away = grey.astype(np.float64) - plane
    full = np.percentile(np.abs(away), 99.5)
    if uneven > 0.25 * full:
        return polarity_of_thin_things(grey)
    darker, lighter = -away[away < -0.4 * full].sum(), away[away > 0.4 * full].sum()
    return "dark" if darker >= lighter else "light"


def polarity_of_thin_things(grey: Bytes) -> Polarity:
    """Return whether thin things are darker or lighter than what is on both sides of them.

    Each pixel less the mean of its surroundings, in logarithms so that ink in the shade counts alike, cubed and summed: a thin
    dark line gives a few strongly negative numbers between many weak positive ones, the edge of a shadow as much of either.
    """
    cv2 = opencv()
    factor = min(1.0, 2 * SMALL / max(grey.shape))
    size = max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[0] * factor))
    small = np.log(cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float64) + 16)
    skew = 0.0
    for stroke in STROKES:
        away = cv2.GaussianBlur(small, (0, 0), stroke) - cv2.GaussianBlur(small, (0, 0), 2.5 * stroke)
        skew += float((away**3).sum())
    return "dark" if skew <= 0 else "light"


def plane_through_border(grey: Bytes) -> tuple[Floats, float]:
    """Return the plane of brightness that fits the border best, and how far the border lies from it (the 90 % point).

    Fitted twice, the second time without what is far from the first.
    """
    rows, columns = grey.shape
    y, x = np.mgrid[0:rows, 0:columns]
    wide = max(1, round(BORDER * min(rows, columns)))
    edge = np.ones(grey.shape, bool)
    edge[wide:-wide, wide:-wide] = False
    terms = np.stack([np.ones(edge.sum()), y[edge] / rows, x[edge] / columns], axis=1)
    values = grey[edge].astype(np.float64)
    keep = np.ones(len(values), bool)
    solution, apart = np.zeros(3), np.zeros(len(values))
    for _ in range(2):
        solution = np.linalg.lstsq(terms[keep], values[keep], rcond=None)[0]
        apart = np.abs(terms @ solution - values)
        keep = apart <= max(np.median(apart) * 3, 1.0)
    plane = solution[0] + solution[1] * y / rows + solution[2] * x / columns
    return np.asarray(plane), float(np.percentile(apart, 90))


def paper_of(dark: Bytes) -> Floats:
    """Return the brightness of the paper under dark writing: strokes filled from beside, then blurred."""
    cv2 = opencv()
    rows, columns = dark.shape
    factor = min(1.0, SMALL / max(rows, columns))
    size = max(1, round(columns * factor)), max(1, round(rows * factor))
    small = cv2.resize(dark, size, interpolation=cv2.INTER_AREA)
    # A speck of light is no paper: the median first, where the picture is large enough to lose nothing by it.
    small = cv2.medianBlur(small, 3) if min(size) > 60 else small
    reach = max(3, round(WIDEST * max(size))) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    # The edge is continued by its own values, or the paper there would be unknown.
    filled = cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel, borderType=cv2.BORDER_REPLICATE)
    smooth = cv2.GaussianBlur(filled.astype(np.float32), (0, 0), max(size) / 30)
    return np.asarray(cv2.resize(smooth, (columns, rows), interpolation=cv2.INTER_LINEAR), np.float64)


def noise_of(contrast: Floats) -> float:
    """Return the spread of the paper's own contrast, by the median: ink is the smaller part."""
    middle = np.median(contrast)
    return float(1.4826 * np.median(np.abs(contrast - middle)))


def full_ink(contrast: Floats) -> float | None:
    """Return the contrast of full ink, None where nothing has enough: the upper quartile of what stands out clearly."""
    out = contrast[contrast > max(FAINT, 5 * noise_of(contrast))]
    if len(out) < max(4, 1e-5 * contrast.size):
        return None
    # What is faint (ruled lines) may be the larger part of it: the quartile of the darker half of the range.
    upper = out[out > (out.min() + np.percentile(out, 99)) / 2]
    return float(np.median(upper)) if len(upper) else float(out.max())


def as_mask(values: Any) -> NDArray[np.bool_]:
    """Return OpenCV's bytes as a mask."""
    return np.asarray(values, bool)
