"""Each preset shows what its name and its first comment promise, within the steps and at the rates of a default book."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import handgrad
from handgrad.backprop import Trace, load_network, preset_names, rate_sweep, trace
from handgrad.backprop.limits import DEFAULT_RATES, DEFAULT_STEPS
from handgrad.backprop.verdicts import Outcome, verdict_of
from handgrad.backprop.workbook import workbook_plan
from handgrad.cli import main
from handgrad.page.lesson import lesson_data
from oracle.torch_network import TorchNetwork


def run_at(name: str, rate: float) -> Trace:
    return trace(load_network(name), DEFAULT_STEPS, changes={"learning_rate": rate})


def solved(run: Trace) -> bool:
    """Whether every output of the last row is on the same side of one half as its target."""
    samples = run.graph.network.samples
    outputs = [float(run[f"a_o1[{number}]"][-1]) for number in range(1, len(samples) + 1)]
    return all((out > 0.5) == (sample.targets[0] > 0.5) for out, sample in zip(outputs, samples, strict=True))


def test_of_the_rates_that_xor_compares_the_smallest_learns_too_little_and_the_largest_nothing() -> None:
    network = load_network("xor")
    run = run_at("xor", network.learning_rate)
    assert run["E_total"][-1] < 0.01 and solved(run) and network.learning_rate in network.rates
    small, *good, large = sorted(network.rates)
    assert not solved(run_at("xor", small)) and all(solved(run_at("xor", rate)) for rate in good)
    failed = run_at("xor", large)
    assert verdict_of(failed).outcome is Outcome.STUCK_OUTPUTS
    assert np.ptp([failed[f"a_o1[{number}]"][-1] for number in range(1, 5)]) < 1e-3


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_compares_its_own_rate_and_one_at_which_it_does_not_fall_as_fast(name: str) -> None:
    network = load_network(name)
    assert network.learning_rate in network.rates
    assert network.rates == (DEFAULT_RATES if name != "xor" else (0.1, 0.5, 1.0, 2.0, 10.0, 100.0))


def test_the_rates_of_a_network_are_those_of_its_book_pictures_and_page(tmp_path: Path) -> None:
    network = load_network("xor")
    assert handgrad.backprop("xor", steps=2, rates=(0.3, 0.4)).network.rates == (0.3, 0.4)
    sheet = workbook_plan(network, steps=2)["Learning rates"]
    assert [cell.value for at, cell in sheet.cells.items() if at[0] == 4 and 1 <= at[1] <= 6] == list(network.rates)
    assert lesson_data(network)["rates"] == network.rates
    with pytest.raises(SystemExit):
        main(["backprop", "xor", "--steps", "2", "--explain", str(tmp_path / "notes")])
    drawn = (tmp_path / "notes" / "rates.svg").read_text(encoding="utf-8")
    assert all(f"η = {rate:g}" in drawn for rate in network.rates)


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
