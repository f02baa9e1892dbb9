"""Builds the description of one training step, and the updates that end it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from handgrad.backprop.graph.backward import deltas, gradients
from handgrad.backprop.graph.draft import Draft
from handgrad.backprop.graph.forward import errors, forward, total_error
from handgrad.backprop.graph.graph import Graph, Kind
from handgrad.backprop.network.network import Network, UpdateOrder, UpdateRule
from handgrad.backprop.symbols.calculus import ONE, SQRT
from handgrad.backprop.symbols.expression import Call, Const, Node, Ref
from handgrad.backprop.symbols.names import (
    BETA1,
    BETA2,
    EPSILON,
    ERROR,
    LEARNING_RATE,
    MOMENTUM,
    STEP,
    Symbol,
    following,
    partial,
    prefixed,
)


class Phase(StrEnum):
    """What a part of the step does."""

    SETTINGS = "settings"
    DATA = "data"
    PARAMETERS = "parameters"
    MEMORY = "memory"
    FORWARD = "forward"  # one layer in one sample
    ERRORS = "errors"  # one sample
    TOTAL = "total"
    CORRECTIONS = "corrections"  # Adam's
    BACKWARD = "backward"  # slopes and deltas of one layer in one sample
    GRADIENTS = "gradients"  # one layer, over all samples
    UPDATES = "updates"  # one layer


@dataclass(frozen=True, slots=True)
class Part:
    """A run of quantities that are written together; layer and sample count from 1, 0 where they do not apply."""

    phase: Phase
    layer: int = 0
    sample: int = 0


def step_parts(network: Network) -> tuple[Part, ...]:
    """Return the parts of a training step in the order in which they are computed."""
    samples, last = range(1, len(network.samples) + 1), len(network.layers)
    parts = [Part(phase) for phase in (Phase.SETTINGS, Phase.DATA, Phase.PARAMETERS, Phase.MEMORY)]
    for sample in samples:
        parts += [Part(Phase.FORWARD, layer, sample) for layer in range(1, last + 1)]
        parts.append(Part(Phase.ERRORS, sample=sample))
    parts += [Part(Phase.TOTAL), Part(Phase.CORRECTIONS)]
    for layer in range(last, 0, -1):
        parts += [Part(Phase.BACKWARD, layer, sample) for sample in samples]
        parts.append(Part(Phase.GRADIENTS, layer))
        # Before the layer below: its deltas read the weights that this writes.
        if network.order is UpdateOrder.OUTPUT_FIRST:
            parts.append(Part(Phase.UPDATES, layer))
    if network.order is UpdateOrder.OLD_WEIGHTS:
        parts += [Part(Phase.UPDATES, layer) for layer in range(1, last + 1)]
    return tuple(parts)


def write_part(draft: Draft, part: Part) -> None:
    """Add the quantities of one part to the draft; updates need the parameters to be there."""
    match part.phase:
        case Phase.SETTINGS:
            draft.settings()
        case Phase.DATA:
            draft.data()
        case Phase.PARAMETERS:
            draft.parameters()
        case Phase.MEMORY:
            draft.memory()
        case Phase.FORWARD:
            forward(draft, part.layer, part.sample)
        case Phase.ERRORS:
            errors(draft, part.sample)
        case Phase.TOTAL:
            total_error(draft)
        case Phase.CORRECTIONS:
            _update_parts(draft)
        case Phase.BACKWARD:
            deltas(draft, part.layer, part.sample)
        case Phase.GRADIENTS:
            gradients(draft, part.layer)
        case Phase.UPDATES:
            _updates(draft, part.layer)


def build_graph(network: Network) -> Graph:
    """Describe one training step of the network."""
    draft = Draft(network)
    for part in step_parts(network):
        write_part(draft, part)
    return Graph(network, tuple(draft.quantities), MappingProxyType(draft.successors))


def _update_parts(draft: Draft) -> None:
    """Add Adam's step number and its two corrections for moments that start at 0."""
    if draft.network.update.rule is not UpdateRule.ADAM:
        return
    count = following(STEP)
    draft.add(count, Kind.UPDATE_PART, "updates made after this one", Ref(STEP.name) + ONE, of=STEP.name)
    for number, beta in (("1", BETA1), ("2", BETA2)):
        symbol = Symbol(f"correction{number}", f"c{number}", f"c_{{{number}}}")
        meaning = f"what the {'first' if number == '1' else 'second'} moment is divided by, as it starts at 0"
        draft.add(symbol, Kind.UPDATE_PART, meaning, ONE - Ref(beta.name) ** Ref(count.name))


def _updates(draft: Draft, layer: int) -> None:
    """Add the new value of every trained parameter of *layer*: the old one minus the learning rate times the direction."""
    for quantity in [q for q in draft.quantities if q.name in draft.successors and q.layer == layer]:
        symbol = Symbol(quantity.name, quantity.label, quantity.latex)
        place = {"layer": layer, "unit": quantity.unit, "source": quantity.source, "number": quantity.number}
        gradient = Ref(partial(ERROR, symbol).name)
        expression = Ref(symbol.name) - Ref(LEARNING_RATE.name) * _direction(draft, symbol, gradient)
        meaning = f"{symbol.label} after this step"
        draft.add(following(symbol), Kind.UPDATED, meaning, expression, of=symbol.name, **place)


def _direction(draft: Draft, of: Symbol, gradient: Node) -> Node:
    """Return what the learning rate multiplies; adds the memory that it needs."""
    match draft.network.update.rule:
        case UpdateRule.MOMENTUM:
            velocity = prefixed("u", "u", "u", of.name)
            return _remember(draft, velocity, Ref(MOMENTUM.name) * Ref(velocity.name) + gradient)
        case UpdateRule.ADAM:
            first, second = prefixed("m", "m", "m", of.name), prefixed("v", "v", "v", of.name)
            beta1, beta2 = Ref(BETA1.name), Ref(BETA2.name)
            mean = _remember(draft, first, beta1 * Ref(first.name) + (ONE - beta1) * gradient)
            square = _remember(draft, second, beta2 * Ref(second.name) + (ONE - beta2) * gradient ** Const(2.0))
            root = Call(SQRT, (square / Ref("correction2"),))
            return (mean / Ref("correction1")) / (root + Ref(EPSILON.name))
    return gradient


def _remember(draft: Draft, symbol: Symbol, expression: Node) -> Node:
    """Add what *symbol* is after this step, and return a reference to it."""
    after = following(symbol)
    draft.add(after, Kind.UPDATE_PART, f"{symbol.label} after this step", expression, of=symbol.name)
    return Ref(after.name)
