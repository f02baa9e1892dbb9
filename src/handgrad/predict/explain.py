"""One page on how photographs were read: what was seen of each, step by step, and what the network made of it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handgrad.digits.data.load import dataset_of
from handgrad.errors import HandgradError, counted
from handgrad.export.evaluate import all_values
from handgrad.export.from_module import plan_of
from handgrad.export.plan import Convolution, Function, Plan
from handgrad.files import write_whole
from handgrad.html.document import document
from handgrad.html.markup import Markup, joined, tag
from handgrad.photograph.digits import Picture
from handgrad.predict.margin import Margin
from handgrad.predict.network import TrainedNetwork
from handgrad.predict.pictures import AnsweredPicture
from handgrad.report.digit_images import bars, picture, png

Bytes = NDArray[np.uint8]
SHOWN = 520
"""Pixels along the longer side of a photograph on the page."""
# Distances to 60,000 images at once would take 190 MB as float32.
CHUNK = 10_000
MOST_MAPS = 16
ROW = "display:flex; flex-wrap:wrap; gap:1rem; align-items:flex-end"


@dataclass(frozen=True, eq=False)
class Nearest:
    """The training digit whose pixels differ least: image, label, its number in the training set."""

    image: Bytes
    label: int
    index: int


def write_explanation(
    network: TrainedNetwork, found: Sequence[AnsweredPicture], margin: Margin, path: Path, *, data: Path | None
) -> Path:
    """Write the page to *path* and return it."""
    title = f"How {network.name} read {counted(len(found), 'picture')}"
    words = (
        f"Sure means: the first answer lies {margin.least:.2f} or more before the second ({margin.words}). The shares are "
        f"the softmax output of the network, which is often too high."
    )
    plan = plan_or_none(network)
    training = training_digits(network, data)
    sections = [picture_section(each, plan, training) for each in found]
    body = joined(tag("h1", title), tag("p", words), *sections)
    return write_whole(path, document(title, body).encode("utf-8"))


def plan_or_none(network: TrainedNetwork) -> Plan | None:
    """Return the plan of the network, from which its first layer is shown; None where it has none."""
    try:
        return plan_of(network.module, network.name)
    except HandgradError:
        return None


def training_digits(network: TrainedNetwork, data: Path | None) -> tuple[Bytes, NDArray[np.int64]] | None:
    """Return images and labels that the network was trained on, None where they are not available."""
    run = network.run
    if run is None:
        return None
    try:
        place = data or run.environment.data
        dataset = dataset_of(run.dataset, run.environment.dataset_sha256, place, download=False)
    except HandgradError:
        return None
    return dataset.train_images.numpy(), dataset.train_labels.numpy()


def picture_section(
    answered: AnsweredPicture, plan: Plan | None, training: tuple[Bytes, NDArray[np.int64]] | None
) -> Markup:
    """Return everything on one picture."""
    head = tag("h2", answered.path.name)
    seen = answered.seen
    if seen is None:
        return tag("section", head, tag("p", str(answered.error)))
    figures = [figure(shown(with_boxes(seen)), "the photograph in grey, a frame round each digit found")]
    if seen.ink is not None:
        figures.append(figure(shown(255 - seen.ink.ink), "the paper made even: only the ink"))
        figures.append(figure(shown(np.where(seen.ink.mask, 0, 255).astype(np.uint8)), "what counts as ink"))
        words = f"{seen.ink.polarity} writing; {len(seen.digits)} found."
    else:
        words = ""
    if seen.reason:
        words = f"No digit: {seen.reason}."
    parts = [tag("div", *figures, style=ROW), tag("p", words)]
    parts += [digit_part(answered, number, plan, training) for number in range(len(seen.digits))]
    return tag("section", head, *parts)


def digit_part(
    answered: AnsweredPicture, number: int, plan: Plan | None, training: tuple[Bytes, NDArray[np.int64]] | None
) -> Markup:
    """Return what the network saw and answered of one digit."""
    assert answered.seen is not None
    fitted = answered.seen.digits[number].fitted
    digit = answered.digits[number]
    changed = f"{fitted.width:.1f} pixels"
    changed += " (as MNIST has it)" if fitted.changed_to is None else f", brought to {fitted.changed_to:.1f}"
    parts = [
        tag("h3", f"Digit {number + 1}: {digit.words}"),
        tag("p", f"Width of its stroke, in pixels of 28×28: {changed}."),
    ]
    shown_images = [figure(picture(fitted.image, "the digit as the network sees it"), "28×28, as the network sees it")]
    shown_images.append(figure(bars(digit.probabilities.tolist(), digit.answer), "the ten probabilities"))
    if training is not None:
        near = nearest(fitted.image, *training)
        words = f"nearest training digit: a {near.label} (number {near.index:,})"
        shown_images.append(figure(picture(near.image, words), words))
    parts.append(tag("div", *shown_images, style=ROW, class_="seen"))
    maps = first_layer(plan, fitted.image) if plan is not None else None
    if maps is not None:
        pictures = [picture(each, f"map {at + 1}") for at, each in enumerate(maps)]
        parts.append(
            tag(
                "p",
                f"The first layer gives {len(maps)} maps (the colour of the page is 0; more ink is a larger number):",
            )
        )
        parts.append(tag("div", *pictures, style=ROW, class_="large"))
    return joined(*parts)


def first_layer(plan: Plan, image: Bytes) -> Bytes | None:
    """Return the maps of the first convolution after its activation as bytes ``[maps, rows, columns]``, None without one."""
    values = all_values(plan, image[None])
    for place, step in enumerate(plan.steps):
        if isinstance(step, Convolution):
            after = plan.steps[place + 1] if place + 1 < len(plan.steps) else None
            # Value 0 is the image, so the step at *place* computes value place + 1, and the function after it the next.
            value = values[place + 2 if isinstance(after, Function) else place + 1][0][:MOST_MAPS]
            # A map of zeros alone is divided by something that is not 0.
            return np.asarray(np.clip(value / max(float(np.abs(value).max()), 1e-9), 0, 1) * 255, np.uint8)
    return None


def nearest(image: Bytes, images: Bytes, labels: NDArray[np.int64]) -> Nearest:
    """Return the training digit with the least sum of squared differences of its pixels."""
    best, least = 0, np.inf
    flat = image.ravel().astype(np.float32)
    for at in range(0, len(images), CHUNK):
        apart = ((images[at : at + CHUNK].reshape(-1, flat.size).astype(np.float32) - flat) ** 2).sum(axis=1)
        if apart.min() < least:
            best, least = at + int(apart.argmin()), float(apart.min())
    return Nearest(images[best], int(labels[best]), best)


def shown(grey: Bytes) -> Markup:
    """Return a grey picture for the page, every so many pixels of a large one."""
    step = max(1, -(-max(grey.shape) // SHOWN))
    small = grey[::step, ::step]
    data = base64.b64encode(png(np.ascontiguousarray(small))).decode()
    return tag("img", src=f"data:image/png;base64,{data}", alt="", width=small.shape[1], height=small.shape[0])


def with_boxes(seen: Picture) -> Bytes:
    """Return the photograph with a frame round each digit, black and white so that it shows on any ground."""
    framed = seen.grey.copy()
    for each in seen.digits:
        for by, tone in ((3, 255), (2, 0), (1, 0)):
            top, left = max(0, each.box[0] - by), max(0, each.box[1] - by)
            bottom, right = min(framed.shape[0], each.box[2] + by) - 1, min(framed.shape[1], each.box[3] + by) - 1
            framed[[top, bottom], left : right + 1] = tone
            framed[top : bottom + 1, [left, right]] = tone
    return framed


def figure(content: Markup, words: str) -> Markup:
    """Return a picture with its caption."""
    return tag("figure", content, tag("figcaption", words))
