"""How the ten digits are written: pen strokes through points, a few ways each.

Points lie in a square, x to the right and y downwards, 0 to 1. A stroke runs smoothly through its points; where it
turns a corner a new stroke begins at the same point, so that both move together when the hand shakes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Glyph:
    """One way to write a digit: its ``points``, and each stroke as the numbers of the points it runs through."""

    points: tuple[tuple[float, float], ...]
    strokes: tuple[tuple[int, ...], ...]


def _glyph(*strokes: str) -> Glyph:
    """Read strokes such as ``"50,0 50,100"``, in hundredths; a point named twice is one point."""
    numbers: dict[tuple[float, float], int] = {}
    read = []
    for stroke in strokes:
        points = [tuple(int(part) / 100 for part in point.split(",")) for point in stroke.split()]
        read.append(tuple(numbers.setdefault((x, y), len(numbers)) for x, y in points))
    return Glyph(tuple(numbers), tuple(read))


_ZERO = (
    _glyph("52,2 28,10 17,36 18,68 34,94 57,96 78,74 82,42 72,12 48,3"),
    _glyph("64,8 42,2 22,22 16,56 28,88 52,98 74,82 84,48 74,16 50,10"),
)
_ONE = (
    _glyph("50,0 50,50 50,100"),
    _glyph("30,24 42,14 52,0", "52,0 52,50 52,100"),
    _glyph("34,22 52,2", "52,2 51,50 52,98", "28,98 52,98 76,97"),
)
_TWO = (
    _glyph("20,24 32,6 56,1 74,16 70,40 46,68 18,96", "18,96 48,95 82,93"),
    _glyph("20,22 36,3 62,4 74,24 64,50 40,78 22,95 12,86 24,75 48,85 66,95 84,90"),
    _glyph("22,16 44,2 68,10 72,32 52,60 18,92", "18,92 38,88 60,96 84,92"),
)
_THREE = (
    _glyph("22,12 42,1 68,6 72,26 58,42 38,46", "38,46 64,50 78,68 70,90 46,99 18,90"),
    _glyph("22,4 48,4 76,3", "76,3 62,22 44,40", "44,40 68,46 78,68 66,92 42,98 18,89"),
    _glyph("24,14 46,2 66,14 62,34 46,45 54,48 72,62 72,84 50,98 20,92"),
)
_FOUR = (
    _glyph("26,2 20,30 20,54", "20,54 50,54 82,50", "70,4 66,50 62,100"),
    _glyph("60,0 38,32 12,64", "12,64 48,66 88,62", "60,0 59,50 57,100"),
    _glyph("32,4 22,30 26,50 46,54 70,44", "76,2 70,44 66,72 64,100"),
)
_FIVE = (
    _glyph("76,3 54,3 30,5", "30,5 28,24 24,44", "24,44 50,36 74,50 76,76 54,96 18,93"),
    _glyph("78,4 52,5 32,10 28,30 42,42 66,54 74,74 58,94 36,99 16,90"),
    _glyph("32,6 30,26 26,46", "26,46 52,40 74,56 70,84 46,98 18,92", "32,6 56,6 80,3"),
)
_SIX = (
    _glyph("66,2 42,18 24,48 22,78 42,98 68,90 74,68 56,54 34,62 24,80"),
    _glyph("56,0 36,28 24,62 30,90 52,98 72,84 68,62 48,58 28,76"),
    _glyph("72,8 46,10 24,40 20,74 40,97 66,92 76,70 60,52 36,58 22,72"),
)
_SEVEN = (
    _glyph("18,6 48,7 80,4", "80,4 60,44 42,100"),
    _glyph("18,8 48,5 80,6", "80,6 62,46 46,100", "32,52 54,50 78,49"),
    _glyph("20,22 20,6", "20,6 50,7 78,4", "78,4 56,42 50,70 48,100"),
    _glyph("16,14 34,4 54,12 80,5", "80,5 64,36 54,66 50,100"),
)
_EIGHT = (
    _glyph("74,14 54,1 32,8 30,26 48,44 68,62 72,84 52,99 30,88 32,66 52,44 68,28 72,12"),
    _glyph("50,46 32,34 32,12 52,2 70,14 66,36 50,46", "50,46 28,62 26,86 50,98 74,86 70,60 50,46"),
    _glyph("70,10 48,2 28,16 38,38 62,56 74,78 56,98 32,94 28,72 48,50 66,32 70,10"),
)
_NINE = (
    _glyph("74,16 54,2 30,12 24,36 42,50 64,40 74,16", "74,16 72,46 68,72 66,100"),
    _glyph("74,20 58,2 32,8 24,32 40,50 62,42 74,20", "74,20 76,50 68,84 46,98 22,92"),
    _glyph("70,10 46,4 26,22 30,46 52,48 70,30 70,10", "70,10 64,48 50,100"),
)
GLYPHS: tuple[tuple[Glyph, ...], ...] = (
    *(_ZERO, _ONE, _TWO, _THREE, _FOUR),
    *(_FIVE, _SIX, _SEVEN, _EIGHT, _NINE),
)
"""The ways to write each digit, 0 to 9; all ways of a digit are equally common."""
