"""What every kind of file gives: images and labels to train on and to be tested on, before they are looked at as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import UsageError, counted

TEST_SHARE = 6
"""Where there is no test set, one image in so many becomes one, as in MNIST's 70,000 one in seven is."""
SPLIT_SEED = 12345


@dataclass(frozen=True, eq=False)
class FourParts:
    """``images`` uint8 and ``labels`` int64, each of the training and of the test set; names of classes; what to know of it."""

    images: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    labels: tuple[NDArray[np.int64], NDArray[np.int64]]
    names: Sequence[str] | None = None
    notice: str | None = None


def split(images: NDArray[np.uint8], labels: NDArray[np.int64], place: str, names: Sequence[str] | None) -> FourParts:
    """Return *images* and *labels* of one set as two: every class gives a part of its images, chosen by a fixed seed, to the
    test set.

    Raises `UsageError` where a class has a single image, which cannot be on both sides.
    """
    rng = np.random.default_rng(SPLIT_SEED)
    test = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        if len(own) < 2:
            called = names[int(label)] if names is not None else label
            raise UsageError(f"{place}: class {called} has 1 image – at least 2 are needed, one of them to test with")
        test[own[: max(1, len(own) // TEST_SHARE)]] = True
    notice = (
        f"{place} holds no test set with labels: {counted(int(test.sum()), 'image')} of its {len(labels):,}, chosen by a "
        "fixed seed, are kept apart as one"
    )
    return FourParts((images[~test], images[test]), (labels[~test], labels[test]), names, notice)
