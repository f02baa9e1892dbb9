"""The step with the forward pass again after it, with the weights that it made."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from handgrad.backprop.graph.graph import FORWARD, Graph, Quantity
from handgrad.backprop.symbols.expression import Node, Ref, substitute

AFTER = "E_total_next"
"""The error after the step, found with the updated weights."""


def with_error_after(graph: Graph) -> Graph:
    """Return the step, and behind it the forward pass again with the updated weights: ``a_h1_next`` …
    ``E_total_next``.
    """
    moved: dict[str, Node] = {before: Ref(after) for before, after in graph.successors.items()}
    later: list[Quantity] = []
    for quantity in graph.of_kind(*FORWARD):
        name = f"{quantity.name}_next"
        expression = None if quantity.expression is None else substitute(quantity.expression, moved)
        later.append(
            replace(
                quantity,
                name=name,
                label=f"{quantity.label}⁺",
                latex=f"{quantity.latex}^{{+}}",
                meaning=f"{quantity.meaning}, after the step",
                expression=expression,
                of=quantity.name,
                chain=(),
            )
        )
        moved[quantity.name] = Ref(name)
    return Graph(graph.network, (*graph.quantities, *later), MappingProxyType(dict(graph.successors)))
