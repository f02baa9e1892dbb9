"""Data that Python hands in: arrays, tensors and torch datasets, made into the bytes that a training takes.

What cannot be trained on is refused here, before anything is trained: which array, what was found, what is needed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from handgrad.digits.data.dataset import Dataset
from handgrad.digits.data.kinds import check_images, classes_without_images, kind_of
from handgrad.errors import UsageError, counted
from handgrad.runs.kind import DIGITS, MOST_CLASSES

PARTS = ("training images", "training labels", "test images", "test labels")
WANTED = (
    "give (images, labels, test_images, test_labels), ((images, labels), (test_images, test_labels)), "
    "or two torch datasets "
    "(training, test)"
)
Bytes = NDArray[np.uint8]


def dataset_from(data: Any, class_names: Sequence[str] | None = None) -> Dataset:
    """Return what Python handed in as a dataset, named ``arrays-…`` after the hash of its content.

    *data*: four arrays or tensors ``(images, labels, test_images, test_labels)``, the same as two pairs, or two torch
    datasets (training, test). Images are square, 8 to 64 pixels a side: grey ``[n, side, side]``, also with a dimension of 1
    for the channel, or flat ``[n, side²]``; or colour ``[n, 3, side, side]`` or ``[n, side, side, 3]``; whole numbers 0 to
    255 or floats 0 to 1, ink high on ground 0. Labels: ``[n]``, whole numbers from 0 (2 to 1,000 classes), names of classes,
    or a row of 0 and a 1 each. *class_names* names the classes; else the names are those of text labels or of a dataset's own
    ``classes``. Raises `UsageError` for anything else.
    """
    named = class_names if class_names is not None else names_of(data)
    parts = four_parts(data)
    images = [image_bytes(part, name) for part, name in zip(parts[::2], PARTS[::2], strict=True)]
    raw = [as_array(part, name, text=True) for part, name in zip(parts[1::2], PARTS[1::2], strict=True)]
    if raw[0].dtype.kind in "UO":
        named, raw = numbers_for_names(raw[0], raw[1], named)
    labels = [label_numbers(part, name) for part, name in zip(raw, PARTS[1::2], strict=True)]
    for each, numbers, name in zip(images, labels, ("training", "test"), strict=True):
        if len(each) != len(numbers):
            raise UsageError(
                f"{name}: {counted(len(each), 'image')} and {counted(len(numbers), 'label')} – each image needs one label"
            )
    return dataset_of_parts("arrays", images, labels, named)


def dataset_of_parts(
    what: str, images: Sequence[Bytes], labels: Sequence[NDArray[np.int64]], names: Sequence[str] | None
) -> Dataset:
    """Return the dataset of training and test *images* and *labels*, named *what* and the hash of its content."""
    if images[0].shape[1:] != images[1].shape[1:]:
        found = " and ".join("×".join(map(str, each.shape[1:])) for each in images)
        raise UsageError(f"training and test images differ: {found} – give all the same size and colour")
    kind = kind_of(images[0], labels[0], labels[1], names)
    content = hashlib.sha256()
    for values in (images[0], labels[0], images[1], labels[1]):
        content.update(np.ascontiguousarray(values).tobytes())
    if kind != DIGITS:
        # The bytes alone do not tell 16×49 from 28×28, nor one name of a class from another.
        content.update(repr((kind.shape, kind.classes)).encode())
    digest = content.hexdigest()
    tensors = [torch.from_numpy(values.copy()) for values in (images[0], labels[0], images[1], labels[1])]
    notice = classes_without_images(kind, labels[0]) if kind.named or kind.count > DIGITS.count else None
    return Dataset(
        f"{what}-{digest[:8]}",
        digest,
        tensors[0],
        tensors[1].long(),
        tensors[2],
        tensors[3].long(),
        notice,
        kind=kind,
    )


def names_of(data: Any) -> Sequence[str] | None:
    """Return the names of the classes that a torch dataset has (``classes``, as those of torchvision), None for others."""
    if isinstance(data, Sequence) and len(data) == 2:
        found = getattr(data[0], "classes", None)
        if isinstance(found, Sequence) and not isinstance(found, str) and found:
            return [str(name) for name in found]
    return None


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
    # By number and not by iterating: torch's datasets promise only that, and their loaders would shuffle.
    items = [half[number] for number in range(len(half))]
    if not items or not all(isinstance(item, tuple | list) and len(item) >= 2 for item in items):
        raise UsageError(f"{name} data: its items are not pairs (image, label) – {WANTED}")
    images = [as_array(item[0], f"{name} images") for item in items]
    if len({image.shape for image in images}) > 1:
        first, other = (
            next(each.shape for each in images if (each.shape == images[0].shape) is same) for same in (True, False)
        )
        raise UsageError(f"{name} images: found {list(first)} and {list(other)} – give all the same size and colour")
    return np.stack(images), [int(item[1]) for item in items]


def as_array(values: Any, name: str, *, text: bool = False) -> NDArray[Any]:
    """Return *values* as a numpy array of numbers, or with *text* of texts."""
    try:
        found = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    except Exception as error:
        raise UsageError(f"{name}: found {type(values).__name__} – an array or a tensor is needed") from error
    if found.dtype.kind not in ("uibfUO" if text else "uibf"):
        raise UsageError(f"{name}: found {found.dtype} – numbers are needed")
    return np.asarray(found)


def image_bytes(values: Any, name: str) -> Bytes:
    """Return images as bytes ``[n, side, side]`` or, in colour, ``[n, 3, side, side]``."""
    found = as_array(values, name)
    shape = found.shape
    # Both layouts of grey, torch's and Keras's; a dimension of 1 holds nothing either way.
    if found.ndim == 4 and 1 in (shape[1], shape[3]):
        found = found.reshape(shape[0], *(shape[2:] if shape[1] == 1 else shape[1:3]))
    # Only where channels first is out of the question: 3×side×3 would be neither.
    elif found.ndim == 4 and shape[3] == 3 != shape[1]:
        found = found.transpose(0, 3, 1, 2)
    elif found.ndim == 2 and math.isqrt(shape[1]) ** 2 == shape[1]:
        found = found.reshape(shape[0], math.isqrt(shape[1]), -1)
    if found.ndim == 4 and found.shape[1] != 3:
        raise UsageError(
            f"{name}: found {'×'.join(map(str, shape))} – 1 channel (grey) or 3 (red, green, blue) are needed"
        )
    check_images(found.shape, name)
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
    # Before whole numbers: floats of 0 and 1 alone are black and white, not two shades of black.
    if found.dtype.kind == "f" and low >= 0 and high <= 1:
        return np.asarray(np.rint(found * 255), dtype=np.uint8)
    if low >= 0 and high <= 255 and bool((found == np.rint(found)).all()):
        return np.asarray(found, dtype=np.uint8)
    raise UsageError(
        f"{name} lie between {low:.4g} and {high:.4g} – whole numbers 0 to 255 or floats 0 to 1 are needed; do not normalise "
        f"them, training does it"
    )


def numbers_for_names(
    training: NDArray[Any], test: NDArray[Any], names: Sequence[str] | None
) -> tuple[list[str], list[NDArray[Any]]]:
    """Return the names of the classes, and the labels as numbers, of labels that are texts; raises `UsageError`."""
    found = [[str(label) for label in labels.ravel()] for labels in (training, test)]
    # Sorted, so that the numbers do not depend on the order of the images; from the training set, which is all a
    # network sees.
    known = list(names) if names is not None else sorted(set(found[0]))
    numbers = {name: number for number, name in enumerate(known)}
    for labels, part in zip(found, PARTS[1::2], strict=True):
        strange = next((label for label in labels if label not in numbers), None)
        if strange is not None:
            raise UsageError(f'{part}: "{strange[:60]}" is none of the {len(known):,} classes – correct the label')
    return known, [np.array([numbers[label] for label in labels], np.int64) for labels in found]


def label_numbers(values: Any, name: str) -> NDArray[np.int64]:
    """Return labels as whole numbers ``[n]`` from 0 on."""
    found = as_array(values, name)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim == 2 and bool((found.sum(axis=1) == 1).all()) and bool(((found == 0) | (found == 1)).all()):
        found = found.argmax(axis=1)
    if found.ndim != 1:
        raise UsageError(f"{name}: found {'×'.join(map(str, found.shape))} – one whole number for each image is needed")
    whole = found.astype(np.int64)
    if not bool((whole == found).all()) or whole.min(initial=0) < 0 or whole.max(initial=0) >= MOST_CLASSES:
        raise UsageError(
            f"{name} lie between {found.min():.4g} and {found.max():.4g} – whole numbers from 0 to at most {MOST_CLASSES - 1} "
            "are needed"
        )
    return whole
