"""Conditions: counts decide, what is not known stays open, and a run near the line says so."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from handgrad.digits.training.recipe import Recipe
from handgrad.judge.network.assignment import Accuracy, Assignment, Range, Seeds
from handgrad.judge.network.assignment_file import load_assignment
from handgrad.judge.network.conditions import accuracy, check, claim, parameters, verdict_of
from handgrad.judge.network.grading import ClaimCounts
from handgrad.judge.network.reached import RUN_TO_RUN, seeds_to_settle
from handgrad.judge.verdict import Claim, EpochAnswer, Examination, HiddenTensor, Requirement, SeedResult, UsedLayer

LINE = Assignment(accuracy=Accuracy(99.4))


def counts(*correct: int, seed: int = 0, total: int = 10_000, failed: str | None = None) -> SeedResult:
    """Return one training with these counts, an epoch each."""
    return SeedResult(seed, tuple(EpochAnswer(epoch, each, total) for epoch, each in enumerate(correct, 1)), failed)


def seen(**changes: object) -> Examination:
    """Return what is seen of a network that meets `under-20k` but for *changes*."""
    kinds = ("batch_norm", "dropout", "global_average_pooling", "fully_connected")
    layers = tuple(UsedLayer(kind, kind, "", 0.1 if kind == "dropout" else None) for kind in kinds)
    good = Examination("Net", 500, (), 500, layers, (), (8, 10), ())
    return replace(good, **changes)  # type: ignore[arg-type]


def test_the_limit_and_the_largest_layer_are_named() -> None:
    (found,) = parameters(
        Assignment(parameters=Range(fewer_than=20_000)),
        seen(parameters=20_482, counted=20_482, largest="conv3 has 9,248"),
    )
    assert found.met is False
    assert found.found == "20,482 parameters – limit 20,000, conv3 has 9,248"


def test_hidden_numbers_are_named_with_their_place() -> None:
    hidden = (HiddenTensor("table", 19_600, "buffer"),)
    (found,) = parameters(
        Assignment(parameters=Range(fewer_than=20_000)), seen(counted=20_100, hidden=hidden, largest="fc has 90")
    )
    assert found.met is False
    assert "500 of them trained and 19,600 in a buffer (table) – limit 20,000" in found.found


@pytest.mark.parametrize(
    ("correct", "total", "met"),
    [(9_940, 10_000, True), (9_939, 10_000, False), (19_879, 20_000, False), (19_880, 20_000, True), (497, 500, True)],
)
def test_the_line_is_reached_by_counts_and_not_by_a_rounded_figure(correct: int, total: int, met: bool) -> None:
    assert accuracy(LINE, None, [counts(correct, total=total)]).met is met


def test_a_figure_is_rounded_down_where_it_is_shown() -> None:
    assert "99.39 % in epoch 1 (19,879 of 20,000" in accuracy(LINE, None, [counts(19_879, total=20_000)]).found


def test_a_run_near_the_line_shows_its_interval_and_the_seeds_that_would_settle_it() -> None:
    found = accuracy(LINE, None, [counts(9_938)])
    assert found.met is False
    assert "95 % interval 99.21 to 99.52 %" in found.found
    assert f"near the line: about {seeds_to_settle(99.38, 99.4, RUN_TO_RUN)} seeds would decide it" in found.found


def test_a_run_far_from_the_line_says_nothing_of_seeds() -> None:
    assert "near" not in accuracy(LINE, None, [counts(9_800)]).found
    assert "near" not in accuracy(LINE, None, [counts(9_990)]).found


def test_the_seeds_that_settle_it_agree_with_a_table_of_students_t() -> None:
    # t(37) = 2.0262 and t(36) = 2.0281 (standard tables): with 37 seeds the half width is 0.0200049, with 38 0.01972.
    assert 2.0281 * 0.06 / math.sqrt(37) > 0.02 > 2.0262 * 0.06 / math.sqrt(38)
    assert seeds_to_settle(99.38, 99.4, 0.06) == 38
    assert seeds_to_settle(99.4, 99.4, 0.06) is None


def test_any_epoch_is_labelled_as_selected_on_the_test_set() -> None:
    any_epoch = Assignment(accuracy=Accuracy(99.4, "any"))
    found = accuracy(any_epoch, None, [counts(9_900, 9_945, 9_930)])
    assert found.met is True
    assert found.found.startswith("best 99.45 % in epoch 2 (9,945 of 10,000")
    assert "selected on the test set" in found.found


def test_each_of_the_last_five_means_each() -> None:
    held = Assignment(accuracy=Accuracy(99.4, "each-of-last", 5))
    assert accuracy(held, None, [counts(9_000, 9_940, 9_940, 9_940, 9_940, 9_940)]).met is True
    missed = accuracy(held, None, [counts(9_000, 9_940, 9_940, 9_939, 9_940, 9_940)])
    assert missed.met is False
    assert "held in 4 of the last 5 epochs, lowest 99.39 % in epoch 4" in missed.found
    assert accuracy(held, None, [counts(9_950, 9_950, 9_950, 9_950)]).met is False


def test_seeds_count_as_the_assignment_asks() -> None:
    two_of_three = Assignment(accuracy=Accuracy(99.4), seeds=Seeds(2, 3))
    good, bad = counts(9_950), counts(9_900)
    assert accuracy(two_of_three, None, [good, good, bad]).met is True
    assert accuracy(two_of_three, None, [good, bad, bad]).met is False
    assert accuracy(two_of_three, None, [good, good]).met is None
    assert accuracy(two_of_three, None, [bad, bad]).met is False
    assert accuracy(two_of_three, None, [good, good, good, bad, bad, bad]).met is False


def test_a_training_that_failed_or_stopped_early_has_not_met_the_accuracy() -> None:
    assert accuracy(LINE, None, [counts(9_990, failed="the loss is not finite")]).met is False
    stopped = accuracy(LINE, Recipe(network="x", epochs=3), [counts(9_990, 9_990)])
    assert stopped.met is False
    assert stopped.found == "answers for only 2 of 3 epochs"
    twice = SeedResult(0, (EpochAnswer(3, 9_990, 10_000),) * 3)
    assert accuracy(LINE, Recipe(network="x", epochs=3), [twice]).met is False


def test_before_training_the_verdict_stays_open_unless_something_is_already_missed() -> None:
    assignment = load_assignment("under-20k")
    assert verdict_of(check(assignment, seen(), assignment.recipe, [])) == "no verdict"
    assert verdict_of(check(assignment, seen(counted=20_000), assignment.recipe, [])) == "not met"
    assert verdict_of(check(assignment, seen(), assignment.recipe, [counts(*[9_940] * 19)])) == "met"


def test_without_a_recipe_its_conditions_stay_open() -> None:
    found = {each.name: each.met for each in check(load_assignment("exact-19"), seen(), None, [])}
    assert [found[name] for name in ("epochs", "batch size", "rotation", "accuracy")] == [None] * 4


def test_nothing_checked_is_no_verdict() -> None:
    assert verdict_of([]) == "no verdict"
    assert verdict_of([Requirement("a", "", "", True), Requirement("b", "", "", None)]) == "no verdict"
    assert verdict_of([Requirement("a", "", "", False), Requirement("b", "", "", None)]) == "not met"


def test_what_is_defined_and_unused_is_named_where_it_is_missed() -> None:
    layers = tuple(each for each in seen().layers if each.kind != "batch_norm")
    unused = seen(layers=layers, defined_unused=("norm (BatchNorm2d)",))
    found = next(each for each in check(load_assignment("under-20k"), unused, None, []) if each.name == "batch_norm")
    assert found.met is False
    assert "defined but without effect: norm (BatchNorm2d)" in found.found


def claimed(weighed: str | None) -> Claim:
    """Return a claim of 99.47 % that was weighed so."""
    return Claim(9947, 17, 19, 9938, 10_000, "cell 9", weighed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("counts", "weighed", "met"),
    [
        ("possible", "likely", True),
        ("possible", "possible", True),
        ("possible", "not explained", False),
        ("likely", "possible", False),
        ("likely", "likely", True),
        ("likely", None, None),
    ],
)
def test_a_claim_counts_only_where_the_assignment_asks(counts: str, weighed: str | None, met: bool | None) -> None:
    asked = Assignment(claim=ClaimCounts(counts))  # type: ignore[arg-type]
    (found,) = claim(asked, claimed(weighed))
    assert (found.name, found.met) == ("claim", met)
    assert found.found.startswith("99.47 % is claimed, ")
    assert list(claim(Assignment(), claimed(weighed))) == []
    assert asked.condition_names()[-1] == "claim" and "claim" not in Assignment().condition_names()


def test_who_claims_nothing_meets_what_is_asked_of_claims_unless_one_is_required() -> None:
    assert [each.met for each in claim(Assignment(claim=ClaimCounts("likely")), None)] == [True]
    assert [each.met for each in claim(Assignment(claim=ClaimCounts("likely", required=True)), None)] == [False]
    with pytest.raises(ValueError, match="required goes with counts"):
        ClaimCounts(required=True)
