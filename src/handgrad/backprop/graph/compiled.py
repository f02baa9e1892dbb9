"""A training step as one function: each expression becomes a small function of the list of all values."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from handgrad.backprop.graph.graph import FIRST_VALUES, Graph
from handgrad.backprop.symbols.expression import Call, Const, Neg, Node, Power, Product, Quotient, Ref, Sum, names_in


def first_value_names(graph: Graph) -> tuple[str, ...]:
    """Return what must be known before a step: settings, targets, inputs, weights, biases, the optimizer's memory."""
    return tuple(quantity.name for quantity in graph if quantity.kind in FIRST_VALUES)


def compile_step(graph: Graph, wanted: Iterable[str], arrays: bool) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Turn the graph into a function from the first values (in :func:`first_value_names` order) to the wanted ones.

    Only what the wanted quantities depend on is computed.
    """
    wanted = tuple(wanted)
    places = {name: number for number, name in enumerate(graph.names)}
    needed = _needed(graph, wanted)
    program = [
        (places[quantity.name], _function(quantity.expression, places, arrays))
        for quantity in graph
        if quantity.expression is not None and quantity.name in needed
    ]
    # Places and not names: looked up here once, and not in each of ten thousand steps.
    first = [places[name] for name in first_value_names(graph)]
    last = [places[name] for name in wanted]

    def step(values_before: Sequence[Any]) -> tuple[Any, ...]:
        values: list[Any] = [None] * len(places)
        for place, value in zip(first, values_before, strict=True):
            values[place] = value
        for place, function in program:
            values[place] = function(values)
        return tuple([values[place] for place in last])

    return step


def evaluate_expression(node: Node, values: Mapping[str, Any], arrays: bool = False) -> Any:
    """Return the value of one expression; ``values`` holds, by name, floats or (``arrays``) arrays that broadcast."""
    names = names_in(node)
    places = {name: number for number, name in enumerate(names)}
    return _function(node, places, arrays)([values[name] for name in names])


Evaluated = Callable[[list[Any]], Any]
"""An expression as a function of the values of all quantities, each in its place."""


def _function(node: Node, places: Mapping[str, int], arrays: bool) -> Evaluated:
    def of(part: Node) -> Evaluated:
        return _function(part, places, arrays)

    match node:
        case Ref(name):
            return itemgetter(places[name])
        case Const(value):
            return lambda values: value
        case Neg(operand):
            inner = of(operand)
            return lambda values: -inner(values)
        case Sum(terms):
            return _sum(of(terms[0]), [_signed(term, of) for term in terms[1:]])
        case Product(factors):
            return _product([of(factor) for factor in factors])
        case Quotient(numerator, denominator):
            above, below = of(numerator), of(denominator)
            return lambda values: above(values) / below(values)
        case Power(base, exponent):
            return _power(of(base), exponent, of)
        case Call(function, arguments):
            return _call(function.of_array if arrays else function.of_float, [of(part) for part in arguments])
    raise TypeError(f"not an expression: {node!r}")


def _signed(term: Node, of: Callable[[Node], Evaluated]) -> tuple[Callable[[Any, Any], Any], Evaluated]:
    # a − b and not a + (−b): one operation less at every step, and the same number.
    return (operator.sub, of(term.operand)) if isinstance(term, Neg) else (operator.add, of(term))


def _sum(first: Evaluated, rest: list[tuple[Callable[[Any, Any], Any], Evaluated]]) -> Evaluated:
    # Two terms are the usual case, and need no loop.
    if len(rest) == 1:
        ((join, second),) = rest
        return lambda values: join(first(values), second(values))

    def whole(values: list[Any]) -> Any:
        result = first(values)
        for join, term in rest:
            result = join(result, term(values))
        return result

    return whole


def _product(factors: list[Evaluated]) -> Evaluated:
    first, second, *rest = factors
    if not rest:
        return lambda values: first(values) * second(values)

    def whole(values: list[Any]) -> Any:
        result = first(values) * second(values)
        for factor in rest:
            result = result * factor(values)
        return result

    return whole


def _power(base: Evaluated, exponent: Node, of: Callable[[Node], Evaluated]) -> Evaluated:
    # x*x overflows to infinity where x**2.0 raises, and is exact where a library's pow need not be.
    if exponent == Const(2.0):

        def square(values: list[Any]) -> Any:
            value = base(values)
            return value * value

        return square
    power = of(exponent)
    return lambda values: base(values) ** power(values)


def _call(function: Callable[..., Any], arguments: list[Evaluated]) -> Evaluated:
    if len(arguments) == 1:
        (argument,) = arguments
        return lambda values: function(argument(values))
    return lambda values: function(*[argument(values) for argument in arguments])


def _needed(graph: Graph, wanted: Iterable[str]) -> set[str]:
    needed: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting.extend(graph.dependencies(name))
    return needed
