"""Quantities that people give a column and a step's graph does not have: other partial derivatives, Δw, raw errors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType

from handgrad.backprop.graph.graph import FIRST_VALUES, Graph, Kind, Quantity
from handgrad.backprop.symbols.calculus import ACTIVATIONS, ONE, TWO
from handgrad.backprop.symbols.expression import Call, Const, Neg, Node, Power, Product, Quotient, Ref, Sum, total

ZERO = Const(0.0)
PARTIAL = re.compile(r"d(.+)/d(.+)")
# A longer sum is a total of the table, no derivation.
MOST_TERMS = 200


class UnderivedError(ValueError):
    """A quantity that this graph cannot be asked for."""


def extended(graph: Graph, names: Iterable[str]) -> Graph:
    """Return the graph with these quantities added where it lacks them; what makes no sense in it stays away.

    ``do1/da_h1`` is the derivative of one quantity by another; ``step:w1`` is −η · ∂E/∂w1, ``change:w1`` the same with
    the other sign; ``raw:o1`` is t − a, ``raw-:o1`` a − t; ``minus:NAME`` is a quantity with the other sign.
    """
    added: list[Quantity] = []
    for name in dict.fromkeys(names):
        if name in graph or any(quantity.name == name for quantity in added):
            continue
        try:
            added.append(_quantity(graph, name))
        except (UnderivedError, KeyError):
            continue
    if not added:
        return graph
    return Graph(graph.network, (*graph.quantities, *added), MappingProxyType(dict(graph.successors)))


def _quantity(graph: Graph, name: str) -> Quantity:
    mark, _, of = name.partition(":")
    match mark:
        case "step" | "change":
            # An optimizer's step is the updated value less the old one, whatever the rule.
            step = Ref(graph.successors[of]) - Ref(of)
            return _made(name, f"Δ{graph[of].label}", Kind.UPDATE_PART, step if mark == "step" else -step, of=graph[of])
        case "raw" | "raw-":
            unit = graph[of]
            target = next(
                q
                for q in graph.of_kind(Kind.TARGET)
                if (q.unit, q.sample) == (unit.unit, unit.sample) or (q.number == unit.unit and q.sample == unit.sample)
            )
            out = next(q for q in graph.of_kind(Kind.ACTIVATION) if q.of == of)
            error = Ref(target.name) - Ref(out.name)
            return _made(
                name,
                f"error {unit.label}",
                Kind.ERROR_SLOPE,
                error if mark == "raw" else Ref(out.name) - Ref(target.name),
                of=unit,
            )
        case "minus":
            return _made(name, f"−{graph[of].label}", graph[of].kind, -Ref(of), of=graph[of])
    match = PARTIAL.fullmatch(name)
    if match is None or match[1] not in graph or match[2] not in graph:
        raise UnderivedError(name)
    top, bottom = graph[match[1]], graph[match[2]]
    kind = Kind.ERROR_SLOPE if top.kind in (Kind.ERROR, Kind.TOTAL, Kind.SAMPLE_ERROR) else Kind.ACTIVATION_SLOPE
    return _made(name, f"∂{top.label}/∂{bottom.label}", kind, derivative(graph, top.name, bottom.name), of=bottom)


def _made(name: str, label: str, kind: Kind, expression: Node, *, of: Quantity) -> Quantity:
    return Quantity(
        name, label, label, kind, label, expression, layer=of.layer, unit=of.unit, source=of.source, sample=of.sample,
        number=of.number, of=of.name,
    )  # fmt: skip


def derivative(graph: Graph, top: str, bottom: str) -> Node:
    """Return the derivative of one quantity of the forward pass by an earlier one, by the chain rule.

    What the graph has a name for is used by its name. Raises :class:`UnderivedError` where the one does not depend on
    the other, or a function on the way has no derivative here.
    """
    found = _by(graph, top, bottom, {})
    if found == ZERO:
        raise UnderivedError(f"{top} by {bottom}")
    return found


def _by(graph: Graph, top: str, bottom: str, done: dict[str, Node]) -> Node:
    if top == bottom:
        return ONE
    if top in done:
        return done[top]
    quantity = graph[top]
    expression = quantity.expression
    if quantity.kind in FIRST_VALUES or expression is None:
        return ZERO
    terms: list[Node] = []
    for name in graph.dependencies(top):
        inner = _by(graph, name, bottom, done)
        if inner == ZERO:
            continue
        known = f"d{top}/d{name}"
        # ∂a/∂z stands in the graph, so that functions need no derivative of their own.
        outer = Ref(known) if known in graph else _activation(graph, quantity, name) or _local(expression, name)
        terms.append(_times(outer, inner))
        if len(terms) > MOST_TERMS:
            raise UnderivedError(top)
    done[top] = total(terms) if terms else ZERO
    return done[top]


def _activation(graph: Graph, quantity: Quantity, name: str) -> Node | None:
    if quantity.kind is Kind.ERROR and graph[name].kind is Kind.ACTIVATION and f"dE/d{name}" in graph:
        return Ref(f"dE/d{name}")
    if quantity.kind is not Kind.ACTIVATION or quantity.of != name:
        return None
    slope = ACTIVATIONS[graph.network.layers[(quantity.layer or 1) - 1].activation].slope
    return None if slope is None else slope(Ref(name), Ref(quantity.name))


def _local(node: Node, name: str) -> Node:
    """The derivative of an expression by one name in it, everything else held."""
    match node:
        case Ref(other):
            return ONE if other == name else ZERO
        case Const():
            return ZERO
        case Neg(operand):
            inner = _local(operand, name)
            return ZERO if inner == ZERO else Neg(inner)
        case Sum(terms):
            parts = [part for term in terms if (part := _local(term, name)) != ZERO]
            return total(parts) if parts else ZERO
        case Product(factors):
            parts = []
            for place, factor in enumerate(factors):
                inner = _local(factor, name)
                if inner != ZERO:
                    rest = [*factors[:place], *factors[place + 1 :]]
                    parts.append(_times(inner, *rest))
            return total(parts) if parts else ZERO
        case Quotient(top, Const() as bottom):
            inner = _local(top, name)
            return ZERO if inner == ZERO else Quotient(inner, bottom)
        case Power(base, Const(2.0)):
            inner = _local(base, name)
            return ZERO if inner == ZERO else _times(TWO, base, inner)
    if isinstance(node, Call | Power | Quotient):
        raise UnderivedError(name)
    return ZERO


def _times(*factors: Node) -> Node:
    kept = [factor for factor in factors if factor != ONE]
    if not kept:
        return ONE
    result = kept[0]
    for factor in kept[1:]:
        result = result * factor
    return result


def doubled(graph: Graph) -> Graph:
    """Return the same step with E = (t − a)² where the graph has ½ (t − a)²."""
    last = len(graph.network.layers)
    quantities = tuple(
        replace(q, expression=TWO * q.expression)
        if q.expression is not None and (q.kind is Kind.ERROR or (q.kind is Kind.ERROR_SLOPE and q.layer == last))
        else q
        for q in graph
    )
    return Graph(graph.network, quantities, MappingProxyType(dict(graph.successors)))


def still(graph: Graph) -> Graph:
    """Return the same step with biases that never change."""
    kept = {name: after for name, after in graph.successors.items() if graph[name].kind is not Kind.BIAS}
    return Graph(graph.network, graph.quantities, MappingProxyType(kept))
