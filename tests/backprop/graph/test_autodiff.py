"""Automatic differentiation in 40 digits: the same gradient as torch's, and nothing taken from the backward half."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings

from handgrad.backprop import Kind, Network, UpdateOrder, build_graph, load_network, preset_names
from handgrad.backprop.graph.autodiff import FUNCTIONS, error_slopes
from handgrad.backprop.graph.graph import FORWARD
from handgrad.backprop.symbols.calculus import ACTIVATIONS, LOSSES
from handgrad.backprop.symbols.expression import Call, walk
from oracle.drawn_networks import networks
from oracle.torch_network import TorchNetwork


def assert_as_torch(network: Network) -> None:
    found, twin = error_slopes(build_graph(network)), TorchNetwork(network)
    size = max(1.0, found.error)
    assert found.error == pytest.approx(float(twin.error().detach()), rel=1e-12)
    assert list(found.gradient.values()) == pytest.approx(twin.gradient(), rel=1e-9, abs=1e-13 * size)


@pytest.mark.parametrize("name", preset_names())
def test_the_gradient_is_that_of_autograd(name: str) -> None:
    assert_as_torch(load_network(name))


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(networks(order=None))
def test_the_gradient_of_any_network_is_that_of_autograd_whatever_the_order_of_its_updates(network: Network) -> None:
    assert_as_torch(network)


def test_a_wrong_backward_half_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network = load_network("classic")
    right = error_slopes(build_graph(network))
    wrong = dataclasses.replace(ACTIVATIONS["sigmoid"], slope=lambda z, a: a)
    monkeypatch.setitem(ACTIVATIONS, "sigmoid", wrong)
    assert error_slopes(build_graph(network)) == right
    assert error_slopes(build_graph(dataclasses.replace(network, order=UpdateOrder.OUTPUT_FIRST))) == right


def test_every_function_of_a_forward_pass_has_its_rule() -> None:
    used = set()
    for activation in ACTIVATIONS:
        for loss in LOSSES.values():
            if loss.needs in (None, activation):
                network = load_network("three-classes")
                layers = (network.layers[0], dataclasses.replace(network.layers[1], activation=activation))
                graph = build_graph(dataclasses.replace(network, layers=layers, loss=loss.name))
                expressions = [q.expression for q in graph.of_kind(*FORWARD) if q.expression is not None]
                used |= {node.function.name for one in expressions for node in walk(one) if isinstance(node, Call)}
    assert used <= set(FUNCTIONS) and len(used) == 8
    assert Kind.DELTA not in FORWARD


def test_what_overflows_a_double_is_infinite_and_raises_nothing() -> None:
    network = dataclasses.replace(load_network("diverging"), weights=(1e200,) * 8)
    assert error_slopes(build_graph(network)).error == float("inf")
