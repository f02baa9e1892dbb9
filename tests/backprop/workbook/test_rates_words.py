"""The sentences on learning rates: each is counted again, from trainings by torch or from errors made up for it."""

from __future__ import annotations

import dataclasses
import math
import re
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from handgrad.backprop import load_network
from handgrad.backprop.limits import DEFAULT_RATES
from handgrad.backprop.simulate import RateSweep
from handgrad.backprop.workbook import rates_words
from handgrad.backprop.workbook.content import gather
from handgrad.backprop.workbook.rates_words import ended_higher, listed, rises, what_is_seen
from oracle.torch_network import TorchNetwork


def made_up(*errors: list[float], rates: tuple[float, ...] = (), quantities: int = 10) -> Any:
    """Return a material whose errors by step are given, one list a rate."""
    rates = rates or tuple(0.5 * (number + 1) for number in range(len(errors)))
    at = tuple(next((step for step, e in enumerate(each) if not math.isfinite(e)), None) for each in errors)
    sweep = RateSweep(rates, np.array(errors).T, at)
    return SimpleNamespace(
        sweep=sweep, rate_steps=1234, graph=SimpleNamespace(quantities=[0] * quantities), compact="c"
    )


def compared(*errors: list[float], **more: Any) -> str:
    return rates_words._compared(made_up(*errors, **more))


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
    return rates_words._tried(made_up([1.0, 0.5], **more)), asked[0]


@pytest.mark.parametrize("name", ["classic", "diverging", "xor", "three-classes"])
def test_the_rate_that_gets_lowest_is_the_one_that_does_so_in_torch(name: str) -> None:
    network, steps = load_network(name), 20
    last, higher = {}, []
    for rate in DEFAULT_RATES:
        twin = TorchNetwork(dataclasses.replace(network, learning_rate=rate))
        before = float(twin.error().detach())
        twin.train(steps)
        last[rate] = float(twin.error().detach())
        if last[rate] > before:
            higher.append(rate)
    said = what_is_seen(gather(network, steps, DEFAULT_RATES))[0]
    found = re.search(r"η = (\S+) gets lowest: E_total = (\S+) after 20 steps\.", said)
    assert found is not None
    assert float(found[1]) == min(last, key=lambda rate: last[rate])
    assert float(found[2]) == pytest.approx(min(last.values()), rel=1e-5)
    end = re.search(r"At η = ([^.]*(?:\.\d[^.]*)*) the error is higher after 20 steps", said)
    assert ([float(each) for each in re.findall(r"[0-9.]+", end[1])] if end else []) == higher


def test_errors_that_fall_at_every_rate_are_said_to_fall_in_every_step() -> None:
    assert compared([3.0, 2.0, 1.0], [3.0, 1.5, 0.5]) == (
        "At all 2 rates the error falls in every one of the 1,234 steps. "
        "η = 1 gets lowest: E_total = 0.5 after 1,234 steps."
    )


def test_what_rises_what_ends_higher_and_what_overflows_is_told_apart() -> None:
    nan = math.nan
    said = compared(
        [3.0, 2.0, 1.25], [3.0, 4.0, 2.0], [3.0, 2.0, 3.5], [3.0, nan, nan], [3.0, 3.1, 2.9], [1.0, 2.0, math.inf]
    )
    assert said == (
        "At η = 2 the numbers overflow at step 1: diverged. At η = 3 the numbers overflow at step 2: diverged. "
        "At η = 1.5 the error is higher after 1,234 steps than at first. "
        "At η = 1 and 2.5 it rises on the way, but ends lower. "
        "η = 0.5 gets lowest: E_total = 1.25 after 1,234 steps."
    )


def test_where_no_rate_lowers_the_error_none_is_called_lowest() -> None:
    assert compared([1.0, 2.0], [1.0, math.nan]) == (
        "At η = 1 the numbers overflow at step 1: diverged. At η = 0.5 the error is higher after 1,234 steps than at "
        "first. No rate of these lowers the error."
    )


def test_one_that_falls_beside_one_that_rises_is_not_called_all() -> None:
    assert "At all" not in compared([3.0, 2.0, 1.0], [3.0, 2.0, 4.0])
    assert "At all" not in compared([3.0, 2.0, 1.0], [3.0, 3.5, 1.0])


def test_a_rise_that_rounding_can_make_is_none_and_one_beyond_is() -> None:
    for start in (2.0, 0.0):
        noise = start * 1e-9 + 1e-15
        for size, counted in ((0.5, 0), (2.0, 1)):
            sweep = made_up([start, start + size * noise]).sweep
            assert rises(sweep) == [counted] and ended_higher(sweep) == [bool(counted)]
    assert rises(made_up([1.0, 1.0, 1.0]).sweep) == [0] and ended_higher(made_up([1.0, 1.0]).sweep) == [False]
    assert rises(made_up([1.0, 2.0, 1.0, 2.0, math.nan]).sweep) == [3]


def test_words_are_listed_as_one_says_them() -> None:
    assert listed(["a"]) == "a" and listed(["a", "b"]) == "a and b" and listed(["a", "b", "c"]) == "a, b and c"


def test_the_rates_tried_go_from_a_tenth_to_a_thousand_evenly_on_a_logarithmic_axis() -> None:
    rates = rates_words.TRIED
    assert (len(rates), rates[0], rates[20], rates[-1]) == (41, 0.1, 10.0, 1000.0)
    assert all(math.isclose(b / a, 10**0.1, rel_tol=0.01) for a, b in pairwise(rates))


def test_a_network_that_falls_at_every_rate_is_said_never_to_diverge(monkeypatch: pytest.MonkeyPatch) -> None:
    said, steps = tried(monkeypatch, {})
    assert steps == 100
    assert said == (
        "41 rates from 0.1 to 1000 were tried, 100 steps each: none makes the error rise from one step to the next. "
        "This network never diverges, because its bounded outputs saturate and the error sticks. The network "
        "diverging (handgrad backprop diverging) shows what a rate too large does."
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


def test_the_paragraphs_are_that_of_the_books_rates_and_that_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates_words, "_compared", lambda material: f"first of {material}")
    monkeypatch.setattr(rates_words, "_tried", lambda material: f"second of {material}")
    assert what_is_seen("m") == ["first of m", "second of m"]  # type: ignore[arg-type]
