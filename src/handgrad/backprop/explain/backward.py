"""The second half of a derivation: every derivative in numbered steps, and the check against differences."""

from __future__ import annotations

from collections.abc import Iterator

from handgrad.backprop.explain.document import (
    Block,
    Equation,
    Heading,
    Line,
    Math,
    Paragraph,
    Picture,
    Span,
    Table,
    Text,
    listed,
    say,
)
from handgrad.backprop.explain.equations import Equations
from handgrad.backprop.explain.forward import by_sample, number
from handgrad.backprop.explain.nudge import what_a_partial_is
from handgrad.backprop.explain.opened import Opened, opened
from handgrad.backprop.explain.scope import ALL_PARAMETERS, Scope
from handgrad.backprop.explain.whys import OF_ACTIVATION, OF_LOSS
from handgrad.backprop.graph.graph import Kind, Quantity
from handgrad.backprop.network.network import UpdateOrder
from handgrad.backprop.simulate import finite_differences
from handgrad.backprop.symbols.calculus import ACTIVATIONS, LOSSES
from handgrad.backprop.symbols.rendering import plain_number
from handgrad.errors import counted


class Steps:
    """Counts the steps of the derivation."""

    def __init__(self) -> None:
        self.count = 0

    def heading(self, *parts: str | Span) -> Heading:
        """Return the heading of the next step."""
        self.count += 1
        return Heading(3, say(f"Step {self.count}: ", *parts))


def backward(scope: Scope, write: Equations) -> Iterator[Block]:
    """Yield slopes, deltas and gradients from the output layer back to the first."""
    network = scope.graph.network
    steps = Steps()
    yield Heading(2, say("4. Backward"))
    yield from what_a_partial_is(scope, write)
    yield Paragraph(
        say(
            r"The chain rule takes the derivative apart into partial derivatives that are each easy: how the error "
            r"changes with an activation, how the activation moves with the pre-activation, how that moves with the weight. "
            r"Each says how many times as far a quantity moves as the one before it. A nudge is passed on from one to the "
            r"next, so these numbers are "
            rf"multiplied. The product of the first two belongs to the unit and not to the weight; it is called the unit's "
            rf"$\delta$, and is computed once and used for all weights into the unit: {_work_saved(scope)}."
        )
    )
    if scope.samples > 1:
        yield Paragraph(
            say(
                r"In slopes and deltas $E$ is the error of their own sample; in the derivative with respect to a weight or "
                r"bias it is the total. Sample 1 in full, the deltas of all samples in the tables."
            )
        )
    yield Picture("paths", say("The network, with every path from one weight to the error highlighted"))
    for layer in range(len(network.layers), 0, -1):
        yield from _slopes(scope, write, steps, layer)
        yield from _gradients(scope, write, steps, layer)
        if network.order is UpdateOrder.OUTPUT_FIRST and layer > 1:
            yield from _early_update(scope, write, steps, layer)


def _slopes(scope: Scope, write: Equations, steps: Steps, layer: int) -> Iterator[Block]:
    network = scope.graph.network
    output = layer == len(network.layers)
    slopes = scope.shown(Kind.ERROR_SLOPE, layer=layer)
    if slopes:
        yield steps.heading(*_names(write, slopes))
        yield Paragraph(say(_slope_words(scope, layer), *_on_the_arrow(scope, slopes[0])))
        for quantity in slopes:
            yield from _chained(write, quantity)
    locals_ = scope.shown(Kind.ACTIVATION_SLOPE, layer=layer)
    if locals_:
        activation = network.layers[layer - 1].activation
        yield steps.heading(*_names(write, locals_))
        # Why it is so is said where it first comes up, which on the way back is the last layer that has it.
        first = all(further.activation != activation for further in network.layers[layer:])
        why = f". {OF_ACTIVATION[activation]}" if first else "."
        yield Paragraph(say(f"The slope of {activation}: ", Math(ACTIVATIONS[activation].slope_latex), why))
        for quantity in locals_:
            yield write.worked(quantity.name)
    deltas = scope.shown(Kind.DELTA, layer=layer)
    yield steps.heading(*_names(write, deltas))
    if output and LOSSES[network.loss].delta is not None:
        yield Paragraph(
            say(f"Loss and activation meet, and their two factors cancel: {LOSSES[network.loss].delta_reads}.")
        )
    for quantity in deltas:
        yield from _chained(write, quantity)
    if scope.samples > 1 and scope.complete and layer == 1:
        yield Paragraph(say("The deltas of all samples:"))
        yield by_sample(scope, write, Kind.DELTA)


def _chained(write: Equations, quantity: Quantity) -> Iterator[Block]:
    """Yield the chain rule, unless the next line says the same, then the worked line."""
    if quantity.chain and write.chain(quantity.name) != write.in_symbols(quantity.name):
        yield write.chain(quantity.name)
    yield write.worked(quantity.name)


def _slope_words(scope: Scope, layer: int) -> str:
    network = scope.graph.network
    if layer == len(network.layers):
        return f"How the error changes with each output. {OF_LOSS.get(network.loss, '')}".rstrip()
    words = (
        "A hidden activation reaches the error through every unit of the next layer. A nudge moves all of these units, and "
        "each of them moves the error. Because the nudge is tiny, these movements add up: the parts of all paths are added."
    )
    if network.order is UpdateOrder.OUTPUT_FIRST:
        words += (
            " The weights are the new ones, because this network updates each layer before it computes the layer below."
        )
    return words


