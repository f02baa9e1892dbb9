"""The one palette for learning rates, from the smallest to the largest, in sheets, pictures and pages."""

from __future__ import annotations

RATES = (
    "#2c115f", "#3f0f72", "#52137c", "#651a80", "#792282", "#8e2a81", "#a3307e", "#b73779", "#cc3f71", "#de4968",
    "#ec5860", "#f4695c",
)  # fmt: skip
"""Each is lighter than the one before by the same step, so that they keep their order in grey and for every kind of colour
vision, and each stands out from white paper 3 to 1 (matplotlib's map *magma*, from lightness 14 to 62)."""


def rate_colours(count: int) -> tuple[str, ...]:
    """Return so many colours of the palette, spread evenly over it."""
    if count == 1:
        return RATES[:1]
    return tuple(RATES[round(number * (len(RATES) - 1) / (count - 1))] for number in range(count))
