"""What the network answered: confusion matrix, surest mistakes, single digits, and what augmentation made of samples."""

from __future__ import annotations

from typing import Any

from handgrad.html.markup import Markup, joined, table, tag
from handgrad.report.digit_images import bars, picture
from handgrad.report.numbers import probability
from handgrad.runs.evidence import Evidence, Integers
from handgrad.runs.read import Run
from handgrad.score import percent

# Of ninety possible confusions the rest are single images, whose order is chance.
COMMONEST = 8


def confusion(evidence: Evidence) -> Markup:
    """Return counts by true class and answer; the diagonal, where all is well, steps back."""
    counts = evidence.confusion()
    wrong = counts.copy()
    wrong[range(10), range(10)] = 0
    peak = max(1, int(wrong.max()))
    head: list[object] = ["true", *range(10), "images", "recall"]
    rows: list[list[object]] = []
    for true in range(10):
        total, right = int(counts[true].sum()), int(counts[true, true])
        cells = [count_cell(int(counts[true, answer]), answer == true, peak) for answer in range(10)]
        rows.append([true, *cells, f"{total:,}", percent(right, total) if total else "–"])
    text = "Rows are true classes, columns the network’s answers. Recall is the share of a class that was read right."
    grid = table(head, rows, class_="confusion")
    return joined(tag("p", text, class_="quiet"), tag("div", grid, commonest(wrong), class_="beside"))


def count_cell(count: int, diagonal: bool, peak: int) -> Markup:
    """Return one count; mistakes are shaded by their number."""
    if diagonal:
        return tag("span", f"{count:,}", class_="right")
    if not count:
        return tag("span", "·", class_="none")
    return tag("span", count, class_="wrong", style=f"--share:{round(0.15 + 0.85 * count / peak, 2)}")


def commonest(wrong: Integers) -> Markup:
    """Return the commonest confusions in words."""
    if not wrong.any():
        return tag("p", "No test image was misread.")
    flat = wrong.ravel()
    places = [int(place) for place in (-flat).argsort(kind="stable")[:COMMONEST] if flat[place]]
    rows: list[list[object]] = [
        [joined(tag("b", place // 10), " read as ", tag("b", place % 10)), f"{int(flat[place]):,}"] for place in places
    ]
    return table(["commonest confusions", "images"], rows, class_="numbers")


def mistakes(evidence: Evidence) -> Markup:
    """Return the wrong answers that the network was surest of."""
    total = int((evidence.answers != evidence.labels).sum())
    shown = len(evidence.mistake_index)
    if not total:
        return tag("p", "There are none: every test image was read right.")
    which = f"all {total:,}" if shown == total else f"the {shown} surest of {total:,}"
    items = [answer_card(evidence, evidence.mistake_images[i], int(evidence.mistake_index[i])) for i in range(shown)]
    text = (
        f"Shown: {which}. Above each: the true digit, what the network read, and the probability it gave that answer. "
        "Bars are its ten probabilities: full for the answer, outlined for the true class."
    )
    return joined(tag("p", text, class_="quiet"), tag("ol", *items, class_="answers"))


def singles(evidence: Evidence) -> Markup:
    """Return one test image of each class with its ten probabilities."""
    pairs = zip(evidence.digit_images, evidence.digit_index, strict=True)
    items = [answer_card(evidence, image, int(index)) for image, index in pairs]
    text = "The first test image of each class with the probability that the network gives to each digit."
    return joined(tag("p", text, class_="quiet"), tag("ol", *items, class_="answers large"))


def answer_card(evidence: Evidence, image: Any, index: int) -> Markup:
    """Return one test image, its label, the answer, and the ten probabilities."""
    label, answer = int(evidence.labels[index]), int(evidence.answers[index])
    probabilities = evidence.probabilities(index)
    read = "read as" if label == answer else "misread as"
    alt = f"Test image {index}: a {label}, {read} {answer}"
    title = joined(tag("b", label), " → ", tag("b", answer), " ", tag("span", probability(probabilities[answer])))
    kind = "right" if label == answer else "wrong"
    return tag("li", tag("p", title), picture(image, alt), bars(probabilities, label), class_=kind)


def samples(run: Run, evidence: Evidence) -> Markup:
    """Return training images as they are and as the first step might have changed them."""
    changed = any(run.recipe.get("augmentation", {}).values())
    pairs = []
    triples = zip(evidence.sample_before, evidence.sample_after, evidence.sample_labels, strict=True)
    for number, (before, after, label) in enumerate(triples):
        images = [picture(before, f"Training image {number}: a {label}")]
        if changed:
            images.append(picture(after, "The same image after augmentation"))
        pairs.append(tag("li", *images))
    text = (
        "Each pair: a training image as it is, and one of its random changes. Every epoch draws new ones."
        if changed
        else "Training images as they are; this recipe does not change them."
    )
    return joined(tag("p", text, class_="quiet"), tag("ol", *pairs, class_="samples"))
