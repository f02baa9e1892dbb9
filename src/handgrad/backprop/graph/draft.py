"""A training step being written down: the names of a network's parts, and the values it begins with."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

from handgrad.backprop.graph.graph import Factor, Kind, Quantity
from handgrad.backprop.network.network import BiasRule, Network, UpdateRule
from handgrad.backprop.symbols.calculus import LOSSES
from handgrad.backprop.symbols.expression import Node
from handgrad.backprop.symbols.names import (
    BETA1,
    BETA2,
    EPSILON,
    LEARNING_RATE,
    MOMENTUM,
    STEP,
    Symbol,
    activation_of,
    following,
    layer_letters,
    numbered,
    prefixed,
)


class Draft:
    """A graph being written: knows how the network's parts are named, and collects the quantities in order."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.quantities: list[Quantity] = []
        self.successors: dict[str, str] = {}
        self.letters = layer_letters(len(network.layers))
        self.samples = range(1, len(network.samples) + 1)
        sizes = network.sizes
        self.weights_before = [0, *accumulate(a * b for a, b in pairwise(sizes))]
        self.units_before = [0, *accumulate(sizes[1:])]
        self.loss = LOSSES[network.loss]

    def add(self, symbol: Symbol, kind: Kind, meaning: str, expression: Node | None = None, **more: Any) -> None:
        """Append a quantity under a symbol; ``more`` are further fields of :class:`Quantity`."""
        self.quantities.append(
            Quantity(symbol.name, symbol.label, symbol.latex, kind, meaning, expression=expression, **more)
        )

    # The symbols of this network's parts.

    def sample_mark(self, sample: int) -> int | None:
        """Return what a name carries of its sample: its number, or nothing where there is one sample only."""
        return sample if len(self.samples) > 1 else None

    def weight(self, layer: int, unit: int, source: int) -> Symbol:
        """Return the weight into ``unit`` of ``layer`` from ``source`` in the layer before; all count from 1."""
        return numbered("w", self.weights_before[layer - 1] + (unit - 1) * self.network.sizes[layer - 1] + source)

    def bias_number(self, layer: int, unit: int) -> int | None:
        """Return the number of the bias that the unit adds, counted from 1; None where the network has none."""
        match self.network.bias:
            case BiasRule.NONE:
                return None
            case BiasRule.NEURON:
                return self.units_before[layer - 1] + unit
        return layer

    def pre(self, layer: int, unit: int, sample: int) -> Symbol:
        """Return the pre-activation of a unit."""
        return numbered(self.letters[layer - 1], unit, self.sample_mark(sample))

    def out(self, layer: int, unit: int, sample: int) -> Symbol:
        """Return the activation of a unit; of layer 0, the input."""
        if layer == 0:
            return numbered("i", unit, self.sample_mark(sample))
        return activation_of(f"{self.letters[layer - 1]}{unit}", self.sample_mark(sample))

    def delta(self, layer: int, unit: int, sample: int) -> Symbol:
        """Return the unit's dE/dz."""
        return prefixed("delta", "δ", r"\delta", f"{self.letters[layer - 1]}{unit}", sample=self.sample_mark(sample))

    def units(self, layer: int) -> range:
        """Return the units of *layer*, counted from 1; layer 0 is the inputs."""
        return range(1, self.network.sizes[layer] + 1)

    def where(self, layer: int, unit: int) -> str:
        """Return the unit in words: "output 2", "hidden unit 1 of layer 2"."""
        last = len(self.network.layers)
        if layer == last:
            return f"output {unit}"
        return f"hidden unit {unit}" + (f" of layer {layer}" if last > 2 else "")

    def on(self, sample: int) -> str:
        """Return the sample in words, to end a sentence with; empty where there is one sample only."""
        return f", sample {sample}" if len(self.samples) > 1 else ""

    # The first values.

    def settings(self) -> None:
        """Add the learning rate and what the update rule takes beside it."""
        update = self.network.update
        rows = [(LEARNING_RATE, "learning rate", self.network.learning_rate)]
        if update.rule is UpdateRule.MOMENTUM:
            rows.append((MOMENTUM, "momentum", update.momentum))
        if update.rule is UpdateRule.ADAM:
            rows.append((BETA1, "decay of the first moment", update.beta1))
            rows.append((BETA2, "decay of the second moment", update.beta2))
            rows.append((EPSILON, "prevents a division by 0", update.epsilon))
        for symbol, meaning, value in rows:
            self.add(symbol, Kind.SETTING, meaning, value=value)

    def data(self) -> None:
        """Add targets and inputs of every sample."""
        for sample, example in enumerate(self.network.samples, start=1):
            mark, on = self.sample_mark(sample), self.on(sample)
            for number, value in enumerate(example.targets, start=1):
                place: dict[str, Any] = {"unit": number, "number": number, "sample": sample}
                meaning = f"target of output {number}{on}"
                self.add(numbered("t", number, mark), Kind.TARGET, meaning, value=value, **place)
            for number, value in enumerate(example.inputs, start=1):
                place = {"unit": number, "number": number, "sample": sample}
                self.add(numbered("i", number, mark), Kind.INPUT, f"input {number}{on}", value=value, **place)

    def parameters(self) -> None:
        """Add weights and biases with their first values, and note what follows each after the step."""
        values = iter(self.network.weights)
        for layer in range(1, len(self.network.layers) + 1):
            # By the unit that they lead into, as the published sheets number them: w1 and w2 lead into h1.
            for unit in self.units(layer):
                for source in self.units(layer - 1):
                    symbol = self.weight(layer, unit, source)
                    start = f"input {source}" if layer == 1 else self.where(layer - 1, source)
                    meaning = f"weight from {start} to {self.where(layer, unit)}"
                    place: dict[str, Any] = {"layer": layer, "unit": unit, "source": source}
                    place["number"] = int(symbol.name[1:])
                    self.add(symbol, Kind.WEIGHT, meaning, value=next(values), **place)
                    self.successors[symbol.name] = following(symbol).name
        for number, (layer, first) in self.biases().items():
            symbol, value = numbered("b", number), self.network.biases[number - 1]
            whose = "the outputs" if layer == len(self.network.layers) else f"hidden layer {layer}"
            meaning = f"bias of {whose if first is None else self.where(layer, first)}"
            self.add(symbol, Kind.BIAS, meaning, value=value, layer=layer, unit=first, number=number)
            if self.network.trains_biases:
                self.successors[symbol.name] = following(symbol).name

    def biases(self) -> dict[int, tuple[int, int | None]]:
        """Return the number of each bias → its layer, and its unit where it has one of its own."""
        layers = range(1, len(self.network.layers) + 1)
        match self.network.bias:
            case BiasRule.NONE:
                return {}
            case BiasRule.NEURON:
                pairs: list[tuple[int, int | None]] = [(layer, unit) for layer in layers for unit in self.units(layer)]
                return dict(enumerate(pairs, start=1))
        return {layer: (layer, None) for layer in layers}

    def memory(self) -> None:
        """Add what the update rule remembers between steps (velocity, moments, count), all 0 at first."""
        match self.network.update.rule:
            case UpdateRule.MOMENTUM:
                carried = [("u", "velocity")]
            case UpdateRule.ADAM:
                carried = [("m", "mean gradient"), ("v", "mean squared gradient")]
                self.add(STEP, Kind.MEMORY, "updates made so far", value=0.0)
                self.successors[STEP.name] = following(STEP).name
            case _:
                carried = []
        # A list first: what is remembered of each weight becomes a successor itself.
        for name in [name for name in self.successors if name != STEP.name]:
            for letter, meaning in carried:
                symbol = prefixed(letter, letter, letter, name)
                self.add(symbol, Kind.MEMORY, f"{meaning} of {name}", value=0.0, of=name)
                self.successors[symbol.name] = following(symbol).name


def factor(symbol: Symbol, quantity: str | None) -> Factor:
    """Return a chain-rule factor that a symbol stands for, with the name of the quantity that holds its value."""
    return Factor(symbol.name, symbol.label, symbol.latex, quantity)
