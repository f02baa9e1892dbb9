"""Every limit and every default of the backprop wing, each once, with its reason; and the refusals of what passes them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from handgrad.errors import UsageError

MAX_INPUTS, MAX_LAYERS, MAX_UNITS, MAX_SAMPLES = 8, 4, 16, 16
"""The largest network: what a person can still follow on a sheet, and a spreadsheet program still opens."""
MAX_NAME = 60
"""Longest name of a network: names become parts of titles and of file names."""
MAX_FILE_BYTES = 1_000_000
"""Largest TOML file that is read: the largest network needs a hundredth of it."""

# Rate of the classic worked example, and large enough to see the error fall within `DEFAULT_STEPS`.
DEFAULT_LEARNING_RATE = 0.5
DEFAULT_STEPS = 100
DEFAULT_RATES = (0.1, 0.2, 0.5, 0.8, 1.0, 2.0)
"""The learning rates that books, pictures and pages compare where a network has no others: those of published sheets."""

MAX_STEPS = 10_000
"""Most steps in a book: 9 MB for the classic network with six learning rates compared."""
MAX_RATES = 12
"""Most learning rates compared: so many lines can be told apart on one chart, in colour and in grey."""
MAX_RATE_CELLS = 500_000
"""Most cells for the runs behind the comparison of learning rates: 1,200 steps of a 2-2-1 network with four samples at six
rates, 2,400 of the classic one, 5 MB; what a comparison then leaves out it says."""
MAX_TRACED_STEPS = 1_000_000
"""Most steps of a training whose numbers go to no book."""
MAX_TRACED_NUMBERS = 200_000_000
"""Most numbers that one training keeps (1.6 GB)."""

MAX_BLANKS = 120
"""Most blanks in a task: a long afternoon."""
TASK_SAMPLES = 2
"""A task takes so many samples of a network: enough to see what is added up over samples."""
MAX_SEED = 2**32 - 1
"""Largest seed of a task: what the random generators of every machine take."""


def check_steps(steps: int, most: int = MAX_TRACED_STEPS, least: int = 0, prefix: str = "") -> None:
    """Raise :class:`UsageError` unless *steps* is a whole number from *least* to *most*."""
    if not least <= steps <= most:
        raise UsageError(f"{prefix}steps must be a whole number from {least} to {most:,} – found {steps}")


def check_rates(rates: Sequence[float], prefix: str = "") -> None:
    """Raise :class:`UsageError` unless these are 1 to 12 different learning rates."""
    if not 1 <= len(rates) <= MAX_RATES or len(set(rates)) != len(rates):
        found = ", ".join(f"{rate:g}" for rate in rates[: MAX_RATES + 1]) or "none"
        raise UsageError(f"{prefix}rates needs 1 to {MAX_RATES} different numbers – found {found}")
    check_positive(rates, prefix)


def check_positive(rates: Sequence[float], prefix: str = "") -> None:
    """Raise :class:`UsageError` unless there are learning rates, each a finite number above 0."""
    wrong = [f"{rate:g}" for rate in rates if not (math.isfinite(rate) and rate > 0)]
    if wrong or not rates:
        raise UsageError(f"{prefix}rates must be finite numbers above 0 – found {wrong[0] if wrong else 'none'}")
