"""Curves as plain data: which points, on which axes. `handgrad.report.svg` and `handgrad.report.plots` draw them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

# Evenly spaced on the axis of errors, roughly a halving each: where digits are told apart is beyond 99 %.
ACCURACY_TICKS = (0, 50, 80, 90, 95, 98, 99, 99.5, 99.8, 99.9, 99.95, 99.98, 99.99)
LEAST_ERROR = 0.01
"""Percent; an accuracy closer to 100 is drawn there, as the axis has no end."""
LEAST_RATE = 1e-300
"""A learning rate that leaves no room for ticks below it is drawn as nothing."""
MARKED = 40
"""A curve of at most so many points shows each of them."""


@dataclass(frozen=True)
class Axis:
    """One axis: its label, its ends, and its ticks as (position, text)."""

    label: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def part(self, position: float) -> float:
        """Return how far along the axis *position* lies: 0 at the low end, 1 at the high one."""
        return (position - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Curve:
    """One line through *points*, in the axes' positions; *style* counts the looks that tell curves apart."""

    label: str
    points: tuple[tuple[float, float], ...]
    style: int = 0
    marked: bool = True


@dataclass(frozen=True)
class Band:
    """What lies between a low and a high line: *points* are (x, low, high), *style* is that of curves."""

    label: str
    points: tuple[tuple[float, float, float], ...]
    style: int = 0


@dataclass(frozen=True)
class Chart:
    """Curves on one pair of axes. *name* is that of the PNG file, *text* says in words what there is to see."""

    name: str
    title: str
    text: str
    x: Axis
    y: Axis
    curves: tuple[Curve, ...]
    bands: tuple[Band, ...] = ()


Line = tuple[str, int, Sequence[tuple[float, float]]]
"""What a chart is made from: label, style, and points as (epoch, value)."""
Between = tuple[str, int, Sequence[tuple[float, float, float]]]
"""What a band is made from: label, style, and points as (epoch, low, high)."""


def accuracy_chart(
    name: str, title: str, text: str, lines: Sequence[Line], epochs: int, *, bands: Sequence[Between] = ()
) -> Chart:
    """Return accuracies (percent) against epochs, spread out towards 100 % so that 99.4 and 99.5 can be told apart."""
    places = [error_place(value) for value in _values(lines, bands)]
    ticks = [(error_place(tick), f"{tick:g} %") for tick in ACCURACY_TICKS]
    y = spanning("accuracy", ticks, places)
    return assemble(name, title, text, lines, epochs=epochs, y=y, place=error_place, bands=bands)


def loss_chart(
    name: str, title: str, text: str, lines: Sequence[Line], epochs: int, *, bands: Sequence[Between] = ()
) -> Chart:
    """Return losses against epochs on a logarithmic axis."""
    values = [value for value in _values(lines, bands) if value > 0]
    least = min(values, default=1.0)

    def place(loss: float) -> float:
        return math.log10(max(loss, least))

    low, high = math.floor(math.log10(least)), math.ceil(math.log10(max(values, default=1.0)) + 1e-9)
    steps = (1, 2, 5) if high - low <= 3 else (1,)
    ticks = [(math.log10(step) + power, f"{step * 10.0**power:g}") for power in range(low, high + 1) for step in steps]
    y = spanning("loss", ticks, [place(value) for value in values])
    return assemble(name, title, text, lines, epochs=epochs, y=y, place=place, bands=bands)


def rate_chart(name: str, title: str, text: str, lines: Sequence[Line], *, epochs: int) -> Chart:
    """Return learning rates against epochs."""
    top = max((value for _, _, points in lines for _, value in points), default=0.0)
    top = top if top > LEAST_RATE else 1.0
    step = round_step(top / 4)
    ticks = [(count * step, f"{count * step:.6g}") for count in range(math.ceil(top / step - 1e-9) + 1)]
    axis = Axis("learning rate", 0.0, ticks[-1][0], tuple(ticks))
    return assemble(name, title, text, lines, epochs=epochs, y=axis, place=float)


def assemble(
    name: str,
    title: str,
    text: str,
    lines: Sequence[Line],
    *,
    epochs: int,
    y: Axis,
    place: Callable[[float], float],
    bands: Sequence[Between] = (),
) -> Chart:
    """Return the chart of *lines*, and of *bands* behind them, whose values *place* puts on the axis *y*."""
    curves = tuple(
        Curve(label, tuple((x, place(value)) for x, value in points), style, len(points) <= MARKED)
        for label, style, points in lines
    )
    between = tuple(
        # Clipped to the axis: a prediction interval may reach below what any run had.
        Band(label, tuple((x, max(place(low), y.low), min(place(high), y.high)) for x, low, high in points), style)
        for label, style, points in bands
    )
    return Chart(name, title, text, epoch_axis(epochs), y, curves, between)


def _values(lines: Sequence[Line], bands: Sequence[Between]) -> list[float]:
    """Return every value that is drawn."""
    between = [value for _, _, points in bands for _, low, high in points for value in (low, high)]
    return [value for _, _, points in lines for _, value in points] + between


def error_place(accuracy: float) -> float:
    """Return where an accuracy (percent) stands: every halving of the errors is one step up."""
    return -math.log2(max(100 - accuracy, LEAST_ERROR))


def spanning(label: str, ticks: Sequence[tuple[float, str]], places: Iterable[float]) -> Axis:
    """Return the axis from the last of *ticks* below all *places* to the first above them, at least one step long."""
    places = list(places) or [ticks[0][0]]
    low = max((i for i, (place, _) in enumerate(ticks) if place <= min(places)), default=0)
    high = min((i for i, (place, _) in enumerate(ticks) if place >= max(places)), default=len(ticks) - 1)
    if high <= low:
        low, high = max(0, low - 1), min(len(ticks) - 1, low + 1)
    return Axis(label, ticks[low][0], ticks[high][0], tuple(ticks[low : high + 1]))


def epoch_axis(epochs: int) -> Axis:
    """Return the axis of a run of *epochs* epochs; a figure of epoch n stands at n, where the epoch ended."""
    # About eight ticks; the last epoch gets one of its own unless it would touch the one before.
    step = max(1, int(round_step(epochs / 8)))
    places = list(range(0, epochs + 1, step))
    if epochs - places[-1] >= 0.6 * step:
        places.append(epochs)
    return Axis("epoch", 0.0, float(epochs), tuple((float(place), str(place)) for place in places))


def round_step(least: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is at least *least* (above 0)."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))


def thinned(values: Sequence[float], most: int) -> list[int]:
    """Return at most *most* evenly spread indices of *values*, the first and the last among them."""
    if len(values) <= most:
        return list(range(len(values)))
    return sorted({round(part * (len(values) - 1) / (most - 1)) for part in range(most)})
