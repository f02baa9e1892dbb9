"""What the author says of the training, beside what was found: the claim weighed, the recipe shown or taken.

It is shown and does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any, Literal

from handgrad.digits.training.recipe import Recipe
from handgrad.errors import UsageError, counted
from handgrad.judge.network.beyond import Beyond
from handgrad.judge.verdict import Claim, EpochAnswer, Examination, SeedResult
from handgrad.score import percent, wilson_interval
from handgrad.text import one_line
from handgrad.toml_records import read_record

IMAGES = 10_000
TWO_RUNS = 0.17
"""Points: twice the spread of the difference of two runs of one recipe, with 0.06 from seed to seed near 99.4 %."""
# A log is a stranger's text: a line repeated for ever must not become a list as long.
MOST_EPOCHS = 10_000
Weighed = Literal["likely", "possible", "not explained"]


@dataclass(frozen=True)
class Told:
    """What a hand-in says: right answers an epoch, printed parameters, its recipe as a table and in words."""

    counts: tuple[int, ...] = ()
    where: str = ""
    parameters: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    recipe: dict[str, Any] = field(default_factory=dict)
    beyond: dict[str, Any] = field(default_factory=dict)
    """What a recipe has no words for, as a table."""
    words: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def read_told(table: Any) -> Told:
    """Return what a child sent, read with suspicion: what is not in the agreed form was not said."""
    claims, training = _table(table, "claims"), _table(table, "training")
    # Out of range is dropped rather than refused: a fault of what is only shown beside must not become a verdict.
    counts = [each for each in _list(claims, "counts") if isinstance(each, int) and 0 <= each <= IMAGES]
    printed = [each for each in _list(claims, "parameters") if isinstance(each, int) and 0 < each < 10**12]
    recipe, beyond = training.get("recipe"), training.get("beyond")
    return Told(
        counts=tuple(counts[:MOST_EPOCHS]),
        where=one_line(str(claims.get("where", "")), 80),
        parameters=tuple(printed[:20]),
        notes=_words(claims, "notes"),
        recipe=recipe if isinstance(recipe, dict) else {},
        beyond=beyond if isinstance(beyond, dict) else {},
        words=_words(training, "words"),
        unread=_words(training, "unread"),
    )


def _table(table: Any, key: str) -> dict[str, Any]:
    found = table.get(key) if isinstance(table, dict) else None
    return found if isinstance(found, dict) else {}


def _list(table: dict[str, Any], key: str) -> list[Any]:
    found = table.get(key)
    return found if isinstance(found, list) else []


def _words(table: dict[str, Any], key: str) -> tuple[str, ...]:
    return tuple(one_line(str(each), 160) for each in _list(table, key)[:20])


def recipe_with(told: Told, base: Recipe) -> tuple[Recipe, Beyond, str]:
    """Return *base* with what was found in the hand-in, what goes beyond a recipe, and in words what was taken from where.

    What does not fit a recipe here is named and left as *base* has it.
    """
    table = asdict(base)
    left = list(told.unread)
    for key, value in told.recipe.items():
        # The optimizer is merged, because a hand-in may show its rate and not its momentum; the rest replaces as a
        # whole.
        changed = table | {key: table[key] | value if key in ("optimizer",) and isinstance(value, dict) else value}
        try:
            # One entry at a time: a single odd value then costs itself and not the whole recipe.
            read_record(Recipe, changed, "found")
        except UsageError as error:
            left.append(f"{key} ({one_line(str(error), 80)})")
            continue
        table = changed
    beyond: dict[str, Any] = {}
    for key, value in told.beyond.items():
        try:
            read_record(Beyond, beyond | {key: value}, "found")
        except UsageError as error:
            left.append(f"{key} ({one_line(str(error), 80)})")
            continue
        beyond[key] = value
    words = f"trained with the recipe found in the hand-in: {'; '.join(told.words) or 'nothing could be read'}"
    if left:
        words += f" – not read, so the assignment's recipe is used for: {'; '.join(left)}"
    return read_record(Recipe, table, "found"), read_record(Beyond, beyond, "found"), words


def claim_of(told: Told, results: Sequence[SeedResult]) -> Claim | None:
    """Return the claim, weighed against the trainings in *results* where there are any; None where nothing is claimed."""
    if not told.counts:
        return None
    best = max(told.counts)
    weighed = weigh(told.counts, [each for each in results if each.epochs and each.failed is None])
    return Claim(best, told.counts.index(best) + 1, len(told.counts), told.counts[-1], IMAGES, told.where, weighed)


def weigh(counts: Sequence[int], results: Sequence[SeedResult]) -> Weighed | None:
    """Return whether what was trained here explains a claim of these *counts*; None without a training.

    *likely*: the best and the last count lie in the 95 % interval of a last epoch found here. *possible*: they lie no further
    outside than two runs of one recipe differ, or the best is no better than the best of an equal choice here. Best is set
    beside best too, because the largest of many epochs is larger than a fair figure by itself.
    """
    if not results:
        return None
    claimed = [100 * max(counts) / IMAGES, 100 * counts[-1] / IMAGES]
    lasts = [each.epochs[-1] for each in results]
    bests = [max(each.epochs, key=lambda answer: Fraction(answer.correct, answer.total)) for each in results]
    low, high = _around(lasts)
    if all(low <= each <= high for each in claimed):
        return "likely"
    _, highest = _around(bests)
    if low - TWO_RUNS <= min(claimed) and max(claimed) <= max(high, highest) + TWO_RUNS:
        return "possible"
    return "not explained"


def _around(answers: Sequence[EpochAnswer]) -> tuple[float, float]:
    """Return the lowest and the highest end of the 95 % intervals of *answers*, in percent."""
    intervals = [wilson_interval(each.correct, each.total) for each in answers]
    return min(low for low, _ in intervals), max(high for _, high in intervals)


def claim_words(claim: Claim, results: Sequence[SeedResult], *, own_recipe: bool) -> str:
    """Return the claim as a sentence, with what was found here and whether that explains it."""
    words = f"claims {percent(claim.best, claim.total)}"
    if claim.epochs > 1:
        words += (
            f" in epoch {claim.best_epoch} of {claim.epochs} (the best of {claim.epochs}, seen on the test set); "
            f"last epoch {percent(claim.last, claim.total)}"
        )
    words += f" ({claim.where})" if claim.where else ""
    done = [each for each in results if each.epochs and each.failed is None]
    if not done or claim.weighed is None:
        return words
    last = done[0].epochs[-1]
    low, high = wilson_interval(last.correct, last.total)
    recipe = "with its own recipe" if own_recipe else "with the assignment's recipe"
    return (
        f"{words}; trained again here {recipe}: {percent(last.correct, last.total)} (95 % interval {low:.2f} to {high:.2f} %), "
        f"so the claim is {claim.weighed}"
    )


def training_words(
    recipe: Recipe | None, results: Sequence[SeedResult], beyond: Beyond | None = None
) -> tuple[str, ...]:
    """Return what was trained with, and what was right after each epoch; nothing where nothing was trained."""
    if not results or recipe is None:
        return ()
    optimizer, changes = recipe.optimizer, recipe.augmentation
    amounts = [f"rotation ±{changes.rotation:g}°", f"shift ±{changes.shift:g}", f"scale ±{changes.scale:g}"]
    used = [
        words for words, each in zip(amounts, (changes.rotation, changes.shift, changes.scale), strict=True) if each
    ]
    schedule = f"{recipe.schedule.name} schedule"
    if beyond is not None and beyond.rates:
        schedule = "a rate of its own for each epoch"
    elif beyond is not None and beyond.plateau.factor < 1:
        schedule = f"times {beyond.plateau.factor:g} where the loss no longer falls"
    if beyond is not None and beyond.images_change:
        used.append("its own preparation of the images")
    lines = [
        f"{optimizer.name}, rate {optimizer.learning_rate:g}, {schedule}, batches of {recipe.batch_size}, "
        f"{counted(recipe.epochs, 'epoch')}{', ' if used else ''}{', '.join(used)}"
    ]
    for result in results:
        shares = ", ".join(percent(each.correct, each.total).removesuffix(" %") for each in result.epochs)
        ended = f" – ended early: {result.failed}" if result.failed else ""
        lines.append(f"seed {result.seed}, right after each epoch: {shares} %{ended}")
    return tuple(lines)


def said(
    told: Told, claim: Claim | None, examination: Examination | None, results: Sequence[SeedResult], *, own: bool
) -> list[str]:
    """Return, one line each, what the author says beside what was found; *own*: trained with the author's recipe."""
    lines = [claim_words(claim, results, own_recipe=own)] if claim is not None else []
    if told.words and not own:
        unread = f" – not read: {'; '.join(told.unread)}" if told.unread else ""
        lines.append(
            f"its own recipe, as far as it could be read: {'; '.join(told.words)}{unread} (--recipe found trains with it)"
        )
    if examination is not None and told.parameters:
        known = {
            examination.parameters,
            examination.counted,
            examination.parameters - sum(count for _, count in examination.idle),
        }
        if not known & set(told.parameters):
            printed = ", ".join(f"{each:,}" for each in told.parameters[-3:])
            lines.append(
                f"its printed summary has {printed} parameters, the network judged has {examination.parameters:,}"
            )
    return [*lines, *told.notes]
