"""Data that Python hands in: arrays, tensors and torch datasets, made into the bytes that a training takes.

What cannot be trained on is refused here, before anything is trained: which array, what was found, what is needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from handgrad.digits.data.dataset import Dataset
from handgrad.errors import UsageError

SIDE, CLASSES = 28, 10
PARTS = ("training images", "training labels", "test images", "test labels")
WANTED = (
    "hand in (images, labels, test_images, test_labels), ((images, labels), (test_images, test_labels)), or two torch datasets "
    "(training, test)"
)
Bytes = NDArray[np.uint8]


def dataset_from(data: Any) -> Dataset:
    """Return what Python handed in as a dataset, named ``arrays-…`` after the hash of its content.

    *data*: four arrays or tensors ``(images, labels, test_images, test_labels)``, the same as two pairs, or two torch datasets
    (training, test). Images: ``[n, 28, 28]``, ``[n, 1, 28, 28]``, ``[n, 28, 28, 1]`` or ``[n, 784]``, whole numbers 0 to 255 or
    floats 0 to 1, ink high on ground 0. Labels: ``[n]``, 0 to 9. Raises `UsageError` for anything else.
    """
    parts = four_parts(data)
    images = [image_bytes(part, name) for part, name in zip(parts[::2], PARTS[::2], strict=True)]
    labels = [label_numbers(part, name) for part, name in zip(parts[1::2], PARTS[1::2], strict=True)]
    for each, numbers, name in zip(images, labels, ("training", "test"), strict=True):
        if len(each) != len(numbers):
            raise UsageError(f"{name}: {len(each):,} images and {len(numbers):,} labels – each image needs one label")
    content = hashlib.sha256()
    for values in (images[0], labels[0], images[1], labels[1]):
        content.update(np.ascontiguousarray(values).tobytes())
    digest = content.hexdigest()
    tensors = [torch.from_numpy(values.copy()) for values in (images[0], labels[0], images[1], labels[1])]
    return Dataset(f"arrays-{digest[:8]}", digest, tensors[0], tensors[1].long(), tensors[2], tensors[3].long())


def four_parts(data: Any) -> list[Any]:
    """Return training images, training labels, test images, test labels of what was handed in."""
    if not isinstance(data, Sequence) or isinstance(data, str | bytes) or len(data) not in (2, 4):
        found = (
            f"{len(data)} parts" if isinstance(data, Sequence) and not isinstance(data, str) else type(data).__name__
        )
        raise UsageError(f"data: found {found} – {WANTED}")
    if len(data) == 4:
        return list(data)
    return [part for half, name in zip(data, ("training", "test"), strict=True) for part in pair(half, name)]


def pair(half: Any, name: str) -> tuple[Any, Any]:
    """Return images and labels of one half: a pair of arrays, or a torch dataset read from its first item to its last."""
    if isinstance(half, Sequence) and len(half) == 2:
        return half[0], half[1]
    if not (hasattr(half, "__getitem__") and hasattr(half, "__len__")):
        raise UsageError(f"{name} data: found {type(half).__name__} – {WANTED}")
    items = [half[number] for number in range(len(half))]
    if not items or not all(isinstance(item, tuple | list) and len(item) >= 2 for item in items):
        raise UsageError(f"{name} data: its items are no pairs (image, label) – {WANTED}")
    return np.stack([as_array(item[0], f"{name} images") for item in items]), [int(item[1]) for item in items]


def as_array(values: Any, name: str) -> NDArray[Any]:
    """Return *values* as a numpy array of numbers."""
    try:
        found = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    except Exception as error:
        raise UsageError(f"{name}: found {type(values).__name__} – an array or a tensor is needed") from error
    if found.dtype.kind not in "uibf":
        raise UsageError(f"{name}: found {found.dtype} – numbers are needed")
    return np.asarray(found)


def image_bytes(values: Any, name: str) -> Bytes:
    """Return images as bytes ``[n, 28, 28]``."""
    found = as_array(values, name)
    shape = found.shape
    if len(shape) == 4 and 1 in (shape[1], shape[3]):
        found = found.reshape(shape[0], *(shape[2:] if shape[1] == 1 else shape[1:3]))
    elif len(shape) == 2 and shape[1] == SIDE * SIDE:
        found = found.reshape(shape[0], SIDE, SIDE)
    if found.ndim != 3 or found.shape[1:] != (SIDE, SIDE) or not len(found):
        words = "×".join(map(str, shape))
        raise UsageError(
            f"{name}: found {words} – images n×28×28, grey, are needed; resize them, and make grey of colours"
        )
    return scaled(found, name)


def scaled(found: NDArray[Any], name: str) -> Bytes:
    """Return numbers as bytes: whole numbers 0 to 255 as they are, floats 0 to 1 times 255."""
    if found.dtype == np.uint8:
        return np.asarray(found)
    if found.dtype == bool:
        return np.where(found, 255, 0).astype(np.uint8)
    low, high = float(found.min()), float(found.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UsageError(f"{name} hold NaN or infinity – remove these images")
    if found.dtype.kind == "f" and low >= 0 and high <= 1:
        return np.asarray(np.rint(found * 255), dtype=np.uint8)
    if low >= 0 and high <= 255 and bool((found == np.rint(found)).all()):
        return np.asarray(found, dtype=np.uint8)
    raise UsageError(
        f"{name} lie between {low:.4g} and {high:.4g} – whole numbers 0 to 255 or floats 0 to 1 are needed; leave the "
        "normalisation out, training does it"
    )


def label_numbers(values: Any, name: str) -> NDArray[np.int64]:
    """Return labels as whole numbers ``[n]``, 0 to 9."""
    found = as_array(values, name)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim == 2 and found.shape[1] == CLASSES and bool((found.sum(axis=1) == 1).all()):
        found = found.argmax(axis=1)
    if found.ndim != 1:
        raise UsageError(f"{name}: found {'×'.join(map(str, found.shape))} – one whole number for each image is needed")
    whole = found.astype(np.int64)
    if not bool((whole == found).all()) or whole.min(initial=0) < 0 or whole.max(initial=0) >= CLASSES:
        raise UsageError(
            f"{name} lie between {found.min():.4g} and {found.max():.4g} – whole numbers 0 to {CLASSES - 1} are needed"
        )
    return whole
