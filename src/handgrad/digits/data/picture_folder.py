"""Reads a folder of pictures with a folder for each class in it, as many collections are handed out."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handgrad.digits.data.idx import LARGEST_COUNT
from handgrad.digits.data.kinds import check_images
from handgrad.digits.data.parts import FourParts, split
from handgrad.errors import MissingError, UsageError
from handgrad.pixels import plain
from handgrad.runs.kind import LARGEST_SIDE, numbered
from handgrad.text import one_line

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"})
HALVES = (("train", "training"), ("test", "testing", "val", "valid", "validation"))
"""What the folders of the two sets are called, in any case; the folders of the classes lie in each."""
LARGEST_FILE = 10 << 20
"""Bytes of a picture: of 64×64 pixels, none takes so many."""


def holds_classes(place: Path) -> bool:
    """Return whether *place* is a folder with pictures in a folder for each class."""
    try:
        return place.is_dir() and any(True for _ in _classes(_half(place, HALVES[0]) or place))
    except OSError:
        return False


def read_pictures(place: Path) -> FourParts:
    """Return the pictures in *place*: ``train/CLASS/*.png`` and ``test/CLASS/*.png``, or ``CLASS/*.png`` alone.

    The classes are in the order of their names, numbers by their size. Pictures are grey where all of them are. Raises
    `MissingError` for one that cannot be read, `UsageError` where sizes differ or classes are tested that are not trained.
    """
    train, test = _half(place, HALVES[0]) or place, _half(place, HALVES[1])
    names = sorted((each.name for each in _classes(train)), key=_natural)
    images, labels = _read(train, names)
    known = tuple(names) if tuple(names) != numbered(len(names)) else None
    if test is None:
        images = _grey_if_all([images])[0]
        return split(images, labels, str(place), known)
    strange = sorted({each.name for each in _classes(test)} - set(names))
    if strange:
        raise UsageError(
            f"{test}: class {strange[0]} has no pictures in {train} – a class without training pictures cannot "
            f"be learned"
        )
    test_images, test_labels = _read(test, names)
    images, test_images = _grey_if_all([images, test_images])
    return FourParts((images, test_images), (labels, test_labels), known)


def _half(place: Path, names: Sequence[str]) -> Path | None:
    """Return the folder of one of the two sets, None where *place* has none."""
    there = {each.name.lower(): each for each in place.iterdir() if each.is_dir()}
    return next((there[name] for name in names if name in there), None)


def _classes(folder: Path) -> Iterator[Path]:
    """Yield the folders of *folder* that hold pictures."""
    for each in sorted(folder.iterdir()):
        if each.is_dir() and not each.name.startswith(".") and any(True for _ in _pictures(each)):
            yield each


def _pictures(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if path.suffix.lower() in ENDINGS)


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """Return a key by which 2 comes before 10."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name))


def _read(folder: Path, names: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the pictures of all classes ``[n, 3, side, side]``, and their labels."""
    paths = [
        (path, label)
        for label, name in enumerate(names)
        if (folder / name).is_dir()
        for path in _pictures(folder / name)
    ]
    if len(paths) > LARGEST_COUNT:
        raise UsageError(f"{folder} holds {len(paths):,} pictures – at most {LARGEST_COUNT:,} are read")
    if not paths:
        raise MissingError(f"{folder} holds no pictures – add them, in a folder for each class")
    images: NDArray[np.uint8] | None = None
    for number, (path, _) in enumerate(paths):
        picture = _picture(path)
        if images is None:
            check_images((len(paths), *picture.shape), str(path))
            # Room for all at once, filled in place: a list of pictures and then a stack of them would be held twice.
            images = np.empty((len(paths), *picture.shape), np.uint8)
        if picture.shape != images.shape[1:]:
            sizes = " and ".join(f"{each[2]}×{each[1]}" for each in (images.shape[1:], picture.shape))
            raise UsageError(
                f"{path}: pictures of {sizes} pixels – make all of them one size, {paths[0][0].name} was the first"
            )
        images[number] = picture
    assert images is not None
    return images, np.array([label for _, label in paths], np.int64)


def _picture(path: Path) -> NDArray[np.uint8]:
    """Return one picture as bytes ``[3, height, width]``; a grey one has three equal channels."""
    # Not declared as ours: matplotlib, which is, brings it.
    from PIL import Image

    try:
        if path.stat().st_size > LARGEST_FILE:
            raise MissingError(f"{path} has {path.stat().st_size:,} bytes – at most {LARGEST_FILE:,} are read")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, which is not looked at
            with Image.open(path) as image:
                # The size stands in the head of the file: what is too large is never unpacked.
                if max(image.size) > LARGEST_SIDE:
                    raise UsageError(
                        f"{path}: {image.width}×{image.height} pixels – at most {LARGEST_SIDE}×{LARGEST_SIDE} are possible, "
                        "resize the pictures"
                    )
                pixels = np.asarray(plain(image), np.uint8)
                if pixels.ndim == 2:
                    # Three times the same memory, not three copies: they are compared and cut to one at the end.
                    return np.broadcast_to(pixels, (3, *pixels.shape))
    except (OSError, ValueError, SyntaxError) as error:
        raise MissingError(
            f"{path} cannot be read as a picture: {one_line(error, 120)} – replace or remove it"
        ) from error
    return pixels.transpose(2, 0, 1)


def _grey_if_all(sets: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Return the pictures ``[n, side, side]`` where all channels are equal in all of them, else as they are."""
    if all(bool((each[:, 0] == each[:, 1]).all() and (each[:, 1] == each[:, 2]).all()) for each in sets):
        return [np.ascontiguousarray(each[:, 0]) for each in sets]
    return list(sets)
