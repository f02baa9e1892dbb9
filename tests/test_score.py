"""Intervals against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.score import NORMAL_95, percent, spread, spread_of_accuracies, student_95, wilson_interval


@given(st.integers(1, 100_000), st.data())
def test_the_wilson_bounds_are_where_the_score_test_just_rejects(total: int, data: st.DataObject) -> None:
    correct = data.draw(st.integers(0, total))
    share = correct / total
    low, high = (bound / 100 for bound in wilson_interval(correct, total))
    assert low <= share + 1e-12 and share <= high + 1e-12
    for bound in (low, high):
        if 0 < bound < 1:
            deviation = math.sqrt(bound * (1 - bound) / total)
            assert abs(share - bound) / deviation == pytest.approx(NORMAL_95, rel=1e-5)


def test_9940_of_10000_is_between_99_23_and_99_53() -> None:
    low, high = wilson_interval(9940, 10_000)
    assert (round(low, 2), round(high, 2)) == (99.23, 99.53)


@pytest.mark.parametrize("count", [(-1, 10), (11, 10), (0, 0)])
def test_what_is_no_count_has_no_interval(count: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="is not a count"):
        wilson_interval(*count)


def test_nothing_and_everything_right_reach_the_very_end() -> None:
    assert wilson_interval(0, 7)[0] == 0.0 and wilson_interval(7, 7)[1] == 100.0


@pytest.mark.parametrize(
    ("freedom", "point"), [(29, 2.0452), (30, 2.0423), (31, 2.0395), (40, 2.0211), (60, 2.0003), (120, 1.9799)]
)
def test_the_points_of_student_t_are_those_of_the_printed_tables(freedom: int, point: float) -> None:
    assert round(student_95(freedom), 4) == point


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 29, 30, 31, 40, 99, 999])
def test_two_and_a_half_percent_of_student_t_lie_above_the_point(freedom: int) -> None:
    point = student_95(freedom)
    # The substitution t = tan(u) makes the tail finite; Simpson on the density does the rest.
    grid = np.linspace(math.atan(point), math.pi / 2 - 1e-9, 200_001)
    log_scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi)
    t = np.tan(grid)
    density = np.exp(log_scale - (freedom + 1) / 2 * np.log1p(t**2 / freedom)) * (1 + t**2)
    assert float(np.trapezoid(density, grid)) == pytest.approx(0.025, rel=3e-4)


def test_a_spread_is_what_a_pocket_calculator_gives() -> None:
    found = spread([99.40, 99.45, 99.50])
    assert (found.n, found.mean) == (3, pytest.approx(99.45))
    assert found.sd == pytest.approx(0.05)
    assert found.lowest == 99.40
    half = 4.3027 * 0.05 / math.sqrt(3)
    assert found.interval95 == pytest.approx((99.45 - half, 99.45 + half))


def test_one_seed_has_no_spread() -> None:
    found = spread([99.4])
    assert (found.n, found.mean, found.sd, found.lowest, found.interval95) == (1, 99.4, None, 99.4, None)


def test_two_seeds_have_one() -> None:
    found = spread([99.3, 99.5])
    assert found.sd == pytest.approx(0.2 / math.sqrt(2))
    assert found.interval95 == pytest.approx((99.4 - 12.7062 * 0.1, 99.4 + 12.7062 * 0.1))


@pytest.mark.parametrize(
    ("correct", "total", "text"),
    [
        (99_395, 100_000, "99.39 %"),
        (9940, 10_000, "99.40 %"),
        (9999, 10_000, "99.99 %"),
        (2, 3, "66.66 %"),
        (3, 3, "100.00 %"),
    ],
)
def test_a_percentage_is_never_rounded_up(correct: int, total: int, text: str) -> None:
    assert percent(correct, total) == text


def test_an_interval_of_accuracies_ends_where_accuracies_do() -> None:
    found = spread_of_accuracies([99.3, 99.9])
    assert found.interval95 == (pytest.approx(99.6 - 12.7062 * 0.3), 100.0)
    assert spread([99.3, 99.9]).interval95 == pytest.approx((99.6 - 12.7062 * 0.3, 99.6 + 12.7062 * 0.3))
    assert spread_of_accuracies([0.1, 0.9]).interval95[0] == 0.0  # type: ignore[index]
    assert spread_of_accuracies([99.4]).interval95 is None


@pytest.mark.parametrize("freedom", [31, 60, 200, 1000])
def test_beyond_the_table_every_term_of_the_expansion_is_right(freedom: int) -> None:
    """Against the exact point, from the incomplete beta function: what is left is the next term, 1.6 divided by n⁴."""
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(30):

        def beyond(t: float) -> float:
            n = mpmath.mpf(freedom)
            return mpmath.betainc(n / 2, mpmath.mpf(1) / 2, 0, n / (n + t**2), regularized=True) / 2 - mpmath.mpf(
                "0.025"
            )

        exact = mpmath.findroot(beyond, student_95(freedom))
        # At n = 1000 rounding of a double, 2e-16, is 2e-4 of the term that is looked at.
        assert float((exact - student_95(freedom)) * mpmath.mpf(freedom) ** 4) == pytest.approx(1.58, abs=0.15)
