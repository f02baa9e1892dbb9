"""What the four files of MNIST are called, how large they are and which SHA-256 they have."""

from __future__ import annotations

from dataclasses import dataclass

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
"""Folders on the web that hold the four gzip files, tried in this order."""


@dataclass(frozen=True)
class Remote:
    """A file as mirrors hold it: its name there and in the cache, the SHA-256 and the size of these very bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Part:
    """One of the four files: ``sha256`` is that of the unpacked IDX file, ``packed_sha256`` that of the ``.gz``."""

    meaning: str
    stem: str
    dimensions: int
    sha256: str
    packed_sha256: str
    packed_size: int

    @property
    def packed_name(self) -> str:
        """The name under which mirrors and the cache hold the file."""
        return f"{self.stem}-idx{self.dimensions}-ubyte.gz"

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that is looked for: packed or not, with the dot that some collections put in, and as plain ``.idx``."""
        stems = (self.stem, self.stem.replace("t10k", "test")) if "t10k" in self.stem else (self.stem,)
        ends = (f"-idx{self.dimensions}-ubyte", f".idx{self.dimensions}-ubyte", ".idx", f".idx{self.dimensions}")
        return tuple(stem + end + packing for stem in stems for end in ends for packing in (".gz", ""))

    @property
    def remote(self) -> Remote:
        """The file as mirrors hold it."""
        return Remote(self.packed_name, self.packed_sha256, self.packed_size)


TRAIN_IMAGES = Part(
    "training images",
    "train-images",
    3,
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    9_912_422,
)
TRAIN_LABELS = Part(
    "training labels",
    "train-labels",
    1,
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    28_881,
)
TEST_IMAGES = Part(
    "test images",
    "t10k-images",
    3,
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    1_648_877,
)
TEST_LABELS = Part(
    "test labels",
    "t10k-labels",
    1,
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    4_542,
)
PARTS = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
