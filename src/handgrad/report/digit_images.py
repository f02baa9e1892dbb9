"""Images of digits as data URIs, and what the network answered to them."""

from __future__ import annotations

import base64
import struct
import zlib

from handgrad.html.markup import Markup, joined, tag
from handgrad.report.numbers import probability
from handgrad.runs.evidence import Bytes

# Pixels; ten bars are 117 wide.
BAR, GAP, HEIGHT = 9, 3, 44


def png(image: Bytes) -> bytes:
    """Return a grey image ``[height, width]`` of bytes as a PNG file (W3C Portable Network Graphics, colour type 0)."""
    height, width = image.shape
    rows = b"".join(b"\0" + row.tobytes() for row in image)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def picture(image: Bytes, alt: str) -> Markup:
    """Return *image* for the page: ink on paper by day, chalk on slate by night (see ``page.css``)."""
    data = base64.b64encode(png(image)).decode()
    height, width = image.shape
    return tag("img", src=f"data:image/png;base64,{data}", alt=alt, width=width, height=height, class_="digit")


def bars(probabilities: list[float], label: int) -> Markup:
    """Return the ten probabilities as bars; the true class and a wrong answer look different from the others."""
    answer = max(range(10), key=lambda digit: probabilities[digit])
    words = ", ".join(f"{digit}: {probability(value)}" for digit, value in enumerate(probabilities))
    width = 10 * (BAR + GAP) - GAP
    parts = []
    for digit, value in enumerate(probabilities):
        x, height = digit * (BAR + GAP), round(max(0.6, value * HEIGHT), 1)
        kind = "right" if digit == label else "wrong" if digit == answer else "other"
        parts.append(tag("rect", x=x, y=round(HEIGHT - height, 1), width=BAR, height=height, class_=kind))
        parts.append(tag("text", digit, x=x + BAR / 2, y=HEIGHT + 11, text_anchor="middle", class_=kind))
    base = tag("line", x1=0, x2=width, y1=HEIGHT, y2=HEIGHT, class_="base")
    return tag(
        "svg",
        tag("title", f"Probabilities: {words}"),
        joined(*parts, base),
        viewBox=f"0 0 {width} {HEIGHT + 14}",
        role="img",
        class_="bars",
    )
