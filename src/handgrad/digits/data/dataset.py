"""Images and labels to train on and to be tested on, and what is done with them before a training."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import torch

from handgrad.errors import UsageError
from handgrad.runs.kind import DIGITS, DataKind
from handgrad.runs.record import EvaluatedOn

# Evaluated instead of the test set where that is out of reach: it only shows that training works.
TRAINING_SAMPLE = 1000


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels on the CPU.

    ``name`` is ``"mnist"``, ``"drawn"``, the name of another set that is known, or ``"idx-…"`` and the like for one that is
    named by its hash; ``sha256`` stands for the whole content. ``train_images`` uint8 ``[N, 28, 28]`` or what ``kind`` says,
    ink 255 on ground 0; ``train_labels`` int64 ``[N]``, from 0; ``test_*`` alike. ``notice`` is one line that the user should
    see, or None. ``evaluated_on`` says what ``test_*`` really is: the test set, a part of the training set held out by
    `hold_out`, or some of the training images by `without_test`.
    """

    name: str
    sha256: str
    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor
    notice: str | None = None
    evaluated_on: EvaluatedOn = EvaluatedOn.TEST
    folder: str | None = None
    """The whole path of the folder or file that was named for it, or the name of a set that is known; None for MNIST in the
    cache, a download of it, or drawn digits."""
    kind: DataKind = DIGITS
    """The shape of its images, and its classes."""


def hold_out(dataset: Dataset, count: int, seed: int) -> Dataset:
    """Return *dataset* with *count* training images, chosen by *seed*, instead of the test set.

    The test set itself is then out of reach, so that nothing chosen with the result was chosen by looking at it.
    What is left of the training set keeps its order. Raises `UsageError` for a count that leaves one side empty, and
    for a data set that already has a part held out.
    """
    total = len(dataset.train_labels)
    if dataset.evaluated_on is EvaluatedOn.HOLDOUT:
        raise UsageError(
            f"{dataset.name} already has {len(dataset.test_labels):,} images kept apart – use holdout only once"
        )
    if not 1 <= count < total:
        raise UsageError(f"holdout {count} – {dataset.name} has {total:,} training images – choose 1 to {total - 1:,}")
    # On the processor whatever trains, as its order is the same on every machine: the hold-out of a run can be found
    # again.
    order = torch.randperm(total, generator=torch.Generator().manual_seed(seed))
    held, kept = order[:count].sort().values, order[count:].sort().values
    return replace(
        dataset,
        train_images=dataset.train_images[kept],
        train_labels=dataset.train_labels[kept],
        test_images=dataset.train_images[held],
        test_labels=dataset.train_labels[held],
        evaluated_on=EvaluatedOn.HOLDOUT,
    )


def hide_test(dataset: Dataset, count: int, seed: int) -> Dataset:
    """Return *dataset* as if it had no test set: *count* training images, chosen by *seed*, are its test images.

    For choosing among settings: whatever is done with it, the real test set stays unread. Its name says so.
    """
    held = hold_out(dataset, count, seed)
    name = f"{dataset.name}-{count}-held-out"
    sha256 = hashlib.sha256(f"{dataset.sha256} {count} {seed}".encode()).hexdigest()
    return replace(held, name=name, sha256=sha256, evaluated_on=EvaluatedOn.TEST, folder=None)


def without_test(dataset: Dataset) -> Dataset:
    """Return *dataset* with its first 1,000 training images, which are trained on as well, instead of the test set.

    What is evaluated after an epoch then says that training works, and nothing about images never seen.
    """
    few = slice(TRAINING_SAMPLE)
    images, labels = dataset.train_images[few], dataset.train_labels[few]
    return replace(dataset, test_images=images, test_labels=labels, evaluated_on=EvaluatedOn.TRAINING)
