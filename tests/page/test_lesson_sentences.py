"""The sentences beside the experiments of the lesson: their numbers found again by Python, their judgements by calculus."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import pytest

from handgrad.backprop.graph.build import build_graph
from handgrad.backprop.network.network import Layer, Network, Sample
from handgrad.backprop.presets import load_network
from handgrad.backprop.simulate import evaluate, trace
from handgrad.page.lesson import lesson_page
from handgrad.page.words import WALK_WORDS

NUMBER = re.compile(r"(−?\d+(?:\.\d+)?)(?:·10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?")
POWERS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def numbers(text: str) -> list[float]:
    """The numbers in a sentence; small and large ones are shown as 4.717·10⁻⁵."""
    return [
        float(f"{digits.replace('−', '-')}e{power.translate(POWERS) or 0}") for digits, power in NUMBER.findall(text)
    ]


def one_weight(rate: float, weight: float = 0.0) -> Network:
    """One weight, no activation: the error is the parabola (1 − w)²/2, whose curvature is 1."""
    return Network(
        name="parabola", layers=(Layer(1, "identity"),), samples=(Sample((1.0,), (1.0,)),), weights=(weight,),
        learning_rate=rate,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rate", "kind"), [(0.005, "crawls"), (0.5, "settles"), (1.8, "over"), (2.2, "flies")], ids=lambda value: str(value)
)
def test_a_walk_is_judged_as_the_parabola_says_and_told_from_its_first_error_to_its_last(
    open_page: Any, rate: float, kind: str
) -> None:
    said = open_page(lesson_page(one_weight(rate))).inner_text("#one-walkWords")
    assert said.endswith(WALK_WORDS[kind])
    # The distance to the lowest point is multiplied by 1 − η at every one of twelve steps.
    facts, fell = re.match(r"w1 is (.*?) E_total is (.*)", said).groups()  # type: ignore[union-attr]
    at, slope, first, steps = numbers(facts.replace("After", "").replace("η", ""))
    assert (at, slope, first, steps) == (0.0, -1.0, pytest.approx(rate), 12)
    last, begun = numbers(fell)[:2]
    assert begun == 0.5 and last == pytest.approx(0.5 * (1 - rate) ** 24, rel=1e-3)


def test_a_weight_at_the_lowest_point_does_not_move(open_page: Any) -> None:
    said = open_page(lesson_page(one_weight(0.5, weight=1.0))).inner_text("#one-walkWords")
    assert said.endswith(WALK_WORDS["still"])


@pytest.mark.parametrize("weight", ["w1", "w5"])
def test_a_nudge_tells_by_how_much_the_error_moves_and_what_its_slope_promised(open_page: Any, weight: str) -> None:
    network, nudge = load_network("classic"), 0.25
    page = open_page(lesson_page(network))
    page.evaluate("([weight, nudge]) => handgrad.store.change({weight, nudge})", [weight, nudge])
    graph = build_graph(network)
    values = trace(graph, 0).row(0)
    moved = float(evaluate(graph, {weight: values[weight] + nudge})["E_total"]) - values["E_total"]
    slope = values[f"dE/d{weight}"]
    for _ in range(100):
        said = page.inner_text("#one-nudgeWords")
        if said.startswith(f"{weight} moves"):
            break
        page.wait_for_timeout(25)
    found = numbers(said.replace(weight, "", 1))
    assert found[0] == nudge and found[1] == pytest.approx(moved, rel=2e-3)
    assert found[2:] == [pytest.approx(slope, rel=2e-3), nudge, pytest.approx(slope * nudge, rel=2e-3)]
    assert found[1] != found[4]  # with so large a nudge the tangent is another number


@pytest.mark.parametrize("rate", [1000.0, 40.0])
def test_what_left_the_finite_numbers_first_is_told_with_what_became_of_it(open_page: Any, rate: float) -> None:
    linear = (Layer(2, "identity"), Layer(2, "identity"))
    network = replace(load_network("classic"), layers=linear, learning_rate=rate)
    graph = build_graph(network)
    at = trace(graph, 400).diverged_at
    assert at is not None
    page = open_page(lesson_page(network), f"#step={at}")
    with_all = trace(graph, at, [q.name for q in graph])
    last = {q.name: float(with_all[q.name][at]) for q in graph if q.expression is not None}
    first = next(name for name in last if not math.isfinite(last[name]))
    told = page.inner_text("#trouble")
    assert f"{graph[first].label}, {graph[first].meaning}, " in told
    assert ("is larger than the largest number" in told) is math.isinf(last[first])
    assert ("is no longer a number" in told) is math.isnan(last[first])
