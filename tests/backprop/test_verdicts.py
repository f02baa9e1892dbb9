"""What is said of a training: every sentence true, of presets, drawn networks and curves made for one sentence each."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import fields, replace
from operator import ge, gt, le
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handgrad.backprop import build_graph, load_network, preset_names, trace, verdicts
from handgrad.backprop.network.network import Layer, Network, Sample
from handgrad.backprop.simulate import rate_sweep
from handgrad.backprop.verdicts import (
    MEANING,
    RULES,
    Features,
    Flat,
    Outcome,
    features_of,
    flat_layer,
    rules_as_data,
    verdict_of,
    verdict_on,
    verdicts_of,
)
from oracle.drawn_networks import networks

SCRIPTS = Path(verdicts.__file__).parents[1] / "page" / "scripts"
RATES = (1e-6, 0.1, 0.5, 2.0, 10.0, 100.0, 1000.0, 1e6)
Floats = np.ndarray[Any, np.dtype[np.float64]]


def is_true(outcome: Outcome, errors: Floats) -> bool:
    """Say by other means than the rules whether a sentence is true of a curve."""
    finite = bool(np.isfinite(errors).all())
    if outcome is Outcome.DIVERGES or not finite:
        return outcome is Outcome.DIVERGES and not finite
    moves = np.diff(errors)
    late = moves[(len(errors) - 1) // 2 :]
    start, end = float(errors[0]), float(errors[-1])
    rounding = 1e-8 * np.abs(errors[:-1]) + 1e-14
    match outcome:
        case Outcome.NOT_TRAINED:
            return len(errors) == 1
        case Outcome.NOTHING:
            return bool((np.abs(errors) < 1e-14).all())
        case Outcome.STUCK_OUTPUTS | Outcome.STUCK_HIDDEN | Outcome.STUCK_DEAD:
            return end > start / 20 and abs(float(late.sum())) < 2e-3 * max(start, end)
        case Outcome.RISES:
            return end > start
        case Outcome.ZIGZAGS:
            return end < start and int((late > 0).sum()) > 1 and bool((late < 0).any())
        case Outcome.ZIGZAGS_ONLY:
            return int((late > 0).sum()) > 1 and bool((late < 0).any())
        case Outcome.BARELY_MOVES:
            return 0.9 * start <= end <= start * (1 + 1e-8) + 1e-14
        case Outcome.FALLS_WITH_RISES:
            return end < start and bool((moves > 0).any())
        case Outcome.FALLS:
            return end < 0.9 * start and bool((moves < 0).all())
        case Outcome.STANDS_STILL:
            return end < start and abs(moves[-1]) <= rounding[-1]
        case Outcome.NEVER_RISES:
            return bool((moves <= rounding).all())


def said(network: Network, rate: float, steps: int = 100) -> tuple[Outcome, Floats]:
    graph = build_graph(network)
    run = trace(graph, steps, ["E_total", *graph.parameters], {"learning_rate": rate})
    return verdict_of(run).outcome, run["E_total"]


@pytest.mark.parametrize("name", preset_names())
def test_what_is_said_of_a_preset_is_true_at_every_rate(name: str) -> None:
    for rate in RATES:
        outcome, errors = said(load_network(name), rate)
        assert is_true(outcome, errors), (rate, outcome)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(networks(), st.sampled_from(RATES))
def test_what_is_said_of_a_drawn_network_is_true(network: Network, rate: float) -> None:
    outcome, errors = said(network, rate, 40)
    assert is_true(outcome, errors), outcome


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.floats(0, 1e308) | st.sampled_from([math.nan, math.inf, 0.0, 1.0, 1.0 + 1e-12]), min_size=1))
def test_what_is_said_of_any_curve_is_true(errors: list[float]) -> None:
    verdict = verdict_on(features_of(errors))
    assert is_true(verdict.outcome, np.array(errors)), verdict


CURVES: dict[Outcome, tuple[list[float], Flat]] = {
    Outcome.DIVERGES: ([1, 4, 1e200, math.inf, math.nan], Flat.NONE),
    Outcome.NOT_TRAINED: ([1], Flat.NONE),
    Outcome.NOTHING: ([0, 0, 0], Flat.OUTPUTS),
    Outcome.STUCK_OUTPUTS: ([1, 0.5, 0.5, 0.5, 0.5], Flat.OUTPUTS),
    Outcome.STUCK_HIDDEN: ([1, 0.5, 0.5, 0.5, 0.5], Flat.HIDDEN),
    Outcome.STUCK_DEAD: ([1, 0.5, 0.5, 0.5, 0.5], Flat.DEAD),
    Outcome.RISES: ([1, 0.5, 2, 3, 4], Flat.NONE),
    Outcome.ZIGZAGS: ([1, 0.5, 0.4, 0.5, 0.4, 0.5, 0.4, 0.5, 0.4, 0.5, 0.4], Flat.NONE),
    Outcome.ZIGZAGS_ONLY: ([1, 0.95, 1, 0.95, 1, 0.95, 0.97], Flat.NONE),
    Outcome.BARELY_MOVES: ([1, 0.99, 0.98], Flat.NONE),
    Outcome.FALLS_WITH_RISES: ([1, 0.5, 0.6, 0.4, 0.3, 0.2, 0.1, 0.05], Flat.NONE),
    Outcome.FALLS: ([1, 0.5, 0.4, 0.3], Flat.OUTPUTS),
    Outcome.STANDS_STILL: ([1, 0.5, 0.5, 0.5], Flat.NONE),
    Outcome.NEVER_RISES: ([1, 0.5, 0.5, 0.4, 0.3], Flat.NONE),
}
"""A curve for each sentence."""


@pytest.mark.parametrize("outcome", list(Outcome))
def test_each_sentence_is_said_of_a_curve_made_for_it(outcome: Outcome) -> None:
    curve, flat = CURVES[outcome]
    assert verdict_on(features_of(curve, flat)).outcome is outcome
    assert is_true(outcome, np.array(curve))


def test_every_outcome_has_a_rule_a_meaning_and_numbers_that_are_found() -> None:
    assert [outcome for outcome, _ in RULES] == list(dict.fromkeys(outcome for outcome, _ in RULES))
    assert {outcome for outcome, _ in RULES} == set(Outcome) == set(MEANING)
    names = {field.name for field in fields(Features)}
    assert {name for _, tests in RULES for test in tests for name in (test.left, test.right)} <= names


def test_the_words_tell_the_step_and_the_reason() -> None:
    assert str(verdict_on(features_of([1, 2, math.inf]))).startswith("diverges at step 2: ")
    assert str(verdict_on(features_of([1, 0.5, 0.2]))) == "falls at every step"
    classic = load_network("classic")
    outcome, errors = said(classic, 1e6)
    assert outcome is Outcome.STUCK_HIDDEN and errors[-1] == pytest.approx(0.2401, abs=1e-4)
    assert said(load_network("xor"), 1e6)[0] is Outcome.STUCK_OUTPUTS
    assert said(load_network("xor"), 0.001)[0] is Outcome.BARELY_MOVES


def test_a_layer_is_flat_when_every_unit_of_it_is() -> None:
    classic = load_network("classic")
    assert flat_layer(classic, {}) is Flat.NONE
    far = {f"w{number}": 1e4 for number in range(1, 5)}
    assert flat_layer(classic, far) is Flat.HIDDEN
    assert flat_layer(classic, far | {"w1": 0.0, "w2": 0.0}) is Flat.NONE
    assert flat_layer(classic, {f"w{number}": 1e4 for number in range(5, 9)}) is Flat.OUTPUTS


NUMBERS = Features(
    rows=11, numbers=11, first=1.0, last=0.4, before=0.41, highest=1.0, middle=0.6,
    rises=0, falls=10, steps=10, late_rises=0, late_falls=5, late_steps=5,
)  # fmt: skip
"""A run that falls at every step; each case below changes what its sentence depends on."""
HALF = {"middle": 0.5, "last": 0.5}
ZIGZAG = {"rises": 3, "falls": 7, "late_rises": 2, "late_falls": 3}
EDGES: list[tuple[Outcome, dict[str, Any], dict[str, Any]]] = [
    # A sentence, numbers of which it is just true, and what has to change for it to be just untrue.
    (Outcome.DIVERGES, {"numbers": 10}, {"numbers": 11}),
    (Outcome.NOT_TRAINED, {"rows": 1, "numbers": 1, "steps": 0}, {"steps": 1}),
    (Outcome.NOTHING, {"highest": 0.9e-15}, {"highest": 1.1e-15}),
    *(
        edge
        for outcome, flat in (
            (Outcome.STUCK_OUTPUTS, Flat.OUTPUTS),
            (Outcome.STUCK_HIDDEN, Flat.HIDDEN),
            (Outcome.STUCK_DEAD, Flat.DEAD),
        )
        for edge in (
            (outcome, {"flat": flat, **HALF}, {"flat": Flat.NONE}),
            (outcome, {"flat": flat, **HALF, "middle": 0.5 * 1.0009}, {"middle": 0.5 * 1.0011}),
            (outcome, {"flat": flat, **HALF, "last": 0.5 * 1.0009}, {"last": 0.5 * 1.0011}),
            (outcome, {"flat": flat, "middle": 0.0501, "last": 0.0501}, {"middle": 0.0499, "last": 0.0499}),
            # Errors of the size of rounding stand still however much of themselves they move.
            (
                outcome,
                {"flat": flat, "first": 9e-15, "last": 1e-15, "middle": 1.9e-15, "highest": 9e-15},
                {"middle": 2.1e-15},
            ),
            (
                outcome,
                {"flat": flat, "first": 9e-15, "last": 1.9e-15, "middle": 1e-15, "highest": 9e-15},
                {"last": 2.1e-15},
            ),
        )
    ),
    (Outcome.RISES, {"last": 1 + 2e-9}, {"last": 1 + 0.5e-9}),
    (Outcome.RISES, {"first": 0.0, "highest": 1.0, "last": 1.1e-15}, {"last": 0.9e-15}),
    (Outcome.ZIGZAGS, {**ZIGZAG, "last": 0.89}, {"last": 0.91}),
    (Outcome.ZIGZAGS, ZIGZAG, {"late_rises": 1, "late_steps": 3}),
    (Outcome.ZIGZAGS, ZIGZAG, {"late_falls": 0}),
    (Outcome.ZIGZAGS, {**ZIGZAG, "late_steps": 7}, {"late_steps": 8}),
    (Outcome.ZIGZAGS_ONLY, {**ZIGZAG, "last": 0.95}, {"late_rises": 1, "late_steps": 3}),
    (Outcome.BARELY_MOVES, {"last": 0.901}, {"last": 0.899}),
    (Outcome.FALLS_WITH_RISES, {"rises": 1, "falls": 9}, {"rises": 0}),
    (Outcome.FALLS, {}, {"falls": 9}),
    (Outcome.STANDS_STILL, {"falls": 9, "before": 0.4 * (1 + 0.5e-9)}, {"before": 0.4 * (1 + 2e-9)}),
    (
        Outcome.STANDS_STILL,
        {"first": 9e-15, "falls": 9, "before": 1.9e-15, "last": 1e-15},
        {"before": 2.1e-15},
    ),
    (Outcome.NEVER_RISES, {"falls": 9}, {"falls": 10}),
]


@pytest.fixture
def read_again() -> Any:
    """The module once more: its rules are made when it is read, so a fault in what makes them shows in a reading only."""
    spec = importlib.util.spec_from_file_location(verdicts.__name__, verdicts.__file__)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("case", range(len(EDGES)))
def test_each_sentence_ends_where_it_says(case: int, read_again: Any) -> None:
    """The thresholds are those of the words: less than a tenth, a quarter of the steps, 1 % of the slope, rounding."""
    outcome, true, changed = EDGES[case]
    numbers = replace(NUMBERS, **true)
    assert verdict_on(numbers).outcome is outcome
    assert verdict_on(replace(numbers, **changed)).outcome is not outcome
    assert read_again.verdict_on(numbers).outcome.value == outcome.value
    assert read_again.verdict_on(replace(numbers, **changed)).outcome.value != outcome.value


def test_every_sentence_has_an_edge() -> None:
    assert {outcome for outcome, _, _ in EDGES} == set(Outcome)


def test_a_page_that_runs_the_rules_as_data_says_the_same(read_again: Any) -> None:
    """Run here as the page runs them: by the names of the data alone."""
    for data in (rules_as_data(), read_again.rules_as_data()):
        signs = {">": gt, ">=": ge, "<=": le}
        for _, true, changed in EDGES:
            for numbers in (replace(NUMBERS, **true), replace(NUMBERS, **{**true, **changed})):
                known = {field.name: getattr(numbers, field.name) for field in fields(Features)}
                said = next(
                    rule["outcome"]
                    for rule in data["rules"]
                    if all(
                        signs[sign](known[left], times * known[right] + plus)
                        for left, sign, right, times, plus in rule["tests"]
                    )
                )
                assert said == verdict_on(numbers).outcome.value
        assert {name: data[name] for name in ("slack", "noise", "flat", "plainLoss", "kinds", "steepest")} == {
            "slack": 1e-9,
            "noise": 1e-15,
            "flat": 0.01,
            "plainLoss": "half-squared-error",
            "kinds": {"none": 0, "outputs": 1, "hidden": 2, "dead": 3},
            "steepest": {"sigmoid": 0.25, "tanh": 1.0, "softmax": 0.25, "relu": 1.0},
        }
        assert data["meaning"] == {outcome.value: MEANING[outcome] for outcome in Outcome}
        scripts = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS.glob("*.js"))
        assert [name for name in data if f".{name}" not in scripts] == []


class Run(dict[str, list[float]]):
    """As much of a traced run as a verdict looks at."""

    diverged_at = None

    def __init__(self, network: Network, **columns: list[float]) -> None:
        self.graph = build_graph(network)
        steps = len(columns["E_total"])
        super().__init__({name: [graph_value] * steps for name, graph_value in first_values(network).items()})
        self.update(columns)


def first_values(network: Network) -> dict[str, float]:
    graph = build_graph(network)
    run = trace(graph, 0, graph.parameters)
    return {name: float(run[name][0]) for name in graph.parameters}


def test_whether_a_layer_is_flat_is_asked_of_the_weights_at_the_end() -> None:
    classic, errors = load_network("classic"), [1.0, 0.5, 0.5, 0.5, 0.5]
    late = {f"w{number}": [0.0, 0.0, 0.0, 0.0, 1e4] for number in range(1, 5)}
    early = {f"w{number}": [0.0, 1e4, 1e4, 1e4, 0.0] for number in range(1, 5)}
    assert verdict_of(Run(classic, E_total=errors, **late)).outcome is Outcome.STUCK_HIDDEN  # type: ignore[arg-type]
    assert verdict_of(Run(classic, E_total=errors, **early)).outcome is Outcome.STANDS_STILL  # type: ignore[arg-type]


@pytest.mark.parametrize("name", preset_names())
def test_many_rates_at_once_get_the_verdicts_of_one_after_another(name: str) -> None:
    network = load_network(name)
    found = verdicts_of(network, rate_sweep(network, RATES, 60))
    alone = [trace(network, 60, changes={"learning_rate": rate}) for rate in RATES]
    assert [str(verdict) for verdict in found] == [str(verdict_of(run)) for run in alone]
    assert len({verdict.outcome for verdict in found}) > 2


def one_hidden_unit(activation: str, weight: float) -> Network:
    return Network(
        name="one", layers=(Layer(1, activation), Layer(1, "identity")), samples=(Sample((1.0,), (0.5,)),),
        weights=(weight, 0.5),
    )  # fmt: skip


@pytest.mark.parametrize(("activation", "wide"), [("sigmoid", 2.0), ("tanh", 1.0)])
def test_a_unit_is_flat_beyond_the_point_that_calculus_gives(activation: str, wide: float) -> None:
    """1 − tanh² is a hundredth where tanh is √0.99; σ(z) is tanh(z/2) moved and halved, so twice as far out."""
    edge = wide * math.atanh(math.sqrt(0.99))
    network = one_hidden_unit(activation, edge)
    for beyond in (edge * 1.001, -edge * 1.001):
        assert flat_layer(network, {"w1": beyond, "w2": 0.5}) is Flat.HIDDEN
    assert flat_layer(network, {"w1": edge * 0.999, "w2": 0.5}) is Flat.NONE


def test_a_relu_is_dead_below_zero_and_what_never_flattens_out_is_not() -> None:
    for activation, found in (("relu", Flat.DEAD), ("leaky-relu", Flat.NONE), ("identity", Flat.NONE)):
        network = one_hidden_unit(activation, 0.1)
        assert flat_layer(network, {"w1": -0.1, "w2": 0.5}) is found
        assert flat_layer(network, {"w1": 0.1, "w2": 0.5}) is Flat.NONE
