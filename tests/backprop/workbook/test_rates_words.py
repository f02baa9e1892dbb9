"""The sentences on learning rates: each is counted again, from trainings by torch or from errors made up for it."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from handgrad.backprop import load_network, preset_names, trace
from handgrad.backprop.simulate import RateSweep
from handgrad.backprop.verdicts import verdict_of
from handgrad.backprop.workbook import rates_words, workbook_plan
from handgrad.backprop.workbook.rates_words import ended_higher, rises
from oracle.torch_network import TorchNetwork


def made_up(*errors: list[float], rates: tuple[float, ...] = (), quantities: int = 10) -> Any:
    """Return a material whose errors by step are given, one list a rate."""
    rates = rates or tuple(0.5 * (number + 1) for number in range(len(errors)))
    at = tuple(next((step for step, e in enumerate(each) if not math.isfinite(e)), None) for each in errors)
    sweep = RateSweep(rates, np.array(errors).T, at)
    return SimpleNamespace(
        sweep=sweep, rate_steps=1234, graph=SimpleNamespace(quantities=[0] * quantities), compact="c"
    )


def tried(monkeypatch: pytest.MonkeyPatch, error: dict[float, list[float]], **more: Any) -> tuple[str, int]:
    """Return the sentence on many rates, the rates that were not given falling, and the steps asked for."""
    asked: list[int] = []

    def sweep(network: object, rates: tuple[float, ...], steps: int) -> RateSweep:
        assert network == "c"
        asked.append(steps)
        columns = [error.get(rate, [3.0, 2.0, 1.0]) for rate in rates]
        at = tuple(next((step for step, e in enumerate(each) if not math.isfinite(e)), None) for each in columns)
        return RateSweep(rates, np.array(columns).T, at)

    monkeypatch.setattr(rates_words, "rate_sweep", sweep)
    return rates_words.what_many_rates_do(made_up([1.0, 0.5], **more)), asked[0]


@pytest.mark.parametrize("name", ["classic", "diverging", "xor", "three-classes"])
def test_the_rate_that_is_said_to_get_lowest_does_so_in_torch(name: str) -> None:
    network, steps = load_network(name), 20
    last = {}
    for rate in network.rates:
        twin = TorchNetwork(dataclasses.replace(network, learning_rate=rate))
        twin.train(steps)
        last[rate] = float(twin.error().detach())
    cells = workbook_plan(network, steps=steps)["Learning rates"].cells.values()
    (said,) = [str(cell.value) for cell in cells if str(cell.value).startswith("Lowest after")]
    assert said == f"Lowest after 20 steps: η = {min(last, key=lambda rate: last[rate]):g}"


@pytest.mark.parametrize("name", preset_names())
def test_the_verdicts_of_the_sheet_are_those_of_the_runs(name: str) -> None:
    network, rates = load_network(name), (1e-6, 0.1, 1.0, 2.0, 1e6)
    plan = workbook_plan(network, steps=60, rates=rates)["Learning rates"]
    found = [plan.cells[7 + 2 * number, len(rates) + 5].value for number in range(len(rates))]
    runs = [trace(network, 60, changes={"learning_rate": rate}) for rate in rates]
    assert found == [str(verdict_of(run)) for run in runs]
    assert len(set(found)) > 2


def test_a_small_rate_is_written_as_the_spreadsheet_joins_it_to_a_text() -> None:
    """LibreOffice and Excel show 0.000001 where Python says 1e-06, and the cell's formula is theirs to calculate."""
    cells = workbook_plan(load_network("classic"), steps=3, rates=(1e-6, 1.5e-7))["Learning rates"].cells.values()
    assert "Lowest after 3 steps: η = 0.000001" in [cell.value for cell in cells]


def test_where_no_run_ends_in_a_number_none_is_called_lowest() -> None:
    cells = workbook_plan(load_network("diverging"), steps=50, rates=(2.0, 50.0))["Learning rates"].cells.values()
    assert "With every rate the training ends without a finite number." in [cell.value for cell in cells]


