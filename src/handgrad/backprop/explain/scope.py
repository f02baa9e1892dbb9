"""How much of a network is written out: all of it where it is small, otherwise one unit and weight of each layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from handgrad.backprop.graph.graph import Graph, Kind, Quantity

# Beyond this the pages repeat themselves: one unit per layer is derived, the rest stands in tables.
ALL_UNITS = 8
ALL_PARAMETERS = 30
TABLE_DIGITS = 6


def working_units(graph: Graph, values: Mapping[str, float]) -> tuple[int, ...]:
    """Return for each layer its first unit that works in sample 1, or the first.

    A ReLU below 0 passes nothing on and nothing back: every number derived with it is 0, and shows nothing.
    """
    found = []
    for number, layer in enumerate(graph.network.layers, start=1):
        units = [q for q in graph.of_kind(Kind.ACTIVATION) if q.layer == number and q.sample in (None, 1)]
        alive = [q.unit or 1 for q in units if layer.activation != "relu" or values[q.name] > 0]
        found.append(alive[0] if alive else 1)
    return tuple(found)


@dataclass(frozen=True)
class Scope:
    """Which quantities are derived in full; the tables hold every value in any case.

    ``units`` is for each layer the unit that is shown where there is no room for all: see :func:`working_units`.
    """

    graph: Graph
    units: tuple[int, ...] = ()

    def unit_of(self, layer: int | None) -> int:
        """Return the unit of a layer that stands for the others where not all are shown; of the inputs, the first."""
        return self.units[layer - 1] if layer and self.units else 1

    @property
    def complete(self) -> bool:
        """Return whether every weight and unit is derived in full."""
        units = sum(self.graph.network.sizes[1:])
        return units <= ALL_UNITS and len(self.graph.parameters) <= ALL_PARAMETERS

    @property
    def samples(self) -> int:
        """Return how many samples the network is trained on."""
        return len(self.graph.network.samples)

    def holds(self, quantity: Quantity) -> bool:
        """Return whether a quantity is derived in full: in sample 1, and of a large network in one unit per layer only."""
        if quantity.sample not in (None, 1):
            return False
        if self.complete:
            return True
        if quantity.kind is Kind.SOFTMAX_PART and quantity.unit is None:
            return True
        # The slope of a softmax has both of its units in one layer, a weight has them in two.
        within = quantity.kind is Kind.ACTIVATION_SLOPE
        before = quantity.layer if within else (quantity.layer or 1) - 1
        return quantity.unit in (None, self.unit_of(quantity.layer)) and quantity.source in (None, self.unit_of(before))

    def shown(self, *kinds: Kind, layer: int | None = None) -> list[Quantity]:
        """Return the quantities of these kinds that are derived in full, of one layer if wanted."""
        return [q for q in self.graph.of_kind(*kinds) if self.holds(q) and layer in (None, q.layer)]

    def trained(self, layer: int) -> list[Quantity]:
        """Return the gradients of a layer that are derived in full: weights, then biases."""
        return self.shown(Kind.GRADIENT, layer=layer)
