"""The four renderings of one expression: they must mean the same number."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from backprop.formula_reader import read_formula
from handgrad.backprop import Graph, Network, UpdateRule, build_graph, evaluate, load_network, preset_names, trace
from handgrad.backprop.symbols import calculus as calc
from handgrad.backprop.symbols.expression import Call, Const, Function, Neg, Ref, names_in, substitute
from handgrad.backprop.symbols.rendering import formula, latex, plain
from oracle.drawn_networks import networks

ALLOWED = {"EXP", "LN", "IF", "SUM", "SUMPRODUCT", "MAX", "ABS", "SQRT", "MIN", "AND", "OR", "ISNUMBER", "IFERROR"}
A, B = Ref("a"), Ref("b")
CELLS = {"a": "A1", "b": "B1"}


def cells_of(graph: Graph) -> dict[str, str]:
    return {name: f"Q{row}" for row, name in enumerate(graph.names, start=1)}


def assert_formulas_agree(graph: Graph, values: dict[str, float]) -> None:
    cells = cells_of(graph)
    contents = {cells[name]: value for name, value in values.items()}
    for quantity in graph:
        if quantity.expression is not None:
            text = graph.formula(quantity.name, cells)
            assert set(re.findall(r"([A-Z]+)\(", text)) <= ALLOWED, text
            assert read_formula(text, contents) == pytest.approx(values[quantity.name], rel=1e-12, abs=1e-14), text


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(network=networks(order=None))
def test_every_formula_read_as_a_spreadsheet_reads_it_gives_the_value(network: Network) -> None:
    graph = build_graph(network)
    assert_formulas_agree(graph, {name: float(value) for name, value in evaluate(graph).items()})


@pytest.mark.parametrize("name", preset_names())
def test_the_formulas_of_every_preset_give_the_values_of_a_later_row(name: str) -> None:
    for rule in UpdateRule:
        network = load_network(name)
        network = dataclasses.replace(network, update=dataclasses.replace(network.update, rule=rule))
        graph = build_graph(network)
        assert_formulas_agree(graph, trace(graph, 30).row(30))


def test_a_wrong_formula_is_noticed() -> None:
    graph = build_graph(load_network("classic"))
    wrong = tuple(
        dataclasses.replace(quantity, expression=-(Ref("delta_o1") * Ref("a_h1")))
        if quantity.name == "dE/dw5"
        else quantity
        for quantity in graph
    )
    values = {name: float(value) for name, value in evaluate(graph).items()}
    with pytest.raises(AssertionError):
        assert_formulas_agree(dataclasses.replace(graph, quantities=wrong), values)


def test_the_formula_reader_has_the_traps_of_a_spreadsheet() -> None:
    assert read_formula("-2^2", {}) == 4
    assert read_formula("2-2^2", {}) == -2
    assert read_formula("2^3^2", {}) == 64
    with pytest.raises(ArithmeticError):
        read_formula("EXP(710)", {})


def test_a_minus_sign_never_meets_a_power_without_brackets() -> None:
    cells = {"A1": 3.0, "B1": 2.0}
    for expression, value in [
        (Neg(A ** Const(2.0)), -9.0),
        (Neg(A) ** Const(2.0), 9.0),
        (Neg(A) * B, -6.0),
        (B * Neg(A), -6.0),
        (Neg(A * B) + B, -4.0),
        (B - Neg(A), 5.0),
        (B - (A - B), 1.0),
        (A / (A * B), 0.5),
        (A * (A / B), 4.5),
        (Neg(A + B), -5.0),
        (A / B / B, 0.75),
    ]:
        text = formula(expression, CELLS)
        assert read_formula(text, cells) == value, text


def test_paper_shows_symbols_and_numbers() -> None:
    graph = build_graph(load_network("classic-biased"))
    row = trace(graph, 0).row(0)
    assert graph.plain("dE/da_h1") == "δ_o1 · w5 + δ_o2 · w7"
    assert graph.plain("dE/da_h1", row, digits=4) == "0.1385 · 0.4 + (−0.0381) · 0.5"
    assert graph.plain("E1") == "0.5 · (t1 − a_o1)²"
    assert graph.latex("da_o1/do1") == r"a_{o1} \cdot \left(1 - a_{o1}\right)"
    assert graph.latex("w5_next") == r"w_{5} - \eta \cdot \frac{\partial E}{\partial w_{5}}"
    assert plain(A * B, CELLS, {"a": 1.5e-7, "b": -2.0}) == "(1.5·10^−7) · (−2)"
    assert latex(A ** Const(2.0), {"a": "a^{(2)}"}) == r"\left(a^{(2)}\right)^{2}"


def test_the_chain_rule_factors_multiply_to_the_value() -> None:
    for name in preset_names():
        graph = build_graph(load_network(name))
        values = {key: float(value) for key, value in evaluate(graph).items()}
        share = len(graph.network.samples)
        checked = 0
        for quantity in graph:
            if quantity.chain:
                products = [
                    math.prod(values[f.quantity] if f.quantity else 1.0 for f in term) for term in quantity.chain
                ]
                found = math.fsum(products) / (share if quantity.kind == "gradient" else 1)
                assert found == pytest.approx(values[quantity.name], rel=1e-12, abs=1e-15), quantity.name
                checked += 1
        assert checked >= len(graph.parameters)


def test_substitution_puts_an_expression_in_place_of_a_name() -> None:
    graph = build_graph(load_network("classic"))
    delta = graph["delta_o1"].expression
    gradient = graph["dE/dw5"].expression
    assert delta is not None and gradient is not None
    inlined = substitute(gradient, {"delta_o1": delta})
    assert names_in(inlined) == ("dE/da_o1", "da_o1/do1", "a_h1")


@pytest.mark.parametrize("function", calc.FUNCTIONS.values(), ids=lambda function: function.name)
def test_a_function_gives_the_same_on_floats_arrays_and_sheets(function: Function) -> None:
    positive = function.name in ("ln", "sqrt")
    for x in (1e-9, 0.3, 2.0, 40.0) if positive else (-40.0, -2.0, -0.3, -1e-9, 0.0, 1e-9, 0.3, 2.0, 40.0):
        expected = function.of_float(x) if function.name != "largest" else function.of_float(x, 0.5)
        other = function.of_array(x) if function.name != "largest" else function.of_array(x, 0.5)
        arguments = (A, Const(0.5)) if function.name == "largest" else (A,)
        sheet = read_formula(formula(Call(function, arguments), CELLS), {"A1": x})
        assert float(other) == pytest.approx(expected, rel=1e-14, abs=1e-300)
        assert sheet == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "leaky-relu", "identity"])
@pytest.mark.parametrize("x", [-1000.0, 1000.0])
def test_no_activation_overflows_in_a_sheet(activation: str, x: float) -> None:
    entry = calc.ACTIVATIONS[activation]
    assert entry.value is not None
    assert math.isfinite(read_formula(formula(entry.value(A), CELLS), {"A1": x}))


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "sigmoid", "softplus"])
def test_what_is_no_number_stays_visible(name: str) -> None:
    function = calc.FUNCTIONS[name]
    assert math.isnan(function.of_float(math.nan))
    with np.errstate(all="ignore"):
        assert math.isnan(float(function.of_array(math.nan)))


@pytest.mark.parametrize(
    "name", [name if name == "classic" else pytest.param(name, marks=pytest.mark.long) for name in preset_names()]
)
def test_all_latex_is_read_by_matplotlib(name: str) -> None:
    from matplotlib.mathtext import MathTextParser

    parser = MathTextParser("path")
    network = load_network(name)
    network = dataclasses.replace(network, update=dataclasses.replace(network.update, rule=UpdateRule.ADAM))
    graph = build_graph(network)
    row = trace(graph, 0).row(0)
    for quantity in graph:
        if quantity.sample in (None, 1) and quantity.expression is not None:
            for right in (graph.latex(quantity.name), graph.latex(quantity.name, row)):
                parser.parse(f"${quantity.latex} = {right}$")
    for entry in calc.ACTIVATIONS.values():
        parser.parse(f"${entry.reads_latex}$ ${entry.slope_latex}$")


@pytest.mark.parametrize("rule", UpdateRule)
@pytest.mark.parametrize("name", preset_names())
def test_the_square_of_a_derivative_is_that_of_the_whole_fraction(name: str, rule: UpdateRule) -> None:
    network = load_network(name)
    graph = build_graph(dataclasses.replace(network, update=dataclasses.replace(network.update, rule=rule)))
    squares = 0
    for quantity in graph:
        if quantity.expression is None:
            continue
        plain, latex = graph.plain(quantity.name), graph.latex(quantity.name)
        assert re.search(r"∂\w+/∂[\w\[\]]+²", plain) is None, plain
        assert re.search(r"\\frac\{(?:[^{}]|\{[^{}]*\})*\}\{(?:[^{}]|\{[^{}]*\})*\}\^", latex) is None, latex
        squares += "(∂E/∂" in plain
    assert (squares > 0) == (rule is UpdateRule.ADAM)
