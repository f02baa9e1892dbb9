"""The digits on a picture's ink: ruled lines and specks taken away, parts of one digit joined, from left to right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.photograph.library import opencv
from handgrad.photograph.paper import Ink

Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]

# More is a texture (squared paper, cloth), no writing.
MOST_DIGITS = 60
ONE_DIGIT = 40
"""A picture of at most so many pixels, as MNIST's own, holds one digit, however many parts it has."""
MOST_COVERED = 0.45
"""Ink on more of the picture than this is no writing: a photograph of something else, or a wrong polarity."""
LONG_LINE = 0.8
"""A straight line over this part of the picture's width or height is a rule of the paper, which runs from edge to edge: the
bar of a 7 does not, not even in MNIST's own framing, where a digit takes 20 of 28."""


@dataclass(frozen=True, eq=False)
class Found:
    """One digit: its box ``(top, left, bottom, right)`` on the picture, and its ink alone, cut out."""

    box: Box
    ink: Bytes


@dataclass(frozen=True)
class Refused:
    """Why nothing on a picture is taken for a digit."""

    reason: str


def find_digits(found: Ink) -> list[Found] | Refused:
    """Return the digits on a picture, line by line and from left to right, or why there are none."""
    mask = without_rules(found.mask)
    if mask.mean() > MOST_COVERED:
        return Refused("most of it is ink: this is not writing on paper – if it is, give --polarity")
    labels, boxes, sizes = components(mask)
    kept = drop_specks(boxes, sizes)
    if not kept:
        return Refused("there is no ink on it")
    groups = [kept] if max(mask.shape) <= ONE_DIGIT else join_parts({number: boxes[number] for number in kept})
    if len(groups) > MOST_DIGITS:
        return Refused(f"{len(groups)} marks on it: a text or a pattern, not digits")
    ordered = in_reading_order([(box_around([boxes[n] for n in group]), group) for group in groups])
    return [Found(box, cut_out(found.ink, labels, box, group)) for box, group in ordered]


def components(mask: Mask) -> tuple[NDArray[np.int32], dict[int, Box], dict[int, int]]:
    """Return the number of the connected part each pixel belongs to (0: none), and box and size of each part."""
    cv2 = opencv()
    # Eight neighbours: a thin stroke that goes diagonally hangs together by its corners.
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    boxes = {n: (int(s[1]), int(s[0]), int(s[1] + s[3]), int(s[0] + s[2])) for n, s in enumerate(stats) if n}
    return labels, boxes, {n: int(stats[n][4]) for n in range(1, count)}


