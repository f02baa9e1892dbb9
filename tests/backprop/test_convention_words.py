"""What is said of conventions, whole: the sentences that stand beside the numbers which `test_conventions` finds again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handgrad.backprop import build_graph, load_network
from handgrad.backprop.conventions import Convention, conventions
from handgrad.backprop.graph.compiled import evaluate_expression
from handgrad.backprop.graph.graph import Graph
from handgrad.backprop.network.network import BiasRule, Network, Update, UpdateOrder, UpdateRule
from handgrad.backprop.simulate import trace
from handgrad.errors import UsageError

FIRST_ROW = (
    "what row k holds | the state before update k: the first row is the untrained network | E_total in the first row | "
    "the state after the update that is made in row k: the first row is already trained once"
)
HALF = (
    "the factor ½ | ½ (t − a)², so that the 2 of its derivative cancels | E_total in row 0 | "
    "(t − a)² without the ½: error and derivatives are twice as large, and so is each step"
)
SIGN = "with the other sign, as in (t − a) times the slope, and the update adds it: this gives the same weights"
EXPECTED = {
    "classic": [
        FIRST_ROW,
        HALF,
        "over the outputs | the sum of ½ (t − a)² | E_total in row 0 | the mean over the 2 outputs, the ½ kept",
        "over the outputs | the sum of ½ (t − a)² | E_total in row 0 | "
        "the mean squared error, (1/2) Σ (t − a)², with two outputs the same number",
        "biases | one bias per layer, never changed | E_total in row 1 | no biases",
        "biases | one bias per layer, never changed | E_total in row 1 | a trained bias for each unit",
        "biases | one bias per layer, never changed | E_total in row 1 | one trained bias per layer, shared by its units",
        "order of the updates | all derivatives from the old weights | E_total in row 1 | "
        "the output layer updated first, hidden derivatives from its new weights",
        f"sign of δ | δ_o1 = ∂E/∂o1, and the update subtracts | δ_o1 in row 0 | {SIGN}",
    ],
    "momentum": [
        "momentum | u⁺ = μ · u + ∂E/∂w, and w⁺ = w − η · u⁺ | first change of w5 | "
        "u⁺ = μ · u + (1 − μ) · ∂E/∂w: every step is smaller by the factor 1 − μ",
        "momentum | u⁺ = μ · u + ∂E/∂w, and w⁺ = w − η · u⁺ | first change of w5 | "
        "Nesterov's: the step is η · (∂E/∂w + μ · u⁺), as if the error were seen one step ahead",
    ],
    "adam": [
        "Adam's first steps | both means are corrected for starting at 0 | first change of w5 | no correction",
    ],
    "samples": [
        "over the samples | the mean of the 6 samples' errors | E_total in row 0 | "
        "their sum: every derivative changes by the same factor",
        "when the weights change | once for all samples | E_total when all samples were seen once | "
        "after each sample, so that the next sample is computed with the new weights",
        "unit of the error | natural logarithms (nats) | E_total in row 0 | "
        "logarithms to base 2 (bits): error and derivatives are larger by 1 / ln 2",
    ],
}


def said(network: Network) -> list[str]:
    return [" | ".join((c.topic, c.here, c.number, c.elsewhere)) for c in conventions(build_graph(network))]


def test_the_classic_network_is_told_each_sentence_that_concerns_it() -> None:
    network = load_network("classic")
    biased = replace(network, bias=BiasRule.FIXED, biases=(0.35, 0.6))
    assert said(biased) == EXPECTED["classic"]
    turned = said(replace(biased, order=UpdateOrder.OUTPUT_FIRST))
    assert (
        "order of the updates | the output layer updated first, hidden derivatives from its new weights | "
        "E_total in row 1 | all derivatives from the old weights" in turned
    )


@pytest.mark.parametrize(
    ("rule", "key"), [(UpdateRule.MOMENTUM, "momentum"), (UpdateRule.ADAM, "adam")], ids=["momentum", "adam"]
)
def test_a_rule_of_the_update_is_told_with_what_others_do(rule: UpdateRule, key: str) -> None:
    plain, own = (
        said(replace(load_network("classic"), update=Update(each))) for each in (UpdateRule.GRADIENT_DESCENT, rule)
    )
    assert [line for line in own if line not in plain] == EXPECTED[key]


def test_several_samples_and_shares_are_told_of_the_mean_and_the_unit() -> None:
    lines = said(load_network("three-classes"))
    assert [line for line in lines if line in EXPECTED["samples"]] == sorted(EXPECTED["samples"], key=lines.index)


def variants() -> list[Network]:
    found = []
    for name in ("classic", "xor", "three-classes"):
        for rule in UpdateRule:
            for bias in BiasRule:
                try:
                    found.append(replace(load_network(name), update=Update(rule), bias=bias, biases=()))
                except UsageError:
                    continue  # not every network has every kind of bias
    return found


def rows(graph: Graph) -> dict[str, float]:
    done = trace(graph, 1)
    return {f"{name}@{row}": value for row in (0, 1) for name, value in done.row(row).items()}


def test_the_other_number_is_an_expression_wherever_no_other_training_makes_it() -> None:
    """The sheet keeps such a number live, so the expression must be there and give what is shown."""
    trained: set[str] = set()
    for network in variants():
        graph = build_graph(network)
        values = rows(graph)
        for one in conventions(graph):
            live(one, values) if one.theirs is not None else trained.add(one.topic)
    assert trained == {"biases", "order of the updates", "when the weights change"}


def live(one: Convention, values: dict[str, float]) -> None:
    assert one.theirs is not None
    assert evaluate_expression(one.theirs, values) == pytest.approx(one.value_elsewhere)
    assert evaluate_expression(one.ours, values) == pytest.approx(one.value_here)
