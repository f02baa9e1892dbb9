"""How much of a network is written out: all of it where it is small, otherwise one unit and weight of each layer."""

from __future__ import annotations

from dataclasses import dataclass

from handgrad.backprop.graph.graph import Graph, Kind, Quantity

ALL_UNITS = 8
ALL_PARAMETERS = 30
TABLE_DIGITS = 6


@dataclass(frozen=True)
class Scope:
    """Which quantities are derived in full; the tables hold every value in any case."""

    graph: Graph

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
        """Return whether a quantity is derived in full: in sample 1, and of a large network in the first units only."""
        if quantity.sample not in (None, 1):
            return False
        if self.complete:
            return True
        if quantity.kind is Kind.SOFTMAX_PART and quantity.unit is None:
            return True
        return quantity.unit in (None, 1) and quantity.source in (None, 1)

    def shown(self, *kinds: Kind, layer: int | None = None) -> list[Quantity]:
        """Return the quantities of these kinds that are derived in full, of one layer if wanted."""
        return [q for q in self.graph.of_kind(*kinds) if self.holds(q) and layer in (None, q.layer)]

    def trained(self, layer: int) -> list[Quantity]:
        """Return the gradients of a layer that are derived in full: weights, then biases."""
        return self.shown(Kind.GRADIENT, layer=layer)
