"""What kind of data a run is about: the shape of its images, its classes, and how bytes become what a network is given.

One record, from the data to the report: nothing else may assume a size, a colour or ten classes.
"""

from __future__ import annotations

from dataclasses import dataclass

from handgrad.runs.record import Stored

SMALLEST_SIDE, LARGEST_SIDE = 8, 64
FEWEST_CLASSES, MOST_CLASSES = 2, 1000
MEAN, STANDARD_DEVIATION = 0.1307, 0.3081
"""Of the 60,000 MNIST training images with pixels in 0…1, as every published network uses them."""


@dataclass(frozen=True)
class DataKind(Stored):
    """Square images of one size, and the classes that they belong to.

    ``classes`` are their names in the order of the labels, ``"0"``, ``"1"``, … where they have no other. A network is given
    ``(bytes / 255 - mean) / deviation``, the same for all channels.
    """

    channels: int
    """1 for grey, 3 for colour."""
    side: int
    """Pixels of a side."""
    classes: tuple[str, ...]
    mean: float = MEAN
    deviation: float = STANDARD_DEVIATION

    def __post_init__(self) -> None:
        if self.channels not in (1, 3) or not SMALLEST_SIDE <= self.side <= LARGEST_SIDE or self.deviation <= 0:
            raise ValueError(f"{self.words} is not a kind of data")
        if not FEWEST_CLASSES <= len(self.classes) <= MOST_CLASSES or len(set(self.classes)) != len(self.classes):
            raise ValueError(f"{len(set(self.classes))} different classes are no kind of data")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return the shape of one image as a network is given it: channels, height, width."""
        return self.channels, self.side, self.side

    @property
    def bytes_shape(self) -> tuple[int, ...]:
        """Return the shape of one image as bytes: grey ones have no dimension of channels."""
        return self.shape if self.channels > 1 else (self.side, self.side)

    @property
    def count(self) -> int:
        """Return how many classes there are."""
        return len(self.classes)

    @property
    def named(self) -> bool:
        """Whether the classes have names of their own, and not only numbers."""
        return self.classes != numbered(self.count)

    @property
    def words(self) -> str:
        """Return it in words: ``28×28 pixels, grey, 10 classes``."""
        colour = "grey" if self.channels == 1 else "colour"
        return f"{self.side}×{self.side} pixels, {colour}, {len(self.classes):,} classes"


def numbered(count: int) -> tuple[str, ...]:
    """Return the names of classes that have none."""
    return tuple(str(number) for number in range(count))


DIGITS = DataKind(1, 28, numbered(10))
"""MNIST's, and that of every run whose record names no other."""
