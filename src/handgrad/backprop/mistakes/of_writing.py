"""Slips of the pen in a formula: another unit's slope, brackets left out, a times for a minus, another weight's step.

The same slips that a judge names in a workbook (:mod:`handgrad.judge.workbook.repairs`), as values that a task can recognise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from handgrad.backprop.graph.graph import Kind, Quantity
from handgrad.backprop.mistakes.kinds import MistakeKind
from handgrad.backprop.mistakes.parts import StepParts
from handgrad.backprop.symbols.calculus import EXP, ONE, TWO
from handgrad.backprop.symbols.expression import Call, Const, Node, Ref, total

Found = Iterator[tuple[MistakeKind, str, Node]]
HALF, TEN = Const(0.5), Const(10.0)


def of_writing(source: StepParts, q: Quantity) -> Found:
    """Yield the slips in one quantity, the likelier first."""
    made: dict[Kind, Callable[[StepParts, Quantity], Found]] = {
        Kind.ACTIVATION: _activation,
        Kind.ERROR: _error,
        Kind.DELTA: _delta,
        Kind.UPDATED: _updated,
    }
    if q.kind in made:
        yield from made[q.kind](source, q)


def _activation(source: StepParts, q: Quantity) -> Found:
    """Yield 1/1 + e^−z, which is what a calculator makes of the sigmoid without its brackets."""
    layer, unit, sample = q.layer or 0, q.unit or 0, q.sample or 0
    if source.network.layers[layer - 1].activation == "sigmoid":
        pre = source.pre(layer, unit, sample)
        yield MistakeKind.BRACKETS, f"put 1 + e^−{source.label(pre)} in brackets", ONE + Call(EXP, (-pre,))


def _error(source: StepParts, q: Quantity) -> Found:
    """Yield the error of target times output, and of the pre-activation."""
    if source.network.loss != "half-squared-error":
        return
    layer, unit, sample = q.layer or 0, q.unit or 0, q.sample or 0
    target, out, pre = (of(*at) for of, at in _output(source, layer, unit, sample=sample))
    right, read, wanted = source.label(out), source.label(pre), source.label(target)
    yield MistakeKind.TIMES_FOR_MINUS, f"{wanted} − {right}, not {wanted} · {right}", HALF * (target * out) ** TWO
    if source.curved(layer):
        yield MistakeKind.NET_FOR_ACTIVATION, f"take {right}, not {read}", HALF * (target - pre) ** TWO


def _output(
    source: StepParts, layer: int, unit: int, *, sample: int
) -> tuple[tuple[Callable[..., Ref], tuple[int, ...]], ...]:
    """Return how target, activation and pre-activation of an output are found."""
    return (
        (source.target, (unit, sample)),
        (source.out, (layer, unit, sample)),
        (source.pre, (layer, unit, sample)),
    )


def _delta(source: StepParts, q: Quantity) -> Found:
    """Yield what goes wrong in the slope of a sigmoid, and in what it is multiplied with."""
    layer, unit, sample = q.layer or 0, q.unit or 0, q.sample or 0
    slope = source.error_slope(layer, unit, sample)
    if slope is None or source.network.layers[layer - 1].activation not in ("sigmoid", "tanh"):
        return
    a = source.out(layer, unit, sample)
    right = source.label(a)
    if source.sizes[layer] > 1:
        other = unit % source.sizes[layer] + 1
        b = source.out(layer, other, sample)
        read = source.label(b)
        yield (
            MistakeKind.OTHER_SLOPE,
            f"take the slope at {right}, not at {read}",
            slope * source.slope(layer, other, sample),
        )
        if source.network.layers[layer - 1].activation == "sigmoid":
            yield MistakeKind.OTHER_SLOPE, f"{right} goes with 1 − {right}, not with 1 − {read}", slope * a * (ONE - b)
    if source.network.layers[layer - 1].activation == "sigmoid":
        yield MistakeKind.TIMES_FOR_MINUS, f"1 − {right}, not 1 · {right}", slope * a * a
        yield MistakeKind.SIGN, f"1 − {right}, not 1 + {right}", slope * a * (ONE + a)
        yield MistakeKind.BRACKETS, f"put 1 − {right} in brackets", slope * a - a
    if layer == source.last and source.network.loss == "half-squared-error":
        yield from _output_delta(source, q, source.slope(layer, unit, sample))
    elif layer < source.last:
        yield from _unbracketed_sum(source, q, source.slope(layer, unit, sample))


def _output_delta(source: StepParts, q: Quantity, slope: Ref) -> Found:
    layer, unit, sample = q.layer or 0, q.unit or 0, q.sample or 0
    target, out, pre = (of(*at) for of, at in _output(source, layer, unit, sample=sample))
    right, read, wanted = source.label(out), source.label(pre), source.label(target)
    yield MistakeKind.TIMES_FOR_MINUS, f"{right} − {wanted}, not {right} · {wanted}", out * target * slope
    yield MistakeKind.BRACKETS, f"put {right} − {wanted} in brackets", out - target * slope
    yield MistakeKind.NET_FOR_ACTIVATION, f"take {right} − {wanted}, not {read} − {wanted}", (pre - target) * slope


def _unbracketed_sum(source: StepParts, q: Quantity, slope: Ref) -> Found:
    """Yield the sum over the paths of which only the last is multiplied with the slope."""
    layer, unit, sample = q.layer or 0, q.unit or 0, q.sample or 0
    paths: list[Node] = [
        source.delta(layer + 1, above, sample) * source.weight(layer + 1, above, unit)
        for above in source.units(layer + 1)
    ]
    if len(paths) > 1:
        advice = "put the sum over the paths in brackets"
        yield MistakeKind.BRACKETS, advice, total([*paths[:-1], paths[-1] * slope])


def _updated(source: StepParts, q: Quantity) -> Found:
    """Yield the step of another weight of the layer, a step ten times too large, and a times for the minus."""
    before, after, rate = Ref(q.of or ""), Ref(q.name), Ref("learning_rate")
    step = before - after
    name, other = source.label(before), _neighbour(source, before)
    if other is not None:
        advice = f"take ∂E/∂{name}, not ∂E/∂{source.label(other)}"
        yield MistakeKind.OTHER_GRADIENT, advice, before - (other - Ref(source.graph.successors[other.name]))
    yield MistakeKind.TENFOLD, "the step is ten times too large", before - TEN * step
    yield MistakeKind.TIMES_FOR_MINUS, f"{name} − η · ∂E/∂{name}, not {name} · η · ∂E/∂{name}", before * step
    yield MistakeKind.BRACKETS, f"η goes with ∂E/∂{name} alone, not with {name} − η", (before - rate) * step / rate


def _neighbour(source: StepParts, weight: Ref) -> Ref | None:
    """Return the weight from the next start into the same unit, None where there is none."""
    q = source.graph[weight.name]
    if q.layer is None or q.unit is None or q.source is None or source.sizes[q.layer - 1] < 2:
        return None
    return source.weight(q.layer, q.unit, q.source % source.sizes[q.layer - 1] + 1)


__all__ = ["of_writing"]