def test_a_rise_that_rounding_can_make_is_none_and_one_beyond_is() -> None:
    for start in (2.0, 0.0):
        noise = start * 1e-9 + 1e-15
        for size, counted in ((0.5, 0), (2.0, 1)):
            sweep = made_up([start, start + size * noise]).sweep
            assert rises(sweep) == [counted] and ended_higher(sweep) == [bool(counted)]
    assert rises(made_up([1.0, 1.0, 1.0]).sweep) == [0] and ended_higher(made_up([1.0, 1.0]).sweep) == [False]
    assert rises(made_up([1.0, 2.0, 1.0, 2.0, math.nan]).sweep) == [3]
    edge = 2.0 * (1 + 1e-9) + 1e-15  # what rounding can make, to the last bit
    assert rises(made_up([2.0, edge]).sweep) == [0] and ended_higher(made_up([2.0, edge]).sweep) == [False]
    assert rises(made_up([4.0, 1.0, 3.0, 2.0]).sweep) == [1]  # 3 is more than the 1 before it, not than the first 4


def test_the_rates_tried_go_from_a_tenth_to_a_thousand_evenly_on_a_logarithmic_axis() -> None:
    rates = rates_words.TRIED
    assert (len(rates), rates[0], rates[20], rates[-1]) == (41, 0.1, 10.0, 1000.0)
    assert all(math.isclose(b / a, 10**0.1, rel_tol=0.01) for a, b in pairwise(rates))


def test_a_network_that_falls_at_every_rate_is_said_never_to_diverge(monkeypatch: pytest.MonkeyPatch) -> None:
    said, steps = tried(monkeypatch, {})
    assert steps == 100
    assert said == (
        "41 rates from 0.1 to 1000 were tried, 100 steps each: none makes the error rise from one step to the next. "
        "This network never diverges, because its bounded outputs saturate and the error stops changing. The network "
        "diverging (handgrad backprop diverging) shows what happens at a rate that is too large."
    )


def test_the_rate_from_which_something_happens_is_the_first_at_which_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = rates_words.TRIED
    error = {rates[30]: [3.0, 3.5, 1.0], rates[33]: [3.0, 2.0, 3.5], rates[38]: [3.0, math.nan, math.nan]}
    said, _ = tried(monkeypatch, error)
    assert said == (
        f"41 rates from 0.1 to 1000 were tried, 100 steps each: from η = {rates[30]:g} on, the error rises in some steps; "
        f"from η = {rates[33]:g} on it can end higher than it began; from η = {rates[38]:g} on it can overflow, shown as "
        "diverged."
    )
    said, _ = tried(monkeypatch, {rates[30]: [3.0, 3.5, 1.0]})
    assert said.endswith("the error rises in some steps; at none do the numbers overflow.")


def test_a_large_network_is_tried_for_fewer_steps_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for quantities, expected in ((1_000, 100), (1_001, 20)):
        said, steps = tried(monkeypatch, {}, quantities=quantities)
        assert steps == expected and f"were tried, {expected} steps each" in said


@pytest.mark.parametrize("kept", [("errors",), ("diverged_at",)])
def test_a_sweep_without_an_entry_for_each_rate_is_a_fault_and_no_shorter_list(
    kept: tuple[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(network: object, rates: tuple[float, ...], steps: int) -> RateSweep:
        columns, at = np.ones((3, len(rates))), (None,) * len(rates)
        return RateSweep(
            rates, columns if kept == ("errors",) else columns[:, 1:], at[1:] if kept == ("errors",) else at
        )

    monkeypatch.setattr(rates_words, "rate_sweep", short)
    with pytest.raises(ValueError, match="zip"):
        rates_words.what_many_rates_do(made_up([1.0, 0.5]))


@pytest.mark.parametrize("function", ["ended_higher", "rises"])
def test_a_list_that_lacks_a_rate_is_refused_by_the_sentence_that_reads_it(
    function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates_words, function, lambda sweep: [True] * 40)
    with pytest.raises(ValueError, match="zip"):
        tried(monkeypatch, {})
