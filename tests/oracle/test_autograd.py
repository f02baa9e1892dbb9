"""Every gradient and every update of the wing against torch, and against finite differences."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from handgrad.backprop import (
    BiasRule,
    Graph,
    Layer,
    Network,
    Sample,
    UpdateOrder,
    UpdateRule,
    build_graph,
    evaluate,
    exact_gradient,
    finite_differences,
    gradient,
    load_network,
    preset_names,
    trace,
)
from handgrad.backprop.symbols.expression import Const
from oracle.drawn_networks import networks
from oracle.torch_network import TorchNetwork

drawn = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
KINKED = ("relu", "leaky-relu")


def assert_close(found: Sequence[float], expected: Sequence[float], relative: float, scale: float = 0.0) -> None:
    """Each pair within ``relative`` of the largest number among them, or of the larger numbers they were made from."""
    assert len(found) == len(expected) > 0
    scale = max(scale, *map(abs, [*found, *expected]))
    worst = max(abs(a - b) for a, b in zip(found, expected, strict=True))
    assert worst <= relative * scale, f"off by {worst:g} on a scale of {scale:g}"


def assert_differences_agree(found: Mapping[str, float], graph: Graph) -> None:
    """Central differences err by their step squared, and by rounding of E over the step."""
    differences = finite_differences(graph)
    error = float(evaluate(graph)["E_total"])
    scale = max(1.0, abs(error), *map(abs, differences.values()))
    for name, value in found.items():
        assert value == pytest.approx(differences[name], abs=1e-7 * scale), name


def near_a_kink(network: Network) -> bool:
    """Whether a (leaky) ReLU sits so close to its corner that a difference would straddle it."""
    zs = TorchNetwork(network).pre_activations()
    return any(
        layer.activation in KINKED and float(z.detach().abs().min()) < 1e-3
        for layer, z in zip(network.layers, zs, strict=True)
    )


def largest_network() -> Network:
    generator = np.random.default_rng(3)
    samples = tuple(
        Sample(tuple(map(float, generator.uniform(-1, 1, 8))), tuple(map(float, generator.uniform(0, 1, 16))))
        for _ in range(16)
    )
    layers = (Layer(16, "tanh"), Layer(16, "leaky-relu"), Layer(16, "sigmoid"), Layer(16, "softmax"))
    return Network("largest", layers, samples, bias=BiasRule.NEURON)


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("bias", BiasRule)
def test_every_preset_agrees_with_autograd_and_differences(name: str, bias: BiasRule) -> None:
    network = dataclasses.replace(load_network(name), bias=bias, biases=())
    graph, twin = build_graph(network), TorchNetwork(network)
    assert_close(list(gradient(graph).values()), twin.gradient(), 1e-12)
    assert_differences_agree(gradient(graph), graph)


@drawn
@given(network=networks())
def test_drawn_networks_agree_with_autograd_and_differences(network: Network) -> None:
    graph, twin = build_graph(network), TorchNetwork(network)
    assert float(evaluate(graph)["E_total"]) == pytest.approx(float(twin.error().detach()), rel=1e-12, abs=1e-14)
    # A bias that all units of a softmax share has deltas that cancel to 0: rounding is on the scale of the deltas.
    assert_close(list(gradient(graph).values()), twin.gradient(), 1e-12, twin.largest_delta())
    if not near_a_kink(network):
        assert_differences_agree(gradient(graph), graph)


def test_the_largest_network_agrees_with_autograd() -> None:
    network = largest_network()
    assert_close(list(gradient(network).values()), TorchNetwork(network).gradient(), 1e-12)


@drawn
@given(network=networks())
def test_five_steps_of_each_update_rule_are_those_of_torch(network: Network) -> None:
    graph = build_graph(network)
    run = trace(graph, 5)
    if run.diverged_at is not None:
        return
    expected = TorchNetwork(network).train(5)
    # Adam divides by the size of a gradient: where one is nearly zero, rounding decides its sign.
    relative = 1e-6 if network.update.rule is UpdateRule.ADAM else 1e-10
    assert_close([float(run[name][-1]) for name in graph.parameters], expected, relative)


@drawn
@given(network=networks(order=UpdateOrder.OUTPUT_FIRST))
def test_output_layer_first_passes_through_the_updated_weights(network: Network) -> None:
    network = dataclasses.replace(network, update=dataclasses.replace(network.update, rule=UpdateRule.GRADIENT_DESCENT))
    graph = build_graph(network)
    found = evaluate(graph)
    updated = [float(found[f"{name}_next"]) for name in graph.parameters]
    assert_close(updated, TorchNetwork(network).output_first_step(), 1e-12)
    twin, scale = TorchNetwork(network), TorchNetwork(network).largest_delta()
    expected = dict(zip(graph.parameters, twin.gradient(), strict=True))
    exact = graph.exact_parameters
    assert_close([float(found[f"dE/d{name}"]) for name in exact], [expected[name] for name in exact], 1e-12, scale)
    assert_close(list(exact_gradient(graph).values()), list(expected.values()), 1e-12, scale)


def test_output_layer_first_gives_hidden_gradients_that_differences_refute() -> None:
    graph = build_graph(dataclasses.replace(load_network("classic"), order=UpdateOrder.OUTPUT_FIRST))
    assert graph.exact_parameters == ("w5", "w6", "w7", "w8")
    found, differences = gradient(graph), finite_differences(graph)
    assert all(abs(found[name] - differences[name]) > 1e-7 for name in ("w1", "w2", "w3", "w4"))
    assert_differences_agree({name: found[name] for name in graph.exact_parameters}, graph)


@pytest.mark.parametrize("name", preset_names())
def test_the_oracles_catch_a_slope_left_out(name: str) -> None:
    """The mistake of a well-known workbook: one activation's derivative is missing."""
    # With a slope of its own, that is not 1 everywhere: leaving out that of the identity is no mistake.
    network = load_network(name)
    first = dataclasses.replace(network.layers[0], activation="tanh")
    network = dataclasses.replace(network, layers=(first, *network.layers[1:]))
    graph = build_graph(network)
    wrong = tuple(
        dataclasses.replace(quantity, expression=Const(1.0)) if quantity.name.startswith("da_h1") else quantity
        for quantity in graph
    )
    planted = dataclasses.replace(graph, quantities=wrong)
    with pytest.raises(AssertionError, match="off by"):
        assert_close(list(gradient(planted).values()), TorchNetwork(network).gradient(), 1e-12)
    with pytest.raises(AssertionError):
        assert_differences_agree(gradient(planted), planted)


def test_the_comparison_itself_catches_a_last_digit() -> None:
    assert_close([1.0, 1e-3], [1.0, 1e-3 + 1e-13], 1e-12)
    with pytest.raises(AssertionError, match="off by"):
        assert_close([1.0, 1e-3], [1.0, 1e-3 + 1e-11], 1e-12)
