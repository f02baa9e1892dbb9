"""The kind of data that images and labels make: looked at once, and what cannot be trained on is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import UsageError, counted
from handgrad.runs.kind import (
    DIGITS,
    FEWEST_CLASSES,
    LARGEST_SIDE,
    MOST_CLASSES,
    SMALLEST_SIDE,
    DataKind,
    numbered,
)

Bytes = NDArray[np.uint8]
MOST_NAMED = 5
"""Classes that a notice names one by one."""
LONGEST_NAME = 60
BLOCK = 10_000
"""Images whose mean is taken at a time: floats of all of them could take more memory than they do themselves."""


def check_images(shape: Sequence[int], name: str) -> None:
    """Raise `UsageError` unless *shape*, that of all images as bytes, is one that can be trained on; *name* says which."""
    sides = tuple(shape[-2:])
    if len(shape) not in (3, 4) or sides[0] != sides[1] or not SMALLEST_SIDE <= sides[0] <= LARGEST_SIDE:
        raise UsageError(
            f"{name}: found {'×'.join(map(str, shape))} – square images with sides of {SMALLEST_SIDE} to {LARGEST_SIDE} "
            f"pixels are "
            "needed, n×side×side in grey or n×3×side×side in colour; crop or resize them"
        )
    if not shape[0]:
        raise UsageError(f"{name}: found none – at least one image is needed")


def kind_of(
    images: Bytes, labels: NDArray[Any], test_labels: NDArray[Any], names: Sequence[str] | None = None
) -> DataKind:
    """Return the kind of training *images* ``[n, side, side]`` or ``[n, 3, side, side]`` with *labels* ``[n]`` from 0 on.

    Without *names* there are as many classes as the largest training label says. Grey images of 28×28 pixels keep MNIST's mean
    and deviation, with which every published network and every earlier run was trained; others get their own. Raises
    `UsageError` for a number of classes that is not possible, and for test labels that no training image has.
    """
    check_images(images.shape, "training images")
    most = int(labels.max(initial=0))
    count = len(names) if names is not None else most + 1
    if not FEWEST_CLASSES <= count <= MOST_CLASSES:
        raise UsageError(f"found {counted(count, 'class')} – {FEWEST_CLASSES} to {MOST_CLASSES:,} are possible")
    if most >= count:
        raise UsageError(
            f"training labels go up to {most} – there are {count:,} names of classes, one for each is needed"
        )
    if int(test_labels.max(initial=0)) >= count:
        raise UsageError(
            f"test labels go up to {int(test_labels.max())} – the training labels end at {count - 1}: a class without "
            f"training images cannot be learned"
        )
    kind = DataKind(3 if images.ndim == 4 else 1, images.shape[-1], class_names(names, count))
    return kind if kind.shape == DIGITS.shape else with_own_scale(kind, images)


def class_names(names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """Return the names of the classes, on one line each. Raises `UsageError` where two are the same, or one is empty."""
    if names is None:
        return numbered(count)
    found = tuple(" ".join(str(name).split())[:LONGEST_NAME] for name in names)
    if not all(found):
        raise UsageError(f"class {found.index('')} has an empty name – give each a name")
    if len(set(found)) != len(found):
        twice = next(name for name in found if found.count(name) > 1)
        raise UsageError(f'two classes are called "{twice}" – give each a name of its own')
    return found


def with_own_scale(kind: DataKind, images: Bytes) -> DataKind:
    """Return *kind* with the mean and deviation of *images*, pixels in 0…1, to four decimals."""
    total = squares = 0.0
    for first in range(0, len(images), BLOCK):
        block = images[first : first + BLOCK].astype(np.float64) / 255
        total, squares = total + float(block.sum()), squares + float((block**2).sum())
    mean = total / images.size
    # Rounding can bring the difference below 0 where nearly all pixels are alike.
    deviation = np.sqrt(max(0.0, squares / images.size - mean**2))
    if deviation < 1e-3:
        raise UsageError("training images: all pixels are equal – there is nothing to learn")
    return replace(kind, mean=round(mean, 4), deviation=round(float(deviation), 4))


def classes_without_images(kind: DataKind, labels: NDArray[Any]) -> str | None:
    """Return a line that names the classes no training image shows, None where each is shown."""
    counts = np.bincount(labels, minlength=kind.count)
    absent = [kind.classes[int(number)] for number in np.flatnonzero(counts == 0)]
    if not absent:
        return None
    more = f" and {len(absent) - MOST_NAMED} more" if len(absent) > MOST_NAMED else ""
    return f"no training image of {counted(len(absent), 'class')}: {', '.join(absent[:MOST_NAMED])}{more}"


def for_scores(kind: DataKind, scores: int) -> DataKind:
    """Return *kind*, widened to ten classes where a network gives ten scores and the data are digits that lack some."""
    # A handful of digits, as one tries a program with, need not show every one of them.
    if kind.shape == DIGITS.shape and not kind.named and kind.count < scores == DIGITS.count:
        return DIGITS
    return kind
