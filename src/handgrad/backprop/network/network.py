"""The small network that a person would put on a sheet: layers, samples, loss, biases, first weights, update rule.

Plain frozen data that checks itself: a :class:`Network` that exists is one that the rest of the wing can work with.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate, pairwise

import numpy as np

from handgrad.backprop.limits import (
    DEFAULT_LEARNING_RATE,
    DEFAULT_RATES,
    MAX_INPUTS,
    MAX_LAYERS,
    MAX_NAME,
    MAX_SAMPLES,
    MAX_UNITS,
    check_rates,
)
from handgrad.backprop.symbols.calculus import ACTIVATIONS, LOSSES
from handgrad.errors import UsageError, counted, known
from handgrad.text import quoted


class BiasRule(StrEnum):
    """Which biases there are and whether they learn."""

    NONE = "none"
    FIXED = "fixed"  # one per layer, never changed: the classic worked example
    NEURON = "neuron"  # one per unit, trained
    LAYER = "layer"  # one per layer, shared by its units, trained


class UpdateRule(StrEnum):
    """How a gradient becomes a step."""

    GRADIENT_DESCENT = "gradient-descent"
    MOMENTUM = "momentum"
    ADAM = "adam"


class UpdateOrder(StrEnum):
    """Whether a layer's gradients see the old weights of the layer above or the ones just updated."""

    OLD_WEIGHTS = "old-weights"
    OUTPUT_FIRST = "output-layer-first"  # not the gradient of E, but what a famous published figure was made with


class OverSamples(StrEnum):
    """How the errors of several samples become E_total; with one sample both are the same."""

    MEAN = "mean"
    SUM = "sum"


@dataclass(frozen=True, slots=True)
class Layer:
    """A fully connected layer: how many units, and the name of their activation (a key of ``ACTIVATIONS``)."""

    units: int
    activation: str = "sigmoid"


@dataclass(frozen=True, slots=True)
class Sample:
    """One example: its inputs and the targets its outputs should reach."""

    inputs: tuple[float, ...]
    targets: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Update:
    """The update rule and its settings (the defaults are those of the published rules).

    Momentum: u⁺ = μ·u + ∂E/∂w, w⁺ = w − η·u⁺. Adam: "Adam: A Method for Stochastic Optimization" (2015), Algorithm 1.
    """

    rule: UpdateRule = UpdateRule.GRADIENT_DESCENT
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8


