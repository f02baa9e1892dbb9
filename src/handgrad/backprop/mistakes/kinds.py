"""The kinds of mistake that a verdict on a workbook can name."""

from __future__ import annotations

from enum import StrEnum


class Likely(StrEnum):
    """A likely mistake; the value is what the verdict calls it."""

    SIGN = "sign"
    TARGET_MINUS = "target minus output"
    PLUS = "plus instead of minus"
    DERIVATIVE = "forgotten derivative"
    NEW_WEIGHTS = "new weights used"
    SWAPPED = "swapped weights"
    INPUT = "wrong input"
    ONE_PATH = "only one path"
    FACTOR = "factor"
    CONSTANT = "a constant where a reference should be"
    TYPED_OVER = "value typed over"
    STOPS = "stops following"
    NO_NUMBER = "no number"
    UNKNOWN = "not recognised"
    CONSEQUENCE = "consequence"
