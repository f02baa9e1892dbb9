"""Reads a network from TOML: unknown keys, wrong types and wrong numbers are refused in one line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handgrad.backprop.limits import DEFAULT_LEARNING_RATE, DEFAULT_RATES, MAX_FILE_BYTES
from handgrad.backprop.network.network import (
    BiasRule,
    Layer,
    Network,
    OverSamples,
    Sample,
    Update,
    UpdateOrder,
    UpdateRule,
)
from handgrad.errors import UsageError
from handgrad.toml_records import Strict, read_record, read_table, read_text

GIVE = "give a preset or a TOML file"

# The tables of a file as they are written there: `Network` checks what they say, these only that it can be read.


@dataclass(frozen=True)
class LayerTable(Strict):
    """``[[layers]]``: a layer, from the first hidden one to the output layer."""

    units: int
    """How many units the layer has."""
    activation: str = "sigmoid"
    """What each unit does to its pre-activation; one of the activations below."""


@dataclass(frozen=True)
class SampleTable(Strict):
    """``[[samples]]``: an example."""

    inputs: tuple[float, ...]
    """One number for each input; every sample has as many."""
    targets: tuple[float, ...]
    """What each output should be."""


@dataclass(frozen=True)
class UpdateTable(Strict):
    """``[update]``: the update rule and its settings."""

    rule: UpdateRule = UpdateRule.GRADIENT_DESCENT
    """How a gradient becomes a step."""
    momentum: float = Update().momentum
    """momentum: how much of the last step goes into the next."""
    beta1: float = Update().beta1
    """adam: how much the mean of the gradients keeps at each step."""
    beta2: float = Update().beta2
    """adam: how much the mean of their squares keeps at each step."""
    epsilon: float = Update().epsilon
    """adam: what is added to the root, so that nothing is divided by 0."""


@dataclass(frozen=True)
class NetworkTable(Strict):
    """The whole file."""

    layers: tuple[LayerTable, ...]
    """`[[layers]]`, once for each layer, from the first hidden one to the output layer."""
    samples: tuple[SampleTable, ...]
    """`[[samples]]`, once for each example."""
    name: str | None = None
    """What the sheets and pages call it; left out, the name of the file."""
    loss: str = "half-squared-error"
    """What is made small; one of the losses below."""
    bias: BiasRule = BiasRule.NONE
    """Which biases there are: none, a fixed one for each layer, a trained one for each unit or for each layer."""
    weights: tuple[float, ...] = ()
    """The first weights, w1 to the last; left out, they are drawn from the seed."""
    biases: tuple[float, ...] = ()
    """The first biases, one for each layer, or with `neuron` also one for each unit; left out, 0."""
    learning_rate: float = DEFAULT_LEARNING_RATE
    """How far a step goes along the gradient."""
    order: UpdateOrder = UpdateOrder.OLD_WEIGHTS
    """Whether a layer's gradient is computed with the old weights of the layer above or with those just updated."""
    over_samples: OverSamples = OverSamples.MEAN
    """Whether the errors of several samples are averaged or added."""
    seed: int = 0
    """What the first weights are drawn from where none are given."""
    rates: tuple[float, ...] = DEFAULT_RATES
    """The learning rates that its books, pictures and pages compare, 1 to 12 different ones."""
    update: UpdateTable = field(default_factory=UpdateTable)


def read_network(path: Path) -> Network:
    """Read a TOML file.

    Raises :class:`UsageError`, one line that begins with the file's name, for anything wrong in it.
    """
    return parse_network(read_text(path, GIVE, MAX_FILE_BYTES), source=path.name, default_name=path.stem)


def parse_network(text: str, source: str = "network", default_name: str = "network") -> Network:
    """Return a network from TOML text; ``source`` begins each message, ``default_name`` names a network without a name."""
    table = read_record(NetworkTable, read_table(text, source), source)
    try:
        return _network(table, default_name)
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from None


def network_table(network: Network) -> dict[str, Any]:
    """Return the network as plain data under the keys of its file, all of them."""
    update = network.update
    return {
        "name": network.name,
        "loss": network.loss,
        "bias": str(network.bias),
        "learning_rate": network.learning_rate,
        "order": str(network.order),
        "over_samples": str(network.over_samples),
        "seed": network.seed,
        "rates": list(network.rates),
        "weights": list(network.weights),
        "biases": list(network.biases),
        "update": {
            "rule": str(update.rule),
            "momentum": update.momentum,
            "beta1": update.beta1,
            "beta2": update.beta2,
            "epsilon": update.epsilon,
        },
        "layers": [{"units": layer.units, "activation": layer.activation} for layer in network.layers],
        "samples": [{"inputs": list(one.inputs), "targets": list(one.targets)} for one in network.samples],
    }


def _network(table: NetworkTable, default_name: str) -> Network:
    update = table.update
    return Network(
        name=default_name if table.name is None else table.name,
        layers=tuple(Layer(layer.units, layer.activation) for layer in table.layers),
        samples=tuple(Sample(sample.inputs, sample.targets) for sample in table.samples),
        loss=table.loss,
        bias=table.bias,
        weights=table.weights,
        biases=table.biases,
        learning_rate=table.learning_rate,
        update=Update(update.rule, update.momentum, update.beta1, update.beta2, update.epsilon),
        order=table.order,
        over_samples=table.over_samples,
        seed=table.seed,
        rates=table.rates,
    )
