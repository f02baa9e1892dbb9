"""The first half of a derivation: what the network is, its forward equations with numbers, its error."""

from __future__ import annotations

import math
from collections.abc import Iterator

from handgrad.backprop.explain.document import Block, Bullets, Heading, Line, Math, Paragraph, Picture, Table, User, say
from handgrad.backprop.explain.equations import Equations
from handgrad.backprop.explain.scope import ALL_PARAMETERS, ALL_UNITS, TABLE_DIGITS, Scope
from handgrad.backprop.graph.graph import Kind
from handgrad.backprop.network.network import BiasRule, Network
from handgrad.backprop.network.words import (
    BIASES,
    OVER_SAMPLES,
    PRE_ACTIVATION,
    UPDATES,
    hints,
    layer_words,
    loss_words,
    shape_words,
)
from handgrad.backprop.symbols.calculus import ACTIVATIONS, LOSSES
from handgrad.backprop.symbols.rendering import plain_number
from handgrad.errors import counted

_WHAT_A_BIAS_IS = " (a number that a unit adds to its sum, whatever its inputs are)"
ACTIVATION_IN = dict.fromkeys(("sigmoid", "tanh", "softmax"), ", where $a$ is the activation itself")
"""What must be said of a derivative that is written with the activation."""


def number(value: float, digits: int = TABLE_DIGITS) -> Line:
    """Return a number as a cell of a table; zero has no sign, and what is no longer finite has a word."""
    return say(plain_number(value + 0.0, digits) if math.isfinite(value) else "diverged")


def opening(scope: Scope) -> Iterator[Block]:
    """Yield title, what this is, and the rules in one picture."""
    network = scope.graph.network
    yield Heading(1, say("Backpropagation by hand: ", User(network.name)))
    yield Paragraph(
        say(
            "One training step of a small network, derived number by number: forward, the error, the derivative of the "
            "error with respect to every weight by the chain rule, the update. Rules and numbers come from one "
            "description of the step, the one that also makes the workbook. Numbers put into a formula are rounded to "
            "six digits, results to nine; the computation itself uses full double precision (sixteen digits)."
        )
    )
    if not scope.complete:
        yield Paragraph(
            say(
                f"This network is too large to write everything out (more than {ALL_UNITS} units or {ALL_PARAMETERS} "
                "weights and biases). The derivation below is complete for one unit of each layer and one weight "
                "into it; every other weight follows the same rule with its own numbers, and the tables at the end hold "
                "all values."
            )
        )
    yield Picture("rules", say("The rules of this step at a glance, with the current numbers"))


def described(scope: Scope) -> Iterator[Block]:
    """Yield the drawing, the layers in words, how things are named."""
    network = scope.graph.network
    yield Heading(2, say("1. The network"))
    yield Picture("network", say("The network: units with their activations, weights on the arrows, targets, errors"))
    yield Paragraph(say(_shape_words(network)))
    lines = [
        say(f"{layer_words(network, i).capitalize()}: {counted(layer.units, 'unit')}, ", *_activation(layer.activation))
        for i, layer in enumerate(network.layers, 1)
    ]
    yield Bullets(tuple(lines))
    yield Paragraph(
        say(
            f"The network has {BIASES[network.bias]}{_WHAT_A_BIAS_IS if network.biases else ''}. Training is by "
            f"{UPDATES[network.update.rule]} with learning rate ",
            Math(r"\eta = " + Equations.number(network.learning_rate)),
            ".",
        )
    )
    for hint in hints(network):
        yield Paragraph(say(f"A hint: {hint}."))
    yield Paragraph(
        say(
            "How to read the names: $i_{1}$ is the first input, $t_{1}$ the first target. A unit such as $o_{1}$ stands for "
            f"its pre-activation, {PRE_ACTIVATION}, and "
            "$a_{o1}$ for its activation, what it passes on (elsewhere: output, or out). Weights are numbered "
            "layer after layer, all weights into a unit before those into the next. "
            r"$\delta_{o1}$ is short for $\frac{\partial E}{\partial o_{1}}$, and $E$ in derivatives for the error. "
            r"Read aloud, $\eta$ is eta, $\delta$ delta, $\sigma$ sigma, $\partial E$ a small change of $E$, and "
            r"$e$ in a power is the number 2.718…"
            + (" A number in brackets above, as in $t_{1}^{(2)}$, is the sample." if scope.samples > 1 else "")
        )
    )
    yield from _data(scope)


