"""What a figure is worth: counts, intervals and how it was chosen. Formulas only; no torch."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

NORMAL_95 = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""

STUDENT_95 = (
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
    2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
    2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
)  # fmt: skip
"""The 97.5 % points of Student's t with 1 to 30 degrees of freedom (standard tables)."""


def wilson_interval(correct: int, total: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of an accuracy, in percent (E. B. Wilson, JASA 22, 1927).

    It says how far *correct* of *total* images could be from the accuracy on endlessly many such images; it does not
    say how much the next training with another seed may differ. Raises ValueError unless 0 ≤ correct ≤ total, total > 0.
    """
    if not 0 <= correct <= total or total == 0:
        raise ValueError(f"{correct} of {total} is not a count")
    share, square = correct / total, NORMAL_95**2
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = NORMAL_95 / (1 + square / total) * math.sqrt(share * (1 - share) / total + square / (4 * total**2))
    # At either end the exact bound is 0 or 1, which rounding would miss.
    low = 0.0 if correct == 0 else 100 * (middle - half)
    high = 100.0 if correct == total else 100 * (middle + half)
    return low, high


def student_95(freedom: int) -> float:
    """Return the 97.5 % point of Student's t with *freedom* degrees of freedom (≥ 1), to four decimals.

    Beyond the table by the first terms of the Cornish-Fisher expansion (Abramowitz and Stegun, 26.7.5).
    """
    if freedom <= len(STUDENT_95):
        return STUDENT_95[freedom - 1]
    z = NORMAL_95
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


@dataclass(frozen=True)
class Spread:
    """Several seeds of one recipe: accuracies in percent. ``sd`` and ``interval95`` need two seeds, else None."""

    n: int
    mean: float
    sd: float | None
    lowest: float
    interval95: tuple[float, float] | None
    """The 95 % t interval of the mean over seeds; the sampling of the test images is not in it."""


def spread(accuracies: Sequence[float]) -> Spread:
    """Return mean, sample standard deviation (n - 1), lowest and the t interval of *accuracies* (percent, at least one)."""
    mean, n = statistics.fmean(accuracies), len(accuracies)
    if n < 2:
        return Spread(n, mean, None, min(accuracies), None)
    sd = statistics.stdev(accuracies)
    half = student_95(n - 1) * sd / math.sqrt(n)
    return Spread(n, mean, sd, min(accuracies), (mean - half, mean + half))


def spread_of_accuracies(accuracies: Sequence[float]) -> Spread:
    """Return `spread` of *accuracies* with the interval cut to what an accuracy can be, 0 to 100 %.

    The t interval knows no such bounds; the part beyond them holds no possible mean, so cutting it off changes no coverage.
    """
    found = spread(accuracies)
    if found.interval95 is None:
        return found
    low, high = found.interval95
    return replace(found, interval95=(max(0.0, low), min(100.0, high)))


def percent(correct: int, total: int) -> str:
    """Return an accuracy with two decimals, rounded down: 9,939.5 of 10,000 is not 99.40 %."""
    hundredths = 10_000 * correct // total
    return f"{hundredths // 100}.{hundredths % 100:02d} %"
