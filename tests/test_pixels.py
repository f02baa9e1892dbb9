"""Pictures of every mode that cameras and drawing programs write come in as they look."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handgrad.digits.data.picture_folder import read_pictures
from handgrad.pixels import plain

Image = pytest.importorskip("PIL.Image")
RAMP = np.arange(144, dtype=np.uint8).reshape(12, 12)


def saved(image: Any) -> Any:
    """Return *image* as it comes out of a PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return Image.open(io.BytesIO(file.getvalue()))


def test_sixteen_bits_become_eight_and_are_not_cut_off() -> None:
    deep = saved(Image.fromarray(RAMP.astype(np.uint16) * 257))
    assert deep.mode.startswith("I")
    assert np.array_equal(np.asarray(plain(deep)), RAMP)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_black_strokes_on_nothing_are_black_on_white(mode: str) -> None:
    alpha = np.where(RAMP % 3 == 0, 255, 0).astype(np.uint8)
    if mode == "P":
        drawn = Image.fromarray((alpha > 0).astype(np.uint8), "P")
        drawn.putpalette([0, 0, 0] * 256)
        drawn.info["transparency"] = 0
    else:
        drawn = Image.new(mode, (12, 12), 0)
        drawn.putalpha(Image.fromarray(alpha))
    pixels = np.asarray(plain(saved(drawn)).convert("L"))
    assert np.array_equal(pixels, 255 - alpha)


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_usual_pictures_stay_as_they_are(mode: str) -> None:
    image = Image.fromarray(RAMP).convert(mode)
    assert np.array_equal(np.asarray(plain(saved(image)).convert("RGB")), np.asarray(image.convert("RGB")))


def test_a_folder_of_them_is_read_so_with_its_halves_in_any_spelling(tmp_path: Path) -> None:
    for half in ("Train", "Val"):
        for label in "ab":
            folder = tmp_path / half / label
            folder.mkdir(parents=True)
            Image.fromarray(RAMP.astype(np.uint16) * 257).save(folder / "deep.png")
            Image.fromarray(RAMP).save(folder / "usual.png")
    found = read_pictures(tmp_path)
    assert [len(images) for images in found.images] == [4, 4]
    assert all(np.array_equal(image, RAMP) for images in found.images for image in images)
