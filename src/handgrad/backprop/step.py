"""Builds the description of one training step of a network: forward, errors, deltas, gradients, updates."""

from __future__ import annotations

from itertools import accumulate
from types import MappingProxyType
from typing import Any

from handgrad.backprop.calculus import ACTIVATIONS, EXP, LARGEST, LN, LOSSES, ONE, SQRT, Output
from handgrad.backprop.expression import Call, Const, Node, Ref, total
from handgrad.backprop.graph import Factor, Graph, Kind, Quantity
from handgrad.backprop.names import (
    BETA1,
    BETA2,
    E_TOTAL,
    EPSILON,
    ERROR,
    LEARNING_RATE,
    MOMENTUM,
    STEP,
    Symbol,
    activation_of,
    following,
    in_sample,
    layer_letters,
    numbered,
    partial,
    prefixed,
)
from handgrad.backprop.network import BiasRule, Network, OverSamples, UpdateOrder, UpdateRule


def build_graph(network: Network) -> Graph:
    """Describe one training step of the network."""
    builder = _Builder(network)
    builder.settings()
    builder.data()
    builder.parameters()
    builder.memory()
    for sample in builder.samples:
        builder.forward(sample)
        builder.errors(sample)
    builder.total_error()
    builder.update_parts()
    last = len(network.layers)
    for layer in range(last, 0, -1):
        for sample in builder.samples:
            builder.deltas(layer, sample)
        builder.gradients(layer)
        if network.order is UpdateOrder.OUTPUT_FIRST:
            builder.updates(layer)
    if network.order is UpdateOrder.OLD_WEIGHTS:
        for layer in range(1, last + 1):
            builder.updates(layer)
    return Graph(network, tuple(builder.quantities), MappingProxyType(builder.successors))


def _factor(symbol: Symbol, quantity: str | None) -> Factor:
    return Factor(symbol.name, symbol.label, symbol.latex, quantity)


