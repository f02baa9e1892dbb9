"""What trainings reached, held against the line that an assignment draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from handgrad.digits.training.recipe import Recipe
from handgrad.judge.network.assignment import Assignment
from handgrad.judge.verdict import EpochAnswer, SeedResult
from handgrad.score import percent, spread_of_accuracies, student_95, wilson_interval

RUN_TO_RUN = 0.06
"""Standard deviation in points from seed to seed near 99.4 %: published single runs give 0.05 to 0.07."""
# Where not even so many would decide, no number is told that somebody might try to train.
MANY_SEEDS = 1000


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


def reaches(assignment: Assignment, recipe: Recipe | None, result: SeedResult) -> bool:
    """Whether one training reaches the line when it is asked to."""
    asked = assignment.accuracy
    if not _complete(recipe, result) or len(result.epochs) < asked.epochs:
        return False
    good = [at_line(answer, asked.share) for answer in result.epochs]
    return any(good) if asked.held == "any" else all(good[-asked.epochs :])


def found_words(assignment: Assignment, recipe: Recipe | None, result: SeedResult, several: bool) -> str:
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


def near(assignment: Assignment, results: Sequence[SeedResult]) -> str:
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
