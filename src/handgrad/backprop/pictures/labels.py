"""Where the numbers on arrows stand, so that none covers another; and the same numbers as tables where they cannot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CHARACTER, LINE = 0.08, 0.2
"""Inches that a character of a label and its line take, the white edge around them among it (8.5 points)."""
PLACES = tuple(0.3 + 0.02 * step for step in range(21))
"""How far along its arrow a number may stand: nearer to a unit it would look like the unit's own."""


@dataclass(frozen=True)
class Box:
    """A label on its arrow: the middle in inches, its length and height, the arrow's angle in radians."""

    x: float
    y: float
    length: float
    height: float
    angle: float

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """Return the four corners."""
        along = (math.cos(self.angle) * self.length / 2, math.sin(self.angle) * self.length / 2)
        up = (-math.sin(self.angle) * self.height / 2, math.cos(self.angle) * self.height / 2)
        signs = ((1, 1), (1, -1), (-1, -1), (-1, 1))
        return tuple((self.x + a * along[0] + b * up[0], self.y + a * along[1] + b * up[1]) for a, b in signs)

    def meets(self, other: Box) -> bool:
        """Return whether the two cover each other: they do unless a line along a side of one parts them."""
        for angle in (self.angle, self.angle + math.pi / 2, other.angle, other.angle + math.pi / 2):
            ours, theirs = (
                [x * math.cos(angle) + y * math.sin(angle) for x, y in box.corners] for box in (self, other)
            )
            if max(ours) <= min(theirs) or max(theirs) <= min(ours):
                return False
        return True


Point = tuple[float, float]


def boxes(arrows: Sequence[tuple[Point, Point]], texts: Sequence[str]) -> list[Box] | None:
    """Return a place for the text of each arrow, or None where they cannot all be read.

    First all at the same part of the way, which looks calm; where that fails, each where it finds room.
    """
    for part in sorted(PLACES, key=lambda one: abs(one - 0.4)):
        found = [_box(arrow, text, part) for arrow, text in zip(arrows, texts, strict=True)]
        if not any(one.meets(two) for number, one in enumerate(found) for two in found[:number]):
            return found
    placed: list[Box] = []
    for arrow, text in zip(arrows, texts, strict=True):
        tried = (_box(arrow, text, part) for part in PLACES)
        free = next((box for box in tried if not any(box.meets(other) for other in placed)), None)
        if free is None:
            return None
        placed.append(free)
    return placed


def _box(arrow: tuple[Point, Point], text: str, part: float) -> Box:
    (x, y), (to_x, to_y) = arrow
    angle = math.atan2(to_y - y, to_x - x)
    middle = (x * (1 - part) + to_x * part, y * (1 - part) + to_y * part)
    return Box(*middle, CHARACTER * len(text), LINE, angle)


def spread(places: Sequence[float], gap: float, top: float) -> list[float]:
    """Return places that are *gap* apart, none above *top*, in the order of *places* and as near to them as that leaves.

    The sheet finds the same by formulas (`workbook/end_names`), so it is two comparisons a place: with the one below, then with
    what the ones above need.
    """
    order = sorted(range(len(places)), key=lambda one: places[one])
    found = [0.0] * len(places)
    free = -math.inf
    for rank, number in enumerate(order):
        free = max(places[number], free + gap)
        found[number] = min(free, top - (len(order) - 1 - rank) * gap)
    return found


def weight_rows(values: Mapping[tuple[int, int], str], sources: Sequence[str], units: Sequence[str]) -> list[list[str]]:
    """Return a table of weights: a column an arrow's start, a row its end, the names at the edges."""
    head = ["to \\ from", *sources]
    return [
        head,
        *([unit, *(values[row, column] for column in range(1, len(sources) + 1))] for row, unit in enumerate(units, 1)),
    ]