class _Builder:
    """Collects the quantities in order; each method adds one part of the step."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.quantities: list[Quantity] = []
        self.successors: dict[str, str] = {}
        self.letters = layer_letters(len(network.layers))
        self.samples = range(1, len(network.samples) + 1)
        sizes = network.sizes
        self.weights_before = [0, *accumulate(a * b for a, b in zip(sizes, sizes[1:], strict=False))]
        self.units_before = [0, *accumulate(sizes[1:])]
        self.loss = LOSSES[network.loss]

    def add(self, symbol: Symbol, kind: Kind, meaning: str, expression: Node | None = None, **more: Any) -> None:
        """Append a quantity under a symbol; ``more`` are further fields of :class:`Quantity`."""
        self.quantities.append(
            Quantity(symbol.name, symbol.label, symbol.latex, kind, meaning, expression=expression, **more)
        )

    # The symbols of this network's parts.

    def sample_mark(self, sample: int) -> int | None:
        return sample if len(self.samples) > 1 else None

    def weight(self, layer: int, unit: int, source: int) -> Symbol:
        """The weight into ``unit`` of ``layer`` from ``source`` in the layer before; all count from 1."""
        return numbered("w", self.weights_before[layer - 1] + (unit - 1) * self.network.sizes[layer - 1] + source)

    def bias_number(self, layer: int, unit: int) -> int | None:
        match self.network.bias:
            case BiasRule.NONE:
                return None
            case BiasRule.NEURON:
                return self.units_before[layer - 1] + unit
        return layer

    def pre(self, layer: int, unit: int, sample: int) -> Symbol:
        return numbered(self.letters[layer - 1], unit, self.sample_mark(sample))

    def out(self, layer: int, unit: int, sample: int) -> Symbol:
        """The activation of a unit; of layer 0, the input."""
        if layer == 0:
            return numbered("i", unit, self.sample_mark(sample))
        return activation_of(f"{self.letters[layer - 1]}{unit}", self.sample_mark(sample))

    def delta(self, layer: int, unit: int, sample: int) -> Symbol:
        return prefixed("delta", "δ", r"\delta", f"{self.letters[layer - 1]}{unit}", self.sample_mark(sample))

    def units(self, layer: int) -> range:
        return range(1, self.network.sizes[layer] + 1)

    def where(self, layer: int, unit: int) -> str:
        last = len(self.network.layers)
        if layer == last:
            return f"output {unit}"
        return f"hidden unit {unit}" + (f" of layer {layer}" if last > 2 else "")

    def on(self, sample: int) -> str:
        return f", sample {sample}" if len(self.samples) > 1 else ""

    # What is given.

    def settings(self) -> None:
        update = self.network.update
        rows = [(LEARNING_RATE, "learning rate", self.network.learning_rate)]
        if update.rule is UpdateRule.MOMENTUM:
            rows.append((MOMENTUM, "momentum", update.momentum))
        if update.rule is UpdateRule.ADAM:
            rows.append((BETA1, "decay of the first moment", update.beta1))
            rows.append((BETA2, "decay of the second moment", update.beta2))
            rows.append((EPSILON, "keeps the division from 0", update.epsilon))
        for symbol, meaning, value in rows:
            self.add(symbol, Kind.SETTING, meaning, value=value)

    def data(self) -> None:
        for sample, example in enumerate(self.network.samples, start=1):
            mark, on = self.sample_mark(sample), self.on(sample)
            for number, value in enumerate(example.targets, start=1):
                symbol, place = numbered("t", number, mark), {"unit": number, "number": number, "sample": sample}
                self.add(symbol, Kind.TARGET, f"target of output {number}{on}", value=value, **place)
            for number, value in enumerate(example.inputs, start=1):
                symbol, place = numbered("i", number, mark), {"unit": number, "number": number, "sample": sample}
                self.add(symbol, Kind.INPUT, f"input {number}{on}", value=value, **place)

    def parameters(self) -> None:
        values = iter(self.network.weights)
        for layer in range(1, len(self.network.layers) + 1):
            for unit in self.units(layer):
                for source in self.units(layer - 1):
                    symbol = self.weight(layer, unit, source)
                    start = f"input {source}" if layer == 1 else self.where(layer - 1, source)
                    meaning = f"weight from {start} to {self.where(layer, unit)}"
                    place = {"layer": layer, "unit": unit, "source": source, "number": int(symbol.name[1:])}
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
        """Number of each bias → its layer, and its unit where it has one of its own."""
        layers = range(1, len(self.network.layers) + 1)
        match self.network.bias:
            case BiasRule.NONE:
                return {}
            case BiasRule.NEURON:
                pairs: list[tuple[int, int | None]] = [(layer, unit) for layer in layers for unit in self.units(layer)]
                return dict(enumerate(pairs, start=1))
        return {layer: (layer, None) for layer in layers}

    def memory(self) -> None:
        match self.network.update.rule:
            case UpdateRule.MOMENTUM:
                carried = [("u", "velocity")]
            case UpdateRule.ADAM:
                carried = [("m", "mean gradient"), ("v", "mean squared gradient")]
                self.add(STEP, Kind.MEMORY, "updates made so far", value=0.0)
                self.successors[STEP.name] = following(STEP).name
            case _:
                carried = []
        for name in [name for name in self.successors if name != STEP.name]:
            for letter, meaning in carried:
                symbol = prefixed(letter, letter, letter, name)
                self.add(symbol, Kind.MEMORY, f"{meaning} of {name}", value=0.0, of=name)
                self.successors[symbol.name] = following(symbol).name

    # Forward.

    def forward(self, sample: int) -> None:
        for layer, description in enumerate(self.network.layers, start=1):
            activation = ACTIVATIONS[description.activation]
            for unit in self.units(layer):
                symbol, place = self.pre(layer, unit, sample), {"layer": layer, "unit": unit, "sample": sample}
                meaning = f"pre-activation of {self.where(layer, unit)}{self.on(sample)}"
                self.add(symbol, Kind.PRE_ACTIVATION, meaning, self.weighted_sum(layer, unit, sample), **place)
                if activation.value is not None:
                    meaning = f"activation of {self.where(layer, unit)}{self.on(sample)}"
                    value = activation.value(Ref(symbol.name))
                    out = self.out(layer, unit, sample)
                    self.add(out, Kind.ACTIVATION, meaning, value, of=symbol.name, **place)
            if activation.value is None:
                self.softmax(layer, sample)

    def weighted_sum(self, layer: int, unit: int, sample: int) -> Node:
        terms: list[Node] = [
            Ref(self.weight(layer, unit, source).name) * Ref(self.out(layer - 1, source, sample).name)
            for source in self.units(layer - 1)
        ]
        number = self.bias_number(layer, unit)
        if number is not None:
            terms.append(Ref(f"b{number}"))
        return total(terms)

    def softmax(self, layer: int, sample: int) -> None:
        """Softmax in safe steps: the largest is taken off first, so that no exponential overflows."""
        mark, letter, on = self.sample_mark(sample), self.letters[layer - 1], self.on(sample)
        pre = [Ref(self.pre(layer, unit, sample).name) for unit in self.units(layer)]
        largest = prefixed("max", "max", r"\max", letter, mark)
        whole = prefixed("sum", "Σexp", r"\Sigma", letter, mark)
        place = {"layer": layer, "sample": sample}
        self.add(largest, Kind.SOFTMAX_PART, f"largest of the outputs{on}", Call(LARGEST, tuple(pre)), **place)
        exps = [prefixed("exp", "exp", r"\exp", f"{letter}{unit}", mark) for unit in self.units(layer)]
        for unit, exp in zip(self.units(layer), exps, strict=True):
            shifted = Call(EXP, (pre[unit - 1] - Ref(largest.name),))
            meaning = f"exponential for output {unit}, the largest taken off{on}"
            self.add(exp, Kind.SOFTMAX_PART, meaning, shifted, unit=unit, of=pre[unit - 1].name, **place)
        summed = total(Ref(exp.name) for exp in exps)
        self.add(whole, Kind.SOFTMAX_PART, f"sum of the exponentials{on}", summed, **place)
        for unit, exp in zip(self.units(layer), exps, strict=True):
            more = {"unit": unit, "of": pre[unit - 1].name, **place}
            meaning = f"activation of output {unit}, its share of the exponentials{on}"
            self.add(self.out(layer, unit, sample), Kind.ACTIVATION, meaning, Ref(exp.name) / Ref(whole.name), **more)
        if self.loss.needs == "softmax":
            for unit in self.units(layer):
                value = pre[unit - 1] - Ref(largest.name) - Call(LN, (Ref(whole.name),))
                more = {"unit": unit, "of": self.out(layer, unit, sample).name, **place}
                symbol = self.log_out(layer, unit, sample)
                self.add(symbol, Kind.SOFTMAX_PART, f"logarithm of activation {unit}{on}", value, **more)

    def log_out(self, layer: int, unit: int, sample: int) -> Symbol:
        return in_sample(
            prefixed("ln_a", "ln a", r"\ln a", f"{self.letters[layer - 1]}{unit}"), self.sample_mark(sample)
        )

    def output(self, unit: int, sample: int) -> Output:
        last = len(self.network.layers)
        log = Ref(self.log_out(last, unit, sample).name) if self.loss.needs == "softmax" else None
        return Output(
            target=Ref(numbered("t", unit, self.sample_mark(sample)).name),
            activation=Ref(self.out(last, unit, sample).name),
            pre_activation=Ref(self.pre(last, unit, sample).name),
            outputs=self.network.outputs,
            log_activation=log,
        )

    def errors(self, sample: int) -> None:
        mark, last = self.sample_mark(sample), len(self.network.layers)
        names: list[Node] = []
        for unit in self.units(last):
            symbol, expression = numbered("E", unit, mark), self.loss.error(self.output(unit, sample))
            place = {"layer": last, "unit": unit, "number": unit, "sample": sample}
            self.add(symbol, Kind.ERROR, f"error of output {unit}{self.on(sample)}", expression, **place)
            names.append(Ref(symbol.name))
        if mark is not None:
            symbol = in_sample(ERROR, mark)
            self.add(symbol, Kind.SAMPLE_ERROR, f"error of sample {sample}", total(names), sample=sample)

    def total_error(self) -> None:
        if len(self.samples) == 1:
            parts = total(Ref(f"E{unit}") for unit in self.units(len(self.network.layers)))
            self.add(E_TOTAL, Kind.TOTAL, "the error that training lowers", parts)
            return
        parts = self.over_samples([Ref(f"E[{sample}]") for sample in self.samples])
        meaning = f"the {self.network.over_samples} of the samples' errors"
        self.add(E_TOTAL, Kind.TOTAL, meaning, parts)

    def over_samples(self, terms: list[Node]) -> Node:
        """Add up what the samples contribute, and divide by their number where the mean is asked for."""
        summed = total(terms)
        if self.network.over_samples is OverSamples.SUM or len(self.samples) == 1:
            return summed
        return summed / Const(float(len(self.samples)))

    # Backward.

    def deltas(self, layer: int, sample: int) -> None:
        """dE/da, da/dz and their product, the delta, for each unit (where several samples: of that sample's error)."""
        if layer == len(self.network.layers) and self.loss.delta is not None:
            for unit in self.units(layer):
                self.add_delta(layer, unit, sample, self.loss.delta(self.output(unit, sample)), ())
            return
        for unit in self.units(layer):
            self.error_slope(layer, unit, sample)
        for unit in self.units(layer):
            pairs = [self.activation_slope(layer, unit, j, sample) for j in self.reached(layer, unit)]
            chain = tuple(
                (
                    _factor(slope, slope.name),
                    _factor(local, local.name),
                )
                for slope, local in pairs
            )
            expression = total(Ref(slope.name) * Ref(local.name) for slope, local in pairs)
            self.add_delta(layer, unit, sample, expression, chain)

    def reached(self, layer: int, unit: int) -> range:
        """The units whose activation depends on this unit's pre-activation: all of them under softmax."""
        softmax = self.network.layers[layer - 1].activation == "softmax"
        return self.units(layer) if softmax else range(unit, unit + 1)

    def add_delta(
        self, layer: int, unit: int, sample: int, expression: Node, chain: tuple[tuple[Factor, ...], ...]
    ) -> None:
        place = {"layer": layer, "unit": unit, "sample": sample, "of": self.pre(layer, unit, sample).name}
        meaning = f"∂E/∂{self.pre(layer, unit, sample).label}: how the error moves with the pre-activation"
        self.add(self.delta(layer, unit, sample), Kind.DELTA, meaning, expression, chain=chain, **place)

    def error_slope(self, layer: int, unit: int, sample: int) -> None:
        out = self.out(layer, unit, sample)
        symbol = partial(ERROR, out)
        place = {"layer": layer, "unit": unit, "sample": sample, "of": out.name}
        meaning = f"how the error moves with the activation of {self.where(layer, unit)}{self.on(sample)}"
        if layer == len(self.network.layers):
            if self.loss.slope is None:
                raise ValueError(f"loss {self.loss.name} has neither a slope nor a delta")
            slope = self.loss.slope(self.output(unit, sample))
            self.add(symbol, Kind.ERROR_SLOPE, meaning, slope, **place)
            return
        terms: list[Node] = []
        chain: list[tuple[Factor, ...]] = []
        for above in self.units(layer + 1):
            delta, weight = self.delta(layer + 1, above, sample), self.weight(layer + 1, above, unit)
            used = following(weight) if self.network.order is UpdateOrder.OUTPUT_FIRST else weight
            pre = self.pre(layer + 1, above, sample)
            terms.append(Ref(delta.name) * Ref(used.name))
            chain.append((_factor(partial(ERROR, pre), delta.name), _factor(partial(pre, out), used.name)))
        self.add(symbol, Kind.ERROR_SLOPE, meaning, total(terms), chain=tuple(chain), **place)

    def activation_slope(self, layer: int, unit: int, reached: int, sample: int) -> tuple[Symbol, Symbol]:
        """Add da_j/dz_i; returns the symbols of dE/da_j and of the slope just added."""
        out, pre = self.out(layer, reached, sample), self.pre(layer, unit, sample)
        local = partial(out, pre)
        a = Ref(out.name)
        slope = ACTIVATIONS[self.network.layers[layer - 1].activation].slope
        if slope is not None:
            expression = slope(Ref(pre.name), a)
        elif reached == unit:
            expression = a * (ONE - a)
        else:
            expression = -(a * Ref(self.out(layer, unit, sample).name))
        meaning = f"how {out.label} moves with {pre.label}"
        place = {"layer": layer, "unit": unit, "source": reached, "sample": sample, "of": pre.name}
        self.add(local, Kind.ACTIVATION_SLOPE, meaning, expression, **place)
        return partial(ERROR, out), local

    def gradients(self, layer: int) -> None:
        for unit in self.units(layer):
            for source in self.units(layer - 1):
                weight = self.weight(layer, unit, source)
                terms: list[Node] = []
                chain: list[tuple[Factor, ...]] = []
                for sample in self.samples:
                    delta, before = self.delta(layer, unit, sample), self.out(layer - 1, source, sample)
                    pre = self.pre(layer, unit, sample)
                    terms.append(Ref(delta.name) * Ref(before.name))
                    chain.append((_factor(partial(ERROR, pre), delta.name), _factor(partial(pre, weight), before.name)))
                place = {"layer": layer, "unit": unit, "source": source, "number": int(weight.name[1:])}
                self.add_gradient(weight, terms, chain, place)
        if not self.network.trains_biases:
            return
        for number, (of_layer, unit_or_all) in self.biases().items():
            if of_layer == layer:
                self.bias_gradient(layer, number, unit_or_all)

    def bias_gradient(self, layer: int, number: int, only: int | None) -> None:
        """One delta where the unit has its own bias; all deltas of the layer where they share it."""
        bias = numbered("b", number)
        terms: list[Node] = []
        chain: list[tuple[Factor, ...]] = []
        for sample in self.samples:
            for unit in self.units(layer) if only is None else (only,):
                delta, pre = self.delta(layer, unit, sample), self.pre(layer, unit, sample)
                terms.append(Ref(delta.name))
                chain.append((_factor(partial(ERROR, pre), delta.name), _factor(partial(pre, bias), None)))
        self.add_gradient(bias, terms, chain, {"layer": layer, "unit": only, "number": number})

    def add_gradient(
        self, of: Symbol, terms: list[Node], chain: list[tuple[Factor, ...]], place: dict[str, Any]
    ) -> None:
        meaning = f"how the error moves with {of.label}"
        more = {"of": of.name, "chain": tuple(chain), **place}
        self.add(partial(ERROR, of), Kind.GRADIENT, meaning, self.over_samples(terms), **more)

    # Update.

    def update_parts(self) -> None:
        """Adam's step number and its two corrections for moments that start at 0."""
        if self.network.update.rule is not UpdateRule.ADAM:
            return
        count = following(STEP)
        self.add(count, Kind.UPDATE_PART, "updates made after this one", Ref(STEP.name) + ONE, of=STEP.name)
        for number, beta in (("1", BETA1), ("2", BETA2)):
            symbol = Symbol(f"correction{number}", f"c{number}", f"c_{{{number}}}")
            meaning = f"what the {'first' if number == '1' else 'second'} moment is divided by, as it starts at 0"
            self.add(symbol, Kind.UPDATE_PART, meaning, ONE - Ref(beta.name) ** Ref(count.name))

    def updates(self, layer: int) -> None:
        for quantity in [q for q in self.quantities if q.name in self.successors and q.layer == layer]:
            symbol = Symbol(quantity.name, quantity.label, quantity.latex)
            place = {"layer": layer, "unit": quantity.unit, "source": quantity.source, "number": quantity.number}
            gradient = Ref(partial(ERROR, symbol).name)
            expression = Ref(symbol.name) - Ref(LEARNING_RATE.name) * self.direction(symbol, gradient)
            meaning = f"{symbol.label} after this step"
            self.add(following(symbol), Kind.UPDATED, meaning, expression, of=symbol.name, **place)

    def direction(self, of: Symbol, gradient: Node) -> Node:
        """What the learning rate multiplies; adds the memory that it needs."""
        match self.network.update.rule:
            case UpdateRule.MOMENTUM:
                velocity = prefixed("u", "u", "u", of.name)
                return self.remember(velocity, Ref(MOMENTUM.name) * Ref(velocity.name) + gradient)
            case UpdateRule.ADAM:
                first, second = prefixed("m", "m", "m", of.name), prefixed("v", "v", "v", of.name)
                beta1, beta2 = Ref(BETA1.name), Ref(BETA2.name)
                mean = self.remember(first, beta1 * Ref(first.name) + (ONE - beta1) * gradient)
                square = self.remember(second, beta2 * Ref(second.name) + (ONE - beta2) * gradient ** Const(2.0))
                root = Call(SQRT, (square / Ref("correction2"),))
                return (mean / Ref("correction1")) / (root + Ref(EPSILON.name))
        return gradient

    def remember(self, symbol: Symbol, expression: Node) -> Node:
        after = following(symbol)
        self.add(after, Kind.UPDATE_PART, f"{symbol.label} after this step", expression, of=symbol.name)
        return Ref(after.name)
