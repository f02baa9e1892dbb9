"""The backward half of a training step: slopes, deltas, gradients."""

from __future__ import annotations

from typing import Any

from handgrad.backprop.graph.draft import Draft, factor
from handgrad.backprop.graph.forward import output, over_samples
from handgrad.backprop.graph.graph import Factor, Kind
from handgrad.backprop.network.network import UpdateOrder
from handgrad.backprop.symbols.calculus import ACTIVATIONS, ONE
from handgrad.backprop.symbols.expression import Node, Ref, total
from handgrad.backprop.symbols.names import ERROR, Symbol, following, numbered, partial


def deltas(draft: Draft, layer: int, sample: int) -> None:
    """Add dE/da, da/dz and their product, the delta, for each unit (where several samples: of that sample's error)."""
    if layer == len(draft.network.layers) and draft.loss.delta is not None:
        for unit in draft.units(layer):
            _add_delta(draft, layer, unit, sample, expression=draft.loss.delta(output(draft, unit, sample)), chain=())
        return
    # All slopes before the deltas: under softmax a delta takes those of every unit of its layer.
    for unit in draft.units(layer):
        _error_slope(draft, layer, unit, sample)
    for unit in draft.units(layer):
        pairs = [_activation_slope(draft, layer, unit, j, sample=sample) for j in _reached(draft, layer, unit)]
        chain = tuple((factor(slope, slope.name), factor(local, local.name)) for slope, local in pairs)
        expression = total(Ref(slope.name) * Ref(local.name) for slope, local in pairs)
        _add_delta(draft, layer, unit, sample, expression=expression, chain=chain)


def _reached(draft: Draft, layer: int, unit: int) -> range:
    """Return the units whose activation depends on this unit's pre-activation: all of them under softmax."""
    softmax = draft.network.layers[layer - 1].activation == "softmax"
    return draft.units(layer) if softmax else range(unit, unit + 1)


def _add_delta(
    draft: Draft, layer: int, unit: int, sample: int, *, expression: Node, chain: tuple[tuple[Factor, ...], ...]
) -> None:
    """Add the delta of one unit in one sample, with the products of the chain rule that it is the sum of."""
    place = {"layer": layer, "unit": unit, "sample": sample, "of": draft.pre(layer, unit, sample).name}
    meaning = f"∂E/∂{draft.pre(layer, unit, sample).label}: how the error changes with the pre-activation"
    draft.add(draft.delta(layer, unit, sample), Kind.DELTA, meaning, expression, chain=chain, **place)


def _error_slope(draft: Draft, layer: int, unit: int, sample: int) -> None:
    """Add dE/da of one unit: from the loss for an output, from the deltas of the layer above for a hidden unit.

    Raises ValueError where the loss has neither a slope nor a delta.
    """
    out = draft.out(layer, unit, sample)
    symbol = partial(ERROR, out)
    place = {"layer": layer, "unit": unit, "sample": sample, "of": out.name}
    meaning = f"how the error changes with the activation of {draft.where(layer, unit)}{draft.on(sample)}"
    if layer == len(draft.network.layers):
        if draft.loss.slope is None:
            raise ValueError(f"loss {draft.loss.name} has neither a slope nor a delta")
        slope = draft.loss.slope(output(draft, unit, sample))
        draft.add(symbol, Kind.ERROR_SLOPE, meaning, slope, **place)
        return
    terms: list[Node] = []
    chain: list[tuple[Factor, ...]] = []
    for above in draft.units(layer + 1):
        delta, weight = draft.delta(layer + 1, above, sample), draft.weight(layer + 1, above, unit)
        # Output layer first: the layer above has moved already, and its new weight is what the rule passes the error
        # through.
        used = following(weight) if draft.network.order is UpdateOrder.OUTPUT_FIRST else weight
        pre = draft.pre(layer + 1, above, sample)
        terms.append(Ref(delta.name) * Ref(used.name))
        chain.append((factor(partial(ERROR, pre), delta.name), factor(partial(pre, out), used.name)))
    draft.add(symbol, Kind.ERROR_SLOPE, meaning, total(terms), chain=tuple(chain), **place)


def _activation_slope(draft: Draft, layer: int, unit: int, reached: int, *, sample: int) -> tuple[Symbol, Symbol]:
    """Add da_j/dz_i; returns the symbols of dE/da_j and of the slope just added."""
    out, pre = draft.out(layer, reached, sample), draft.pre(layer, unit, sample)
    local = partial(out, pre)
    a = Ref(out.name)
    slope = ACTIVATIONS[draft.network.layers[layer - 1].activation].slope
    if slope is not None:
        expression = slope(Ref(pre.name), a)
    elif reached == unit:
        expression = a * (ONE - a)
    else:
        # Softmax couples its units: with i ≠ j the slope is -a_j · a_i.
        expression = -(a * Ref(draft.out(layer, unit, sample).name))
    meaning = f"how {out.label} moves with {pre.label}"
    place = {"layer": layer, "unit": unit, "source": reached, "sample": sample, "of": pre.name}
    draft.add(local, Kind.ACTIVATION_SLOPE, meaning, expression, **place)
    return partial(ERROR, out), local


def gradients(draft: Draft, layer: int) -> None:
    """Add dE/dw of every weight into *layer*, and dE/db of its biases where they are trained."""
    for unit in draft.units(layer):
        for source in draft.units(layer - 1):
            weight = draft.weight(layer, unit, source)
            terms: list[Node] = []
            chain: list[tuple[Factor, ...]] = []
            for sample in draft.samples:
                delta, before = draft.delta(layer, unit, sample), draft.out(layer - 1, source, sample)
                pre = draft.pre(layer, unit, sample)
                terms.append(Ref(delta.name) * Ref(before.name))
                chain.append((factor(partial(ERROR, pre), delta.name), factor(partial(pre, weight), before.name)))
            place = {"layer": layer, "unit": unit, "source": source, "number": int(weight.name[1:])}
            _add_gradient(draft, weight, terms, chain, place=place)
    if not draft.network.trains_biases:
        return
    for number, (of_layer, unit_or_all) in draft.biases().items():
        if of_layer == layer:
            _bias_gradient(draft, layer, number, unit_or_all)


def _bias_gradient(draft: Draft, layer: int, number: int, only: int | None) -> None:
    """Add dE/db: one delta where the unit has its own bias; all deltas of the layer where they share it."""
    bias = numbered("b", number)
    terms: list[Node] = []
    chain: list[tuple[Factor, ...]] = []
    for sample in draft.samples:
        for unit in draft.units(layer) if only is None else (only,):
            delta, pre = draft.delta(layer, unit, sample), draft.pre(layer, unit, sample)
            terms.append(Ref(delta.name))
            chain.append((factor(partial(ERROR, pre), delta.name), factor(partial(pre, bias), None)))
    _add_gradient(draft, bias, terms, chain, place={"layer": layer, "unit": only, "number": number})


def _add_gradient(
    draft: Draft, of: Symbol, terms: list[Node], chain: list[tuple[Factor, ...]], *, place: dict[str, Any]
) -> None:
    """Add dE/dw or dE/db under its name: the terms of all samples, summed or averaged as the network says."""
    meaning = f"how the error changes with {of.label}"
    more = {"of": of.name, "chain": tuple(chain), **place}
    draft.add(partial(ERROR, of), Kind.GRADIENT, meaning, over_samples(draft, terms), **more)
