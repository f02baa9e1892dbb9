"""Numbers on pages and in tables: rounded down where they praise, and in units that a reader can add up."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.report.numbers import dataset_name, duration, interval, number, probability, share
from handgrad.runs.record import LastEpoch


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"), (8.24, "8.2 s"), (99.9, "99.9 s"), (100, "1 min 40 s"), (200.9, "3 min 20 s"), (120, "2 min 00 s"),
        (3599.9, "59 min 59 s"), (3600, "1 h 00 min"), (7499, "2 h 04 min"), (7500, "2 h 05 min"), (90_000, "25 h 00 min"),
    ],
)  # fmt: skip
def test_a_duration_is_told_in_the_units_of_its_size(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@given(st.floats(0, 400_000))
def test_a_duration_read_again_is_at_most_a_last_digit_from_the_true_one(seconds: float) -> None:
    said = duration(seconds)
    size = {"s": 1.0, "min": 60.0, "h": 3600.0}
    parts = re.findall(r"([0-9.]+) (s|min|h)", said)
    last = 0.1 if len(parts) == 1 else size[parts[-1][1]]
    assert abs(seconds - sum(float(count) * size[unit] for count, unit in parts)) <= last


@given(st.floats(0, 1))
def test_a_probability_is_never_rounded_up(value: float) -> None:
    shown = probability(value)
    assert re.fullmatch(r"[0-9]{1,3}\.[0-9] %", shown)
    assert -1e-9 <= 100 * value - float(shown.removesuffix(" %")) < 0.1 + 1e-9
    assert (shown == "100.0 %") == (value == 1)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (True, "true"),
        (False, "false"),
        (60000, "60,000"),
        (0.003, "0.003"),
        (1e-7, "1e-07"),
        (0.1 + 0.2, "0.3"),
        ("sgd", "sgd"),
        ([1], "[1]"),
    ],
)
def test_a_value_of_a_recipe_reads_as_in_its_file(value: object, said: str) -> None:
    assert number(value) == said


def test_a_share_is_of_the_total_and_rounded_down() -> None:
    assert share(LastEpoch(9_939, 10_000)) == "99.39 %" and share(LastEpoch(2, 3)) == "66.66 %"


def test_an_interval_has_its_unit_once_and_two_decimals() -> None:
    assert interval((99.276, 99.581)) == "99.28 to 99.58 %"


def test_data_are_called_by_their_name() -> None:
    assert [dataset_name(name) for name in ("mnist", "drawn", "idx-0123")] == [
        "MNIST", "digits drawn by the program", "idx-0123",
    ]  # fmt: skip
