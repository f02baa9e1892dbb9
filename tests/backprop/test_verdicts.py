"""What is said of a training: every sentence true, of presets, drawn networks and curves made for one sentence each."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handgrad.backprop import build_graph, load_network, preset_names, trace
from handgrad.backprop.network.network import Network
from handgrad.backprop.verdicts import (
    MEANING,
    RULES,
    Features,
    Flat,
    Outcome,
    features_of,
    flat_layer,
    verdict_of,
    verdict_on,
)
from oracle.drawn_networks import networks

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
