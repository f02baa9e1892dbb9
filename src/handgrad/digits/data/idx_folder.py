"""A folder of four IDX files, read and checked as a whole; says whether they are MNIST. Needs no torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from handgrad.digits.data.idx import IdxFile, damaged, read_idx
from handgrad.digits.data.mnist import PARTS, Part
from handgrad.errors import MissingError
from handgrad.text import one_line


@dataclass(frozen=True, eq=False)
class Folder:
    """Four files that belong together, ``files`` in the order of `handgrad.digits.data.mnist.PARTS`.

    ``name`` is ``"mnist"``, or ``"idx-"`` and the first twelve digits of ``sha256``; ``sha256`` is taken over the
    four SHA-256 of the unpacked files, so that packing changes neither.
    """

    name: str
    sha256: str
    files: tuple[IdxFile, IdxFile, IdxFile, IdxFile]


def read_folder(folder: Path, *, mnist_only: bool = False) -> Folder:
    """Read the four IDX files in *folder*, packed (``.gz``) or not.

    Raises `MissingError` naming file, expected and found where one is missing or damaged, where the four do not
    belong together, and, with *mnist_only*, where they are not MNIST. Files that are no MNIST at all make another
    data set; where some of the four are MNIST's and some are not, the others are taken for damaged. So a single
    wrong bit in MNIST is always found, and in another data set where gzip's checksum covers it.
    """
    paths = [find_part(folder, part) for part in PARTS]
    for path, part in zip(paths, PARTS, strict=True):
        if path is None:
            raise _missing(folder, part)
    train_images, train_labels, test_images, test_labels = (
        read_idx(path, part.shape) for path, part in zip(paths, PARTS, strict=True) if path is not None
    )
    files = (train_images, train_labels, test_images, test_labels)
    is_mnist = _check_against_mnist(files, mnist_only)
    if not is_mnist:
        _check_together(files)
    sha256 = hashlib.sha256("".join(file.sha256 for file in files).encode()).hexdigest()
    return Folder("mnist" if is_mnist else f"idx-{sha256[:12]}", sha256, files)


def find_part(folder: Path, part: Part) -> Path | None:
    """Return the file of *folder* that holds *part* under one of its names, or None.

    Raises `MissingError` where the system will not say: no permission, a name too long.
    """
    try:
        return next((folder / name for name in part.names if (folder / name).exists()), None)
    except OSError as error:
        raise _unreadable(folder, error) from error


def _missing(folder: Path, part: Part) -> MissingError:
    """Return the error for a part that *folder* lacks; of the other names only the plain one is worth mentioning."""
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        return MissingError(f"{folder} is no folder – found {found} there – name a folder with the four IDX files")
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
    return MissingError(f"{folder} cannot be read – {error.strerror} – name another folder or mend its permissions")


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
    """Check what must hold in any data set of digits: labels 0 to 9, one an image, more to train than to test."""
    train_images, train_labels, test_images, test_labels = files
    for images, labels in ((train_images, train_labels), (test_images, test_labels)):
        if len(images.values) != len(labels.values):
            beside = f"{len(images.values):,} labels for the {len(images.values):,} images of {images.path.name}"
            raise damaged(labels.path, beside, f"{len(labels.values):,}")
        if labels.values.max() > 9:
            where = int((labels.values > 9).argmax())
            raise damaged(labels.path, "labels 0 to 9", f"{labels.values[where]} at position {where:,}")
    if train_images.sha256 == test_images.sha256:
        raise damaged(test_images.path, "images of their own", f"those of {train_images.path.name}")
    if len(test_images.values) > len(train_images.values):
        beside = f"at most the {len(train_images.values):,} of {train_images.path.name}"
        raise damaged(test_images.path, f"{beside} (train and test swapped?)", f"{len(test_images.values):,} images")
