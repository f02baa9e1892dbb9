"""A picture file as grey bytes, upright: whatever is not a picture, or too large to be one, is refused in one line."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import UsageError
from handgrad.photograph.library import pillow
from handgrad.pixels import plain
from handgrad.text import one_line, quoted

Bytes = NDArray[np.uint8]
MOST_PIXELS = 60_000_000
"""A telephone takes 12 to 50 million; a file of a few kilobytes can claim thousands of millions and fill the memory."""
LARGE = 1600
"""Pixels along the longer side that are kept: a digit needs some tens."""


def read_picture(path: Path) -> Bytes:
    """Return the picture in *path* as grey bytes ``[rows, columns]``, turned as its EXIF says, at most `LARGE` on a side.

    Transparency becomes white, 16 bits become 8. Raises `UsageError` for a file that is not a picture, is cut off, moves or has
    more than `MOST_PIXELS`.
    """
    image_module = pillow()
    name = quoted(path.name or str(path))
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror} – check the path") from error
    if head[4:8] == b"ftyp":
        raise UsageError(f"{name} is HEIC, AVIF or a film – save it as JPEG or PNG")
    if head[:5] == b"%PDF-":
        raise UsageError(f"{name} is a PDF – save the page as a picture, PNG or JPEG")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of a size that looks like an attack
            with image_module.open(path) as image:
                check_size(image, name)
                return grey_of(image)
    except UsageError:
        raise
    except (image_module.DecompressionBombError, image_module.DecompressionBombWarning, MemoryError) as error:
        raise UsageError(f"{name} is too large – at most {MOST_PIXELS:,} pixels – make it smaller") from error
    except image_module.UnidentifiedImageError as error:
        raise UsageError(f"{name} is not a picture that can be read – JPEG, PNG, TIFF, BMP, GIF or WebP") from error
    except Exception as error:  # a decoder of somebody else's bytes raises whatever it likes
        raise UsageError(f"{name} is cut off or damaged: {one_line(error, 80)} – save it again") from error


def check_size(image: Any, name: str) -> None:
    """Refuse, before a pixel is decoded, what is too large, and what moves."""
    wide, high = image.size
    if wide * high > MOST_PIXELS:
        raise UsageError(f"{name} has {wide:,}×{high:,} pixels – at most {MOST_PIXELS:,} – make it smaller")
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise UsageError(f"{name} has {frames} pictures in it – save the one to be read as PNG")


def grey_of(image: Any) -> Bytes:
    """Return a Pillow image as grey bytes, upright, at most `LARGE` pixels along its longer side."""
    from PIL import ImageOps

    image.draft("RGB", (LARGE, LARGE))  # a JPEG is then decoded at a fraction of its size
    image = ImageOps.exif_transpose(image)
    image = plain(image).convert("L")
    if max(image.size) > LARGE:
        image.thumbnail((LARGE, LARGE), pillow().Resampling.BOX)
    return np.asarray(image, np.uint8)
