"""Every local derivative that the derivation prints is what sympy gets by differentiating the rule above it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import sympy

from handgrad.backprop import Graph, Kind, Layer, Network, Quantity, Sample, build_graph, load_network, preset_names
from handgrad.backprop.symbols.calculus import ACTIVATIONS, LEAK, LOSSES
from handgrad.backprop.symbols.expression import Call, Const, Neg, Node, Power, Product, Quotient, Ref, Sum

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
    "tanh": sympy.tanh,
    "relu": lambda x: sympy.Piecewise((x, x > 0), (0, True)),
    "relu_slope": lambda x: sympy.Piecewise((1, x > 0), (0, True)),
    "leaky_relu": lambda x: sympy.Piecewise((x, x > 0), (sympy.Float(LEAK) * x, True)),
    "leaky_relu_slope": lambda x: sympy.Piecewise((1, x > 0), (sympy.Float(LEAK), True)),
    "exp": sympy.exp,
    "ln": sympy.log,
    "sqrt": sympy.sqrt,
    "softplus": lambda x: sympy.log(1 + sympy.exp(x)),
    # Taken off and put back, the largest is any constant to a derivative.
    "largest": lambda *values: sympy.Symbol("constant", real=True),
}
POINT = 0.3


def symbol(name: str) -> Any:
    return sympy.Symbol(name, real=True)


def in_sympy(node: Node) -> Any:
    """An expression of the graph as sympy writes it."""
    match node:
        case Ref(name):
            return symbol(name)
        case Const(value):
            return sympy.nsimplify(value)
        case Sum(terms):
            return sympy.Add(*map(in_sympy, terms))
        case Product(factors):
            return sympy.Mul(*map(in_sympy, factors))
        case Neg(operand):
            return -in_sympy(operand)
        case Quotient(top, bottom):
            return in_sympy(top) / in_sympy(bottom)
        case Power(base, exponent):
            return in_sympy(base) ** in_sympy(exponent)
        case Call(function, arguments):
            return FUNCTIONS[function.name](*map(in_sympy, arguments))
    raise TypeError(node)


def opened(graph: Graph, expression: Any, down_to: frozenset[Kind]) -> Any:
    """The expression with each quantity replaced by its own rule, down to quantities of some kinds."""
    while True:
        found = {
            sign: in_sympy(rule)
            for sign in expression.free_symbols
            if sign.name in graph and graph[sign.name].kind not in down_to
            for rule in [graph[sign.name].expression]
            if rule is not None
        }
        if not found:
            return expression
        expression = expression.subs(found)


def assert_same(one: Any, other: Any) -> None:
    """The same number at three points that are no special ones, both sides of the kinks among them."""
    signs = sorted(one.free_symbols | other.free_symbols, key=lambda sign: sign.name)
    for scale in (1.0, -0.7, 2.3):
        at = {sign: scale * (POINT + 0.17 * index) for index, sign in enumerate(signs)}
        assert float(one.subs(at)) == pytest.approx(float(other.subs(at)), rel=1e-9, abs=1e-12)


SUMS = frozenset({Kind.PRE_ACTIVATION})


def nets() -> list[Network]:
    """The presets, and one network for each activation and loss that they leave out."""
    found = [load_network(name) for name in preset_names()]
    sample = Sample((0.5, -0.25), (0.25, 0.75))
    for name in ACTIVATIONS:
        hidden = "tanh" if name == "softmax" else name
        found.append(Network(name, (Layer(2, hidden), Layer(2, name)), (sample,), loss="mean-squared-error"))
    found += [
        Network(loss.name, (Layer(2), Layer(2, loss.needs or "tanh")), (sample,), loss=loss.name)
        for loss in LOSSES.values()
    ]
    return [dataclasses.replace(network, samples=network.samples[:1]) for network in found]


def assert_slopes_are_derivatives(graph: Graph) -> None:
    for slope in graph.of_kind(Kind.ACTIVATION_SLOPE):
        assert slope.of is not None and slope.expression is not None
        top = slope.name.removeprefix("d").split("/d")[0]
        derivative = sympy.diff(opened(graph, symbol(top), SUMS), symbol(slope.of))
        assert_same(opened(graph, in_sympy(slope.expression), SUMS), derivative)


@pytest.mark.parametrize("network", nets(), ids=lambda network: network.name)
def test_every_slope_of_an_activation_is_its_derivative(network: Network) -> None:
    assert_slopes_are_derivatives(build_graph(network))


@pytest.mark.parametrize("network", nets(), ids=lambda network: network.name)
def test_every_output_slope_and_delta_is_the_derivative_of_the_error(network: Network) -> None:
    graph = build_graph(network)
    last = len(network.layers)
    error = symbol("E_total")
    for quantity in graph.of_kind(Kind.ERROR_SLOPE, Kind.DELTA):
        if quantity.layer != last:
            continue
        assert quantity.of is not None and quantity.expression is not None
        kinds = frozenset({graph[quantity.of].kind})
        derivative = sympy.diff(opened(graph, error, kinds), symbol(quantity.of))
        shown = opened(graph, in_sympy(quantity.expression), kinds)
        if network.loss == "softmax-cross-entropy":
            # the cancelling needs targets that add up to 1, which they do
            whole = sum(symbol(f"t{unit}") for unit in range(1, network.outputs))
            derivative = derivative.subs(symbol(f"t{network.outputs}"), 1 - whole)
            shown = shown.subs(symbol(f"t{network.outputs}"), 1 - whole)
        assert_same(shown, derivative)


def linear_factors(graph: Graph) -> list[tuple[Quantity, str, str, str | None]]:
    """Every partial of a weighted sum in the chains: in which quantity, of what, by what, and what it is said to be."""
    found = []
    for quantity in graph.of_kind(Kind.GRADIENT, Kind.ERROR_SLOPE):
        for product in quantity.chain:
            top, bottom = product[-1].name.removeprefix("d").split("/d")
            found.append((quantity, top, bottom, product[-1].quantity))
    return found


@pytest.mark.parametrize("network", nets(), ids=lambda network: network.name)
def test_every_partial_of_a_weighted_sum_is_what_stands_beside_it(network: Network) -> None:
    graph = build_graph(network)
    for _, top, bottom, said in linear_factors(graph):
        rule = graph[top].expression
        assert rule is not None
        assert sympy.diff(in_sympy(rule), symbol(bottom)) == (1 if said is None else symbol(said))


def test_a_wrong_slope_is_noticed() -> None:
    graph = build_graph(load_network("classic"))
    wrong = tuple(
        dataclasses.replace(q, expression=Ref("a_o1") * (Const(1.0) + Ref("a_o1"))) if q.name == "da_o1/do1" else q
        for q in graph
    )
    with pytest.raises(AssertionError):
        assert_slopes_are_derivatives(dataclasses.replace(graph, quantities=wrong))
