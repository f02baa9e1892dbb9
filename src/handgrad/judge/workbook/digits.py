"""How exactly typed numbers are meant: half of the last digit that their column shows."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

EXACT_DIGITS = 12
"""Numbers with so many digits are taken as they are: spreadsheets keep fifteen."""
SCIENTIFIC = 1e-4
"""Below it a spreadsheet writes a number with an exponent, where no format was chosen, and as a rule with fewer digits."""


def rounding(column: Iterable[float | None]) -> NDArray[np.float64]:
    """Return by how much each typed number of a column may be rounded; 0 where it is exact, or nothing was typed (None).

    A column shows a fixed number of decimals, of significant digits, or of signs: in a narrow cell a minus takes the place of a
    decimal, and numbers with an exponent have digits of their own. Which of them cannot always be told (ends in 0 are lost), so
    that each number is granted the largest half digit.
    """
    shown = list(column)
    typed = [value for value in shown if value is not None and math.isfinite(value) and value != 0.0]
    if not typed:
        return np.zeros(len(shown))
    decimals = max(_decimals(value) for value in typed)
    digits = max(_digits(value) for value in typed)
    if digits >= EXACT_DIGITS or decimals >= EXACT_DIGITS + 3:
        return np.zeros(len(shown))
    tiny = [_digits(value) for value in typed if abs(value) < SCIENTIFIC]
    signs = max((_signs(value) + _decimals(value) for value in typed if abs(value) >= SCIENTIFIC), default=0)

    def of(value: float | None) -> float:
        if value is None or not math.isfinite(value):
            return 0.0
        if not value:
            return 0.5 * 10.0**-decimals
        meant = max(tiny) if abs(value) < SCIENTIFIC else digits
        last = [-decimals, math.floor(math.log10(abs(value))) + 1 - meant]
        if abs(value) >= SCIENTIFIC:
            last.append(_signs(value) - signs)
        return 0.5 * 10.0 ** max(last)

    return np.array([of(value) for value in shown])


def decimals_shown(column: Iterable[float | None]) -> int | None:
    """Return to how many decimals a typed column is given, None where it is exact."""
    typed = [value for value in column if value is not None and math.isfinite(value) and value != 0.0]
    if not typed or max(_digits(value) for value in typed) >= EXACT_DIGITS:
        return None
    return max(_decimals(value) for value in typed)


def _signs(value: float) -> int:
    """Return how many signs stand before the point: a minus and the whole digits."""
    return (value < 0) + len(str(math.floor(abs(value))))


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
