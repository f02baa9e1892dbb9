"""Reads images from CSV files, one per row: a column ``label`` and one for each pixel, as Kaggle hands MNIST out."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handgrad.digits.data.arrays import image_bytes, label_numbers
from handgrad.digits.data.parts import FourParts, split
from handgrad.errors import MissingError
from handgrad.text import one_line

LARGEST = 2 << 30
"""Bytes of a file: 42,000 images of 28×28 take 77 million."""
LABEL = "label"


def holds_csv(place: Path) -> bool:
    """Return whether *place* is a CSV file, or a folder with one for training."""
    if place.suffix == ".csv":
        return place.is_file()
    return place.is_dir() and _named(place, "train") is not None


def read_csv_files(place: Path) -> FourParts:
    """Return the images of a CSV file, or of the files of a folder that have "train" and "test" in their names.

    A test file without labels, such as Kaggle's, cannot say how good a network is: then a part of the training rows is kept
    apart. Raises `MissingError` for a file that cannot be read, `UsageError` for rows that are not images.
    """
    train = place if place.is_file() else _named(place, "train")
    test = None if place.is_file() else _named(place, "test")
    assert train is not None  # as `holds_csv` found
    images, labels = read_csv(train)
    if labels is None:
        raise MissingError(f'{train} has no column "{LABEL}" – add it, with the class of each row')
    if test is not None:
        test_images, test_labels = read_csv(test, columns=images.shape[1] ** 2)
        if test_labels is not None:
            return FourParts((images, test_images), (labels, test_labels))
    return split(images, labels, str(place), None)


def read_csv(path: Path, *, columns: int | None = None) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    """Return the images and labels of one file; labels are None where it has none, which *columns*, the pixels of a row, tell.

    The label stands in the column of that name, or in the first where there is no head.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise MissingError(f"{path} has {path.stat().st_size:,} bytes – at most {LARGEST:,} are read")
        # Excel begins a CSV file with a byte-order mark, which would be part of the first head.
        with path.open(encoding="utf-8-sig") as file:
            first = file.readline().strip().split(",")
            head = [cell.strip().strip('"').lower() for cell in first]
            headed = not all(_is_number(cell) for cell in head)
            if not headed:
                file.seek(0)
            # int16 takes a quarter of the memory of the default, and keeps 300 or −1 as they are, to be refused by name
            # below: as a byte they would wrap round.
            rows = np.loadtxt(file, delimiter=",", dtype=np.int16, ndmin=2, comments=None)
    except (OSError, ValueError) as error:
        reason = f"{path} cannot be read as CSV of whole numbers: {one_line(error, 120)}"
        raise MissingError(f"{reason} – correct or replace the file") from error
    width = rows.shape[1]
    at: int | None = head.index(LABEL) if headed and LABEL in head else None
    # Without a head: a row whose length is no square, 785 for one, begins with its label.
    if at is None and not headed and width != columns and math.isqrt(width) ** 2 != width:
        at = 0
    pixels = rows if at is None else np.delete(rows, at, axis=1)
    labels = None if at is None else label_numbers(rows[:, at], f"{path}: labels")
    return image_bytes(pixels, f"{path}: images"), labels


def _named(folder: Path, part: str) -> Path | None:
    """Return the only CSV file of *folder* that has *part* in its name, None where there is none, or more than one."""
    try:
        found = [path for path in sorted(folder.glob("*.csv")) if part in path.name.lower()]
    except OSError:
        return None
    return found[0] if len(found) == 1 else None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
