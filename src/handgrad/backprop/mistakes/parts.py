"""The quantities of a step by their place in the network: which weight leads from where to where, which output is whose."""

from __future__ import annotations

from handgrad.backprop.graph.graph import Graph, Kind, Quantity
from handgrad.backprop.symbols.expression import Ref


class StepParts:
    """The parts of a step, each found by layer, unit, source and sample, all counted from 1."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.network = graph.network
        self.sizes = self.network.sizes
        self.samples = range(1, len(self.network.samples) + 1)
        self._names = {(q.kind, q.layer, q.unit, q.source, q.sample): q.name for q in graph if not _again(q)}
        self.last = len(self.network.layers)

    def weight(self, layer: int, unit: int, source: int) -> Ref:
        """The weight into *unit* of *layer* from *source* in the layer before."""
        return Ref(self._names[Kind.WEIGHT, layer, unit, source, None])

    def new_weight(self, layer: int, unit: int, source: int) -> Ref:
        """The same weight after the step."""
        return Ref(self.graph.successors[self.weight(layer, unit, source).name])

    def bias(self, layer: int, unit: int) -> Ref | None:
        """The bias that a unit adds, its own or its layer's; None where there is none."""
        for one in (unit, None):
            if (name := self._names.get((Kind.BIAS, layer, one, None, None))) is not None:
                return Ref(name)
        return None

    def out(self, layer: int, unit: int, sample: int) -> Ref:
        """The activation of a unit; of layer 0, the input."""
        kind, place = (Kind.ACTIVATION, layer) if layer else (Kind.INPUT, None)
        return Ref(self._names[kind, place, unit, None, sample])

    def pre(self, layer: int, unit: int, sample: int) -> Ref:
        """The pre-activation of a unit."""
        return Ref(self._names[Kind.PRE_ACTIVATION, layer, unit, None, sample])

    def target(self, unit: int, sample: int) -> Ref:
        """The target of an output."""
        return Ref(self._names[Kind.TARGET, None, unit, None, sample])

    def delta(self, layer: int, unit: int, sample: int) -> Ref:
        """The unit's dE/dz."""
        return Ref(self._names[Kind.DELTA, layer, unit, None, sample])

    def error_slope(self, layer: int, unit: int, sample: int) -> Ref | None:
        """The unit's dE/da; None where the loss gives the delta at once."""
        name = self._names.get((Kind.ERROR_SLOPE, layer, unit, None, sample))
        return None if name is None else Ref(name)

    def slope(self, layer: int, unit: int, sample: int) -> Ref:
        """The unit's da/dz."""
        return Ref(self._names[Kind.ACTIVATION_SLOPE, layer, unit, unit, sample])

    def units(self, layer: int) -> range:
        """The units of *layer*, counted from 1."""
        return range(1, self.sizes[layer] + 1)

    def curved(self, layer: int) -> bool:
        """Whether the slope of the layer's activation is a factor that can be forgotten (a working ReLU has slope 1)."""
        return self.network.layers[layer - 1].activation in ("sigmoid", "tanh", "softmax")

    def label(self, ref: Ref) -> str:
        """The name of a quantity as the sheet shows it."""
        return self.graph[ref.name].label


def _again(q: Quantity) -> bool:
    """Whether it belongs to the forward pass after the step, which has the places of the first one."""
    return q.name.endswith("_next") and q.kind is not Kind.UPDATED
