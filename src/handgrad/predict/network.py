"""A finished run as something to ask: ``handgrad.load(RUN).predict(images)`` gives digits and probabilities."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from handgrad.digits.layers.shape_check import check_classes
from handgrad.digits.networks.load import load_network
from handgrad.digits.networks.published import NETWORKS
from handgrad.digits.trained import check_digits, load_weights, trained_module
from handgrad.digits.training.loop import predict as log_probabilities
from handgrad.errors import DamagedRunError, UsageError
from handgrad.photograph.digits import Picture, see
from handgrad.photograph.paper import POLARITIES, Polarity
from handgrad.photograph.read import grey_of, read_picture
from handgrad.runs.find import find_run
from handgrad.runs.folder import MODEL
from handgrad.runs.kind import DIGITS, DataKind
from handgrad.runs.read import Run, read_run
from handgrad.score import percent
from handgrad.shown.record import Shown
from handgrad.shown.view import View
from handgrad.text import one_line

Bytes = NDArray[np.uint8]
CONFIG, KIND, SOURCE = "config.json", "handgrad-mnist", "network.py"
"""What `handgrad export --to hub` writes."""


class Predictions(NamedTuple):
    """The answers ``digits [n]``, numbers of classes, and ``probabilities [n, classes]``: the softmax output, which is not a
    certainty."""

    digits: NDArray[np.int64]
    probabilities: NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class TrainedNetwork(Shown):
    """A network with the weights of its last epoch.

    ``module`` is the plain `torch.nn.Module` in ``eval()``: normalised images ``[n, 1, 28, 28]`` to scores ``[n, 10]``, where
    normalised is ``(bytes / 255 - 0.1307) / 0.3081``; for a run of other data what its ``kind`` says. ``run`` is its record,
    None if it was loaded from a folder for a hub. ``which`` says which run was used if only a recipe was named, else "".
    """

    module: nn.Module
    name: str
    run: Run | None = None
    which: str = ""

    def view(self) -> View:
        """Return what it is, what it takes, and where it comes from."""
        size = sum(parameter.numel() for parameter in self.module.parameters())
        lines = [f"takes bytes [n, {', '.join(map(str, self.kind.bytes_shape))}], {self.kind.words}"]
        if self.run is not None and self.run.result is not None:
            last = self.run.result.last_epoch
            lines.append(
                f"run {self.run.path}: {percent(last.correct, last.total)} after the last epoch, dataset: {self.run.dataset}"
            )
        return View(f"{self.name}, trained: {size:,} parameters", tuple(lines))

    @property
    def kind(self) -> DataKind:
        """The shape of the images that it takes, and its classes."""
        return DIGITS if self.run is None else self.run.kind

    def predict(self, images: Any, *, polarity: str | None = None) -> Predictions:
        """Return the answers to *images* and their probabilities.

        *images* are bytes ``[n, 28, 28]`` or ``[28, 28]`` (or of the size of its ``kind``) as MNIST has them (ink 255 on
        ground 0), an array or a tensor; or a photograph, a path or a PIL image, whose digits are found and answered from left
        to right. *polarity*, "dark" or "light", says how a photograph is written. Raises `UsageError` for anything else
        (floats among it: nobody can know how they were scaled), `MissingError` where photographs need a package that is not
        installed.
        """
        if is_photograph(images):
            return self.answer(self.look(images, polarity=polarity).images)
        return self.answer(as_bytes(images, self.kind))

    def check_photographs(self) -> None:
        """Refuse to read photographs with a network that was trained on something else than digits; raises `UsageError`."""
        if self.run is not None:
            check_digits(self.run, "reading photographs")

    def look(self, picture: Any, *, polarity: str | None = None) -> Picture:
        """Return what is seen on a photograph, a path or a PIL image: its digits as the network sees them, or why none."""
        self.check_photographs()
        chosen = as_polarity(polarity)
        grey = grey_of(picture) if hasattr(picture, "convert") else read_picture(Path(picture))
        return see(grey, chosen)

    def answer(self, images: Bytes) -> Predictions:
        """Return the answers to bytes ``[n, *kind.bytes_shape]``."""
        if not len(images):
            return Predictions(np.zeros(0, np.int64), np.zeros((0, self.kind.count)))
        with torch.no_grad():
            logs = log_probabilities(self.module, torch.from_numpy(np.ascontiguousarray(images)), self.kind)
        # In double: shares of ten classes in float32 add up to 1.0000001.
        chances = logs.double().exp().numpy()
        return Predictions(chances.argmax(axis=1).astype(np.int64), chances)


def load(run: str | Path) -> TrainedNetwork:
    """Return the network of a finished run, ready to predict.

    *run* is a run folder; a recipe (then its newest complete run below ``runs`` is used, and ``which`` says so); or a folder
    that ``handgrad export --to hub`` wrote. Raises `UsageError` where there is none or it is not finished, `DivergedError`,
    `DamagedRunError` where weights or records do not read back. A hub's network must take ``[n, 1, 28, 28]`` and
    give ten scores.
    """
    # A run's folder may hold an export with a configuration; it stays a run.
    if (Path(run) / CONFIG).is_file() and not (Path(run) / "summary.json").exists():
        return load_hub(Path(run))
    path, which = find_run(run)
    found = read_run(path)
    return TrainedNetwork(trained_module(found), found.network, found, which)


def load_hub(folder: Path) -> TrainedNetwork:
    """Return the network in a folder for a hub; a network of the user's own comes from the source beside it."""
    place = folder / CONFIG
    try:
        table = json.loads(place.read_text(encoding="utf-8"))
        name, kind = str(table["network"]), table["model_type"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DamagedRunError(f"{place} cannot be read: {one_line(error, 80)} – export the run again") from error
    if kind != KIND:
        raise UsageError(f"{place}: model_type is {kind!r:.40} – only {KIND} can be loaded")
    known = name if name in NETWORKS else f"{folder / SOURCE}:{name.rpartition(':')[2]}"
    network = load_network(known)
    load_weights(network, folder / MODEL)
    network.eval()
    # A folder is somebody's to edit; a run's own network was looked at before it was trained.
    try:
        check_classes(network, batch=2, name=name)
    except UsageError as error:
        raise UsageError(
            f"{folder}: no network for 28×28 grey images of ten digits: {error} – export the run again"
        ) from error
    return TrainedNetwork(network, name)


def is_photograph(images: Any) -> bool:
    """Whether *images* is a path or a PIL image rather than an array."""
    return isinstance(images, str | os.PathLike) or hasattr(images, "convert")


def as_polarity(polarity: str | None) -> Polarity | None:
    """Return a polarity, or refuse what is none."""
    for each in POLARITIES:
        if polarity == each:
            return each
    if polarity is not None:
        raise UsageError(f'polarity "{one_line(polarity, 20)}" is not known – choose one of {", ".join(POLARITIES)}')
    return None


def as_bytes(images: Any, kind: DataKind = DIGITS) -> Bytes:
    """Return *images* as bytes ``[n, *kind.bytes_shape]``; raises `UsageError` for another kind or shape."""
    wanted = f"[n, {', '.join(map(str, kind.bytes_shape))}]"
    values = images.detach().cpu().numpy() if isinstance(images, torch.Tensor) else images
    if isinstance(values, Sequence):
        values = np.asarray(values)
    if not isinstance(values, np.ndarray):
        raise UsageError(f"images are {type(images).__name__} – give uint8 {wanted}, a path or a PIL image")
    # Whole numbers of any width are bytes in disguise; floats are not, since nobody can know how they were scaled.
    if values.dtype.kind in "iu" and values.size and values.min() >= 0 and values.max() <= 255:
        values = values.astype(np.uint8)
    if values.dtype != np.uint8:
        raise UsageError(
            f"images are {values.dtype} – give bytes, uint8 0 to 255, ink 255 on background 0, without dividing"
        )
    if values.ndim == 4 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == len(kind.bytes_shape):
        values = values[None]
    if values.shape[1:] != kind.bytes_shape:
        raise UsageError(f"images are {list(values.shape)} – give {wanted}, or a photograph's path")
    return np.asarray(values, np.uint8)
