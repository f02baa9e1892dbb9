"""What the network answered: confusion matrix, surest mistakes, single digits, and what augmentation made of samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from handgrad.html.markup import Markup, joined, table, tag
from handgrad.report.digit_images import MOST_BARS, bars, picture
from handgrad.report.numbers import probability
from handgrad.runs.evidence import Evidence, Integers
from handgrad.runs.read import Run
from handgrad.score import percent

# Of ninety possible confusions the rest are single images, whose order is chance.
COMMONEST = 8
SHORT = 5
"""Letters of a class above a column of counts."""
MOST_COLUMNS = 30
"""Classes that a confusion matrix shows whole; of more, the worst read stand in a list."""
WORST = 20


def confusion(evidence: Evidence, classes: Sequence[str]) -> Markup:
    """Return counts by true class and answer; the diagonal, where all is well, steps back."""
    counts = evidence.confusion()
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    if len(classes) > MOST_COLUMNS:
        return joined(
            tag(
                "p",
                f"Of {len(classes):,} classes: those with the most mistakes, and the most frequent confusions.",
                class_="quiet",
            ),
            tag("div", worst_read(counts, classes), commonest(wrong, classes), class_="beside"),
        )
    peak = max(1, int(wrong.max()))
    head: list[object] = ["true", *(short(name) for name in classes), "images", "recall"]
    rows: list[list[object]] = []
    for true, name in enumerate(classes):
        total, right = int(counts[true].sum()), int(counts[true, true])
        cells = [count_cell(int(counts[true, answer]), answer == true, peak) for answer in range(len(classes))]
        rows.append([name, *cells, f"{total:,}", percent(right, total) if total else "–"])
    text = "Rows are true classes, columns the network’s answers. Recall is the share of a class that was read right."
    grid = table(head, rows, class_="confusion")
    return joined(tag("p", text, class_="quiet"), tag("div", grid, commonest(wrong, classes), class_="beside"))


def short(name: str) -> Markup | str:
    """Return a name of a class for the head of a narrow column, in full where the pointer rests on it."""
    return name if len(name) <= SHORT else tag("span", f"{name[: SHORT - 1]}…", title=name)


def worst_read(counts: Integers, classes: Sequence[str]) -> Markup:
    """Return the classes of which the smallest part was read right."""
    totals, right = counts.sum(axis=1), counts.diagonal()
    shares = np.where(totals > 0, right / np.maximum(totals, 1), 2.0)
    rows: list[list[object]] = [
        [classes[at], f"{int(totals[at]):,}", percent(int(right[at]), int(totals[at]))]
        for at in (int(place) for place in shares.argsort(kind="stable")[:WORST])
        if totals[at]
    ]
    return table(["class", "images", "recall"], rows, class_="numbers")


def count_cell(count: int, diagonal: bool, peak: int) -> Markup:
    """Return one count; mistakes are shaded by their number."""
    if diagonal:
        return tag("span", f"{count:,}", class_="right")
    if not count:
        return tag("span", "·", class_="none")
    return tag("span", count, class_="wrong", style=f"--share:{round(0.15 + 0.85 * count / peak, 2)}")


def commonest(wrong: Integers, classes: Sequence[str]) -> Markup:
    """Return the most frequent confusions in words."""
    if not wrong.any():
        return tag("p", "No test image was misread.")
    flat = wrong.ravel()
    # Stable: equal counts stand in the order of the classes, on every machine.
    places = [int(place) for place in (-flat).argsort(kind="stable")[:COMMONEST] if flat[place]]
    pairs = [
        (classes[place // len(classes)], classes[place % len(classes)], f"{int(flat[place]):,}") for place in places
    ]
    rows: list[list[object]] = [
        [joined(tag("b", true), " read as ", tag("b", given)), count] for true, given, count in pairs
    ]
    return table(["most frequent confusions", "images"], rows, class_="numbers")


def mistakes(evidence: Evidence, classes: Sequence[str]) -> Markup:
    """Return the wrong answers that the network was surest of."""
    total = int((evidence.answers != evidence.labels).sum())
    shown = len(evidence.mistake_index)
    if not total:
        return tag("p", "There are none: every test image was read right.")
    which = f"all {total:,}" if shown == total else f"the {shown} surest of {total:,}"
    items = [
        answer_card(evidence, evidence.mistake_images[i], int(evidence.mistake_index[i]), classes) for i in range(shown)
    ]
    text = (
        f"Shown: {which}. Above each: the true class, what the network read, and the probability it gave that answer. "
        f"Bars are {bars_words(classes)}: full for the answer, outlined for the true class."
    )
    return joined(tag("p", text, class_="quiet"), tag("ol", *items, class_="answers"))


def singles(evidence: Evidence, classes: Sequence[str]) -> Markup:
    """Return one test image of each class, or of the first of many, with its probabilities."""
    pairs = zip(evidence.digit_images, evidence.digit_index, strict=True)
    items = [answer_card(evidence, image, int(index), classes) for image, index in pairs]
    text = f"The first test image of each class with {bars_words(classes)}."
    if len(items) < len(classes):
        text = f"The first test image of {len(items)} of the {len(classes):,} classes with {bars_words(classes)}."
    return joined(tag("p", text, class_="quiet"), tag("ol", *items, class_="answers large"))


def bars_words(classes: Sequence[str]) -> str:
    """Return what the bars of an answer show."""
    if len(classes) <= MOST_BARS:
        return f"{'its ten probabilities' if len(classes) == 10 else 'the probability of each class'}"
    return f"the {MOST_BARS} highest of its {len(classes):,} probabilities"


def answer_card(evidence: Evidence, image: Any, index: int, classes: Sequence[str]) -> Markup:
    """Return one test image, its label, the answer, and the probabilities."""
    label, answer = int(evidence.labels[index]), int(evidence.answers[index])
    probabilities = evidence.probabilities(index)
    read = "read as" if label == answer else "misread as"
    alt = f"Test image {index}: a {classes[label]}, {read} {classes[answer]}"
    sure = tag("span", probability(probabilities[answer]))
    title = joined(tag("b", classes[label]), " → ", tag("b", classes[answer]), " ", sure)
    kind = "right" if label == answer else "wrong"
    return tag("li", tag("p", title), picture(image, alt), bars(probabilities, label, classes), class_=kind)


def samples(run: Run, evidence: Evidence) -> Markup:
    """Return training images as they are and as the first step might have changed them."""
    changed = any(run.recipe.get("augmentation", {}).values())
    pairs = []
    triples = zip(evidence.sample_before, evidence.sample_after, evidence.sample_labels, strict=True)
    for number, (before, after, label) in enumerate(triples):
        images = [picture(before, f"Training image {number}: a {run.kind.classes[int(label)]}")]
        if changed:
            images.append(picture(after, "The same image after augmentation"))
        pairs.append(tag("li", *images))
    text = (
        "Each pair: a training image as it is, and one of its random changes. Every epoch draws new ones."
        if changed
        else "Training images; this recipe does not change them."
    )
    return joined(tag("p", text, class_="quiet"), tag("ol", *pairs, class_="samples"))
