"""One training step as data: an ordered list of named quantities, each a short expression of earlier ones.

Everything shown or computed comes from this list: the formula in a cell and the number cached in it, the line of the
derivation, the training curve. It is built by :func:`handgrad.backprop.graph.build.build_graph`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from handgrad.backprop.network.network import Network, UpdateOrder
from handgrad.backprop.symbols import rendering
from handgrad.backprop.symbols.expression import Node, names_in


class Kind(StrEnum):
    """What a quantity is in the training step."""

    SETTING = "setting"  # learning rate, momentum, beta1, beta2, epsilon
    INPUT = "input"
    TARGET = "target"
    WEIGHT = "weight"
    BIAS = "bias"
    MEMORY = "memory"  # what an optimizer carries from step to step
    PRE_ACTIVATION = "pre-activation"
    SOFTMAX_PART = "softmax part"  # largest, exponentials, their sum, logarithms
    ACTIVATION = "activation"
    ERROR = "error"  # E1, E2: one output of one sample
    SAMPLE_ERROR = "sample error"  # E[1]: only where there are several samples
    TOTAL = "total"
    ERROR_SLOPE = "error slope"  # dE/da
    ACTIVATION_SLOPE = "activation slope"  # da/dz
    DELTA = "delta"  # dE/dz
    GRADIENT = "gradient"
    UPDATE_PART = "update part"  # an optimizer's memory after this step, Adam's corrections
    UPDATED = "updated"  # the weight or bias after this step


FIRST_VALUES = frozenset({Kind.SETTING, Kind.INPUT, Kind.TARGET, Kind.WEIGHT, Kind.BIAS, Kind.MEMORY})
"""Kinds without an expression: known before the step begins."""
FORWARD = (
    Kind.PRE_ACTIVATION,
    Kind.SOFTMAX_PART,
    Kind.ACTIVATION,
    Kind.ERROR,
    Kind.SAMPLE_ERROR,
    Kind.TOTAL,
)
"""Kinds of the forward pass, which lead from the first values to E_total."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a chain-rule product: the partial it stands for, and the quantity that holds its value.

    ``quantity`` is None for a factor that is always 1 (∂o1/∂b1).
    """

    name: str
    label: str
    latex: str
    quantity: str | None


@dataclass(frozen=True, slots=True)
class Quantity:
    """One named number of the step.

    ``expression`` is None for what has a first value, and ``value`` holds that. ``layer`` counts from 1 (the
    first hidden layer) to the output layer; ``unit``, ``source`` (the unit a weight comes from), ``sample`` and
    ``number`` (the 5 of w5) from 1; each is None where it does not apply. ``of`` names the quantity this one belongs
    to: w5 for dE/dw5 and w5_next, o1 for delta_o1 and a_o1. ``chain`` is the chain rule as a sum of products.
    """

    name: str
    label: str
    latex: str
    kind: Kind
    meaning: str
    expression: Node | None = None
    value: float | None = None
    layer: int | None = None
    unit: int | None = None
    source: int | None = None
    sample: int | None = None
    number: int | None = None
    of: str | None = None
    chain: tuple[tuple[Factor, ...], ...] = ()


@dataclass(frozen=True)
class Graph:
    """The quantities of one training step, in an order in which each depends on earlier ones only.

    ``successors`` maps what changes from row to row (weights, trained biases, the optimizer's memory) to the quantity
    that is its value in the next row: ``{"w1": "w1_next", …}``.
    """

    network: Network
    quantities: tuple[Quantity, ...]
    successors: Mapping[str, str]
    _by_name: Mapping[str, Quantity] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        seen: dict[str, Quantity] = {}
        for quantity in self.quantities:
            if quantity.name in seen:
                raise ValueError(f"{quantity.name} is described twice")
            if quantity.expression is not None:
                for name in names_in(quantity.expression):
                    if name not in seen:
                        raise ValueError(f"{quantity.name} uses {name} before it is described")
            seen[quantity.name] = quantity
        object.__setattr__(self, "_by_name", MappingProxyType(seen))

    def __getitem__(self, name: str) -> Quantity:
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[Quantity]:
        return iter(self.quantities)

    def of_kind(self, *kinds: Kind) -> tuple[Quantity, ...]:
        """Return the quantities of these kinds, in the order of the step."""
        return tuple(quantity for quantity in self.quantities if quantity.kind in kinds)

    @property
    def names(self) -> tuple[str, ...]:
        """Return all names, in the order of the step."""
        return tuple(quantity.name for quantity in self.quantities)

    @property
    def labels(self) -> dict[str, str]:
        """Return name → header label (``dE/dw5`` → ``∂E/∂w5``)."""
        return {quantity.name: quantity.label for quantity in self.quantities}

    @property
    def parameters(self) -> tuple[str, ...]:
        """Return what is trained: the weights, then the trained biases, each in the order of their numbers."""
        return tuple(q.name for q in self.of_kind(Kind.WEIGHT, Kind.BIAS) if q.name in self.successors)

    @property
    def memory(self) -> tuple[str, ...]:
        """Return what the optimizer carries from row to row."""
        return tuple(quantity.name for quantity in self.of_kind(Kind.MEMORY))

    @property
    def exact_parameters(self) -> tuple[str, ...]:
        """Return the parameters whose ``dE/d…`` is the true gradient of E_total at the row's own weights.

        All of them, except with the order *output layer first*: there only the output layer's are, and a finite
        difference rightly disagrees with the others.
        """
        if self.network.order is UpdateOrder.OLD_WEIGHTS:
            return self.parameters
        last = len(self.network.layers)
        return tuple(name for name in self.parameters if self[name].layer == last)

    @property
    def main_columns(self) -> tuple[str, ...]:
        """Return the training table's own columns; for the classic network t1 t2 i1 i2 w1 … E_total dE/dw1 … dE/dw8."""
        samples = range(1, len(self.network.samples) + 1)
        columns: list[str] = []
        for sample in samples:
            columns += [q.name for kind in (Kind.TARGET, Kind.INPUT) for q in self._in_sample(kind, sample)]
        columns += [q.name for kind in (Kind.WEIGHT, Kind.BIAS) for q in self.of_kind(kind)]
        for sample in samples:
            activations = {q.of: q.name for q in self._in_sample(Kind.ACTIVATION, sample)}
            for q in self._in_sample(Kind.PRE_ACTIVATION, sample):
                columns += [q.name, activations[q.name]]
            columns += [q.name for kind in (Kind.ERROR, Kind.SAMPLE_ERROR) for q in self._in_sample(kind, sample)]
        columns += [q.name for q in self.of_kind(Kind.TOTAL)]
        columns += [f"dE/d{name}" for name in self.parameters]
        return tuple(columns)

    @property
    def extra_columns(self) -> tuple[str, ...]:
        """Return every other quantity but the settings, in the order of the step: slopes, deltas, memory, updated
        weights.
        """
        main = set(self.main_columns)
        return tuple(q.name for q in self.quantities if q.name not in main and q.kind is not Kind.SETTING)

    def dependencies(self, name: str) -> tuple[str, ...]:
        """Return the names in a quantity's expression, in order of appearance; empty for what has a first value."""
        expression = self[name].expression
        return () if expression is None else names_in(expression)

    def formula(self, name: str, address: rendering.Names) -> str:
        """Return the spreadsheet formula without ``=``; ``address`` maps each name it depends on to a cell."""
        return rendering.formula(self._expression(name), address)

    def plain(self, name: str, values: Mapping[str, float] | None = None, digits: int = 6) -> str:
        """Return the right-hand side as text, in symbols or with the numbers put in."""
        return rendering.plain(self._expression(name), lambda ref: self[ref].label, values, digits)

    def latex(self, name: str, values: Mapping[str, float] | None = None, digits: int = 6) -> str:
        """Return the right-hand side as LaTeX, in symbols or with the numbers put in."""
        return rendering.latex(self._expression(name), lambda ref: self[ref].latex, values, digits)

    def _expression(self, name: str) -> Node:
        expression = self[name].expression
        if expression is None:
            raise ValueError(f"{name} has a first value and no expression")
        return expression

    def _in_sample(self, kind: Kind, sample: int) -> list[Quantity]:
        return [q for q in self.of_kind(kind) if q.sample == sample]
