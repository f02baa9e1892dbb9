"""``handgrad.datasets``: what can be trained on, and what is there of it."""

from __future__ import annotations

from dataclasses import dataclass

from handgrad.digits.data.dataset import DRAWN_TEST, DRAWN_TRAINING
from handgrad.digits.data.fetch import default_cache
from handgrad.digits.data.idx_folder import read_folder
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
    """Return what can be trained on, and whether MNIST is in the cache; nothing is downloaded."""
    try:
        found = read_folder(default_cache(), mnist_only=True)
        mnist = f"yes, in {found.files[0].path.parent}"
    except MissingError:
        mnist = f"not in {default_cache()}; it is downloaded when it is first asked for"
    return Datasets(
        (
            Available("mnist", "None", mnist),
            Available(
                "drawn", "None, where MNIST cannot be had", f"yes: {DRAWN_TRAINING:,} + {DRAWN_TEST:,} drawn digits"
            ),
            Available("a folder", '"path/to/folder"', "four IDX files, or what other tools leave of MNIST"),
            Available("arrays", "(images, labels, test_images, test_labels)", "numpy arrays or torch tensors"),
            Available("datasets", "(training, test)", "torch datasets of pairs (image, label)"),
        )
    )
