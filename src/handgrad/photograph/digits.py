"""The whole way from a grey picture to the 28×28 images of its digits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.photograph.find import Box, Found, Refused, find_digits
from handgrad.photograph.fit import Fitted, fit
from handgrad.photograph.paper import Ink, Polarity, ink_of

Bytes = NDArray[np.uint8]
FILLED = 0.42
"""A stroke wider than this part of the mark's longer side is a blot: the thickest digits of MNIST have 0.3."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A digit on a picture: its box ``(top, left, bottom, right)``, and what the network sees of it."""

    box: Box
    fitted: Fitted


@dataclass(frozen=True, eq=False)
class Picture:
    """What was seen on a picture: its grey bytes, the ink where any was found, the digits, or why there are none."""

    grey: Bytes
    ink: Ink | None
    digits: tuple[Seen, ...]
    reason: str = ""

    @property
    def images(self) -> Bytes:
        """The digits as the network sees them, bytes ``[n, 28, 28]``."""
        return np.array([seen.fitted.image for seen in self.digits], np.uint8).reshape(-1, 28, 28)


def see(grey: Bytes, polarity: Polarity | None = None, *, stroke: bool = True) -> Picture:
    """Return the digits on a picture of grey bytes ``[rows, columns]``; without *stroke* their width is left as it is."""
    if min(grey.shape) < 8:
        return Picture(grey, None, (), f"{grey.shape[1]}×{grey.shape[0]} pixels hold no digit")
    ink = ink_of(grey, polarity)
    if ink is None:
        return Picture(grey, None, (), "it is empty: nothing stands out from the paper")
    found = find_digits(ink)
    if isinstance(found, Refused):
        return Picture(grey, ink, (), found.reason)
    seen = [(each, fit(each.ink, stroke=stroke)) for each in found]
    digits = tuple(Seen(each.box, fitted) for each, fitted in seen if fitted is not None and not is_blot(each, fitted))
    return Picture(grey, ink, digits, "" if digits else "its marks are blots, not strokes")


def is_blot(found: Found, fitted: Fitted) -> bool:
    """Whether a mark is a filled spot rather than strokes: a 1 is narrow, and long beside its width."""
    return fitted.width > FILLED * 20
