"""Mistakes of reading and writing: the wrong column, a square or a digit left out, a decimal point that slipped.

They stand apart from those of the calculus (:mod:`handgrad.backprop.mistakes.of_an_answer`) because the numbers of a task
are not drawn for them: where one cannot be told from the right answer, the task does without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from handgrad.backprop.graph.graph import Kind, Quantity
from handgrad.backprop.mistakes.kinds import MistakeKind
from handgrad.backprop.mistakes.of_writing import of_writing
from handgrad.backprop.mistakes.parts import StepParts
from handgrad.backprop.network.network import OverSamples
from handgrad.backprop.symbols.calculus import ONE, TWO, TWO_DIGITS
from handgrad.backprop.symbols.expression import Call, Const, Node, Ref, total

Found = Iterator[tuple[MistakeKind, str, Node]]
HALF, TEN = Const(0.5), Const(10.0)


def of_reading(source: StepParts, q: Quantity) -> Found:
    """Yield the mistakes of reading and writing in one quantity, the likelier first."""
    made: dict[Kind, Callable[[StepParts, Quantity], Found]] = {
        Kind.PRE_ACTIVATION: _pre_activation,
        Kind.ERROR: _error,
        Kind.DELTA: _delta,
        Kind.GRADIENT: _gradient,
    }
    if q.kind in made and not q.name.endswith("_next"):
        yield from made[q.kind](source, q)
    if q.kind is Kind.UPDATED or not q.name.endswith("_next"):
        yield from of_writing(source, q)
    own = Ref(q.name)
    yield MistakeKind.TENFOLD, "ten times too large: look for the decimal point", TEN * own
    yield MistakeKind.TENFOLD, "ten times too small: look for the decimal point", own / TEN
    # A weight that hardly moves is, to two digits, the weight as it was; that mistake has a name already.
    if q.kind is Kind.UPDATED:
        return
    yield MistakeKind.DIGITS, "two digits are too few; give four, and round at the end only", Call(TWO_DIGITS, (own,))


def _pre_activation(source: StepParts, q: Quantity) -> Found:
    """Yield the pre-activations of the layer before where its activations belong."""
    layer, unit, sample = q.layer or 0, q.unit or 0, q.sample or 0
    if layer < 2 or not source.curved(layer - 1):
        return
    before = source.units(layer - 1)
    terms: list[Node] = [source.weight(layer, unit, one) * source.pre(layer - 1, one, sample) for one in before]
    bias = source.bias(layer, unit)
    right, read = (source.label(of(layer - 1, 1, sample)) for of in (source.out, source.pre))
    yield MistakeKind.INPUT, f"take the activation {right}, not {read}", total([*terms, bias] if bias else terms)


def _error(source: StepParts, q: Quantity) -> Found:
    """Yield the difference without its square, either way round, with and without the factor of the error."""
    if "squared" not in source.network.loss:
        return
    layer, unit, sample = q.layer or 0, q.unit or 0, q.sample or 0
    out, target = source.out(layer, unit, sample), source.target(unit, sample)
    factor = HALF if source.network.loss == "half-squared-error" else ONE / Const(float(source.network.outputs))
    advice = f"square the difference {source.label(target)} − {source.label(out)}"
    for difference in (target - out, out - target):
        yield MistakeKind.SQUARE, advice, factor * difference
        yield MistakeKind.SQUARE, advice, difference


def _delta(source: StepParts, q: Quantity) -> Found:
    """Yield the slope found from the pre-activation where it is found from the activation."""
    layer, unit, sample = q.layer or 0, q.unit or 0, q.sample or 0
    activation = source.network.layers[layer - 1].activation
    slope = source.error_slope(layer, unit, sample)
    if activation not in ("sigmoid", "tanh") or slope is None:
        return
    pre, name = source.pre(layer, unit, sample), source.label(source.out(layer, unit, sample))
    read = source.label(pre)
    if activation == "sigmoid":
        advice = f"the slope is {name} · (1 − {name}), not {read} · (1 − {read})"
        yield MistakeKind.DERIVATIVE, advice, slope * pre * (ONE - pre)
    else:
        yield MistakeKind.DERIVATIVE, f"the slope is 1 − {name}², not 1 − {read}²", slope * (ONE - pre**TWO)


def _gradient(source: StepParts, q: Quantity) -> Found:
    """Yield the pre-activation, or the input of the same number, where the activation at the arrow's start belongs."""
    layer, unit, start = q.layer or 0, q.unit or 0, q.source
    if start is None or layer < 2:
        return
    right = source.label(source.out(layer - 1, start, 1))
    reads: list[Callable[[int], Ref]] = []
    if source.curved(layer - 1):
        reads.append(lambda sample: source.pre(layer - 1, start, sample))
    if start <= source.sizes[0]:
        reads.append(lambda sample: source.out(0, start, sample))
    mean = source.network.over_samples is OverSamples.MEAN and len(source.samples) > 1
    for read in reads:
        terms = total(source.delta(layer, unit, sample) * read(sample) for sample in source.samples)
        value = terms / Const(float(len(source.samples))) if mean else terms
        yield MistakeKind.INPUT, f"{q.of} starts at {right}, not at {source.label(read(1))}", value


__all__ = ["of_reading"]
