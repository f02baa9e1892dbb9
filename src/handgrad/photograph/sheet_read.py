"""A photographed sheet read back: the four marks found, the page straightened, each box cut out and fitted."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import UsageError
from handgrad.photograph.fit import Bytes, fit
from handgrad.photograph.library import opencv
from handgrad.photograph.paper import as_mask, ink_of
from handgrad.photograph.sheet import BAR, COUNT, HIGH, INSET, WIDE, box_place, mark_centres

SCALE = 6.0
"""Pixels a millimetre of the straightened page: a box of 88, four for each of the 20 that a digit gets."""
# Every four of them are tried, 10,626 combinations; the true ones are among the largest squares.
MOST_MARKS = 24
LEAST_INK = 0.004
"""The part of a box that ink covers at least: a speck of dust is less."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """What was read: ``images [n, 28, 28]`` of the boxes that are written in, their ``rows`` (the digit meant) and ``columns``,
    and the straightened page in grey."""

    images: Bytes
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    page: Bytes


def read_sheet(grey: Bytes) -> Sheet:
    """Return the digits on a photographed sheet; raises `UsageError` where its four marks are not found, or it is empty."""
    page = straightened(grey)
    images, places = [], []
    for row in range(COUNT):
        for column in range(COUNT):
            image = box_image(page, row, column)
            if image is not None:
                images.append(image)
                places.append((row, column))
    if not images:
        raise UsageError("all boxes of the sheet are empty – write digits into it, or leave out --sheet")
    rows, columns = np.array(places, np.int64).T
    return Sheet(np.array(images, np.uint8), rows, columns, page)


def straightened(grey: Bytes) -> Bytes:
    """Return the page between its marks as seen from above, upright, `SCALE` pixels a millimetre."""
    cv2 = opencv()
    corners = in_order(four_marks(grey))
    size = round(WIDE * SCALE), round(HIGH * SCALE)
    wanted = np.array(mark_centres(), np.float32) * SCALE
    best, darkest = None, 256.0
    for turn in range(4):
        lens = cv2.getPerspectiveTransform(np.roll(corners, -turn, axis=0).astype(np.float32), wanted)
        page = cv2.warpPerspective(grey, lens, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        x, y, wide, high = (round(each * SCALE) for each in (BAR[0] + 1, 0.5, BAR[2] - 2, 1.5))
        # The bar's lower half lies on the page between the marks; three of the four turns have paper there.
        tone = float(page[y : y + high, x : x + wide].mean()) / max(1.0, float(np.median(page)))
        if tone < darkest:
            best, darkest = page, tone
    assert best is not None
    return np.asarray(best, np.uint8)


def four_marks(grey: Bytes) -> NDArray[np.float64]:
    """Return the centres ``[4, 2]`` (x, y) of the four marks, in any order: those of the most equal size that span the most."""
    found = nested_squares(grey)
    if len(found) < 4:
        raise UsageError(
            f"the sheet's four corner marks are not all on the picture, {len(found)} found – photograph the whole page, flat"
        )
    found = sorted(found, key=lambda each: -each[2])[:MOST_MARKS]
    best, most = None, 0.0
    for four in combinations(found, 4):
        points = np.array([each[:2] for each in four])
        sizes = [each[2] for each in four]
        hull = opencv().convexHull(points.astype(np.float32))
        area = float(opencv().contourArea(hull))
        # In perspective a far mark is smaller, rarely by half along its side.
        if len(hull) == 4 and max(sizes) <= 5 * min(sizes) and area > most:
            best, most = points, area
    if best is None:
        raise UsageError("the sheet's four corner marks do not form a rectangle – photograph the whole page, flat")
    return np.asarray(best, np.float64)


def nested_squares(grey: Bytes) -> list[tuple[float, float, float]]:
    """Return centre and area of each black square in a white one in a black one."""
    cv2 = opencv()
    found: list[tuple[float, float, float]] = []
    # A small block follows hard shadows, a large one finds large marks whole.
    for block in (31, 101):
        local = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY_INV, block, 12)
        contours, tree = cv2.findContours(local, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
        if tree is None:
            continue
        for outer, (_, _, white, _) in enumerate(tree[0]):
            core = tree[0][white][2] if white >= 0 else -1
            if core < 0:
                continue
            three = [contours[each] for each in (outer, white, core)]
            areas = [float(cv2.contourArea(each)) for each in three]
            if is_mark(three, areas):
                x, y = np.mean([centre_of(each) for each in three], axis=0)
                if all(np.hypot(x - a, y - b) > 5 for a, b, _ in found):
                    found.append((float(x), float(y), areas[0]))
    return found


def is_mark(three: list[Any], areas: list[float]) -> bool:
    """Whether three nested outlines have the sizes of a mark's squares, about one centre."""
    if areas[2] < 6 or not 1.6 < areas[0] / max(areas[1], 1) < 6 or not 1.6 < areas[1] / areas[2] < 9:
        return False
    centres = np.array([centre_of(each) for each in three])
    if np.ptp(centres, axis=0).max() > 0.15 * np.sqrt(areas[0]):
        return False
    (_, _), sides, _ = opencv().minAreaRect(three[0])
    return bool(min(sides) > 0.45 * max(sides) and areas[0] > 0.75 * sides[0] * sides[1])


def centre_of(contour: Any) -> tuple[float, float]:
    """Return the centre of an outline."""
    moments = opencv().moments(contour)
    if moments["m00"] == 0:
        return tuple(contour.reshape(-1, 2).mean(axis=0))
    return moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]


def in_order(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return four points clockwise, as seen with y downwards."""
    away = points - points.mean(axis=0)
    return points[np.argsort(np.arctan2(away[:, 1], away[:, 0]))]


def box_image(page: Bytes, row: int, column: int) -> Bytes | None:
    """Return the digit in a box as the network sees it, None where the box is empty."""
    place = box_place(row, column)
    left, top = round((place.x + INSET) * SCALE), round((place.y + INSET) * SCALE)
    side = round((place.wide - 2 * INSET) * SCALE)
    found = ink_of(page[top : top + side, left : left + side], "dark")
    if found is None or found.mask.mean() < LEAST_INK:
        return None
    kept = own_parts(found.mask)
    if kept.mean() < LEAST_INK:
        return None
    near = as_mask(opencv().dilate(kept.astype(np.uint8), np.ones((5, 5), np.uint8)))
    fitted = fit(np.where(near, found.ink, 0).astype(np.uint8))
    return None if fitted is None else fitted.image


def own_parts(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a box's ink without specks, and without what only reaches in from its frame."""
    cv2 = opencv()
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    kept = np.zeros(count, bool)
    largest = max((int(stats[n][4]) for n in range(1, count)), default=0)
    for n in range(1, count):
        x, y, wide, high, area = (int(each) for each in stats[n])
        at_edge = x == 0 or y == 0 or x + wide == mask.shape[1] or y + high == mask.shape[0]
        thin = min(wide, high) <= 4
        kept[n] = area >= max(8, largest // 30) and not (at_edge and thin and area < largest)
    return np.asarray(kept[labels], bool)
