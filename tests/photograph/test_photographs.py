"""Pictures with one digit or several under what spoils photographs, and files that are no pictures."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from handgrad.digits.data.drawn import draw_digits
from handgrad.errors import UsageError
from handgrad.photograph.digits import see
from handgrad.photograph.read import read_picture
from photograph.make_see_fixture import PLACE, images_of, unpacked
from photograph_scenes import NUISANCES, Scene, photograph

Bytes = NDArray[np.uint8]
DIGITS, _ = draw_digits(40, seed=9)


def grey(scene: Scene, digits: Bytes, seed: int = 0) -> Bytes:
    return cv2.cvtColor(photograph(digits, scene, np.random.default_rng(seed)), cv2.COLOR_BGR2GRAY)


@pytest.mark.parametrize("nuisance", NUISANCES, ids=lambda each: each.__name__)
def test_what_spoils_a_photograph_leaves_the_digit_as_it_was_seen_without(nuisance: object) -> None:
    alike = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        scene = nuisance(rng)  # type: ignore[operator]
        digits = DIGITS[seed : seed + scene.digits]
        clean = [see(digit).images for digit in digits]
        found = see(grey(scene, digits, seed)).images
        if len(found) != len(digits):
            alike.append(0.0)
            continue
        pairs = [np.corrcoef(a[0].ravel(), b.ravel())[0, 1] for a, b in zip(clean, found, strict=True)]
        alike.append(min(pairs))
    # Turned or drawn with another pen it is another picture of the same digit; else nearly the same pixels.
    least = 0.55 if nuisance.__name__ in ("rotation", "pen", "perspective") else 0.8  # type: ignore[attr-defined]
    assert np.median(alike) > least, alike


@pytest.mark.parametrize("case", json.loads(PLACE.read_text(encoding="utf-8")), ids=lambda case: case["name"])
def test_the_shared_fixture_of_photographs_holds(case: dict[str, object]) -> None:
    found = see(unpacked(case))
    assert found.reason == case["reason"]
    assert [list(each.box) for each in found.digits] == [each["box"] for each in case["digits"]]  # type: ignore[attr-defined]
    expected = images_of(case)
    assert found.images.shape[0] == len(expected)
    assert np.abs(found.images.reshape(-1, 784) - expected).max(initial=0) <= 1


@pytest.mark.parametrize("invert", [False, True])
def test_polarity_is_found_and_can_be_named(invert: bool) -> None:
    picture = grey(Scene(), DIGITS[:1])
    picture = 255 - picture if invert else picture
    found = see(picture)
    assert found.ink is not None and found.ink.polarity == ("light" if invert else "dark")
    named = see(picture, "light" if invert else "dark")
    np.testing.assert_array_equal(named.images, found.images)


NOTHING = {
    "an empty sheet": (np.full((200, 150), 228, np.uint8), "it is empty"),
    "noise": (np.random.default_rng(0).normal(200, 6, (200, 200)).clip(0, 255).astype(np.uint8), "empty"),
    "one pixel": (np.zeros((1, 1), np.uint8), "1×1 pixels hold no digit"),
    "a shadow": (np.tile(np.linspace(90, 240, 300).astype(np.uint8), (200, 1)), "no ink"),
    "a blot": (cv2.circle(np.full((200, 200), 230, np.uint8), (100, 100), 22, 30, -1), "blots"),
}


@pytest.mark.parametrize("case", NOTHING)
def test_what_holds_no_digit_is_refused_with_the_reason(case: str) -> None:
    picture, reason = NOTHING[case]
    found = see(picture)
    assert not found.digits and reason in found.reason


def bomb() -> bytes:
    """Return a PNG of a few bytes that claims 40,000×40,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def saved(image: Image.Image, kind: str, **more: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **more)  # type: ignore[arg-type]
    return file.getvalue()


PHOTO = Image.fromarray(grey(Scene(), DIGITS[:1]))
BROKEN = {
    "text": (b"hello", "is not a picture that can be read"),
    "nothing": (b"", "is not a picture that can be read"),
    "a bomb": (bomb(), "at most 60,000,000"),
    "a JPEG cut off": (saved(PHOTO, "JPEG")[:900], "is cut off or damaged"),
    "HEIC": (b"\0\0\0\x18ftypheic" + b"\0" * 60, "is HEIC, AVIF or a film – save it as JPEG or PNG"),
    "a PDF": (b"%PDF-1.7 and so on", "is a PDF"),
    "a moving GIF": (saved(PHOTO, "GIF", save_all=True, append_images=[PHOTO.rotate(9)]), "has 2 pictures in it"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_is_no_picture_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    data, message = BROKEN[case]
    path = tmp_path / "file.jpg"
    path.write_bytes(data)
    with pytest.raises(UsageError) as refused:
        read_picture(path)
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_every_kind_of_picture_is_read_as_the_same_grey(tmp_path: Path) -> None:
    expected = np.asarray(PHOTO)
    wide = Image.fromarray(expected.astype(np.uint16) * 257)
    clear = Image.merge("LA", (Image.new("L", PHOTO.size, 0), Image.fromarray(255 - expected)))
    turned = PHOTO.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter to the right
    kinds: dict[str, tuple[Image.Image, dict[str, object]]] = {
        "grey.png": (PHOTO, {}), "colour.png": (PHOTO.convert("RGB"), {}), "sixteen.png": (wide, {}),
        "clear.png": (clear, {}), "palette.gif": (PHOTO.convert("P"), {}), "turned.png": (turned, {"exif": exif}),
    }  # fmt: skip
    for name, (image, more) in kinds.items():
        image.save(tmp_path / name, **more)  # type: ignore[arg-type]
        found = read_picture(tmp_path / name)
        assert found.shape == expected.shape and np.abs(found.astype(int) - expected).max() <= 2, name
