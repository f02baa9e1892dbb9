"""Whether a network meets an assignment: each condition with what is asked, what was found, and whether it is met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from handgrad.digits.training.recipe import Recipe
from handgrad.errors import counted
from handgrad.judge.network.assignment import WORDS, Assignment, claim_words
from handgrad.judge.network.reached import found_words, near, reaches
from handgrad.judge.verdict import Claim, Examination, Requirement, SeedResult, UsedLayer, place_words
from handgrad.score import percent

CLASSES = 10
# Probabilities written in a file are decimal, those in the network binary: 0.1 is not 0.1 to the last bit.
TRULY_THE_SAME = 1e-9


def check(
    assignment: Assignment, examination: Examination, recipe: Recipe | None, results: Sequence[SeedResult]
) -> tuple[Requirement, ...]:
    """Return every condition of *assignment*, judged.

    *recipe* is the one that trains the network, None where that is not known; *results* are the trainings, empty
    before training. What cannot be decided yet has ``met`` None. Two conditions hold for every assignment: ten scores
    an image, and answers that depend on nothing but the image. A training that failed has not met the accuracy.
    """
    return (
        _output_shape(examination),
        _answers(examination),
        *parameters(assignment, examination),
        *_layers(assignment, examination, recipe),
        *training(assignment, recipe, results),
        accuracy(assignment, recipe, results),
    )


def verdict_of(requirements: Sequence[Requirement]) -> Literal["met", "not met", "no verdict"]:
    """Return the verdict: one condition that is not met decides, then one that is not decided."""
    # A miss outweighs what is open: nothing that is found out later can change it.
    if any(each.met is False for each in requirements):
        return "not met"
    # An empty list is no pass: `all` of nothing is true.
    return "met" if requirements and all(each.met for each in requirements) else "no verdict"


def _output_shape(examination: Examination) -> Requirement:
    """Ten scores an image, whatever the assignment."""
    shape = examination.output_shape
    found = f"{list(shape)}"
    return Requirement("output", f"{CLASSES} scores per image", found, len(shape) == 2 and shape[1] == CLASSES)


def _answers(examination: Examination) -> Requirement:
    """Answers that depend only on the image."""
    found = "; ".join(examination.problems) or "the same alone, in any order and every time"
    return Requirement("answers", "depend only on the image", found, not examination.problems)


def parameters(assignment: Assignment, examination: Examination) -> Iterator[Requirement]:
    """The numbers that compute the output, hidden ones named."""
    limits = assignment.parameters
    if not limits.any:
        return
    met = limits.allows(examination.counted)
    found = f"{examination.counted:,} parameters"
    if examination.hidden:
        named = ", ".join(f"{each.numbers:,} in a {each.where} ({each.name})" for each in examination.hidden)
        found += f", {examination.parameters:,} of them trained and {named}"
    if examination.idle:
        idle = sum(count for _, count in examination.idle)
        names = ", ".join(path for path, _ in examination.idle[:4]) + (" …" if len(examination.idle) > 4 else "")
        found += f", of which {idle:,} ({names}) take no part"
        found += f"; a summary that follows the images prints {examination.parameters - idle:,}"
    limit = limits.at_most or limits.fewer_than
    if not met and limit is not None and examination.counted >= limit:
        found += f" – limit {limit:,}" + (f", {examination.largest}" if examination.largest else "")
    elif not met:
        found += f" – {limits.words()} are asked"
    yield Requirement("parameters", limits.words(), found, met)


def _layers(assignment: Assignment, examination: Examination, recipe: Recipe | None) -> Iterator[Requirement]:
    """The layers that must take part, and those that must not."""
    used = [_as_asked(_with_recipe(each, recipe), assignment) for each in examination.layers]
    for kind in assignment.layers.required:
        # A Dropout(0) runs and drops nothing.
        found = [each for each in used if each.kind == kind and not (kind == "dropout" and not each.value)]
        yield Requirement(kind, f"{WORDS[kind]} is used", _places(found) or _absent(kind, examination), bool(found))
    asked = assignment.layers.dropout
    if asked is not None:
        found = [each for each in used if each.kind == "dropout" and each.value]
        exact = [each for each in found if abs((each.value or 0) - asked) <= TRULY_THE_SAME]
        words = ", ".join(f"{each.value:g} at {place_words(each.path)}" for each in exact or found) or _absent(
            "dropout", examination
        )
        yield Requirement("dropout probability", f"one dropout of exactly {asked:g}", words, bool(exact))
    for kind in assignment.layers.forbidden:
        found = [each for each in used if each.kind == kind]
        yield Requirement(f"no {kind}", f"{WORDS[kind]} is not used", _places(found) or "none", not found)


def _as_asked(layer: UsedLayer, assignment: Assignment) -> UsedLayer:
    """Return *layer* as the assignment counts it: a convolution after global average pooling is one or the other."""
    if not layer.after_pooling or layer.kind != "fully_connected":
        return layer
    asked = assignment.convolution_after_pooling
    because = f": {asked.because}" if asked.because else ""
    if asked.counts_as == "convolution":
        kernel = layer.detail.partition(" ")[0]
        return replace(layer, kind="convolution", detail=f"{kernel} after pooling, counts as a convolution{because}")
    return replace(layer, detail=f"{layer.detail}{because}")


def _with_recipe(layer: UsedLayer, recipe: Recipe | None) -> UsedLayer:
    """Return *layer* as it is in training: a recipe may give every dropout module another probability."""
    if layer.kind != "dropout" or recipe is None or recipe.dropout is None or layer.path.startswith("function "):
        return layer
    return UsedLayer(layer.kind, layer.path, f"p={recipe.dropout:g} by the recipe", recipe.dropout)


def _places(found: Sequence[UsedLayer], most: int = 4) -> str:
    """Return where layers were found, with what there is to know of each; empty where there are none."""
    words = [place_words(each.path) + (f" ({each.detail})" if each.detail else "") for each in found[:most]]
    more = [f"{len(found) - most} more"] if len(found) > most else []
    return ", ".join([*words, *more])


TYPES = {
    "batch_norm": "BatchNorm",
    "dropout": "Drop",
    "global_average_pooling": "AvgPool",
    "fully_connected": "Linear",
    "convolution": "Conv",
    "max_pooling": "MaxPool",
}
"""What the names of torch's layers of a kind have in common."""


