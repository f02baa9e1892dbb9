"""The data of a lesson: the training step in every form it can take, its first values, and the words around it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from handgrad.backprop.graph.build import Part, step_parts
from handgrad.backprop.graph.draft import Draft
from handgrad.backprop.graph.graph import Quantity
from handgrad.backprop.network.network import Network, UpdateOrder
from handgrad.page.packing import Packer, differences
from handgrad.page.variants import write_variants


def step_data(network: Network, packer: Packer) -> dict[str, Any]:
    """Return the step as parts: for each part, the rows of its quantities by choice.

    Parts of later samples are those of the first with another number.
    """
    parts: dict[Part, dict[str, list[int]]] = {}
    for written in write_variants(network):
        parts.setdefault(written.part, {})[written.key] = [packer.row(quantity) for quantity in written.quantities]
    places = {part: number for number, part in enumerate(parts)}
    orders = {
        order.value: [(places[replace(part, sample=min(part.sample, 1))], part.sample) for part in steps]
        for order in UpdateOrder
        for steps in [step_parts(replace(network, order=order))]
    }
    return {
        "parts": [
            [part.phase, part.layer, {key: differences(rows) for key, rows in by_key.items()}]
            for part, by_key in parts.items()
        ],
        "orders": orders,
        "values": first_values(network),
    }


def first_values(network: Network) -> dict[str, float]:
    """Return the first value of everything given that does not depend on the update rule, by name."""
    draft = Draft(network)
    draft.data()
    draft.parameters()
    known: list[Quantity] = draft.quantities
    return {quantity.name: quantity.value for quantity in known if quantity.value is not None}