def _on_the_arrow(scope: Scope, slope: Quantity) -> tuple[str | Math, ...]:
    """Return why a path goes through the weight on its arrow; nothing for an output, which reaches the error without one."""
    last = slope.chain[0][-1] if slope.chain else None
    if last is None or last.quantity is None:
        return ()
    weight = scope.graph[last.quantity].latex
    words = " A pre-activation moves with this activation as fast as the weight between them says: "
    return (words, Math(f"{last.latex} = {weight}"), ".")


def _gradients(scope: Scope, write: Equations, steps: Steps, layer: int) -> Iterator[Block]:
    for quantity in scope.trained(layer):
        of = scope.graph[quantity.of or ""]
        yield steps.heading(write.sign(quantity.name), f", {of.meaning}")
        yield from _last_partial(scope, write, quantity)
        yield write.chain(quantity.name)
        found = opened(write, quantity)
        if found is not None:
            yield Paragraph(say(_paths_words(scope, found)))
            yield found.equation
        replaced = write.local(quantity)
        if replaced is not None:
            yield Paragraph(say("Each partial replaced by what it is:"))
            yield Equation(quantity.latex, ((replaced[0],), (replaced[1],), (write.result(quantity.name),)))
        yield Paragraph(say("In deltas:"))
        yield write.in_symbols(quantity.name)
        yield Paragraph(say("With the current numbers:"))
        yield write.with_numbers(quantity.name)


def _last_partial(scope: Scope, write: Equations, quantity: Quantity) -> Iterator[Block]:
    """Yield why the pre-activation moves with a weight as it does, said once per layer for weights and once for biases."""
    of = scope.graph[quantity.of or ""]
    first = next(q for q in scope.trained(of.layer or 1) if scope.graph[q.of or ""].kind is of.kind)
    if quantity is not first:
        return
    last = quantity.chain[0][-1]
    if last.quantity is None:
        yield Paragraph(
            say(
                "A bias is added without a factor, so the pre-activation moves as far as the bias: ",
                Math(f"{last.latex} = 1"),
                ".",
            )
        )
        return
    yield Paragraph(
        say(
            "In the pre-activation the weight is multiplied by one number only, so this number says how fast the "
            "pre-activation moves with the weight: ",
            Math(f"{last.latex} = {scope.graph[last.quantity].latex}"),
            ".",
        )
    )


def _early_update(scope: Scope, write: Equations, steps: Steps, layer: int) -> Iterator[Block]:
    updated = [q for q in scope.shown(Kind.UPDATED, layer=layer) if q.of is not None]
    yield steps.heading("the new weights of this layer")
    yield Paragraph(
        say("Output layer first: the weights are updated now, and the layer below is computed with the new ones.")
    )
    for quantity in updated:
        yield write.worked(quantity.name)


def _work_saved(scope: Scope) -> str:
    """Return how many products the deltas save, counted."""
    network = scope.graph.network
    deltas, weights = sum(network.sizes[1:]), len(network.weights)
    return f"{counted(deltas, 'delta')} for {counted(weights, 'weight')}"


def _paths_words(scope: Scope, found: Opened) -> str:
    """Return what the equation of the paths shows: all of them or a few, of the error or of the first sample's share of it."""
    several = scope.samples > 1
    adds = f"What sample {found.sample} adds to it"
    if found.whole:
        which, count = ("the one path", "") if found.count == 1 else ("every path", f" ({found.count} paths)")
        whose = f"{adds}, with {which} to its error" if several else f"With {which} to the error"
        return f"{whose} written out{count}:"
    whose = f"{adds} reaches its error" if several else "It reaches the error"
    return f"{whose} by {found.count:,} paths; the first two and the last of them written out:"


def _names(write: Equations, quantities: list[Quantity]) -> Line:
    signs = [say(write.sign(quantity.name)) for quantity in quantities]
    if len(signs) > 4:
        return (*signs[0], Text(" to "), *signs[-1])
    return listed(signs)


def check(scope: Scope, write: Equations) -> Iterator[Block]:
    """Yield every derivative beside its finite difference; of a large network the largest difference."""
    graph = scope.graph
    found = finite_differences(graph)
    exact = list(graph.exact_parameters)
    yield Heading(2, say("5. Check"))
    yield Paragraph(
        say(
            r"A derivative can be measured without any calculus: move one weight a little up and a little down, and divide "
            r"the change of the error by the distance "
            r"moved. $\frac{E(w + s) - E(w - s)}{2 s}$ with $s = 6 \cdot 10^{-6}$ gives:"
        )
    )
    gaps = {name: abs(found[name] - write.values[f"dE/d{name}"]) for name in exact}
    if len(exact) <= ALL_PARAMETERS:
        header = (say("derivative"), say("by the chain rule"), say("by difference"), say("apart by"))
        rows = [
            (
                say(Math(graph[f"dE/d{name}"].latex)),
                number(write.values[f"dE/d{name}"], 9),
                number(found[name], 9),
                say(plain_number(gaps[name], 1)),
            )
            for name in exact
        ]
        yield Table(header, tuple(rows))
    largest = max(gaps, key=lambda name: gaps[name])
    yield Paragraph(
        say(
            f"The largest gap of {len(gaps)} is {plain_number(gaps[largest], 2)}, at ",
            write.sign(largest),
            ". A difference loses digits to rounding, so eight to ten equal digits are normal.",
        )
    )
    if graph.network.order is UpdateOrder.OUTPUT_FIRST and len(exact) < len(graph.parameters):
        yield Paragraph(
            say(
                "The hidden layers are left out: with the order output layer first their numbers are not the derivatives of "
                "this error at these weights, so they must differ from a finite difference."
            )
        )
