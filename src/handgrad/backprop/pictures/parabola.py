"""The parabola that the error is along one weight, near its current value, and the steps of gradient descent on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from handgrad.backprop.graph.graph import Graph, Kind
from handgrad.backprop.simulate import Floats, gradient

# A central difference of exact gradients: its error is of the order of the square, 1e-8, and rounding adds 1e-12.
NUDGE = 1e-4
# As many as can be followed by eye before a zigzag covers itself.
STEPS = 6


@dataclass(frozen=True)
class Parabola:
    """The error near one weight: its value there, its slope, and how fast the slope changes."""

    name: str
    at: float
    error: float
    slope: float
    curvature: float

    def __call__(self, weight: Floats) -> Floats:
        """Return the error that the parabola has at weights."""
        moved = weight - self.at
        return self.error + self.slope * moved + 0.5 * self.curvature * moved**2

    @property
    def lowest(self) -> float:
        """Return the weight at which the parabola is lowest."""
        return self.at - self.slope / self.curvature

    def steps(self, rate: float) -> Floats:
        """Return the weights that gradient descent visits on it, the first among them."""
        factors: Floats = np.power(1 - rate * self.curvature, np.arange(STEPS + 1, dtype=np.float64))
        return self.lowest + (self.at - self.lowest) * factors


def parabola_of(graph: Graph, values: Mapping[str, float]) -> Parabola | None:
    """Return the parabola of the first weight into the output layer whose error curves upwards; None where none does."""
    last = len(graph.network.layers)
    for quantity in graph.of_kind(Kind.GRADIENT):
        weight = quantity.of or ""
        if quantity.layer != last or graph[weight].kind is not Kind.WEIGHT:
            continue
        at = values[weight]
        up, down = (gradient(graph, {weight: at + move})[weight] for move in (NUDGE, -NUDGE))
        curvature = (up - down) / (2 * NUDGE)
        if curvature > 1e-9 and abs(values[quantity.name]) > 1e-12:
            return Parabola(weight, at, values["E_total"], values[quantity.name], curvature)
    return None