def drop_specks(boxes: dict[int, Box], sizes: dict[int, int]) -> list[int]:
    """Return the parts that are not specks: not small beside the largest, in area and in height."""
    if not sizes:
        return []
    largest = max(sizes.values())
    tallest = max(height(box) for box in boxes.values())
    # Beside the largest and not a number of pixels: pictures come in all sizes.
    least = max(6, largest // 40)
    return [n for n in sizes if sizes[n] >= least and max(height(boxes[n]), width(boxes[n])) >= 0.12 * tallest]


def join_parts(boxes: dict[int, Box]) -> list[list[int]]:
    """Return the parts in groups, one a digit: the bar of a 5 or the lid of a 7 stands over, or close to, its body."""
    groups = [[number] for number in boxes]
    usual = float(
        # The median of what is at least half as high as the highest: bars and dots are not to lower it.
        np.median([height(box) for box in boxes.values() if height(box) >= 0.5 * max(map(height, boxes.values()))])
    )
    # Again after each pair: a group that has grown may now reach a third part.
    joined = True
    while joined:
        joined = False
        for first in range(len(groups)):
            for second in range(first + 1, len(groups)):
                one, other = (box_around([boxes[n] for n in groups[g]]) for g in (first, second))
                if belong_together(one, other, usual):
                    groups[first] += groups.pop(second)
                    joined = True
                    break
            if joined:
                break
    return groups


def belong_together(one: Box, other: Box, usual: float) -> bool:
    """Whether two boxes are parts of one digit, the *usual* height of digits on this picture given."""
    both = box_around([one, other])
    narrow = min(width(one), width(other))
    across = min(one[3], other[3]) - max(one[1], other[1])
    apart = max(one[0], other[0]) - min(one[2], other[2])
    over = across >= 0.4 * narrow and apart <= 0.3 * usual
    small = min(height(one), height(other)) < 0.55 * usual
    near = small and -across <= 0.15 * usual and apart <= 0.12 * usual
    if apart < 0 < across and min(height(one), height(other)) < 0.75 * height(both):
        # Their boxes lie in each other, and one is not a whole digit: a stroke that broke where the pen skipped.
        return -apart * across >= 0.08 * min(height(one) * width(one), height(other) * width(other))
    return (over or near) and height(both) <= 1.45 * usual


def in_reading_order(found: list[tuple[Box, list[int]]]) -> list[tuple[Box, list[int]]]:
    """Return digits line by line: what overlaps by half its height with a line belongs to it."""
    lines: list[list[tuple[Box, list[int]]]] = []
    # From the top, so that the first digit of a line opens it.
    for each in sorted(found, key=lambda item: item[0][0]):
        box = each[0]
        for line in lines:
            top, bottom = min(b[0] for b, _ in line), max(b[2] for b, _ in line)
            if min(bottom, box[2]) - max(top, box[0]) >= 0.5 * min(height(box), bottom - top):
                line.append(each)
                break
        else:
            lines.append([each])
    return [each for line in lines for each in sorted(line, key=lambda item: item[0][1])]


def cut_out(ink: Bytes, labels: NDArray[np.int32], box: Box, group: list[int]) -> Bytes:
    """Return the ink in *box* that belongs to the parts of *group*, with the soft edge round them; the neighbours' ink is 0."""
    cv2 = opencv()
    top, left, bottom, right = widened(box, 2, ink.shape)
    own = np.isin(labels[top:bottom, left:right], group).astype(np.uint8)
    # Two pixels farther than the mask: the soft edge of a stroke lies outside of it.
    near = cv2.dilate(own, np.ones((5, 5), np.uint8)).astype(bool)
    return np.where(near, ink[top:bottom, left:right], 0).astype(np.uint8)


def without_rules(mask: Mask) -> Mask:
    """Return *mask* without the ruled lines of the paper, lying or standing; strokes that cross one stay."""
    if min(mask.shape) < 80:
        return mask
    lying = without_lying_rules(mask)
    # Standing rules are lying ones of the picture on its side.
    return without_lying_rules(lying.T).T


def without_lying_rules(mask: Mask) -> Mask:
    """Return *mask* without thin lines that run across more than `LONG_LINE` of its width, up to 10° askew.

    Along each line, what is about as high as the line itself goes; where ink is higher, a stroke crosses and stays.
    """
    cv2 = opencv()
    columns = mask.shape[1]
    bytes_ = mask.astype(np.uint8) * 255
    least = round(LONG_LINE * columns)
    lines = cv2.HoughLinesP(
        bytes_, 1, np.pi / 720, threshold=least // 2, minLineLength=least, maxLineGap=max(4, columns // 40)
    )
    if lines is None:
        return mask
    runs = run_heights(mask)
    result = mask.copy()
    # A squared page has some dozens of lines; a picture of thousands is no page.
    for x1, y1, x2, y2 in np.asarray(lines).reshape(-1, 4)[:200]:
        if x1 == x2 or abs((y2 - y1) / (x2 - x1)) > 0.18:
            continue
        xs = np.arange(columns)
        ys = np.clip(np.round(y1 + (xs - x1) * (y2 - y1) / (x2 - x1)).astype(int), 0, len(mask) - 1)
        on = mask[ys, xs]
        if on.mean() < LONG_LINE * 0.85:
            continue
        # Not the median: where digits stand close on the line more than half of its columns may be crossed.
        thin = np.percentile(runs[ys, xs][on], 40)
        take_away(result, runs, (xs, ys), thin)
    return result


def take_away(
    mask: Mask, runs: NDArray[np.int32], line: tuple[NDArray[np.int64], NDArray[np.int64]], thin: float
) -> None:
    """Clear, along *line*, the upright runs of ink that are at most half as high again as the line is *thin*."""
    reach = int(thin) + 2
    for x, y in zip(*line, strict=True):
        top, bottom = max(0, y - reach), min(len(mask), y + reach + 1)
        column = runs[top:bottom, x]
        mask[top:bottom, x] &= (column > 1.5 * thin + 1) | (column == 0)


def run_heights(mask: Mask) -> NDArray[np.int32]:
    """Return for each pixel of ink how many lie in one piece above and below it, itself counted; 0 for paper."""
    down = np.zeros(mask.shape, np.int32)
    up = np.zeros(mask.shape, np.int32)
    for row in range(len(mask)):
        down[row] = np.where(mask[row], (down[row - 1] if row else 0) + 1, 0)
        back = len(mask) - 1 - row
        up[back] = np.where(mask[back], (up[back + 1] if row else 0) + 1, 0)
    return np.where(mask, down + up - 1, 0).astype(np.int32)


def height(box: Box) -> int:
    """Return the height of a box."""
    return box[2] - box[0]


def width(box: Box) -> int:
    """Return the width of a box."""
    return box[3] - box[1]


def box_around(boxes: list[Box]) -> Box:
    """Return the smallest box around others."""
    return (
        min(box[0] for box in boxes), min(box[1] for box in boxes), max(box[2] for box in boxes), max(box[3] for box in boxes)
    )  # fmt: skip


def widened(box: Box, by: int, shape: tuple[int, ...]) -> Box:
    """Return *box* wider by *by* pixels all round, inside a picture of *shape*."""
    return max(0, box[0] - by), max(0, box[1] - by), min(shape[0], box[2] + by), min(shape[1], box[3] + by)
