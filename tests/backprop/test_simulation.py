"""Traces, sweeps and gradients as data; the wing's cost to import."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from handgrad.backprop import (
    Kind,
    UpdateRule,
    build_graph,
    evaluate,
    finite_differences,
    gradient,
    load_network,
    preset_names,
    rate_sweep,
    trace,
)
from handgrad.errors import UsageError


@pytest.mark.parametrize("name", preset_names())
def test_rows_follow_each_other_through_the_updated_weights(name: str) -> None:
    run = trace(load_network(name), 4)
    for quantity, successor in run.graph.successors.items():
        assert (run[quantity][1:] == run[successor][:-1]).all()
    assert run["E_total"].shape == (5,)
    assert run.names == run.graph.names


@pytest.mark.parametrize("name", preset_names())
def test_floats_and_arrays_give_the_same_run(name: str) -> None:
    network = load_network(name)
    sweep = rate_sweep(network, [network.learning_rate, 0.1], 50)
    assert sweep.errors[:, 0] == pytest.approx(trace(network, 50)["E_total"], rel=1e-9, nan_ok=True)
    assert sweep.errors[:, 1] == pytest.approx(trace(network, 50, ["E_total"], {"learning_rate": 0.1})["E_total"], 1e-9)


def test_the_arrays_of_a_trace_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        trace(load_network("classic"), 1)["w1"][0] = 1.0


def test_columns_hold_every_quantity_but_the_settings_once() -> None:
    for name in preset_names():
        graph = build_graph(load_network(name))
        columns = (*graph.main_columns, *graph.extra_columns)
        settings = {quantity.name for quantity in graph.of_kind(Kind.SETTING)}
        assert len(set(columns)) == len(columns) and set(columns) == set(graph.names) - settings


def test_changes_reach_the_gradient_and_the_differences() -> None:
    changes = {"w5": -0.7, "i1": 1.0}
    graph = build_graph(load_network("classic"))
    found, differences = gradient(graph, changes), finite_differences(graph, changes)
    assert found != gradient(graph)
    assert all(found[name] == pytest.approx(differences[name], abs=1e-9) for name in graph.parameters)


def test_given_values_broadcast() -> None:
    found = evaluate(build_graph(load_network("classic")), {"w1": np.array([0.1, 0.15, 0.2])})
    assert found["E_total"].shape == (3,)
    assert found["E_total"][1] == evaluate(build_graph(load_network("classic")))["E_total"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: trace(load_network("classic"), -1), "steps must be a whole number from 0 to 1,000,000 – found -1"),
        (lambda: trace(load_network("classic"), 1, ["w9"]), "w9 is not a quantity of classic"),
        (lambda: trace(load_network("classic"), 1, None, {"rate": 1.0}), "rate is not a first value of this network"),
        (lambda: trace(load_network("three-classes"), 1_000_000), r"1,000,000 steps of \d+ quantities do not fit"),
        (lambda: rate_sweep(load_network("classic"), [], 1), "rates must be finite numbers above 0 – found none"),
        (lambda: rate_sweep(load_network("classic"), [0.1, float("nan")], 1), "above 0 – found nan"),
    ],
)  # fmt: skip
def test_what_cannot_be_simulated_is_refused_in_one_line(call: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()  # type: ignore[operator]


def test_the_wing_imports_no_torch_and_nothing_else_that_is_slow() -> None:
    slow = "torch", "sympy", "matplotlib", "xlsxwriter"
    program = f"import sys, handgrad.backprop; print([name for name in {slow} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_adam_keeps_its_step_number_and_two_memories_a_parameter() -> None:
    network = load_network("classic")
    adam = dataclasses.replace(network, update=dataclasses.replace(network.update, rule=UpdateRule.ADAM))
    run = trace(adam, 3)
    assert list(run["step"]) == [0, 1, 2, 3]
    assert len(run.graph.memory) == 1 + 2 * 8
    # Adam's first step is the learning rate, whatever the size of the gradient.
    assert abs(run["w5"][1] - run["w5"][0]) == pytest.approx(network.learning_rate, rel=1e-6)
