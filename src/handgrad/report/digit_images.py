"""Images of digits as data URIs, and what the network answered to them."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

from handgrad.html.markup import Markup, joined, tag
from handgrad.report.numbers import probability
from handgrad.runs.evidence import Bytes
from handgrad.runs.kind import DIGITS

# Pixels; ten bars are 117 wide.
BAR, GAP, HEIGHT = 9, 3, 44
MOST_BARS = 10
"""Probabilities that are drawn; of more classes, the highest."""


def png(image: Bytes) -> bytes:
    """Return an image of bytes as a PNG file (W3C Portable Network Graphics): grey ``[height, width]``, colour ``[3, …]``."""
    rows = image if image.ndim == 2 else image.transpose(1, 2, 0)
    height, width = rows.shape[:2]
    # Colour type 0 is grey, 2 is red, green, blue.
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if image.ndim == 2 else 2, 0, 0, 0)
    # Each row begins with the number of its filter, and 0 is none.
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows), 9)
    chunks = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def picture(image: Bytes, alt: str) -> Markup:
    """Return *image* for the page: ink on paper by day, chalk on slate by night (see ``page.css``); colours as they are."""
    data = base64.b64encode(png(image)).decode()
    height, width = image.shape[-2:]
    look = "digit" if image.ndim == 2 else "colour"
    return tag("img", src=f"data:image/png;base64,{data}", alt=alt, width=width, height=height, class_=look)


def bars(probabilities: Sequence[float], label: int, classes: Sequence[str] = DIGITS.classes) -> Markup:
    """Return the probabilities as bars, of many classes the highest and that of the true one.

    The true class and a wrong answer look different from the others.
    """
    answer = max(range(len(probabilities)), key=lambda digit: probabilities[digit])
    shown = shown_bars(probabilities, label)
    words = ", ".join(f"{classes[digit]}: {probability(probabilities[digit])}" for digit in shown)
    width = len(shown) * (BAR + GAP) - GAP
    parts = []
    for place, digit in enumerate(shown):
        # Never quite nothing: a bar of no height looks like a class that was forgotten.
        x, height = place * (BAR + GAP), round(max(0.6, probabilities[digit] * HEIGHT), 1)
        kind = "right" if digit == label else "wrong" if digit == answer else "other"
        parts.append(tag("rect", x=x, y=round(HEIGHT - height, 1), width=BAR, height=height, class_=kind))
        # A bar has room for one letter; the title holds all names.
        name = classes[digit][:1]
        parts.append(tag("text", name, x=x + BAR / 2, y=HEIGHT + 11, text_anchor="middle", class_=kind))
    base = tag("line", x1=0, x2=width, y1=HEIGHT, y2=HEIGHT, class_="base")
    return tag(
        "svg",
        tag("title", f"Probabilities: {words}"),
        joined(*parts, base),
        viewBox=f"0 0 {width} {HEIGHT + 14}",
        role="img",
        class_="bars",
    )


def shown_bars(probabilities: Sequence[float], label: int) -> list[int]:
    """Return the classes whose bars are drawn, in their order: all, or the most probable ones and the true one."""
    if len(probabilities) <= MOST_BARS:
        return list(range(len(probabilities)))
    ranked = sorted(range(len(probabilities)), key=lambda digit: -probabilities[digit])
    kept = ranked[:MOST_BARS] if label in ranked[:MOST_BARS] else [*ranked[: MOST_BARS - 1], label]
    return sorted(kept)
