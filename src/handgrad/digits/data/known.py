"""Sets beside MNIST that are known by name: where they are, which SHA-256 their files have, what their classes are called."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from handgrad.digits.data.idx import damaged
from handgrad.digits.data.idx_folder import Folder, read_folder
from handgrad.digits.data.mnist import PARTS, Remote
from handgrad.errors import MissingError
from handgrad.runs.kind import numbered

SUMS = "SHA256SUMS"
"""In the folder of a set that came as one archive: the hashes of what was taken out of it when its own hash was right."""


@dataclass(frozen=True)
class KnownSet:
    """One set: four IDX files that ``mirrors`` hold, or an archive that holds them.

    ``files`` are in the order of `handgrad.digits.data.mnist.PARTS`, with their names in the cache. ``members`` are the names
    in the archive, where there is one.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    mirrors: tuple[str, ...]
    licence: str
    files: tuple[Remote, ...] = ()
    archive: Remote | None = None
    members: tuple[str, ...] = ()
    transposed: bool = False
    """Whether its images lie on their side, and are turned when they are read."""

    @property
    def bytes(self) -> int:
        """Return how many bytes a download takes."""
        return self.archive.size if self.archive is not None else sum(file.size for file in self.files)


def _four(*hashes_and_sizes: tuple[str, int]) -> tuple[Remote, ...]:
    """Return the four files, named as those of MNIST."""
    pairs = zip(PARTS, hashes_and_sizes, strict=True)
    return tuple(Remote(part.packed_name, sha256, size) for part, (sha256, size) in pairs)


# Hashes and sizes of Fashion-MNIST and of EMNIST's archive: the checksums that TensorFlow Datasets records for these
# addresses; of KMNIST: those of torchvision's prototype datasets, its sizes from published copies. The MD5 sums that
# the authors of Fashion-MNIST publish belong to the same files.
KNOWN = {
    each.name: each
    for each in (
        KnownSet(
            name="fashion",
            title="Fashion-MNIST",
            classes=(
                "T-shirt/top",
                "Trouser",
                "Pullover",
                "Dress",
                "Coat",
                "Sandal",
                "Shirt",
                "Sneaker",
                "Bag",
                "Ankle boot",
            ),
            mirrors=(
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            ),
            licence="MIT",
            files=_four(
                ("3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26_421_880),
                ("a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29_515),
                ("346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4_422_102),
                ("67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5_148),
            ),
        ),
        KnownSet(
            name="kmnist",
            title="Kuzushiji-MNIST",
            classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
            mirrors=("https://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
            licence="CC BY-SA 4.0",
            files=_four(
                ("51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4", 18_165_135),
                ("e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17", 29_497),
                ("edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5", 3_041_136),
                ("20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c", 5_120),
            ),
        ),
        KnownSet(
            name="emnist-digits",
            title="EMNIST Digits",
            classes=numbered(10),
            mirrors=("https://biometrics.nist.gov/cs_links/EMNIST/",),
            licence="none named by NIST",
            archive=Remote("gzip.zip", "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e", 561_753_746),
            members=tuple(
                f"gzip/emnist-digits-{part}-ubyte.gz"
                for part in ("train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1")
            ),
            transposed=True,
        ),
    )
}


def read_known(known: KnownSet, place: Path) -> Folder:
    """Return the four files of *known* in *place*, its folder of the cache; raises `MissingError` unless each is right."""
    missing = MissingError(
        f"{known.title} is not in {place} – handgrad data --data {known.name} --fetch downloads it ({megabytes(known.bytes)})"
    )
    try:
        sums = _sums(known, place)
        for name, sha256 in sums.items():
            with (place / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != sha256:
                raise damaged(place / name, f"{known.title}'s file (SHA-256 {sha256[:12]}…)", f"SHA-256 {found[:12]}…")
    except OSError as error:
        raise missing from error
    return read_folder(place)


def is_there(known: KnownSet, place: Path) -> bool:
    """Return whether the files of *known* lie in *place*; what is in them is looked at when they are read."""
    try:
        return all((place / name).is_file() for name in _sums(known, place))
    except OSError:
        return False


def _sums(known: KnownSet, place: Path) -> dict[str, str]:
    """Return the SHA-256 that each file must have."""
    if known.archive is None:
        return {file.name: file.sha256 for file in known.files}
    lines = (line.split() for line in (place / SUMS).read_text(encoding="ascii").splitlines())
    return {line[1]: line[0] for line in lines if len(line) == 2}


def megabytes(size: int) -> str:
    """Return a size in words."""
    return f"{max(1, round(size / 1e6)):,} MB"
