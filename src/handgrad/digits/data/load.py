"""Finds the images to train on: by name, in a folder or file, in the cache, by a download; else it draws digits."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from handgrad.digits.data.arrays import dataset_of_parts
from handgrad.digits.data.csv_files import holds_csv, read_csv_files
from handgrad.digits.data.dataset import Dataset
from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.data.fetch import default_cache, fetch_known, fetch_mnist
from handgrad.digits.data.idx_folder import Folder, find_part, read_folder, repeated_in_words
from handgrad.digits.data.kinds import classes_without_images, kind_of
from handgrad.digits.data.known import KNOWN, KnownSet, read_known
from handgrad.digits.data.mnist import MIRRORS, PARTS
from handgrad.digits.data.npz_file import read_npz
from handgrad.digits.data.parts import FourParts
from handgrad.digits.data.picture_folder import holds_classes, read_pictures
from handgrad.errors import DiskError, MissingError, did_you_mean
from handgrad.runs.kind import DIGITS

# Enough for two decimals of an accuracy, and drawn in seconds where nothing can be downloaded.
DRAWN_TRAINING = 10_000
DRAWN_TEST = 2_000
MNIST, DRAWN = "mnist", "drawn"
NAMES = (MNIST, *KNOWN, DRAWN)
"""What can be trained on by its name; a folder or file of that name comes first."""


def load_dataset(
    place: Path | str | None = None,
    *,
    cache: Path | None = None,
    download: bool = True,
    progress: bool = False,
    mirrors: Sequence[str] | None = None,
) -> Dataset:
    """Load the data that *place* names; without one, MNIST from *cache* (default: the user's), downloaded if need be.

    *place* is one of `NAMES`; a folder of four IDX files, packed or not, of pictures in a folder for each class, or of CSV
    files; a CSV or NPZ file. What has no name of its own is called after its hash. It is never replaced by anything else:
    `MissingError` names file, expected and found. Without *place* the function always returns: where the cache lacks MNIST
    and *download* is off or fails, it draws digits, and ``notice`` says why, which mirror answered what, and the folder to
    fill. *progress* shows a bar while downloading; *mirrors* are asked instead of those that are known. Raises
    `UsageError` for data that cannot be trained on.
    """
    cache = default_cache() if cache is None else cache
    if place is not None and is_name(place):
        return replace(_by_name(str(place), cache, download, progress=progress, mirrors=mirrors), folder=str(place))
    if place is not None:
        # The whole path, so that a run can be resumed from another folder.
        return replace(_from_place(Path(place)), folder=str(Path(place).resolve()))
    try:
        return _from_folder(read_folder(cache, mnist_only=True))
    except MissingError as error:
        reason = _reason(cache, error)
    if download:
        try:
            return _downloaded_mnist(cache, mirrors, progress)
        except (MissingError, DiskError) as error:
            # Both reasons are told: what was wrong with the cache, and what the mirrors answered.
            reason = f"{reason}; {error}"
    else:
        reason = f"{reason} – put the four files there or name their folder with --data"
    return _drawn(f"not MNIST: the digits are drawn by the program – {reason}")


def is_name(place: Path | str) -> bool:
    """Return whether *place* is the name of a set that is known, and no folder or file bears it."""
    return str(place) in NAMES and not Path(place).exists()


def can_be_found(place: str | None) -> bool:
    """Return whether *place*, as a run's record has it, means something on this machine."""
    return place is not None and (is_name(place) or Path(place).exists())


def dataset_of(name: str, sha256: str, folder: str | Path | None, *, download: bool = True) -> Dataset:
    """Return the very data that a run was made with, known by *name* and hash, from *folder* or where MNIST is usually found.

    Raises `MissingError` where other data is found, or none.
    """
    if name == DRAWN:
        return _drawn("the digits are drawn by the program")
    place = str(folder) if folder is not None and can_be_found(str(folder)) else None
    found = load_dataset(place, download=download)
    # By content, not by name: a folder of that name may hold other digits today.
    if found.sha256 != sha256:
        where = f"{place}" if place is not None else "the usual place"
        raise MissingError(
            f"the run's own data is needed, {name} {sha256[:12]} – {where} holds {found.name} {found.sha256[:12]} – "
            "name its folder with --data"
        )
    return found


def _by_name(
    name: str, cache: Path, download: bool, *, progress: bool, mirrors: Sequence[str] | None = None
) -> Dataset:
    """Return the set called *name*; what cannot be had is an error, and never drawn digits."""
    if name == DRAWN:
        return _drawn("the digits are drawn by the program, as asked")
    if name == MNIST:
        try:
            return _from_folder(read_folder(cache, mnist_only=True))
        except MissingError:
            if not download:
                raise
            return _downloaded_mnist(cache, mirrors, progress)
    known = KNOWN[name]
    place = cache.parent / name
    try:
        return _from_known(known, place)
    except MissingError:
        if not download:
            raise
    fetch_known(known, place, mirrors=mirrors, progress=progress)
    return _from_known(known, place)


def _downloaded_mnist(cache: Path, mirrors: Sequence[str] | None, progress: bool) -> Dataset:
    fetch_mnist(cache, mirrors=MIRRORS if mirrors is None else mirrors, progress=progress)
    return _from_folder(read_folder(cache, mnist_only=True))


def _from_known(known: KnownSet, place: Path) -> Dataset:
    """Return a known set from its own folder of the cache, once its files are the right ones."""
    folder = read_known(known, place)
    images = [folder.files[number].values for number in (0, 2)]
    labels = [folder.files[number].values.astype(np.int64) for number in (1, 3)]
    if known.transposed:
        # As published, each image lies on its side, mirrored: https://arxiv.org/abs/1702.05373, section II.
        images = [np.ascontiguousarray(each.transpose(0, 2, 1)) for each in images]
    found = dataset_of_parts(known.name, images, labels, known.classes)
    return replace(found, name=known.name, notice=repeated_in_words(folder) if folder.repeated else None)


def _from_place(place: Path) -> Dataset:
    """Return the data in a folder or file, read as what it is."""
    # What a place holds decides, and not how it is called.
    for suits, read, what in READERS:
        if suits(place):
            parts = read(place)
            found = dataset_of_parts(what, parts.images, parts.labels, parts.names)
            return replace(found, notice="; ".join(filter(None, (parts.notice, found.notice))) or None)
    check_spelling(place)
    return _from_folder(read_folder(place))


def check_spelling(place: Path) -> None:
    """Raise `MissingError` where *place* is nothing, but nearly the name of a set that is known."""
    hint = did_you_mean(str(place), NAMES) if not place.exists() and place.parent == Path() else ""
    if hint:
        raise MissingError(f'"{place}" is neither a data set nor a folder{hint}')


READERS: tuple[tuple[Callable[[Path], bool], Callable[[Path], FourParts], str], ...] = (
    (lambda place: place.suffix == ".npz" and place.is_file(), read_npz, "npz"),
    (holds_csv, read_csv_files, "csv"),
    (holds_classes, read_pictures, "pictures"),
)
"""Whether a place is of that kind, how it is read, and what a set of it is called; all else is a folder of IDX files."""


def _from_folder(folder: Folder) -> Dataset:
    notes = list(folder.passed_over)
    if folder.name != "mnist":
        place = folder.files[0].path.parent
        notes.append(f"{place} is not MNIST: four IDX files of the same shape, called {folder.name} after their hash")
    if folder.repeated:
        notes.append(repeated_in_words(folder))
    train_images, train_labels, test_images, test_labels = (file.values for file in folder.files)
    kind = DIGITS if folder.name == "mnist" else kind_of(train_images, train_labels, test_labels)
    absent = classes_without_images(kind, train_labels) if kind.count > DIGITS.count else None
    notes += [absent] if absent else []
    return Dataset(
        folder.name,
        folder.sha256,
        _tensor(train_images),
        _tensor(train_labels).long(),
        _tensor(test_images),
        _tensor(test_labels).long(),
        "; ".join(notes) or None,
        kind=kind,
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
