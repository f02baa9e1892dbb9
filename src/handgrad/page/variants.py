"""Every form that a training step takes as its activations, loss, update rule and order are changed.

A page that lets one change them needs the description of each choice, and describes none itself. The step is written in
parts, each of which depends on few choices; a part is written once for each value of those.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from handgrad.backprop.graph.build import Part, Phase, step_parts, write_part
from handgrad.backprop.graph.draft import Draft
from handgrad.backprop.graph.graph import Quantity
from handgrad.backprop.network.network import Layer, Network, Sample, UpdateOrder, UpdateRule
from handgrad.backprop.symbols.calculus import ACTIVATIONS, LOSSES

HIDDEN = tuple(name for name, entry in ACTIVATIONS.items() if entry.value is not None)
"""Activations that a hidden layer may have."""


@dataclass(frozen=True)
class Written:
    """One part of the step under one choice; ``key`` is the choice in words, empty where the part depends on none."""

    part: Part
    key: str
    quantities: tuple[Quantity, ...]


def outputs_and_losses(network: Network) -> tuple[tuple[str, str], ...]:
    """Return each pair of output activation and loss that a network of this shape can have."""
    able = [name for name in ACTIVATIONS if name != "softmax" or network.outputs > 1]
    return tuple(
        (activation, loss.name) for loss in LOSSES.values() for activation in able if loss.needs in (None, activation)
    )


def write_variants(network: Network) -> Iterator[Written]:
    """Write every part of the step under every choice that it depends on; of several samples the first alone."""
    shape = even_targets(network)
    for part in step_parts(shape):
        if part.sample > 1:
            continue
        for key, chosen in _choices(shape, part):
            draft = Draft(chosen)
            # Both are written for each trained parameter, so these must stand in the draft first; they are cut off
            # again below.
            if part.phase in (Phase.UPDATES, Phase.MEMORY):
                write_part(draft, Part(Phase.PARAMETERS))
            before = len(draft.quantities)
            write_part(draft, part)
            yield Written(part, key, tuple(draft.quantities[before:]))


def even_targets(network: Network) -> Network:
    """Return the network with targets that every loss allows: what is described depends on their number alone."""
    even = (1 / network.outputs,) * network.outputs
    return replace(network, samples=tuple(Sample(sample.inputs, even) for sample in network.samples))


def _choices(network: Network, part: Part) -> Iterator[tuple[str, Network]]:
    match part.phase:
        case Phase.SETTINGS | Phase.MEMORY | Phase.CORRECTIONS | Phase.UPDATES:
            for rule in UpdateRule:
                yield rule, replace(network, update=replace(network.update, rule=rule))
        case Phase.ERRORS:
            for activation, loss in outputs_and_losses(network):
                yield f"{activation} {loss}", with_output(network, activation, loss)
        case Phase.FORWARD | Phase.BACKWARD if part.layer == len(network.layers):
            for activation, loss in outputs_and_losses(network):
                yield f"{activation} {loss}", with_output(network, activation, loss)
        case Phase.FORWARD:
            for activation in HIDDEN:
                yield activation, with_activation(network, part.layer, activation)
        case Phase.BACKWARD:
            for activation in HIDDEN:
                for order in UpdateOrder:
                    hidden = with_activation(network, part.layer, activation)
                    yield f"{activation} {order}", replace(hidden, order=order)
        case _:
            yield "", network


def with_activation(network: Network, layer: int, activation: str) -> Network:
    """Return the network with another activation in one layer, counted from 1."""
    layers = list(network.layers)
    layers[layer - 1] = Layer(layers[layer - 1].units, activation)
    return replace(network, layers=tuple(layers))


def with_output(network: Network, activation: str, loss: str) -> Network:
    """Return the network with another pair of output activation and loss."""
    layers = (*network.layers[:-1], Layer(network.outputs, activation))
    return replace(network, layers=layers, loss=loss)
