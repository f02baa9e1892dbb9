"""Pictures of unusual kinds in the usual form: 8 bits, nothing transparent. Works on Pillow's images without importing it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def plain(image: Any) -> Any:
    """Return a Pillow image as one of mode ``L`` or ``RGB``: deep greys become 8 bits, what is transparent becomes white.

    Pillow's own conversions would make every value above 255 white, and would show the hidden colour of transparent pixels,
    which in a drawing is as a rule that of its strokes.
    """
    if image.mode.startswith("I") or image.mode == "F":
        values = eight_bits(np.asarray(image))
        # By way of an empty image of Pillow's: this module need not know where Pillow is.
        grey = image.convert("L")
        grey.putdata(values.ravel())
        return grey
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        seen = image.convert("RGBA")
        white = seen.copy()
        white.paste((255, 255, 255, 255), (0, 0, *seen.size))
        white.alpha_composite(seen)
        return white.convert("L" if image.mode in ("LA", "La", "1", "L") else "RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return grey values of more than 8 bits as bytes: 16 bits by their range, others between their lowest and highest."""
    wide = values.astype(np.float64)
    low, high = (0.0, 65535.0) if wide.min() >= 0 and 255 < wide.max() <= 65535 else (wide.min(), wide.max())
    return np.asarray(np.clip((wide - low) / max(high - low, 1e-9) * 255 + 0.5, 0, 255), np.uint8)
