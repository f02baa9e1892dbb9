"""Reads an NPZ file of four arrays, as Keras's ``mnist.npz`` is; nothing is ever unpickled."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.digits.data.arrays import image_bytes, label_numbers
from handgrad.digits.data.parts import FourParts
from handgrad.errors import MissingError
from handgrad.text import one_line

KEYS = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
)
"""What the arrays are called, training images and labels, test images and labels: Keras's names, and MedMNIST's."""
LARGEST = 4 << 30
"""Bytes of all arrays unpacked: a small file can promise any number."""


def read_npz(path: Path) -> FourParts:
    """Return the four arrays of *path*. Raises `MissingError` for a damaged file, `UsageError` for what are not images."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > LARGEST:
            raise MissingError(f"{path} unpacks to {size:,} bytes – at most {LARGEST:,} are read – name a smaller file")
        with np.load(path, allow_pickle=False) as file:
            found: dict[str, NDArray[Any]] = {name: file[name] for name in file.files if name in sum(KEYS, ())}
            there = ", ".join(file.files)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise MissingError(f"{path} cannot be read as NPZ: {one_line(error, 120)} – replace the file") from error
    names = next((keys for keys in KEYS if all(key in found for key in keys)), None)
    if names is None:
        raise MissingError(
            f"{path} is another file – expected the arrays {', '.join(KEYS[0])}, "
            f"found {one_line(there, 120) or 'none'} – save them so"
        )
    train, train_labels, test, test_labels = (found[name] for name in names)
    return FourParts(
        (image_bytes(train, f"{path}: {names[0]}"), image_bytes(test, f"{path}: {names[2]}")),
        (label_numbers(train_labels, f"{path}: {names[1]}"), label_numbers(test_labels, f"{path}: {names[3]}")),
    )
