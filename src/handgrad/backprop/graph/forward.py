"""The forward half of a training step: pre-activations, activations, errors."""

from __future__ import annotations

from handgrad.backprop.graph.draft import Draft
from handgrad.backprop.graph.graph import Kind
from handgrad.backprop.network.network import OverSamples
from handgrad.backprop.symbols.calculus import ACTIVATIONS, EXP, LARGEST, LN, Output
from handgrad.backprop.symbols.expression import Call, Const, Node, Ref, total
from handgrad.backprop.symbols.names import E_TOTAL, ERROR, Symbol, in_sample, numbered, prefixed


def forward(draft: Draft, layer: int, sample: int) -> None:
    """Add pre-activations and activations of one layer in one sample."""
    activation = ACTIVATIONS[draft.network.layers[layer - 1].activation]
    for unit in draft.units(layer):
        symbol, place = draft.pre(layer, unit, sample), {"layer": layer, "unit": unit, "sample": sample}
        meaning = f"pre-activation of {draft.where(layer, unit)}{draft.on(sample)}"
        draft.add(symbol, Kind.PRE_ACTIVATION, meaning, _weighted_sum(draft, layer, unit, sample), **place)
        if activation.value is not None:
            meaning = f"activation of {draft.where(layer, unit)}{draft.on(sample)}"
            value = activation.value(Ref(symbol.name))
            out = draft.out(layer, unit, sample)
            draft.add(out, Kind.ACTIVATION, meaning, value, of=symbol.name, **place)
    if activation.value is None:
        _softmax(draft, layer, sample)


def _weighted_sum(draft: Draft, layer: int, unit: int, sample: int) -> Node:
    """Return the sum of weights times activations of the layer before, and the bias where there is one."""
    terms: list[Node] = [
        Ref(draft.weight(layer, unit, source).name) * Ref(draft.out(layer - 1, source, sample).name)
        for source in draft.units(layer - 1)
    ]
    number = draft.bias_number(layer, unit)
    if number is not None:
        terms.append(Ref(f"b{number}"))
    return total(terms)


def _softmax(draft: Draft, layer: int, sample: int) -> None:
    """Add softmax in safe steps: the largest is taken off first, so that no exponential overflows."""
    mark, letter, on = draft.sample_mark(sample), draft.letters[layer - 1], draft.on(sample)
    pre = [Ref(draft.pre(layer, unit, sample).name) for unit in draft.units(layer)]
    largest = prefixed("max", "max", r"\max", letter, sample=mark)
    whole = prefixed("sum", "Σexp", r"\Sigma", letter, sample=mark)
    place = {"layer": layer, "sample": sample}
    draft.add(largest, Kind.SOFTMAX_PART, f"largest of the outputs{on}", Call(LARGEST, tuple(pre)), **place)
    exps = [prefixed("exp", "exp", r"\exp", f"{letter}{unit}", sample=mark) for unit in draft.units(layer)]
    for unit, exp in zip(draft.units(layer), exps, strict=True):
        shifted = Call(EXP, (pre[unit - 1] - Ref(largest.name),))
        meaning = f"exponential for output {unit}, the largest subtracted{on}"
        draft.add(exp, Kind.SOFTMAX_PART, meaning, shifted, unit=unit, of=pre[unit - 1].name, **place)
    summed = total(Ref(exp.name) for exp in exps)
    draft.add(whole, Kind.SOFTMAX_PART, f"sum of the exponentials{on}", summed, **place)
    for unit, exp in zip(draft.units(layer), exps, strict=True):
        more = {"unit": unit, "of": pre[unit - 1].name, **place}
        meaning = f"activation of output {unit}, its share of the exponentials{on}"
        draft.add(draft.out(layer, unit, sample), Kind.ACTIVATION, meaning, Ref(exp.name) / Ref(whole.name), **more)
    if draft.loss.needs == "softmax":
        for unit in draft.units(layer):
            value = pre[unit - 1] - Ref(largest.name) - Call(LN, (Ref(whole.name),))
            more = {"unit": unit, "of": draft.out(layer, unit, sample).name, **place}
            symbol = _log_out(draft, layer, unit, sample)
            draft.add(symbol, Kind.SOFTMAX_PART, f"logarithm of activation {unit}{on}", value, **more)


def _log_out(draft: Draft, layer: int, unit: int, sample: int) -> Symbol:
    """Return the logarithm of an output under softmax, a quantity of its own because the loss is made from it."""
    return in_sample(prefixed("ln_a", "ln a", r"\ln a", f"{draft.letters[layer - 1]}{unit}"), draft.sample_mark(sample))


def output(draft: Draft, unit: int, sample: int) -> Output:
    """Return what a loss may look at of one output in one sample: its target, activation, pre-activation."""
    last = len(draft.network.layers)
    log = Ref(_log_out(draft, last, unit, sample).name) if draft.loss.needs == "softmax" else None
    return Output(
        target=Ref(numbered("t", unit, draft.sample_mark(sample)).name),
        activation=Ref(draft.out(last, unit, sample).name),
        pre_activation=Ref(draft.pre(last, unit, sample).name),
        outputs=draft.network.outputs,
        log_activation=log,
    )


def errors(draft: Draft, sample: int) -> None:
    """Add the error of every output in one sample, and where there are several samples, the sample's error."""
    mark, last = draft.sample_mark(sample), len(draft.network.layers)
    names: list[Node] = []
    for unit in draft.units(last):
        symbol, expression = numbered("E", unit, mark), draft.loss.error(output(draft, unit, sample))
        place = {"layer": last, "unit": unit, "number": unit, "sample": sample}
        draft.add(symbol, Kind.ERROR, f"error of output {unit}{draft.on(sample)}", expression, **place)
        names.append(Ref(symbol.name))
    if mark is not None:
        symbol = in_sample(ERROR, mark)
        draft.add(symbol, Kind.SAMPLE_ERROR, f"error of sample {sample}", total(names), sample=sample)


def total_error(draft: Draft) -> None:
    """Add the error that training lowers, over all outputs and samples."""
    if len(draft.samples) == 1:
        parts = total(Ref(f"E{unit}") for unit in draft.units(len(draft.network.layers)))
        draft.add(E_TOTAL, Kind.TOTAL, "the error that training lowers", parts)
        return
    parts = over_samples(draft, [Ref(f"E[{sample}]") for sample in draft.samples])
    meaning = f"the {draft.network.over_samples} of the samples' errors"
    draft.add(E_TOTAL, Kind.TOTAL, meaning, parts)


def over_samples(draft: Draft, terms: list[Node]) -> Node:
    """Add up what the samples contribute, and divide by their number where the mean is asked for."""
    summed = total(terms)
    if draft.network.over_samples is OverSamples.SUM or len(draft.samples) == 1:
        return summed
    return summed / Const(float(len(draft.samples)))
