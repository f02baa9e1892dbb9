"""The one palette for learning rates, from the smallest to the largest, in sheets and pictures."""

from __future__ import annotations

RATES = (
    "#0d0887", "#38049a", "#5901a5", "#7801a8", "#9511a1", "#ae2892", "#c43e7f", "#d6556d", "#e66c5c", "#f3854b",
    "#fba139", "#febe2a",
)  # fmt: skip
"""Each is lighter than the one before, so that they keep their order in grey and for every kind of colour vision (matplotlib's
map *plasma*, without its lightest part, which white paper swallows)."""


def rate_colours(count: int) -> tuple[str, ...]:
    """Return so many colours of the palette, spread evenly over it."""
    if count == 1:
        return RATES[:1]
    return tuple(RATES[round(number * (len(RATES) - 1) / (count - 1))] for number in range(count))
