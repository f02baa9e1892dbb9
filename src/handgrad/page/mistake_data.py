"""The named mistakes of every quantity that can be predicted, as data: from the one catalogue, under every choice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from handgrad.backprop.graph.build import build_graph
from handgrad.backprop.graph.graph import Graph, Kind, Quantity
from handgrad.backprop.mistakes.kinds import Mistake
from handgrad.backprop.mistakes.of_an_answer import Mistakes
from handgrad.backprop.network.network import Network, UpdateOrder
from handgrad.page.packing import Packer, Pool, Stream, differences
from handgrad.page.variants import HIDDEN, even_targets, outputs_and_losses, with_activation, with_output

KINDS = frozenset(
    {
        Kind.PRE_ACTIVATION,
        Kind.ACTIVATION,
        Kind.ERROR,
        Kind.SAMPLE_ERROR,
        Kind.TOTAL,
        Kind.DELTA,
        Kind.GRADIENT,
        Kind.UPDATED,
    }
)
"""Kinds in which the catalogue knows mistakes."""
MOST_UNITS = 24
"""In a larger network an answer is judged right or wrong, and no mistake is named: the list would outgrow the page."""


def mistake_data(network: Network, packer: Packer) -> dict[str, Any]:
    """Return the mistakes as columns, and by quantity and choice which of them it has; the first sample for all."""
    if sum(network.sizes) > MOST_UNITS:
        return {"most": MOST_UNITS, "rows": [[], [], []], "numbers": [], "refs": [], "forms": [], "kinds": [], "by": {}}
    rows, forms, kinds = Pool(), Pool(), Pool()
    by: dict[str, dict[str, list[int]]] = {}
    for key, graph in _graphs(network):
        source = Mistakes(graph)
        for quantity in graph:
            if quantity.kind in KINDS and (quantity.sample or 1) == 1 and _key(quantity, graph) == key:
                found = [rows(_bare(mistake)) for mistake in source.of(quantity.name)]
                by.setdefault(quantity.name, {}).setdefault(key, found)
    columns, numbers, refs = Stream(), Stream(), Stream()
    for kind, advice, expression in rows.items:
        shape, names = packer.expression(expression)
        form = forms(re.sub(r"\d+", "#", advice))
        numbers.add(form, [int(number) for number in re.findall(r"\d+", advice)])
        refs.add(shape, names)
        columns.add("row", [kinds(kind), form, shape])
    return {
        "most": MOST_UNITS,
        "rows": [columns.numbers[at::3] for at in range(3)],
        "numbers": numbers.numbers,
        "refs": refs.numbers,
        "forms": forms.items,
        "kinds": kinds.items,
        "by": {name: {key: differences(found) for key, found in choices.items()} for name, choices in by.items()},
    }


def _bare(mistake: Mistake) -> tuple[str, str, Any]:
    return str(mistake.kind), mistake.advice, mistake.expression


def _graphs(network: Network) -> Iterator[tuple[str, Graph]]:
    """A graph for each choice that mistakes depend on, with the key of that choice."""
    shape = replace(even_targets(network), order=UpdateOrder.OLD_WEIGHTS)
    for activation, loss in outputs_and_losses(shape):
        yield f"{activation} {loss}", build_graph(with_output(shape, activation, loss))
    pairs = {loss: activation for activation, loss in outputs_and_losses(shape)}
    for loss, output in pairs.items():
        for activation in HIDDEN:
            chosen = with_output(shape, output, loss)
            for layer in range(1, len(shape.layers)):
                chosen = with_activation(chosen, layer, activation)
            yield f"hidden {activation} {loss}", build_graph(chosen)


def _key(quantity: Quantity, graph: Graph) -> str:
    """What the mistakes of a quantity depend on: the loss, and the activation of its layer (without one, the output's)."""
    network = graph.network
    layer = quantity.layer or len(network.layers)
    hidden = "hidden " if layer < len(network.layers) else ""
    return f"{hidden}{network.layers[layer - 1].activation} {network.loss}"
