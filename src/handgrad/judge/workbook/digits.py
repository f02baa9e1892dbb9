"""How exactly typed numbers are meant: half of the last digit that their column shows."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

EXACT_DIGITS = 12
"""Numbers with so many digits are taken as they are: spreadsheets keep fifteen."""


def rounding(column: Iterable[float | None]) -> NDArray[np.float64]:
    """Return by how much each typed number of a column may be rounded; 0 where it is exact, or nothing was typed (None).

    A column shows a fixed number of decimals or of significant digits. Which of the two cannot always be told (ends in
    0 are lost), so that each number is granted the larger half digit.
    """
    shown = list(column)
    typed = [value for value in shown if value is not None and math.isfinite(value) and value != 0.0]
    if not typed:
        return np.zeros(len(shown))
    decimals = max(_decimals(value) for value in typed)
    digits = max(_digits(value) for value in typed)
    if digits >= EXACT_DIGITS or decimals >= EXACT_DIGITS + 3:
        return np.zeros(len(shown))
    fixed = 0.5 * 10.0**-decimals

    def of(value: float | None) -> float:
        if value is None or not math.isfinite(value):
            return 0.0
        return max(fixed, 0.5 * 10.0 ** (math.floor(math.log10(abs(value))) + 1 - digits) if value else fixed)

    return np.array([of(value) for value in shown])


def decimals_shown(column: Iterable[float | None]) -> int | None:
    """Return to how many decimals a typed column is given, None where it is exact."""
    typed = [value for value in column if value is not None and math.isfinite(value) and value != 0.0]
    if not typed or max(_digits(value) for value in typed) >= EXACT_DIGITS:
        return None
    return max(_decimals(value) for value in typed)


def _digits(value: float) -> int:
    if not value:
        return 0
    # 100 may be exact to the unit: zeros before the point count as shown
    whole = math.floor(math.log10(abs(value))) + 1
    return max(whole, len(f"{abs(value):.14e}".split("e")[0].replace(".", "").rstrip("0")))


def _decimals(value: float) -> int:
    text = f"{abs(value):.15g}"
    mantissa, _, exponent = text.partition("e")
    places = len(mantissa.partition(".")[2])
    return max(0, places - int(exponent or 0))
