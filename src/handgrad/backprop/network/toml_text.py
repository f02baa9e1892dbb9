"""Writes a network as the TOML file that describes it, every key with what it may hold: a file to begin your own from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from handgrad.backprop.limits import MAX_INPUTS, MAX_LAYERS, MAX_SAMPLES, MAX_UNITS
from handgrad.backprop.network.network import BiasRule, Network, OverSamples, UpdateOrder, UpdateRule, weight_count
from handgrad.backprop.symbols.calculus import ACTIVATIONS, LOSSES

PER_LINE = 12
"""So many numbers on a line of a list."""


def network_toml(network: Network) -> str:
    """Return a network as TOML with all of its keys; read again it is the same network."""
    return "\n".join((*_head(network), "", *_update(network), *_layers(network), *_samples(network))) + "\n"


def _head(network: Network) -> Iterator[str]:
    count = weight_count(network.sizes)
    yield f"name = {_text(network.name)}"
    yield f"loss = {_text(network.loss)}  # {_any_of(LOSSES)}"
    yield f"bias = {_text(network.bias)}  # {_any_of(BiasRule)}"
    yield f"learning_rate = {_number(network.learning_rate)}"
    yield f"order = {_text(network.order)}  # {_any_of(UpdateOrder)}"
    yield f"over_samples = {_text(network.over_samples)}  # {_any_of(OverSamples)}: how samples add up"
    yield f"seed = {network.seed}  # the first weights are drawn from it if weights is left out"
    yield f"rates = {_numbers(network.rates)}  # the learning rates that are compared"
    yield f"# w1 to w{count}: layer after layer, all weights into a unit before those into the next"
    yield f"weights = {_numbers(network.weights)}"
    if network.bias is not BiasRule.NONE:
        yield "# unit after unit" if network.bias is BiasRule.NEURON else "# one per layer"
        yield f"biases = {_numbers(network.biases)}"


def _update(network: Network) -> Iterator[str]:
    update = network.update
    yield "[update]"
    yield f"rule = {_text(update.rule)}  # {_any_of(UpdateRule)}"
    yield f"momentum = {_number(update.momentum)}  # of the rule momentum"
    yield f"beta1 = {_number(update.beta1)}  # this and the next two are of the rule adam"
    yield f"beta2 = {_number(update.beta2)}"
    yield f"epsilon = {_number(update.epsilon)}"


def _layers(network: Network) -> Iterator[str]:
    yield f"\n# Hidden layers in their order, then the output layer: 1 to {MAX_LAYERS} layers of 1 to {MAX_UNITS} units."
    for number, layer in enumerate(network.layers):
        yield "[[layers]]" if number == 0 else "\n[[layers]]"
        yield f"units = {layer.units}"
        yield f"activation = {_text(layer.activation)}" + ("" if number else f"  # {_any_of(ACTIVATIONS)}")


def _samples(network: Network) -> Iterator[str]:
    yield f"\n# 1 to {MAX_SAMPLES} samples of 1 to {MAX_INPUTS} inputs, and a target for each output."
    for number, sample in enumerate(network.samples):
        yield "[[samples]]" if number == 0 else "\n[[samples]]"
        yield f"inputs = {_numbers(sample.inputs)}"
        yield f"targets = {_numbers(sample.targets)}"


def _any_of(words: Iterable[str]) -> str:
    *others, last = map(str, words)
    return f"{', '.join(others)} or {last}"


def _text(value: str) -> str:
    # TOML's basic strings are JSON's; a name has no letter that the two write differently.
    return json.dumps(str(value), ensure_ascii=False)


def _number(value: float) -> str:
    return repr(float(value)).replace("e", "E")


def _numbers(values: tuple[float, ...]) -> str:
    rows = [", ".join(map(_number, values[start : start + PER_LINE])) for start in range(0, len(values), PER_LINE)]
    return f"[{rows[0]}]" if len(rows) == 1 else "[\n  " + ",\n  ".join(rows) + ",\n]"
