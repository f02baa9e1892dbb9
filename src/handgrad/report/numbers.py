"""Numbers in words and digits, the same on every page and in every table."""

from __future__ import annotations

from handgrad.runs.record import Counted
from handgrad.score import percent


def share(count: Counted) -> str:
    """Return an accuracy as ``99.45 %``, rounded down."""
    return percent(count.correct, count.total)


def interval(bounds: tuple[float, float]) -> str:
    """Return a 95 % interval as ``99.28 to 99.58 %``."""
    return f"{bounds[0]:.2f} to {bounds[1]:.2f} %"


def duration(seconds: float) -> str:
    """Return a duration: ``8.2 s``, ``3 min 20 s``, ``2 h 05 min``."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"
    return f"{int(seconds) // 3600} h {int(seconds) // 60 % 60:02d} min"


def number(value: object) -> str:
    """Return a value of a recipe as TOML writes it, whole numbers parted in thousands."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def probability(value: float) -> str:
    """Return a probability (0 to 1) in percent with one decimal, rounded down: only certainty is 100 %."""
    return f"{int(value * 1000) / 10:.1f} %"


def dataset_name(name: str) -> str:
    """Return how a dataset is called in running text."""
    return {"mnist": "MNIST", "drawn": "digits drawn by the program"}.get(name, name)