def _absent(kind: str, examination: Examination) -> str:
    """Say that no layer of *kind* takes part, and name what is defined without being used."""
    # Only of this kind: a convolution that was left over is no answer to the question where the dropout is.
    idle = [each for each in examination.defined_unused if TYPES[kind] in each.rpartition("(")[2]]
    unused = f" – defined but without effect: {', '.join(idle)}" if idle else ""
    partial = [
        each for each in examination.layers if kind == "global_average_pooling" and each.kind == "average_pooling"
    ]
    if partial:
        unused += f" – {_places(partial)} does not average the whole map to one value"
    return f"none takes part in computing the output{unused}"


def training(assignment: Assignment, recipe: Recipe | None, results: Sequence[SeedResult]) -> Iterator[Requirement]:
    """Epochs, batch size and rotation, by the recipe; epochs also by what was really trained."""
    limits = assignment.epochs
    if limits.any:
        # Both, because a recipe says what was meant and a training what was done.
        counts = [recipe.epochs] if recipe is not None else []
        counts += [result.epochs[-1].epoch for result in results if result.epochs and result.failed is None]
        wrong = [count for count in counts if not limits.allows(count)]
        found = counted(wrong[0] if wrong else counts[0], "epoch") if counts else "not known before training"
        yield Requirement("epochs", limits.of("epoch"), found, not wrong if counts else None)
    asked = assignment.training
    if asked.batch_size is not None:
        met = None if recipe is None else recipe.batch_size == asked.batch_size
        found = "not known without a recipe" if recipe is None else f"{recipe.batch_size}"
        yield Requirement("batch size", f"exactly {asked.batch_size}", found, met)
    if asked.rotation is not None:
        met = None if recipe is None else recipe.augmentation.rotation == asked.rotation
        found = "not known without a recipe" if recipe is None else f"±{recipe.augmentation.rotation:g}°"
        yield Requirement("rotation", f"random rotation of ±{asked.rotation:g}°", found, met)


def accuracy(assignment: Assignment, recipe: Recipe | None, results: Sequence[SeedResult]) -> Requirement:
    """The accuracy, by counts and never by a rounded figure, in as many trainings as are asked."""
    asked, seeds = assignment.accuracy, assignment.seeds
    words = asked.words() + (f", with {seeds.meet} of {seeds.of} seeds" if seeds.of > 1 else "")
    if not results:
        return Requirement("accuracy", words, "not trained", None)
    reached = [reaches(assignment, recipe, result) for result in results]
    found = "; ".join(found_words(assignment, recipe, each, len(results) > 1) for each in results)
    found += near(assignment, results)
    # A share, in whole numbers: whoever trains ten seeds where two of three are asked needs seven of ten.
    enough = sum(reached) * seeds.of >= seeds.meet * len(results)
    if len(results) < seeds.of:
        # What is missing could still turn it only where the trainings that remain suffice.
        possible = sum(reached) + seeds.of - len(results) >= seeds.meet
        return Requirement(
            "accuracy", words, f"{len(results)} of {seeds.of} seeds: {found}", None if possible else False
        )
    if len(results) > 1:
        found = f"{sum(reached)} of {len(results)} seeds: {found}"
    return Requirement("accuracy", words, found, enough)


def claim(assignment: Assignment, claimed: Claim | None) -> Iterator[Requirement]:
    """The author's claim, where the assignment counts it: explained by a training here, not decided without one."""
    asked = assignment.claim
    if asked.counts == "no":
        return
    words = claim_words(asked)
    if claimed is None:
        yield Requirement("claim", words, "nothing is claimed", not asked.required)
        return
    found = f"{percent(claimed.best, claimed.total)} is claimed, {claimed.weighed or 'not weighed without a training'}"
    good = ("likely",) if asked.counts == "likely" else ("likely", "possible")
    yield Requirement("claim", words, found, None if claimed.weighed is None else claimed.weighed in good)
