"""A network in words: the one place that says what its parts are called on sheets, in notes, tasks and lists."""

from __future__ import annotations

from itertools import groupby

from handgrad.backprop.network.network import BiasRule, Network, OverSamples, UpdateOrder, UpdateRule
from handgrad.errors import counted

BIASES = {
    BiasRule.NONE: "no biases",
    BiasRule.FIXED: "one bias per layer, never changed",
    BiasRule.NEURON: "a trained bias for each unit",
    BiasRule.LAYER: "one trained bias per layer, shared by its units",
}
"""The bias rule as a noun, which can follow *with* or *has*."""
UPDATES = {
    UpdateRule.GRADIENT_DESCENT: "gradient descent",
    UpdateRule.MOMENTUM: "gradient descent with momentum",
    UpdateRule.ADAM: "Adam",
}
ORDERS = {
    UpdateOrder.OLD_WEIGHTS: "all derivatives from the old weights",
    UpdateOrder.OUTPUT_FIRST: "the output layer updated first, hidden derivatives from its new weights",
}
OVER_SAMPLES = {OverSamples.MEAN: "mean", OverSamples.SUM: "sum"}

PRE_ACTIVATION = "the weighted sum of the unit's inputs (elsewhere: net input, logit, or z)"
"""What a pre-activation is, with its other names: said once wherever it first comes up, and the one name afterwards."""


def shape_words(network: Network) -> str:
    """Return the sizes of a network as they are written: ``2-3-1``."""
    return "-".join(map(str, network.sizes))


def loss_words(network: Network) -> str:
    """Return the name of a network's loss: ``half squared error``."""
    return network.loss.replace("-", " ")


def activation_words(network: Network) -> str:
    """Return the activations from the first layer to the last, said once where neighbours agree: ``tanh then softmax``."""
    return " then ".join(name for name, _ in groupby(layer.activation for layer in network.layers))


def layer_words(network: Network, layer: int) -> str:
    """Return what a layer is: ``output layer``, ``hidden layer``, or ``hidden layer 2`` where there are several."""
    last = len(network.layers)
    if layer == last:
        return "output layer"
    return f"hidden layer {layer}" if last > 2 else "hidden layer"


def hints(network: Network) -> tuple[str, ...]:
    """Return what a learner may not have meant though it can be done, one sentence each."""
    found = []
    if network.layers[-1].activation == "softmax" and network.loss != "softmax-cross-entropy":
        found.append(
            f"softmax with {loss_words(network)} learns slowly if an output is far from its target, because its slopes are "
            'small there – use it with loss = "softmax-cross-entropy"'
        )
    return tuple(found)


def in_one_line(network: Network) -> str:
    """Return the network in one line, without its numbers: shape, activations, loss, biases, samples, what is unusual."""
    samples = len(network.samples)
    parts = [
        f"{shape_words(network)} network",
        activation_words(network),
        loss_words(network),
        BIASES[network.bias],
        counted(samples, "sample") + (f" (E_total their {OVER_SAMPLES[network.over_samples]})" if samples > 1 else ""),
    ]
    if network.update.rule is not UpdateRule.GRADIENT_DESCENT:
        parts.append(UPDATES[network.update.rule])
    if network.order is UpdateOrder.OUTPUT_FIRST:
        parts.append("output layer updated first")
    return ", ".join(parts)
