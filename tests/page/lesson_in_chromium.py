"""A lesson's evaluator run in a real browser, beside Python's: rows of values, and how far two of them may be apart."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.backprop.graph.compiled import first_value_names
from handgrad.backprop.graph.graph import Graph
from handgrad.backprop.symbols.expression import Call, Const, Neg, Node, Power, Product, Quotient, Ref, Sum

Floats = NDArray[np.float64]
RUN = """
([choices, names, rows, steps, forced]) => {
  const graph = handgrad.moments.graph(choices);
  const bytes = Uint8Array.from(atob(rows), (sign) => sign.charCodeAt(0));
  const given = new Float64Array(bytes.buffer);
  const run = compileStep(graph);
  const out = new Float64Array((steps + 1) * graph.list.length);
  let values = null;
  for (let step = 0; step <= steps; step++) {
    if (values && !forced) values = next(graph, values);
    else {
      const own = Object.fromEntries(names.map((name, at) => [name, given[step * names.length + at]]));
      values = begin(graph, own);
    }
    run(values);
    out.set(values, step * graph.list.length);
  }
  let text = "";
  const all = new Uint8Array(out.buffer);
  for (let at = 0; at < all.length; at += 32768) text += String.fromCharCode(...all.subarray(at, at + 32768));
  return [graph.list.map((q) => q.name), btoa(text)];
}
"""


def choices_of(graph: Graph) -> dict[str, Any]:
    """Return a network's choices as the page names them."""
    network = graph.network
    return {
        "activations": [layer.activation for layer in network.layers],
        "loss": network.loss,
        "rule": network.update.rule,
        "order": network.order,
    }


def browser_rows(page: Any, graph: Graph, rows: Floats, *, forced: bool) -> Floats:
    """Return every quantity of every step as the browser finds it, ``[steps + 1, quantities]`` in the graph's order.

    Free, it trains on from the first row; *forced*, it begins each step from Python's own weights and memory.
    """
    names = first_value_names(graph)
    places = [graph.names.index(name) for name in names]
    given = np.ascontiguousarray(rows[:, places])
    argument = [choices_of(graph), names, base64.b64encode(given.tobytes()).decode(), len(rows) - 1, forced]
    found, text = page.evaluate(RUN, argument)
    assert tuple(found) == graph.names
    return np.frombuffer(base64.b64decode(text), dtype=np.float64).reshape(rows.shape)


def sizes(graph: Graph, rows: Floats) -> Floats:
    """Return the size that rounding in each value is relative to: that of the terms, where terms cancel."""
    values = dict(zip(graph.names, rows.T, strict=True))
    found: dict[str, Floats] = {}

    def size(node: Node) -> Floats:
        match node:
            case Ref(name):
                return found[name]
            case Const(value):
                return np.full(len(rows), value)
            case Neg(operand):
                return size(operand)
            case Sum(terms):
                return _added([size(term) for term in terms])
            case Product(factors):
                return _multiplied([size(factor) for factor in factors])
            case Quotient(above, below):
                return (
                    size(above)
                    / np.abs(_value(below, values))
                    * np.maximum(1, size(below) / np.abs(_value(below, values)))
                )
            case Power(base, exponent) if exponent == Const(2.0):
                return size(base) ** 2
            case Power(base, exponent):
                return np.abs(_value(base, values) ** _value(exponent, values))
            case Call(_, arguments):
                return np.maximum(1, _added([size(argument) for argument in arguments]))
        raise TypeError(node)

    with np.errstate(all="ignore"):
        for quantity in graph:
            own = np.abs(values[quantity.name])
            found[quantity.name] = own if quantity.expression is None else np.maximum(own, size(quantity.expression))
    return np.stack([found[name] for name in graph.names], axis=1)


def _added(parts: Sequence[Floats]) -> Floats:
    return np.sum(np.stack(parts), axis=0)


def _multiplied(parts: Sequence[Floats]) -> Floats:
    return np.prod(np.stack(parts), axis=0)


def _value(node: Node, values: dict[str, Floats]) -> Floats:
    match node:
        case Ref(name):
            return values[name]
        case Const(value):
            return np.asarray(value)
        case Sum(terms):
            return _added([np.broadcast_to(_value(term, values), next(iter(values.values())).shape) for term in terms])
        case Neg(operand):
            return -_value(operand, values)
        case Call(function, arguments):
            return np.asarray(function.of_array(*(_value(argument, values) for argument in arguments)))
        case Quotient(above, below):
            return _value(above, values) / _value(below, values)
        case Product(factors):
            return _multiplied([_value(factor, values) for factor in factors])
        case Power(base, exponent):
            return np.asarray(_value(base, values) ** _value(exponent, values))
    raise TypeError(node)


def apart(mine: Floats, theirs: Floats, scale: Floats) -> float:
    """Return how far two tables are apart at most, relative to *scale*; the same NaN or infinity is no distance."""
    with np.errstate(all="ignore"):
        same = (mine == theirs) | (np.isnan(mine) & np.isnan(theirs))
        distance = np.where(same, 0.0, np.abs(mine - theirs) / scale)
    return float(np.max(np.where(np.isnan(distance), np.inf, distance)))