@dataclass(frozen=True, slots=True)
class Network:
    """A network with its data, first weights and update rule; immutable, checked when made.

    ``weights`` are in the order w1, w2, … (see :mod:`handgrad.backprop.symbols.names`); left empty, they are drawn from
    ``seed`` (see :func:`first_weights`). ``biases``: none, one per layer, or with the rule *neuron* also one
    per unit; left empty they start at 0. ``rates`` are the learning rates that its books, pictures and pages compare.

    Raises :class:`UsageError` with one line that names the field, what was found and what to do.
    """

    name: str
    layers: tuple[Layer, ...]
    samples: tuple[Sample, ...]
    loss: str = "half-squared-error"
    bias: BiasRule = BiasRule.NONE
    weights: tuple[float, ...] = ()
    biases: tuple[float, ...] = ()
    learning_rate: float = DEFAULT_LEARNING_RATE
    update: Update = field(default_factory=Update)
    order: UpdateOrder = UpdateOrder.OLD_WEIGHTS
    over_samples: OverSamples = OverSamples.MEAN
    seed: int = 0
    rates: tuple[float, ...] = DEFAULT_RATES

    def __post_init__(self) -> None:
        _check_name(self.name)
        _check_shape(self)
        _check_update(self)
        _check_loss(self)
        if self.seed < 0:
            raise UsageError(f"seed must be a whole number from 0 up – found {self.seed}")
        check_rates(self.rates)
        # Frozen, so written past the guard, once: whoever reads the network need not ask whether weights were given.
        object.__setattr__(self, "rates", tuple(map(float, self.rates)))
        object.__setattr__(self, "weights", self.weights or first_weights(self.sizes, self.seed))
        object.__setattr__(self, "biases", _first_biases(self))
        _check_parameters(self)

    @property
    def inputs(self) -> int:
        """Return how many inputs a sample has."""
        return len(self.samples[0].inputs)

    @property
    def outputs(self) -> int:
        """Return how many units the last layer has."""
        return self.layers[-1].units

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return inputs and the units of each layer: ``(2, 2, 2)`` for the classic network."""
        return (self.inputs, *(layer.units for layer in self.layers))

    @property
    def trains_biases(self) -> bool:
        """Return whether the biases are parameters that learn."""
        return self.bias in (BiasRule.NEURON, BiasRule.LAYER)


def weight_count(sizes: tuple[int, ...]) -> int:
    """Return how many weights a fully connected network of these sizes has."""
    return sum(before * after for before, after in pairwise(sizes))


def biases_for(network: Network, rule: BiasRule, prefix: str = "") -> tuple[float, ...]:
    """Return the biases that a network has under another rule: as they are, or from 0 where there were none.

    One per layer goes to each of its units; one per unit becomes one per layer where its units agree. Raises
    :class:`UsageError` where they do not; the message names the rule with the prefix.
    """
    if rule is BiasRule.NONE or network.bias is BiasRule.NONE:
        return ()
    if rule is BiasRule.NEURON or network.bias is not BiasRule.NEURON:
        return network.biases
    ends = [0, *accumulate(layer.units for layer in network.layers)]
    by_layer = [network.biases[start:end] for start, end in pairwise(ends)]
    for number, values in enumerate(by_layer, start=1):
        if len(set(values)) > 1:
            raise UsageError(
                f"{prefix}bias {rule}: the units of layer {number} have different biases – give one per layer in the "
                f"network's file"
            )
    return tuple(values[0] for values in by_layer)


def first_weights(sizes: tuple[int, ...], seed: int) -> tuple[float, ...]:
    """Draw first weights, uniform within ±sqrt(6 / (inputs + units)) of each layer, rounded to two decimals.

    The bound is that of "Understanding the difficulty of training deep feedforward neural networks" (2010); the
    rounding is so that a person can type them.
    """
    generator = np.random.default_rng(seed)
    drawn: list[float] = []
    for before, after in pairwise(sizes):
        bound = math.sqrt(6 / (before + after))
        # Adding 0 takes the sign from a negative zero, which would be shown as -0.
        drawn.extend(float(value) for value in generator.uniform(-bound, bound, before * after).round(2) + 0.0)
    return tuple(drawn)


def _check_name(name: str) -> None:
    """Accept letters, digits, spaces and ``. _ - ( ) +`` only, so that no name is a formula, a tag or a path."""
    if not re.fullmatch(r"\w[\w .()+-]*", name) or len(name) > MAX_NAME:
        raise UsageError(
            f"name {quoted(name)} cannot be used – begin with a letter or digit, then letters, digits, spaces, . _ - ( ) +, "
            f"at most {MAX_NAME} characters"
        )


def _check_range(what: str, count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise UsageError(f"{what}: 1 to {most} fit on a sheet – found {count}")


def _check_finite(what: str, values: Iterable[float]) -> None:
    for number, value in enumerate(values, start=1):
        if not math.isfinite(value):
            raise UsageError(f"{what} {number} must be a finite number – found {value}")


def _check_shape(network: Network) -> None:
    _check_range("layers", len(network.layers), MAX_LAYERS)
    _check_range("samples", len(network.samples), MAX_SAMPLES)
    for number, layer in enumerate(network.layers, start=1):
        known(f"layer {number}: activation", layer.activation, ACTIVATIONS)
        _check_range(f"layer {number}: units", layer.units, MAX_UNITS)
        if layer.activation == "softmax" and number < len(network.layers):
            raise UsageError(f"layer {number}: softmax is for the output layer only – use sigmoid or tanh here")
        if layer.activation == "softmax" and layer.units < 2:
            raise UsageError(f"layer {number}: softmax needs 2 or more units – found 1, whose output is always 1")
    _check_range("inputs", network.inputs, MAX_INPUTS)
    for number, sample in enumerate(network.samples, start=1):
        _check_finite(f"sample {number}: input", sample.inputs)
        _check_finite(f"sample {number}: target", sample.targets)
        if len(sample.inputs) != network.inputs:
            raise UsageError(
                f"sample {number} has {counted(len(sample.inputs), 'input')} – sample 1 has {network.inputs}"
            )
        if len(sample.targets) != network.outputs:
            raise UsageError(
                f"sample {number} has {counted(len(sample.targets), 'target')} – "
                f"the last layer has {counted(network.outputs, 'unit')}"
            )


def _check_update(network: Network) -> None:
    if not (math.isfinite(network.learning_rate) and network.learning_rate > 0):
        raise UsageError(f"learning_rate must be a finite number above 0 – found {network.learning_rate:g}")
    update = network.update
    for name in ("momentum", "beta1", "beta2"):
        # At 1 Adam's correction 1 − βᵗ would be 0, and a moment divided by it.
        if not 0 <= getattr(update, name) < 1:
            raise UsageError(f"{name} must be from 0 to below 1 – found {getattr(update, name)}")
    # At 0 a weight whose gradient is 0 would get 0 / 0 for its step.
    if not (math.isfinite(update.epsilon) and update.epsilon > 0):
        raise UsageError(f"epsilon must be a finite number above 0 – found {update.epsilon}")


def _check_loss(network: Network) -> None:
    known("loss", network.loss, LOSSES)
    loss, activation = LOSSES[network.loss], network.layers[-1].activation
    if loss.needs is not None and activation != loss.needs:
        raise UsageError(f"loss {loss.name} needs {loss.needs} in the last layer – found {activation}")
    if loss.needs is None:
        return
    for number, sample in enumerate(network.samples, start=1):
        for target in sample.targets:
            if not 0 <= target <= 1:
                raise UsageError(f"sample {number}: {loss.name} allows targets from 0 to 1 – found {target:g}")
        # 0.7 + 0.2 + 0.1 is not quite 1 in a computer: the last digits must not refuse what a person has typed.
        if loss.needs == "softmax" and abs(math.fsum(sample.targets) - 1) > 1e-9:
            found = math.fsum(sample.targets)
            raise UsageError(f"sample {number}: {loss.name} needs targets that add up to 1 – found {found:g}")


def _first_biases(network: Network) -> tuple[float, ...]:
    layers, biases = network.layers, network.biases
    if network.bias is BiasRule.NONE:
        if biases:
            raise UsageError(
                f"{counted(len(biases), 'bias')} given, but the bias rule is none – choose fixed, neuron or layer"
            )
        return ()
    units = sum(layer.units for layer in layers)
    needed = units if network.bias is BiasRule.NEURON else len(layers)
    if not biases:
        return (0.0,) * needed
    # Where both counts are equal every layer has one unit, and both readings are the same.
    if network.bias is BiasRule.NEURON and len(biases) == len(layers):
        return tuple(value for value, layer in zip(biases, layers, strict=True) for _ in range(layer.units))
    if len(biases) != needed:
        either = f"{needed} (one per unit) or {len(layers)} (one per layer)" if needed != len(layers) else f"{needed}"
        raise UsageError(f"{counted(len(biases), 'bias')} – {either} needed for bias rule {network.bias}")
    return biases


def _check_parameters(network: Network) -> None:
    needed = weight_count(network.sizes)
    if len(network.weights) != needed:
        shape = "-".join(map(str, network.sizes))
        raise UsageError(
            f"{counted(len(network.weights), 'weight')} – a {shape} network needs {needed} (w1 to w{needed})"
        )
    _check_finite("weight", network.weights)
    _check_finite("bias", network.biases)
