"""Finds the digits to train on: a folder, the cache, a download, and where nothing can be had, digits drawn here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.data.fetch import default_cache, fetch_mnist
from handgrad.digits.data.idx_folder import Folder, find_part, read_folder, repeated_in_words
from handgrad.digits.data.mnist import MIRRORS, PARTS
from handgrad.errors import DiskError, MissingError, UsageError
from handgrad.runs.record import EvaluatedOn

# Enough for two decimals of an accuracy, and drawn in seconds where nothing can be downloaded.
DRAWN_TRAINING = 10_000
# Drawn digits only try the machinery: enough for a share to be stable to about a percent.
DRAWN_TEST = 2_000

# Evaluated instead of the test set where that is out of reach: it only shows that training works.
TRAINING_SAMPLE = 1000


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels on the CPU.

    ``name`` is ``"mnist"``, ``"drawn"`` or ``"idx-…"`` for another set of IDX files, named by its hash; ``sha256``
    stands for the whole content. ``train_images`` uint8 ``[N, 28, 28]``, ink 255 on ground 0; ``train_labels`` int64
    ``[N]``, 0 to 9; ``test_*`` alike. ``notice`` is one line that the user should see, or None. ``evaluated_on``
    says what ``test_*`` really is: the test set, a part of the training set held out by `hold_out`, or some of the training
    images by `without_test`.
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
    """The whole path of the folder that was named for it; None for the cache, a download or drawn digits."""


def load_dataset(
    folder: Path | None = None,
    *,
    cache: Path | None = None,
    download: bool = True,
    progress: bool = False,
    mirrors: Sequence[str] = MIRRORS,
) -> Dataset:
    """Load the data set in *folder*; without one, MNIST from *cache* (default: the user's), downloaded if need be.

    *folder* takes any four IDX files of 28×28 images and labels 0 to 9, packed or not; what is not MNIST is named by
    its hash. It is never replaced by anything else: `MissingError` names file, expected and found. Without *folder*
    the function always returns: where the cache lacks MNIST and *download* is off or fails, it draws digits, and
    ``notice`` says why, which mirror answered what, and the folder to fill. *progress* shows a bar while downloading.
    """
    if folder is not None:
        # The whole path, so that a run can be resumed from another folder.
        return replace(_from_folder(read_folder(folder)), folder=str(folder.resolve()))
    cache = default_cache() if cache is None else cache
    try:
        return _from_folder(read_folder(cache, mnist_only=True))
    except MissingError as error:
        reason = _reason(cache, error)
    if download:
        try:
            fetch_mnist(cache, mirrors=mirrors, progress=progress)
            return _from_folder(read_folder(cache, mnist_only=True))
        except (MissingError, DiskError) as error:
            reason = f"{reason}; {error}"
    else:
        reason = f"{reason} – put the four files there or name their folder with --data"
    return _drawn(f"not MNIST: the digits are drawn by the program – {reason}")


def dataset_of(name: str, sha256: str, folder: str | Path | None, *, download: bool = True) -> Dataset:
    """Return the very data that a run was made with, known by *name* and hash, from *folder* or where MNIST is usually found.

    Raises `MissingError` where other data is found, or none.
    """
    if name == "drawn":
        return _drawn("the digits are drawn by the program")
    place = Path(folder) if folder is not None else None
    if place is not None and not place.is_dir():
        place = None
    found = load_dataset(place, download=download)
    # By content, not by name: a folder of that name may hold other digits today.
    if found.sha256 != sha256:
        where = f"{place}" if place is not None else "the usual place"
        raise MissingError(
            f"the run's own data is needed, {name} {sha256[:12]} – {where} holds {found.name} {found.sha256[:12]} – "
            "name its folder with --data"
        )
    return found


def hold_out(dataset: Dataset, count: int, seed: int) -> Dataset:
    """Return *dataset* with *count* training images, chosen by *seed*, in the place of the test set.

    The test set itself is then out of reach, so that nothing chosen with the result was chosen by looking at it.
    What is left of the training set keeps its order. Raises `UsageError` for a count that leaves one side empty, and
    for a data set that already has a part held out.
    """
    total = len(dataset.train_labels)
    if dataset.evaluated_on is EvaluatedOn.HOLDOUT:
        raise UsageError(
            f"{dataset.name} already has {len(dataset.test_labels):,} images held out – hold out only once"
        )
    if not 1 <= count < total:
        raise UsageError(f"holdout {count} – {dataset.name} has {total:,} training images – choose 1 to {total - 1:,}")
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
    """Return *dataset* with its first 1,000 training images, which are trained on as well, in the place of the test set.

    What is evaluated after an epoch then says that training works, and nothing about images never seen.
    """
    few = slice(TRAINING_SAMPLE)
    images, labels = dataset.train_images[few], dataset.train_labels[few]
    return replace(dataset, test_images=images, test_labels=labels, evaluated_on=EvaluatedOn.TRAINING)


def _from_folder(folder: Folder) -> Dataset:
    notes = list(folder.passed_over)
    if folder.name != "mnist":
        place = folder.files[0].path.parent
        notes.append(f"{place} is not MNIST: four IDX files of the same shape, called {folder.name} after their hash")
    if folder.repeated:
        notes.append(repeated_in_words(folder))
    train_images, train_labels, test_images, test_labels = (file.values for file in folder.files)
    return Dataset(
        folder.name,
        folder.sha256,
        _tensor(train_images),
        _tensor(train_labels).long(),
        _tensor(test_images),
        _tensor(test_labels).long(),
        "; ".join(notes) or None,
    )


def _reason(cache: Path, error: MissingError) -> str:
    """Say why the cache did not serve: nothing there needs fewer words than something wrong."""
    try:
        empty = not any(find_part(cache, part) for part in PARTS)
    except MissingError:
        empty = False
    return f"no MNIST in {cache}" if empty else str(error)


def _drawn(notice: str) -> Dataset:
    train_images, train_labels = draw_digits(DRAWN_TRAINING, seed=1)
    test_images, test_labels = draw_digits(DRAWN_TEST, seed=2)
    content = hashlib.sha256()
    for values in (train_images, train_labels, test_images, test_labels):
        content.update(values.tobytes())
    return Dataset(
        "drawn",
        content.hexdigest(),
        _tensor(train_images),
        _tensor(train_labels).long(),
        _tensor(test_images),
        _tensor(test_labels).long(),
        notice,
    )


def _tensor(values: npt.NDArray[np.uint8]) -> torch.Tensor:
    # A copy: the bytes as read are immutable, and torch warns of tensors that share them.
    return torch.from_numpy(values.copy())
