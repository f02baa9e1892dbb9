"""The figures of published worked examples and of an independent computation, to the digits they were given with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handgrad.backprop import (
    BiasRule,
    Layer,
    Network,
    UpdateOrder,
    build_graph,
    load_network,
    rate_sweep,
    trace,
)

CLASSIC = """
0.1 0.2425198573 0.2411090388 0.2004425265 0.1622154235 0.1335106073 0.0125477721
0.2 0.2425198573 0.2397011434 0.1650817050 0.1102520615 0.07916642312 0.005245443476
0.5 0.2425198573 0.2354953779 0.09576988437 0.04635706130 0.02916668024 0.001626108544
0.8 0.2425198573 0.2313172864 0.06154744650 0.02669791950 0.01638662848 0.0008766939688
1.0 0.2425198573 0.2285477653 0.04832400490 0.02030695831 0.01239512418 0.0006491824094
2.0 0.2425198573 0.2149015988 0.02111693945 0.008506281715 0.005160108602 0.0002439145186
"""
ROWS = (0, 1, 32, 67, 100, 1000)
HEADER = (
    "t1 t2 i1 i2 w1 w2 w3 w4 w5 w6 w7 w8 h1 a_h1 h2 a_h2 o1 a_o1 o2 a_o2 E1 E2 E_total "
    "∂E/∂w1 ∂E/∂w2 ∂E/∂w3 ∂E/∂w4 ∂E/∂w5 ∂E/∂w6 ∂E/∂w7 ∂E/∂w8"
)


@pytest.mark.parametrize("line", CLASSIC.split("\n")[1:-1])
def test_the_classic_network_meets_the_figures_at_every_learning_rate(line: str) -> None:
    rate, *expected = line.split()
    errors = trace(load_network("classic"), 1000, ["E_total"], {"learning_rate": float(rate)})["E_total"]
    for row, figure in zip(ROWS, expected, strict=True):
        assert f"{errors[row]:.10g}" == f"{float(figure):.10g}", f"row {row}"


def test_a_sweep_of_all_rates_at_once_meets_the_same_figures() -> None:
    lines = [line.split() for line in CLASSIC.split("\n")[1:-1]]
    errors = rate_sweep(load_network("classic"), [float(line[0]) for line in lines], 1000).errors
    for column, line in enumerate(lines):
        assert [f"{errors[row, column]:.10g}" for row in ROWS] == [f"{float(figure):.10g}" for figure in line[1:]]


def test_the_classic_table_has_exactly_the_published_header() -> None:
    graph = build_graph(load_network("classic"))
    assert " ".join(graph[name].label for name in graph.main_columns) == HEADER


def test_the_biased_example_meets_the_published_activations_and_gradients() -> None:
    row = trace(load_network("classic-biased"), 0).row(0)
    assert row["E_total"] == pytest.approx(0.2983711087600027, abs=1e-15)
    published = {
        "a_h1": "0.593269992107", "a_h2": "0.596884378260", "a_o1": "0.751365069552", "a_o2": "0.772928465321",
        "dE/dw1": "0.000438567734", "dE/dw2": "0.000877135469", "dE/dw3": "0.000497712735",
        "dE/dw4": "0.000995425471", "dE/dw5": "0.082167040564", "dE/dw6": "0.082667627848",
        "dE/dw7": "-0.022602540477", "dE/dw8": "-0.022740242216",
    }  # fmt: skip
    assert {name: f"{row[name]:.12f}" for name in published} == published


@pytest.mark.parametrize(
    ("rule", "after_one", "after_many"),
    [
        (BiasRule.FIXED, "0.29102777369360", "3.51018778e-05"),
        (BiasRule.NEURON, "0.28047144679143", "2.44756224e-06"),
        (BiasRule.LAYER, "0.28575088669930", "4.35532107e-06"),
    ],
)
def test_each_bias_rule_meets_its_figures(rule: BiasRule, after_one: str, after_many: str) -> None:
    errors = trace(replace(load_network("classic-biased"), bias=rule), 10_000, ["E_total"])["E_total"]
    assert (f"{errors[1]:.14f}", f"{errors[10_000]:.8e}") == (after_one, after_many)


def test_output_layer_first_explains_the_published_after_figures() -> None:
    network = replace(load_network("classic-biased"), order=UpdateOrder.OUTPUT_FIRST)
    run = trace(network, 10_000, ["E_total", "a_o1", "a_o2"])
    assert f"{run['E_total'][1]:.14f}" == "0.29102792390544"
    assert (f"{run['a_o1'][-1]:.9f}", f"{run['a_o2'][-1]:.9f}") == ("0.015912196", "0.984065734")


def test_no_learning_rate_makes_the_classic_error_rise() -> None:
    rates = [0.1 * 10 ** (k / 8) for k in range(33)]
    sweep = rate_sweep(load_network("classic"), rates, 300)
    assert (rates[0], round(rates[-1])) == (0.1, 1000)
    assert sweep.rises == (0,) * len(rates)
    assert sweep.ended_higher == (False,) * len(rates)


def unbounded() -> Network:
    """The classic network with trained biases and an output that nothing bounds."""
    layers = (Layer(2), Layer(2, "identity"))
    found = replace(load_network("classic-biased"), bias=BiasRule.NEURON, biases=(0.35, 0.6), layers=layers)
    return replace(found, learning_rate=2.0)


def test_the_unbounded_network_converges_up_to_one_and_ends_higher_at_two() -> None:
    sweep = rate_sweep(unbounded(), [0.1, 0.2, 0.5, 0.8, 1.0, 2.0], 100)
    assert sweep.ended_higher == (False,) * 5 + (True,)
    assert (sweep.errors[100, :5] < 1e-6).all()
    assert (f"{sweep.errors[1, 5]:.3f}", f"{sweep.errors[100, 5]:.2f}") == ("3.367", "16.71")


def test_an_overflowing_run_is_reported_with_its_step_and_without_a_warning() -> None:
    network = replace(unbounded(), bias=BiasRule.LAYER, biases=(0.35, 0.6))
    sweep = rate_sweep(network, [0.5, 2.0], 1000)
    assert sweep.diverged_at[0] is None
    assert sweep.diverged_at[1] == trace(network, 1000, ["E_total"]).diverged_at
    assert 100 < (sweep.diverged_at[1] or 0) < 1000
    assert sweep.ended_higher == (False, True)


def test_xor_is_learned() -> None:
    run = trace(load_network("xor"), 3000)
    outputs = [run[f"a_o1[{sample}]"][-1] for sample in (1, 2, 3, 4)]
    assert outputs == pytest.approx([0, 1, 1, 0], abs=0.05)
    assert run["E_total"][0] > 0.12


def test_three_classes_are_told_apart() -> None:
    run = trace(load_network("three-classes"), 1000)
    for sample, right in enumerate((1, 1, 2, 2, 3, 3), start=1):
        shares = [run[f"a_o{unit}[{sample}]"][-1] for unit in (1, 2, 3)]
        assert shares[right - 1] > 0.98
        assert sum(shares) == pytest.approx(1, abs=1e-15)