def _shape_words(network: Network) -> str:
    samples = len(network.samples)
    return (
        f"A fully connected {shape_words(network)} network: {counted(network.inputs, 'input')}, "
        f"{counted(len(network.weights), 'weight')}, "
        f"trained on {counted(samples, 'sample')}. Fully connected means that each unit receives every number of the layer "
        f"before, each through a weight of its own. A sample consists of numbers for the inputs and of targets, which say "
        f"what the outputs should be."
    )


def _activation(name: str) -> Line:
    entry = ACTIVATIONS[name]
    return say(
        f"{name}, ", Math(entry.reads_latex), ", with derivative ", Math(entry.slope_latex), ACTIVATION_IN.get(name, "")
    )


def _data(scope: Scope) -> Iterator[Block]:
    network = scope.graph.network
    inputs, outputs = range(1, network.inputs + 1), range(1, network.outputs + 1)
    header = [say("sample"), *(say(Math(f"i_{{{n}}}")) for n in inputs), *(say(Math(f"t_{{{n}}}")) for n in outputs)]
    rows = [
        (say(str(place)), *(number(value) for value in (*sample.inputs, *sample.targets)))
        for place, sample in enumerate(network.samples, 1)
    ]
    yield Table(tuple(header), tuple(rows))


def forward(scope: Scope, write: Equations) -> Iterator[Block]:
    """Yield each pre-activation and activation: symbols, numbers, value."""
    graph = scope.graph
    yield Heading(2, say("2. Forward"))
    yield Paragraph(
        say(
            "Each unit adds up what reaches it, each number times the weight on its arrow"
            f"{_bias_words(graph.network)}: that is its pre-activation. Its activation function computes the activation from "
            f"it."
        )
    )
    if scope.samples > 1:
        yield Paragraph(
            say("Sample 1 in full; the same equations with the other samples' numbers give the table below.")
        )
    for layer in range(1, len(graph.network.layers) + 1):
        if len(graph.network.layers) > 1:
            yield Heading(3, say(layer_words(graph.network, layer).capitalize()))
        if graph.network.layers[layer - 1].activation == "softmax":
            yield Paragraph(
                say(
                    "The outputs should be shares: none is below 0, together they are 1, and the unit with the largest "
                    "pre-activation gets the largest share. The exponential makes every number positive and keeps their "
                    "order. Dividing by the sum makes them add up to 1."
                )
            )
        for quantity in scope.shown(Kind.PRE_ACTIVATION, Kind.SOFTMAX_PART, Kind.ACTIVATION, layer=layer):
            yield write.worked(quantity.name)
        if graph.network.layers[layer - 1].activation == "softmax":
            yield Paragraph(
                say(
                    "The largest pre-activation is subtracted before the exponentials. This does not change any share, "
                    "because numerator and denominator get the same factor, and it keeps the exponentials from overflowing."
                )
            )
    if scope.samples > 1 and scope.complete:
        yield by_sample(scope, write, Kind.ACTIVATION)


def _bias_words(network: Network) -> str:
    """Return what a pre-activation has besides the products, if anything."""
    return "" if network.bias is BiasRule.NONE else ", and the bias"


def by_sample(scope: Scope, write: Equations, kind: Kind) -> Table:
    """Return all quantities of a kind: a row per unit, a column per sample."""
    samples = range(1, scope.samples + 1)
    by_place: dict[tuple[int | None, int | None, int | None], dict[int, str]] = {}
    for quantity in scope.graph.of_kind(kind):
        place = (quantity.layer, quantity.unit, quantity.source)
        by_place.setdefault(place, {})[quantity.sample or 1] = quantity.name
    header = (say("sample"), *(say(str(sample)) for sample in samples))
    rows = [
        (say(_without_sample(write.sign(names[1]))), *(number(write.values[names[sample]]) for sample in samples))
        for names in by_place.values()
    ]
    return Table(header, tuple(rows))


def _without_sample(sign: Math) -> Math:
    """Return the sign of a quantity of sample 1 without the mark of the sample."""
    return Math(sign.latex.replace("^{(1)}", ""), sign.label.replace("[1]", ""))


def error(scope: Scope, write: Equations) -> Iterator[Block]:
    """Yield the error of each output, their sum, and over the samples."""
    network = scope.graph.network
    loss = LOSSES[network.loss]
    yield Heading(2, say("3. The error"))
    yield Paragraph(say(f"The error is the {loss_words(network)}: {loss.reads}."))
    for quantity in scope.shown(Kind.ERROR, Kind.SAMPLE_ERROR):
        yield write.worked(quantity.name)
    if scope.samples > 1:
        yield Paragraph(
            say(
                f"Over the {scope.samples} samples the error is the {OVER_SAMPLES[network.over_samples]} of their errors:"
            )
        )
    for quantity in scope.graph.of_kind(Kind.TOTAL):
        yield write.worked(quantity.name)
