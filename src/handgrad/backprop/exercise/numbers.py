"""Numbers of the learner's own, drawn from a seed: two decimals, nothing saturated, every mistake told apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.backprop.exercise.marking import APART, follows, marking_graph, mistake_tolerance, tolerance, wrong
from handgrad.backprop.exercise.questions import Question
from handgrad.backprop.graph.graph import Graph, Kind
from handgrad.backprop.mistakes.kinds import Mistake
from handgrad.backprop.network.network import BiasRule, Network, Sample
from handgrad.backprop.simulate import evaluate
from handgrad.errors import UsageError

Floats = NDArray[np.float64]
# Candidates are drawn and judged as arrays: so many at once cost little more than one.
BATCH = 256
FLOORS = (0.003, 0.003, 0.001, 0.001, 0.0003, 0.0003, 0.0001, 0.0001, 0.00003, 0.00003, 0.00001, 0.00001)
"""The smallest answer that is allowed, batch by batch: deep networks have small gradients, and get them last."""
# Two digits before the point: what is worked out by hand stays short enough to be written without a slip.
LARGEST = 50.0
CLEAR = 1.5
"""So many of its tolerances from one mistake, the next is told apart."""
NOTHING, ALWAYS = 1e-12, 0.9
"""What is nearer than this in nine of ten draws is the same by its nature, not by chance (dead units are the tenth)."""
LIMITS = {"sigmoid": 1.8, "tanh": 1.4, "softmax": 2.5}
"""How far a pre-activation may be from 0 before its activation counts as saturated."""
STRAIGHT = frozenset({"relu", "leaky-relu"})
"""Activations whose units must be working (pre-activation above 0): a dead unit has no gradient to find."""


@dataclass(frozen=True)
class _Drawn:
    """Candidates, a row each: the numbers of the task by name."""

    values: Mapping[str, Floats]

    def row(self, number: int) -> dict[str, float]:
        return {name: round(float(column[number]), 2) for name, column in self.values.items()}


def own_numbers(
    network: Network, graph: Graph, asked: Sequence[Question], mistakes: Mapping[str, Sequence[Mistake]], *, seed: int
) -> Network:
    """Return the network with the first numbers of the seed's sequence that are fit for a task.

    Fit: no answer is tiny or huge, no activation saturated, and every mistake lies ``APART`` tolerances or more from
    the right answer. Among the fit of a batch, the one in which fewest mistakes could be taken for one another; where none
    is fit, the one in which most mistakes show. Raises :class:`UsageError` where no numbers are sensible at all.
    """
    marked = marking_graph(graph, asked, mistakes, {})
    second: tuple[int, dict[str, float]] | None = None
    # A batch a floor, from the strict to the mild: pleasant numbers where the network has any, else the best there are.
    for number, floor in enumerate(FLOORS):
        drawn = _draw(graph, np.random.default_rng([seed, number]), BATCH)
        # A whole batch of draws at once, by broadcasting.
        values = evaluate(marked, drawn.values)
        sensible, apart = _sensible(graph, asked, values, floor), _apart(asked, mistakes, values)
        fit = sensible & (apart.sum(axis=0) == len(apart))
        if sensible.any():
            shown = np.where(sensible, apart.sum(axis=0), -1)
            best = int(np.argmax(shown))
            second = max((second or (-1, {}), (int(shown[best]), drawn.row(best))), key=lambda one: one[0])
        if fit.any():
            alike = np.where(fit, _alike(asked, mistakes, values), np.inf)
            return _with_numbers(network, drawn.row(int(np.argmin(alike))))
    if second is not None:
        # A mistake that hardly ever shows in such a network is left out of this task (`told_apart`), not the task refused.
        return _with_numbers(network, second[1])
    raise UsageError(
        f"{network.name}: {len(FLOORS) * BATCH:,} draws gave no numbers that can be worked out by hand – take fewer units, "
        f"layers or samples"
    )


def worth_asking(graph: Graph, asked: Sequence[Question]) -> tuple[Question, ...]:
    """Leave out what is 0, or unchanged by the step, whatever the numbers: a bias shared by a whole softmax, for one."""
    # Seed 0 whatever the task's: what is worth asking belongs to the network, not to the numbers drawn for it.
    values = evaluate(graph, _draw(graph, np.random.default_rng(0), BATCH).values)

    def nothing(found: Floats) -> bool:
        return bool((np.abs(found) < NOTHING).mean() > ALWAYS)

    def still(question: Question) -> bool:
        if question.base is None:
            return nothing(values[question.name])
        # Adam divides a derivative that is 0 but for rounding by next to nothing, and so makes a step of it.
        slope = values.get(f"dE/d{question.base}")
        return nothing(values[question.name] - values[question.base]) or (slope is not None and nothing(slope))

    kept = [question for question in asked if not still(question)]
    return tuple(replace(question, number=number) for number, question in enumerate(kept, start=1))


def shown_mistakes(
    graph: Graph, asked: Sequence[Question], mistakes: Mapping[str, Sequence[Mistake]]
) -> dict[str, tuple[Mistake, ...]]:
    """Return those mistakes that this network can show: a wrong way that always gives the right value is none.

    Of two that always give the same wrong value, the first stays.
    """
    drawn = _draw(graph, np.random.default_rng(0), BATCH)
    values = evaluate(marking_graph(graph, asked, mistakes, {}), drawn.values)
    kept: dict[str, tuple[Mistake, ...]] = {}
    for question in asked:
        name = question.name
        seen: list[Floats] = [np.broadcast_to(values[name], (BATCH,))]
        chosen: list[Mistake] = []
        for number, mistake in enumerate(mistakes[name]):
            value = np.broadcast_to(values[wrong(name, number)], (BATCH,))
            # By values at many states and not by comparing formulas: two that look different may be one.
            same = [np.isclose(value, other, rtol=1e-9, atol=0.0, equal_nan=True).mean() > ALWAYS for other in seen]
            if not any(same):
                chosen.append(mistake)
                seen.append(value)
        kept[name] = tuple(chosen)
    return kept


def _with_numbers(network: Network, numbers: Mapping[str, float]) -> Network:
    """Return the network with these numbers, by name."""
    several = len(network.samples) > 1

    def row(letter: str, count: int, sample: int) -> tuple[float, ...]:
        mark = f"[{sample}]" if several else ""
        return tuple(numbers[f"{letter}{number}{mark}"] for number in range(1, count + 1))

    samples = tuple(
        Sample(row("i", network.inputs, number), row("t", network.outputs, number))
        for number in range(1, len(network.samples) + 1)
    )
    weights = tuple(numbers[f"w{number}"] for number in range(1, len(network.weights) + 1))
    biases = tuple(numbers[f"b{number}"] for number in range(1, len(network.biases) + 1))
    return replace(
        network,
        samples=samples,
        weights=weights,
        biases=() if network.bias is BiasRule.NONE else biases,
        learning_rate=numbers["learning_rate"],
    )


def _draw(graph: Graph, generator: np.random.Generator, count: int) -> _Drawn:
    """Return candidates in hundredths (whole numbers are drawn, so that every machine draws the same)."""
    network = graph.network

    def hundredths(low: int, high: int) -> Floats:
        return generator.integers(low, high, count, endpoint=True) / 100.0

    def signed(low: int, high: int, minus: float) -> Floats:
        sign = np.where(generator.integers(0, 100, count) < 100 * minus, -1.0, 1.0)
        return sign * hundredths(low, high)

    values: dict[str, Floats] = {"learning_rate": generator.integers(4, 12, count, endpoint=True) * 5 / 100.0}
    for quantity in graph.of_kind(Kind.INPUT):
        values[quantity.name] = hundredths(10, 95)
    for quantity in graph.of_kind(Kind.WEIGHT, Kind.BIAS):
        layer = network.layers[(quantity.layer or 1) - 1]
        wide = network.sizes[(quantity.layer or 1) - 1]
        # Few minus signs under ReLU, where a sum below 0 makes the unit dead and its task empty.
        minus = 0.1 if layer.activation in STRAIGHT else 0.35
        # Wide layers take smaller weights, or their sums saturate.
        most = max(30, min(95, round(95 * (4 / wide) ** 0.5)))
        values[quantity.name] = signed(10, most, minus)
    values |= _targets(graph, generator, count)
    return _Drawn(values)


def _targets(graph: Graph, generator: np.random.Generator, count: int) -> dict[str, Floats]:
    network = graph.network
    found: dict[str, Floats] = {}
    by_sample: dict[int, list[str]] = {}
    for quantity in graph.of_kind(Kind.TARGET):
        by_sample.setdefault(quantity.sample or 1, []).append(quantity.name)
    for names in by_sample.values():
        if network.loss == "softmax-cross-entropy":
            shares = _shares(generator, len(names), count)
        else:
            shares = generator.integers(5, 95, (count, len(names)), endpoint=True)
        found |= {name: shares[:, place] / 100.0 for place, name in enumerate(names)}
    return found


def _shares(generator: np.random.Generator, parts: int, count: int) -> NDArray[np.int64]:
    """Return whole hundredths, each at least 4, that add up to 100."""
    cuts = np.sort(generator.integers(0, 100 - 4 * parts, (count, parts - 1), endpoint=True), axis=1)
    edges = np.concatenate([np.zeros((count, 1), np.int64), cuts, np.full((count, 1), 100 - 4 * parts)], axis=1)
    return np.diff(edges, axis=1) + 4


def _sensible(graph: Graph, asked: Sequence[Question], values: Mapping[str, Any], floor: float) -> NDArray[np.bool_]:
    fit = np.ones(BATCH, dtype=bool)
    for question in asked:
        size = np.abs(values[question.name])
        fit &= np.isfinite(size) & (size >= floor) & (size <= LARGEST)
        if question.base is not None:
            fit &= np.abs(values[question.name] - values[question.base]) >= floor / 20
    for quantity in graph.of_kind(Kind.PRE_ACTIVATION):
        activation = graph.network.layers[(quantity.layer or 1) - 1].activation
        limit = LIMITS.get(activation)
        if limit is not None:
            fit &= np.abs(values[quantity.name]) <= limit
        if activation in STRAIGHT:
            fit &= values[quantity.name] > 0
    return fit


def told_apart(
    graph: Graph, asked: Sequence[Question], mistakes: Mapping[str, Sequence[Mistake]]
) -> dict[str, tuple[Mistake, ...]]:
    """Return those mistakes that lie ``APART`` tolerances or more from the right answer with the numbers of a task.

    Of two different ones that lie too near to each other to be told apart the first stays, which is the likelier.
    """
    values = evaluate(marking_graph(graph, asked, mistakes, {}))
    rows = iter(_apart(asked, mistakes, values))
    found: dict[str, tuple[Mistake, ...]] = {}
    for one in asked:
        base = None if one.base is None else values[one.base]
        kept: list[tuple[Mistake, float]] = []
        for number, mistake in enumerate(mistakes[one.name]):
            value = float(values[wrong(one.name, number)])
            near = any(
                mistake.kind is not other.kind
                and abs(value - known) < CLEAR * mistake_tolerance(known, values[follows(one.name)], base)
                for other, known in kept
            )
            if bool(next(rows)) and not near:
                kept.append((mistake, value))
        found[one.name] = tuple(mistake for mistake, _ in kept)
    return found


def _apart(
    asked: Sequence[Question], mistakes: Mapping[str, Sequence[Mistake]], values: Mapping[str, Any]
) -> NDArray[np.bool_]:
    """Return for each mistake in its order, a row each, in which draws it is told from the right answer."""
    return np.array(
        [
            np.abs(values[wrong(question.name, number)] - value) >= APART * near
            for question, value, near in _with_tolerance(asked, values)
            for number in range(len(mistakes[question.name]))
        ]
    )


def _alike(asked: Sequence[Question], mistakes: Mapping[str, Sequence[Mistake]], values: Mapping[str, Any]) -> Floats:
    """Return how many mistakes lie so near to an earlier, different one that this would be named for them."""
    count = np.zeros(BATCH)
    for question, value, _ in _with_tolerance(asked, values):
        made = mistakes[question.name]
        base = None if question.base is None else values[question.base]
        found = [values[wrong(question.name, number)] for number in range(len(made))]
        for first, mistaken in enumerate(found):
            reach = CLEAR * mistake_tolerance(mistaken, value, base)
            for second in range(first + 1, len(made)):
                if made[first].kind is not made[second].kind:
                    count += np.abs(found[second] - mistaken) < reach
    return count


def _with_tolerance(asked: Sequence[Question], values: Mapping[str, Any]) -> Iterator[tuple[Question, Any, Any]]:
    for question in asked:
        value = values[follows(question.name)]
        base = None if question.base is None else values[question.base]
        yield question, value, tolerance(value, base)


__all__ = ["own_numbers", "shown_mistakes", "told_apart", "worth_asking"]
