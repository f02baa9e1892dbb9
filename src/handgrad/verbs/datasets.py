"""``handgrad.datasets``: what can be trained on, and what is there of it."""

from __future__ import annotations

from dataclasses import dataclass

from handgrad.digits.data.fetch import default_cache
from handgrad.digits.data.idx_folder import read_folder
from handgrad.digits.data.known import KNOWN, is_there, megabytes
from handgrad.digits.data.load import DRAWN_TEST, DRAWN_TRAINING
from handgrad.errors import MissingError
from handgrad.shown.record import Shown
from handgrad.shown.view import View


@dataclass(frozen=True)
class Available:
    """One kind of data: its name, how it is handed to `train`, and whether it is there."""

    name: str
    data: str
    there: str


@dataclass(frozen=True, repr=False)
class Datasets(Shown):
    """What `handgrad.datasets` lists, a line for each kind of data."""

    entries: tuple[Available, ...]

    def view(self) -> View:
        """Return the list as a table."""
        rows = tuple((each.name, each.data, each.there) for each in self.entries)
        names = ("name", "data", "there")
        columns = {name: [getattr(each, name) for each in self.entries] for name in names}
        return View("Data to train on", head=("name", "data=", "is it there?"), rows=rows, columns=columns)


def datasets() -> Datasets:
    """Return the data that can be trained on, and which sets are in the cache. It downloads nothing."""
    cache = default_cache()
    try:
        found = read_folder(cache, mnist_only=True)
        mnist = f"yes, in {found.files[0].path.parent}"
    except MissingError:
        mnist = f"not in {cache}; it is downloaded when it is first asked for (12 MB)"
    known = []
    for each in KNOWN.values():
        place = cache.parent / each.name
        there = f"yes, in {place}" if is_there(each, place) else f"not yet, {megabytes(each.bytes)} when asked for"
        known.append(Available(each.name, f'"{each.name}"', there))
    return Datasets(
        (
            Available("mnist", 'None or "mnist"', mnist),
            *known,
            Available("drawn", '"drawn"; None without MNIST', f"yes: {DRAWN_TRAINING:,} + {DRAWN_TEST:,} drawn digits"),
            Available("a folder", '"path/to/folder"', "IDX files, pictures by class, or CSV files"),
            Available("a file", '"mnist.npz", "train.csv"', "four arrays in it; or an image in each row"),
            Available("arrays", "(images, labels, test_images, …)", "numpy arrays or torch tensors"),
            Available("torch datasets", "(training, test)", "torch datasets of pairs (image, label)"),
        )
    )
