"""How an answer is judged: with a tolerance, against the true value and against what follows from earlier answers.

The sheet of a practice book judges by the same rules, with the same numbers, as formulas; this is their second rendering.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from handgrad.backprop.exercise.questions import Question, earlier
from handgrad.backprop.graph.graph import Graph, Kind, Quantity
from handgrad.backprop.mistakes.kinds import Mistake
from handgrad.backprop.simulate import evaluate
from handgrad.backprop.symbols.expression import Const, Node, Ref, substitute

TOLERANCE = 0.001
"""An answer is right within 0.1 % of the value: four significant digits are enough."""
OF_STEP = 0.05
"""What comes after the step must also be known to 5 % of the change, or an unchanged weight would do."""
# Four significant digits are what `TOLERANCE` asks for; more are asked only where rounding to them would lose an
# answer.
FOUR, MOST_DIGITS = 4, 9
APART = 10.0
"""So many tolerances, at least, every mistake of a new task lies from the right answer."""
NEAR_MISTAKE, NEAR_RIGHT = 2.0, APART
"""A mistake is named within 2 tolerances of its wrong value; what is nearer to the right value than any mistake is one of
rounding: two digits may be off by 0.5 % to 5 %, of which those above 1 % are a mistake with a name."""

ROUNDED = "rounding: nearly right; keep more digits in the steps before"
NO_NUMBER = "type a number, or a formula that gives one"
FORMULA_ERROR = "your formula gives an error"
FOLLOWS = "right from your own"
FROM_ROUNDED = "earlier answers, which are rounded"


class Verdict(StrEnum):
    """What is said of one answer."""

    EMPTY = ""
    RIGHT = "right"
    FOLLOWS = "follows"
    NOT_YET = "not yet"
    NO_NUMBER = "no number"


@dataclass(frozen=True, slots=True)
class Mark:
    """A verdict, what is said beside it, and the mistake where one was recognised."""

    verdict: Verdict
    hint: str = ""
    mistake: Mistake | None = None


def follows(name: str) -> str:
    """Return the name under which a marking graph has what follows from the earlier answers."""
    return f"{name} | follows"


def wrong(name: str, number: int) -> str:
    """Return the name of the value of a mistake, from 0, in a marking graph."""
    return f"{name} | mistake {number}"


def marking_graph(
    graph: Graph, asked: Sequence[Question], mistakes: Mapping[str, Sequence[Mistake]],
    answers: Mapping[str, float],
) -> Graph:  # fmt: skip
    """Return the step with the learner's answers instead of what they answer, what follows from them, and every
    mistake.
    """
    names = {question.name for question in asked}
    quantities: list[Quantity] = []
    for quantity in graph:
        if quantity.name not in names:
            quantities.append(quantity)
            continue
        # Twice: what follows from the answers before it, and the answer itself under the name that later quantities
        # read.
        quantities.append(replace(quantity, name=follows(quantity.name)))
        answer = answers.get(quantity.name)
        own: Node = Ref(follows(quantity.name)) if answer is None else _constant(answer)
        quantities.append(replace(quantity, expression=own))
    for name, made in mistakes.items():
        for number, mistake in enumerate(made):
            own_name: dict[str, Node] = {name: Ref(follows(name))}
            quantities.append(_extra(wrong(name, number), substitute(mistake.expression, own_name)))
    return Graph(graph.network, tuple(quantities), graph.successors)


def tolerance(value: Any, base: Any | None, step: float = OF_STEP, share: float = TOLERANCE) -> Any:
    """Return how far an answer may be from ``value``; ``base`` is what it was before the step. Floats or arrays."""
    if base is None:
        return share * abs(value)
    # Written without `min`, because the same lines run on floats, on arrays and, as formulas, in cells.
    smaller = share * abs(value) <= step * abs(value - base)
    return smaller * (share * abs(value)) + (1 - smaller) * (step * abs(value - base))


def accepted(value: Any, base: Any | None) -> Any:
    """Return how far an answer may be from ``value`` to be right. Floats or arrays.

    What a number loses by rounding to four digits is always allowed, or "four digits are enough" would not hold for a weight
    that hardly moves; unless the step is so small that the unchanged number would pass as well.
    """
    near = tolerance(value, base)
    if base is None:
        return near
    # A little more than rounding loses: the last bit must not decide.
    lost = abs(value - _to_digits(value, FOUR)) * (1 + 1e-9)
    enough = abs(value - base) > 2 * lost
    return np.maximum(near, enough * lost)


def _to_digits(value: Any, digits: int) -> Any:
    """Return a number to so many significant digits. Floats or arrays."""
    size = np.abs(value)
    # The logarithm of 0 is −∞: 0 is taken as 1, and rounded it is 0 again.
    unit = 10.0 ** (np.floor(np.log10(np.where(size > 0, size, 1.0))) - digits + 1)
    return np.round(value / unit) * unit


def digits_enough(values: Mapping[str, float], asked: Sequence[Question]) -> int:
    """Return how many significant digits every answer of a task may be rounded to and still be right: four, or more."""

    def enough(question: Question, digits: int) -> bool:
        value, base = values[question.name], None if question.base is None else values[question.base]
        return bool(abs(value - _to_digits(value, digits)) <= accepted(value, base))

    return next((n for n in range(FOUR, MOST_DIGITS) if all(enough(one, n) for one in asked)), MOST_DIGITS)


def mistake_tolerance(mistaken: Any, value: Any, base: Any | None) -> Any:
    """Return how far from a wrong value an answer still names that mistake. Floats or arrays."""
    near = NEAR_MISTAKE * TOLERANCE * abs(mistaken)
    if base is None:
        return near
    return np.minimum(near, NEAR_MISTAKE * OF_STEP * np.maximum(abs(value - base), abs(mistaken - base)))


def marks(
    graph: Graph, asked: Sequence[Question], mistakes: Mapping[str, Sequence[Mistake]], true: Mapping[str, float],
    *, answers: Mapping[str, float | str | None], wrong_values: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, Mark]:  # fmt: skip
    """Judge answers by the name of the quantity; what is missing, None or ``""`` counts as empty, text as no number.

    ``true`` holds the right value of every quantity; ``wrong_values`` what each mistake leads to where all earlier answers are
    right: who was told a right δ continues with that and not with the wrong one that still stands in the cell.
    """
    wrong_values = {} if wrong_values is None else wrong_values
    numbers = {name: number for name, value in answers.items() if (number := _number(value)) is not None}
    own = evaluate(marking_graph(graph, asked, mistakes, numbers))
    names, found = frozenset(question.name for question in asked), dict[str, Mark]()
    for question in asked:
        name, answer = question.name, answers.get(question.name)
        if name not in numbers:
            found[name] = Mark(Verdict.EMPTY) if answer in (None, "") else Mark(Verdict.NO_NUMBER, NO_NUMBER)
            continue
        before = [(graph[one].label, found[one].verdict) for one in earlier(graph, names, name)]
        found[name] = _judge(
            question, numbers[name], true, own, mistakes=(mistakes[name], wrong_values.get(name, ())), before=before
        )
    return found


def _judge(
    question: Question, answer: float, true: Mapping[str, Any], own: Mapping[str, Any],
    *, mistakes: tuple[Sequence[Mistake], Sequence[float]], before: Sequence[tuple[str, Verdict]],
) -> Mark:  # fmt: skip
    name, base = question.name, question.base
    right, followed = float(true[name]), float(own[follows(name)])
    right_base, own_base = (None, None) if base is None else (float(true[base]), float(own[base]))
    # Right before "follows": who has made good an earlier slip is right, whatever still stands above.
    if abs(answer - right) <= accepted(right, right_base):
        return Mark(Verdict.RIGHT)
    if abs(answer - followed) <= accepted(followed, own_base):
        # The first of them is named: later ones may follow from it.
        doubtful = [label for label, verdict in before if verdict not in (Verdict.RIGHT, Verdict.EMPTY)]
        return Mark(Verdict.FOLLOWS, f"{FOLLOWS} {doubtful[0] if doubtful else FROM_ROUNDED}")
    for number, mistake in enumerate(mistakes[0]):
        value = float(own[wrong(name, number)])
        # First by the learner's own earlier answers, then by the right ones.
        named = abs(answer - value) <= mistake_tolerance(value, followed, own_base)
        if not named and mistakes[1]:
            value = mistakes[1][number]
            named = abs(answer - value) <= mistake_tolerance(value, right, right_base)
        if named:
            return Mark(Verdict.NOT_YET, mistake.words, mistake)
    near = abs(answer - right) <= NEAR_RIGHT * accepted(right, right_base)
    near = near or abs(answer - followed) <= NEAR_RIGHT * accepted(followed, own_base)
    return Mark(Verdict.NOT_YET, ROUNDED if near else "")


def _number(value: float | str | None) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None  # type: ignore[arg-type]  # a text or None is not a number


def _constant(value: float) -> Node:
    # A constant has no sign of its own in the renderings; a minus stands before it.
    return Const(value) if value >= 0 else -Const(-value)


def _extra(name: str, expression: Node) -> Quantity:
    return Quantity(name, name, "", Kind.UPDATE_PART, "", expression)
