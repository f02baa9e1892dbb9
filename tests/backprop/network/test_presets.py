"""Each preset shows what its name and its first comment promise, within the steps and at the rates of a default book."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from handgrad.backprop import Trace, load_network, rate_sweep, trace
from handgrad.backprop.limits import DEFAULT_RATES, DEFAULT_STEPS
from handgrad.backprop.verdicts import Outcome, verdict_of
from oracle.torch_network import TorchNetwork


def run_at(name: str, rate: float) -> Trace:
    return trace(load_network(name), DEFAULT_STEPS, changes={"learning_rate": rate})


def solved(run: Trace) -> bool:
    """Whether every output of the last row is on the same side of one half as its target."""
    samples = run.graph.network.samples
    outputs = [float(run[f"a_o1[{number}]"][-1]) for number in range(1, len(samples) + 1)]
    return all((out > 0.5) == (sample.targets[0] > 0.5) for out, sample in zip(outputs, samples, strict=True))


def test_xor_is_learned_by_default_and_not_at_the_smallest_rate_compared() -> None:
    network = load_network("xor")
    run = run_at("xor", network.learning_rate)
    assert run["E_total"][-1] < 0.01 and solved(run)
    assert not solved(run_at("xor", DEFAULT_RATES[0]))


def test_xor_is_learned_by_torch_too() -> None:
    twin = TorchNetwork(load_network("xor"))
    twin.train(DEFAULT_STEPS)
    assert float(twin.error().detach()) < 0.01


def test_diverging_diverges_in_a_few_dozen_steps_by_default() -> None:
    network = load_network("diverging")
    run = run_at("diverging", network.learning_rate)
    assert run.diverged_at is not None and 24 <= run.diverged_at <= 48
    before = run["E_total"][: run.diverged_at]
    assert before[-1] > 1e100 and all(after > error for error, after in zip(before[-6:-1], before[-5:], strict=True))


def test_diverging_diverges_in_torch_too() -> None:
    """In its own steps of float64; where exactly it leaves the finite numbers may differ by a step."""
    twin = TorchNetwork(load_network("diverging"))
    twin.train(50)
    assert not bool(torch.isfinite(twin.error().detach()))


def test_diverging_has_rates_that_fall_and_one_that_zigzags_on_the_way() -> None:
    outcomes = {rate: verdict_of(run_at("diverging", rate)).outcome for rate in DEFAULT_RATES}
    assert outcomes[2.0] is Outcome.DIVERGES and outcomes[1.0] is Outcome.ZIGZAGS
    assert outcomes[0.1] is Outcome.FALLS and outcomes[0.5] in (Outcome.FALLS, Outcome.STANDS_STILL)
    errors = rate_sweep(load_network("diverging"), (1.0,), DEFAULT_STEPS).errors[:, 0]
    turns = np.sign(np.diff(errors[20:]))
    assert (turns[1:] != turns[:-1]).all()


@pytest.mark.parametrize("name", ["classic", "classic-biased", "three-classes"])
def test_the_other_presets_lower_their_error_at_every_default_step(name: str) -> None:
    assert verdict_of(run_at(name, load_network(name).learning_rate)).outcome is Outcome.FALLS
