"""Whether a network meets an assignment: each condition with what is asked, what was found, and whether it is met."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Literal

from handgrad.digits.training.recipe import Recipe
from handgrad.errors import counted
from handgrad.judge.network.assignment import WORDS, Assignment, claim_words
from handgrad.judge.verdict import Claim, EpochAnswer, Examination, Requirement, SeedResult, UsedLayer, place_words
from handgrad.score import percent, spread_of_accuracies, student_95, wilson_interval

CLASSES = 10
RUN_TO_RUN = 0.06
"""Standard deviation in points from seed to seed near 99.4 %: published single runs give 0.05 to 0.07."""

# Where not even so many would decide, no number is told that somebody might try to train.
MANY_SEEDS = 1000
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
    # A miss outweighs what is open: nothing that is found out later could mend it.
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
    reached = [_reaches(assignment, recipe, result) for result in results]
    found = "; ".join(_found_words(assignment, recipe, each, len(results) > 1) for each in results)
    found += _near(assignment, results)
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


def at_line(answer: EpochAnswer, line: Fraction) -> bool:
    """Whether the counts reach the line, in whole numbers: 9,939 of 10,000 is not 99.4 %."""
    # Fraction times int: no rounding on either side of the line.
    return answer.total > 0 and answer.correct >= line * answer.total


def _complete(recipe: Recipe | None, result: SeedResult) -> bool:
    """Whether the training came to its end: epochs in order from 1, as many as the recipe has, and no failure."""
    numbers = [answer.epoch for answer in result.epochs]
    asked = recipe.epochs if recipe is not None else len(numbers)
    # In order from 1: an answer that is missing, twice or out of place makes all of them doubtful.
    return result.failed is None and bool(numbers) and numbers == list(range(1, asked + 1))


def _reaches(assignment: Assignment, recipe: Recipe | None, result: SeedResult) -> bool:
    """Whether one training reaches the line when it is asked to."""
    asked = assignment.accuracy
    if not _complete(recipe, result) or len(result.epochs) < asked.epochs:
        return False
    good = [at_line(answer, asked.share) for answer in result.epochs]
    return any(good) if asked.held == "any" else all(good[-asked.epochs :])


def _found_words(assignment: Assignment, recipe: Recipe | None, result: SeedResult, several: bool) -> str:
    """Return what one training reached, in words, with the interval of the count that decides."""
    prefix = f"seed {result.seed}: " if several else ""
    if result.failed is not None:
        return f"{prefix}training failed: {result.failed}"
    if not _complete(recipe, result):
        of = f" of {recipe.epochs}" if recipe is not None else ""
        return f"{prefix}answers for only {len(result.epochs)}{of} epochs"
    deciding = _decides(assignment, result)
    low, high = wilson_interval(deciding.correct, deciding.total)
    figure = (
        f"{percent(deciding.correct, deciding.total)} in epoch {deciding.epoch} ({deciding.correct:,} of "
        f"{deciding.total:,}; 95 % interval {low:.2f} to {high:.2f} %)"
    )
    asked = assignment.accuracy
    if asked.held == "any":
        return f"{prefix}best {figure}, selected on the test set"
    if asked.epochs > 1:
        held = sum(at_line(each, asked.share) for each in result.epochs[-asked.epochs :])
        return f"{prefix}held in {held} of the last {asked.epochs} epochs, lowest {figure}"
    return f"{prefix}{figure}"


def _decides(assignment: Assignment, result: SeedResult) -> EpochAnswer:
    """Return the epoch on which the condition hangs: the last, the lowest of the last k, or the best."""
    if assignment.accuracy.held == "any":
        # The first of equal ones, as `max` has it: the earliest epoch that got so far.
        return max(result.epochs, key=lambda each: Fraction(each.correct, each.total))
    return min(result.epochs[-assignment.accuracy.epochs :], key=lambda each: Fraction(each.correct, each.total))


def mean_accuracy(assignment: Assignment, results: Sequence[SeedResult]) -> float | None:
    """Return the percent of right answers in the epochs that decide, over all seeds; None without a training."""
    deciding = [_decides(assignment, each) for each in results if each.failed is None and each.epochs]
    # Of all images of all seeds, so that no mean of rounded means is taken.
    total = sum(each.total for each in deciding)
    return 100 * sum(each.correct for each in deciding) / total if total else None


def _near(assignment: Assignment, results: Sequence[SeedResult]) -> str:
    """Say, where the line lies within the interval of a count, how many seeds would decide on which side the mean is."""
    deciding = [_decides(assignment, each) for each in results if each.failed is None and each.epochs]
    line = float(100 * assignment.accuracy.share)
    close = [
        each
        for each in deciding
        if (found := wilson_interval(each.correct, each.total)) and found[0] <= line <= found[1]
    ]
    if not close:
        return ""
    figures = spread_of_accuracies([100 * each.correct / each.total for each in deciding])
    # The spread of two or three seeds says next to nothing of their spread.
    deviation = figures.sd if figures.sd and figures.n > 3 else RUN_TO_RUN
    needed = seeds_to_settle(figures.mean, line, deviation)
    how = "no number of seeds would decide it" if needed is None else f"about {needed} seeds would decide it"
    return f" – near the line: {how}"


def seeds_to_settle(mean: float, line: float, deviation: float) -> int | None:
    """Return how many seeds a 95 % interval of their mean needs to leave *line* out, all in points; None beyond 1,000.

    The smallest n at least 2 with t(n - 1) · deviation / √n < |mean - line|: the sample size for a mean with the
    deviation estimated (NIST/SEMATECH e-Handbook of Statistical Methods, 7.2.2.2). More seeds on the same test images do
    not narrow what the images themselves leave open; that is the Wilson interval.
    """
    distance = abs(mean - line)
    # Counted up rather than solved: t depends on n, and a thousand steps take no time.
    for n in range(2, MANY_SEEDS + 1):
        if student_95(n - 1) * deviation / math.sqrt(n) < distance:
            return n
    return None
