"""The sections of the derivation in the order of a step: what stands under which heading."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from handgrad.backprop.graph.graph import FIRST_VALUES, Graph, Kind, Quantity
from handgrad.backprop.network.network import UpdateOrder
from handgrad.backprop.network.words import PRE_ACTIVATION, layer_words
from handgrad.backprop.symbols.calculus import ACTIVATIONS, LOSSES


@dataclass(frozen=True)
class Part:
    """A section: its heading, a sentence under it, and its quantities."""

    title: str
    note: str
    quantities: tuple[Quantity, ...]


def parts_of(graph: Graph) -> Iterator[Part]:
    """Yield the sections in the order of a step; the samples after the first repeat its equations, and so come last."""
    network = graph.network
    forward = (Kind.PRE_ACTIVATION, Kind.SOFTMAX_PART, Kind.ACTIVATION)
    errors = (Kind.ERROR, Kind.SAMPLE_ERROR)
    backward = (Kind.ERROR_SLOPE, Kind.ACTIVATION_SLOPE, Kind.DELTA)
    several = len(network.samples) > 1
    first = " (sample 1)" if several else ""
    functions = "; ".join(ACTIVATIONS[name].reads for name in dict.fromkeys(la.activation for la in network.layers))
    slopes = "; ".join(ACTIVATIONS[name].slope_reads for name in dict.fromkeys(la.activation for la in network.layers))
    loss = LOSSES[network.loss]
    yield Part("What is given", "", graph.of_kind(*FIRST_VALUES))
    names = f"A pre-activation is {PRE_ACTIVATION}. {functions}"
    yield Part(f"Forward{first}", names, _of(graph, forward, 1))
    yield Part(f"Error{first}", loss.reads, _of(graph, errors, 1))
    for sample in range(2, len(network.samples) + 1):
        note = "The same equations with this sample's inputs and targets."
        yield Part(f"Forward and error (sample {sample})", note, _of(graph, (*forward, *errors), sample))
    if several:
        yield Part(
            "Error over the samples",
            f"E_total is the {network.over_samples} of the samples' errors.",
            graph.of_kind(Kind.TOTAL),
        )
    else:
        yield Part("Total error", "", graph.of_kind(Kind.TOTAL))
    last = len(network.layers)
    for layer in range(last, 0, -1):
        where = layer_words(network, layer)
        note = slopes if layer == last else "∂E/∂a of a hidden unit is the sum over all units that it leads to."
        if layer == last and loss.delta is not None:
            note = loss.delta_reads
        for sample in range(1, len(network.samples) + 1):
            of_sample = f" (sample {sample})" if several else ""
            quantities = tuple(q for q in _of(graph, backward, sample) if q.layer == layer)
            yield Part(f"Backward: deltas of the {where}{of_sample}", note if sample == 1 else "", quantities)
        gradients = tuple(q for q in graph.of_kind(Kind.GRADIENT) if q.layer == layer)
        yield Part(f"Backward: gradients of the {where}", "", gradients)
        if network.order is UpdateOrder.OUTPUT_FIRST:
            yield from _updates(graph, layer, where)
    if network.order is UpdateOrder.OLD_WEIGHTS:
        yield from _updates(graph, None, "")


def _updates(graph: Graph, layer: int | None, where: str) -> Iterator[Part]:
    """Yield what the step changes; where the layers take turns, layer by layer, with what belongs to none in the first
    turn.
    """
    changed = graph.of_kind(Kind.UPDATE_PART, Kind.UPDATED)
    if layer is not None:
        last = len(graph.network.layers)
        layers = {q.name: _layer(graph, q) for q in changed}
        changed = tuple(q for q in changed if layers[q.name] == layer or (layers[q.name] is None and layer == last))
    yield Part(f"Update of the {where}" if where else "Update", "The next row of the table.", changed)


def _layer(graph: Graph, quantity: Quantity) -> int | None:
    """Return the layer of the weight that a quantity, or the memory it renews, belongs to."""
    while quantity.layer is None and quantity.of is not None:
        quantity = graph[quantity.of]
    return quantity.layer


def _of(graph: Graph, kinds: tuple[Kind, ...], sample: int) -> tuple[Quantity, ...]:
    return tuple(quantity for quantity in graph.of_kind(*kinds) if quantity.sample == sample)
