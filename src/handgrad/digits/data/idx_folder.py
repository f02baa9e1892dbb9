"""A folder of four IDX files, read and checked as a whole; says whether they are MNIST. Needs no torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from handgrad.digits.data.idx import IdxFile, damaged, read_idx
from handgrad.digits.data.mnist import PARTS, Part
from handgrad.errors import MissingError, counted
from handgrad.text import one_line

LAYOUTS = ("", "raw", "MNIST/raw", "MNIST", "FashionMNIST/raw", "KMNIST/raw")
"""Where in a named folder the four files may lie: in it, or as torchvision puts them below its ``root``."""


@dataclass(frozen=True, eq=False)
class Folder:
    """Four files that belong together, ``files`` in the order of `handgrad.digits.data.mnist.PARTS`.

    ``name`` is ``"mnist"``, or ``"idx-"`` and the first twelve digits of ``sha256``; ``sha256`` is taken over the
    four SHA-256 of the unpacked files, so that packing changes neither. ``passed_over`` says, a line each, which damaged
    files lie beside a whole one that was read instead. ``repeated`` counts test images that are training images too; for MNIST
    they are not looked for, it has none.
    """

    name: str
    sha256: str
    files: tuple[IdxFile, IdxFile, IdxFile, IdxFile]
    passed_over: tuple[str, ...] = ()
    repeated: int = 0


def read_folder(folder: Path, *, mnist_only: bool = False) -> Folder:
    """Read the four IDX files in *folder*, packed (``.gz``) or not, or where `LAYOUTS` says below it.

    Raises `MissingError` naming file, expected and found where one is missing or damaged, where the four do not
    belong together, and, with *mnist_only*, where they are not MNIST. Files that are no MNIST at all make another
    data set; where some of the four are MNIST's and some are not, the others are taken for damaged. So a single
    wrong bit in MNIST is always found, and in another data set where gzip's checksum covers it.
    """
    place = _place_of(folder)
    passed_over: list[str] = []
    train_images, train_labels, test_images, test_labels = (_read_part(place, part, passed_over) for part in PARTS)
    files = (train_images, train_labels, test_images, test_labels)
    # First whether it is MNIST, then whether the four fit together: a mixture is told by its hashes, which say which
    # file is wrong.
    is_mnist = _check_against_mnist(files, mnist_only)
    if not is_mnist:
        _check_together(files)
    sha256 = hashlib.sha256("".join(file.sha256 for file in files).encode()).hexdigest()
    repeated = 0 if is_mnist else _count_repeated(train_images, test_images)
    return Folder("mnist" if is_mnist else f"idx-{sha256[:12]}", sha256, files, tuple(passed_over), repeated)


def find_part(folder: Path, part: Part) -> Path | None:
    """Return the file of *folder* that holds *part* under one of its names, or None.

    Raises `MissingError` where the system will not say: no permission, a name too long.
    """
    return next(iter(_find_all(_place_of(folder), part)), None)


def _place_of(folder: Path) -> Path:
    """Return the first place of `LAYOUTS` in *folder* that holds something of every part, else *folder* itself."""
    places = (folder / below for below in LAYOUTS)
    return next((place for place in places if all(_find_all(place, part) for part in PARTS)), folder)


def _find_all(place: Path, part: Part) -> list[Path]:
    """Return every file of *place* that may hold *part*.

    Some archives hold a folder that bears the name of a file, with the file in it.
    """
    try:
        named = [place / name for name in part.names if (place / name).exists()]
        inside = [path / name for path in named if path.is_dir() for name in part.names if (path / name).is_file()]
        return [path for path in named if not path.is_dir()] + inside or named
    except OSError as error:
        raise _unreadable(place, error) from error


def _read_part(place: Path, part: Part, passed_over: list[str]) -> IdxFile:
    """Read *part* from the first of its files that is whole; those before it are told in *passed_over*."""
    paths = _find_all(place, part)
    if not paths:
        raise _missing(place, part)
    errors: list[MissingError] = []
    for path in paths:
        try:
            found = read_idx(path, part.dimensions)
        except MissingError as error:
            errors.append(error)
            continue
        passed_over += [
            f"{str(error).removesuffix(' – replace the file')} – {path.name} is read instead" for error in errors
        ]
        return found
    raise errors[0]


def _count_repeated(train: IdxFile, test: IdxFile) -> int:
    """Return how many images of *test* are, pixel for pixel, in *train*."""
    # A set of their bytes: each test image is looked up at once, instead of being compared with every training image.
    known = {image.tobytes() for image in train.values}
    return sum(image.tobytes() in known for image in test.values)


def repeated_in_words(folder: Folder) -> str:
    """Return the line for who should know that test images of *folder* are trained on."""
    count, of = folder.repeated, len(folder.files[2].values)
    return (
        f"{count:,} of the {of:,} test images {'stands' if count == 1 else 'stand'} in the training set too – "
        "the accuracy on them says little about new digits"
    )


def _missing(folder: Path, part: Part) -> MissingError:
    """Return the error for a part that *folder* lacks; of the other names only the plain one is worth mentioning."""
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        return MissingError(f"{folder} is not a folder – found {found} there – name a folder with the four IDX files")
    try:
        others = sorted(one_line(path.name, 80) for path in folder.iterdir())
    except OSError as error:
        return _unreadable(folder, error)
    found = ", ".join(others[:4]) + (f" and {len(others) - 4} more" if len(others) > 4 else "") or "an empty folder"
    plain = part.packed_name.removesuffix(".gz")
    return MissingError(
        f"{folder / plain} is missing – expected it or {part.packed_name}, found {found} – add the file"
    )


def _unreadable(folder: Path, error: OSError) -> MissingError:
    return MissingError(f"{folder} cannot be read – {error.strerror} – name another folder or correct its permissions")


def _check_against_mnist(files: tuple[IdxFile, ...], mnist_only: bool) -> bool:
    """Tell MNIST from another data set, and either from a mixture."""
    matches = [file.sha256 == part.sha256 for file, part in zip(files, PARTS, strict=True)]
    if all(matches):
        return True
    by_hash = {part.sha256: part for part in PARTS}
    known = [by_hash.get(file.sha256) for file in files]
    for file, part, found, match in zip(files, PARTS, known, matches, strict=True):
        if match:
            continue
        if found:
            raise damaged(file.path, f"MNIST's {part.meaning}", f"MNIST's {found.meaning}")
        if mnist_only or any(known):
            wanted, got = f"MNIST's {part.meaning} (SHA-256 {part.sha256[:12]}…)", f"SHA-256 {file.sha256[:12]}…"
            raise damaged(file.path, wanted, got)
    return False


def _check_together(files: tuple[IdxFile, IdxFile, IdxFile, IdxFile]) -> None:
    """Check what must hold in any data set: one label per image, images of one size, more to train than to test."""
    train_images, train_labels, test_images, test_labels = files
    for images, labels in ((train_images, train_labels), (test_images, test_labels)):
        if len(images.values) != len(labels.values):
            beside = f"{len(images.values):,} labels for the {len(images.values):,} images of {images.path.name}"
            raise damaged(labels.path, beside, f"{len(labels.values):,}")
    if train_images.values.shape[1:] != test_images.values.shape[1:]:
        sides = [f"{each.values.shape[1]}×{each.values.shape[2]}" for each in (train_images, test_images)]
        raise damaged(test_images.path, f"images of {sides[0]} pixels as in {train_images.path.name}", sides[1])
    # A label that no training image has is damage, or a class that cannot be learned.
    most = int(train_labels.values.max())
    if test_labels.values.max() > most:
        where = int((test_labels.values > most).argmax())
        raise damaged(test_labels.path, f"labels 0 to {most}", f"{test_labels.values[where]} at position {where:,}")
    if train_images.sha256 == test_images.sha256:
        raise damaged(test_images.path, "images of their own", f"those of {train_images.path.name}")
    if len(test_images.values) > len(train_images.values):
        beside = f"at most the {len(train_images.values):,} of {train_images.path.name}"
        raise damaged(
            test_images.path, f"{beside} (train and test swapped?)", counted(len(test_images.values), "image")
        )
