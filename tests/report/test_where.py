"""Conditions and orders for a list of runs."""

from __future__ import annotations

import pytest

from handgrad.errors import UsageError
from handgrad.report.listing import Listed
from handgrad.report.where import chosen, names_in, parse_where
from handgrad.runs.record import LastEpoch

RUNS = [
    Listed("a", "complete", "quick", "stem-16k", "mnist", 0, 8, 8, LastEpoch(9951, 10000)),
    Listed("b", "complete", "quick", "stem-16k", "mnist", 1, 8, 8, LastEpoch(9939, 10000)),
    Listed("c", "complete", "record-time", "swift-16k", "mnist", 10, 4, 4, LastEpoch(9946, 10000)),
    Listed("d", "unfinished", "quick", "stem-16k", "drawn", 2, 3, 8),
    Listed("e", "damaged", reason="cut"),
]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("recipe=quick", "abd"),
        ("recipe=quick and accuracy>99.4", "a"),
        ("accuracy >= 99.39 and accuracy<=99.46", "bc"),
        ("state!=complete", "de"),
        ("recipe!=quick", "ce"),
        ("seed<2", "ab"),
        ("seed=10", "c"),
        ("dataset='drawn'", "d"),
    ],
)
def test_the_runs_that_meet_every_condition_are_listed(where: str, expected: str) -> None:
    assert "".join(run.path for run in chosen(RUNS, parse_where(where), None)) == expected


TRIALS = [
    Listed("a", "complete", trial=0, settings={"batch_size": 64, "optimizer.name": "sgd", "network": "x"}),
    Listed("b", "complete", trial=1, settings={"batch_size": 128, "optimizer.name": "adam", "test": "once"}),
    Listed("c", "complete", trial=10, settings={"batch_size": 9, "optimizer.nesterov": True}),
]


@pytest.mark.parametrize(
    ("where", "sort", "expected"),
    [
        ("trial>0", "-trial", "cb"),
        ("batch_size>=64", "batch_size", "ab"),
        ("batch_size=9", None, "c"),
        ("optimizer.name=adam", None, "b"),
        ("optimizer.name!=adam", None, "ac"),
        ("optimizer.nesterov=true", None, "c"),
        ("trial<99", "optimizer.name", "bac"),
        ("trial<99", "-batch_size", "bac"),
    ],
)
def test_a_key_of_the_recipe_and_a_trial_of_a_sweep_are_conditions_too(
    where: str, sort: str | None, expected: str
) -> None:
    found = chosen(TRIALS, parse_where(where, names_in(TRIALS)), sort)
    assert "".join(run.path for run in found) == expected


def test_a_key_that_no_recipe_has_is_refused() -> None:
    with pytest.raises(UsageError, match='did you mean "batch_size"'):
        parse_where("batch_sise=3", names_in(TRIALS))


@pytest.mark.parametrize(
    ("sort", "expected"),
    [(None, "abcde"), ("accuracy", "bcade"), ("-accuracy", "acbde"), ("seed", "abdce"), ("path", "abcde")],
)
def test_an_order_puts_what_has_no_value_last(sort: str | None, expected: str) -> None:
    assert "".join(run.path for run in chosen(RUNS, (), sort)) == expected


@pytest.mark.parametrize(
    ("where", "complaint"),
    [
        ("", "write conditions as recipe=quick"),
        ("recipe", "write conditions as recipe=quick"),
        ("recpie=quick", 'did you mean "recipe"'),
        ("recipe>quick", "recipe is a word"),
        ("accuracy>high", 'accuracy is a number, found "high"'),
        ("recipe=quick and ", "write conditions"),
    ],
)
def test_what_cannot_be_meant_is_refused(where: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        parse_where(where)


def test_an_order_by_nothing_known_is_refused() -> None:
    with pytest.raises(UsageError, match="--sort"):
        chosen(RUNS, (), "-beauty")
