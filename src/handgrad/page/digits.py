"""The page of a trained network: a pad to draw on, what the network sees, what it answers, and every number between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handgrad.export.plan import Plan
from handgrad.files import check_free, write_whole
from handgrad.html.markup import Markup
from handgrad.page.digits_body import digits_body
from handgrad.page.digits_data import Sample, groups_of, packed_bytes, plan_data
from handgrad.page.document import page_document

WORDS = {
    "convolution": "A kernel moves over the maps of the layer before. The numbers under it are multiplied by its weights and "
    "added up.",
    "linear": "Every number of the layer before is multiplied by its own weight, and all products are added up.",
    "scale_shift": "Each number is multiplied by one and added to another, the same for a whole map.",
    "max pool": "The largest number of each small window is kept. Its exact place in the window does not matter.",
    "average pool": "Each window becomes its mean.",
    "add": "Two values are added, number by number.",
    "multiply": "Two values are multiplied, number by number.",
    "concatenate": "Maps are put one after the other.",
    "gather": "Numbers are put in another order.",
    "standardise": "The numbers are shifted and scaled to mean 0 and variance 1.",
    "softmax": "Scores become shares of 1.",
    "relu": "Numbers below 0 become 0; the others do not change.",
    "leaky relu": "Numbers below 0 become smaller; the others do not change.",
    "sigmoid": "Every number becomes one between 0 and 1.",
    "tanh": "Every number becomes one between −1 and 1.",
}
HOW = {
    "max pool": "The largest of",
    "average pool": "The mean of",
    "add": "The sum of",
    "multiply": "The product of",
    "softmax": "A share found from",
    "standardise": "Standardised among",
}


@dataclass(frozen=True, eq=False)
class DigitsSubject:
    """What a digits page shows: the plan of a trained network, words about its run, and digits to choose from.

    ``facts`` are lines for the head of the page; *half* says that float16 is enough for the weights.
    """

    title: str
    plan: Plan
    facts: Sequence[str]
    samples: Sequence[Sample]
    mistakes: Sequence[Sample]
    half: bool


def digits_page(subject: DigitsSubject) -> str:
    """Return the page of a trained network as one HTML document that loads nothing."""
    plan, numbers = plan_data(subject.plan, half=subject.half)
    groups, images = groups_of(subject.samples, subject.mistakes)
    data: dict[str, Any] = {
        "plan": plan,
        "classes": subject.plan.classes,
        "samples": groups,
        "words": WORDS,
        "how": HOW,
    }
    body: Markup = digits_body(subject.title, subject.facts)
    more = {"numbers": packed_bytes(numbers), "images": packed_bytes(images)}
    return page_document(f"{subject.title} – draw a digit", body, "digits", data, more=more)


def write_digits(subject: DigitsSubject, path: Path, *, overwrite: bool = False) -> Path:
    """Write the page of a trained network to *path* and return it.

    Raises `UsageError` where the file exists and is not to be written over, `DiskError` where the disk refuses.
    """
    check_free(path, overwrite=overwrite)
    return write_whole(path, [digits_page(subject).encode("utf-8")])
