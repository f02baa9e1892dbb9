"""The curves of a training: the error by step, and the error by step for several learning rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from handgrad.backprop.pictures.labels import spread
from handgrad.backprop.pictures.network import INK, POSITIVE, QUIET
from handgrad.backprop.pictures.palette import rate_colours
from handgrad.backprop.simulate import Floats, RateSweep, Trace
from handgrad.backprop.symbols.rendering import plain_number

# Curves must be told apart without colour: printed in grey, or by an eye that sees red and green alike.
STYLES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 1)))
HIGHEST = 1e12
"""The logarithmic axis goes to so many times the first error, and to that part of it: below is rounding alone."""
GAP = 0.062
"""Between the names at the ends of two lines, as a part of the height of the drawing."""
SIZE = (7.2, 4.3)


def error_figure(trace: Trace) -> Figure:
    """Draw E_total by step; a training that leaves the finite numbers is drawn as far as it goes.

    The axis is linear, unless the error grows so much that a linear axis would show its last rows only.
    """
    figure, axes = _empty(f"{trace.graph.network.name}: error by step")
    errors = _finite_part(trace["E_total"])
    rate = plain_number(float(trace["learning_rate"][0]))
    steep = _too_steep(errors)
    shown = _within_reach(errors) if steep else errors
    axes.plot(np.arange(len(errors)), shown, color=POSITIVE, linewidth=1.8, label=f"learning rate {rate}")
    _finish(axes, trace.steps, logarithmic=steep)
    if trace.diverged_at is not None:
        _remark(axes, f"diverged at step {trace.diverged_at}")
    axes.legend(frameon=False, fontsize=9)
    return figure


def rates_figure(sweep: RateSweep, name: str, logarithmic: bool = False) -> Figure:
    """Draw E_total by step, a line a learning rate.

    On the linear axis errors above twice the first run out of the picture, so that one diverging rate does
    not flatten the others.
    """
    axis = "logarithmic axis" if logarithmic else "linear axis"
    figure, axes = _empty(f"{name}: error by step and learning rate ({axis})")
    order = sorted(range(len(sweep.rates)), key=lambda one: sweep.rates[one])
    colours = rate_colours(len(order))
    ends: list[tuple[str, str, float]] = []
    for index, rate in enumerate(sweep.rates):
        errors = _finite_part(sweep.errors[:, index])
        label = plain_number(rate)
        if sweep.diverged_at[index] is not None:
            label += f" (diverged at step {sweep.diverged_at[index]})"
        style, colour = STYLES[index % len(STYLES)], colours[order.index(index)]
        ends.append((label, colour, float(errors[-1]) if len(errors) == len(sweep.errors) else np.inf))
        axes.plot(
            np.arange(len(errors)),
            _within_reach(errors) if logarithmic else errors,
            color=colour,
            linestyle=style,
            linewidth=1.6,
            label=label,
        )
    steps = len(sweep.errors) - 1
    _finish(axes, steps, logarithmic)
    first = float(sweep.errors[0, 0])
    largest = max((float(_finite_part(column).max(initial=0.0)) for column in sweep.errors.T), default=0.0)
    if not logarithmic and np.isfinite(first) and first > 0 and largest > 2 * first:
        axes.set_ylim(0, 2 * first)
        _remark(axes, "errors above twice the first are cut off")
    least = min((float(_finite_part(column).min(initial=np.inf)) for column in sweep.errors.T), default=np.inf)
    if logarithmic and first > 0 and least < first / HIGHEST:
        _remark(axes, "errors below 10⁻¹² of the first are drawn there: they are only rounding")
    if logarithmic and first > 0 and largest > HIGHEST * first:
        _remark(axes, "errors above 10¹² times the first are cut off")
    _name_ends(axes, ends)
    return figure


def _name_ends(axes: Axes, ends: Sequence[tuple[str, str, float]]) -> None:
    """Write the name of each line beside its end, joined to it in its colour; names that would cover each other move apart."""
    axes.autoscale_view()
    to_part = axes.transData + axes.transAxes.inverted()
    low, high = axes.get_ylim()
    parts = [float(to_part.transform((0.0, min(max(end, low), high)))[1]) for _, _, end in ends]
    style: dict[str, Any] = {"fontsize": 9, "ha": "left", "va": "center", "gid": "end", "color": INK}
    for (name, colour, _), part, place in zip(ends, parts, spread(parts, GAP, 1.0), strict=True):
        joined: dict[str, Any] = {"color": colour, "linewidth": 1.1, "transform": axes.transAxes, "clip_on": False}
        axes.add_line(Line2D([1.0, 1.025], [part, place], gid="leader", **joined))
        axes.text(1.032, place, f"η = {name}", transform=axes.transAxes, parse_math=False, **style)


def _finite_part(errors: Floats) -> Floats:
    """Return the errors up to the first that is no longer finite."""
    broken = np.flatnonzero(~np.isfinite(errors))
    return errors[: broken[0]] if len(broken) else errors


def _within_reach(errors: Floats) -> Floats:
    """Return the errors that a logarithmic axis shows: at most 10^12 times the first, and at least that part of it."""
    first = float(errors[0]) if len(errors) and errors[0] > 0 else 1.0
    return np.where(errors <= HIGHEST * first, np.maximum(errors, first / HIGHEST), np.nan)


def _empty(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    # parse_math off: a name is text and never a formula
    axes.set_title(title, fontsize=11, color=INK, loc="left", parse_math=False)
    return figure, axes


def _too_steep(errors: Floats) -> bool:
    """Return whether a linear axis would show nothing but the last rows of a training that diverges."""
    return len(errors) > 1 and bool(errors[0] > 0) and bool(errors.max() > 1e4 * errors[0])


def _finish(axes: Axes, steps: int, logarithmic: bool) -> None:
    axes.set_xlabel("step (row k: before update k)", fontsize=10, color=INK)
    axes.set_ylabel("E_total", fontsize=10, color=INK)
    axes.set_xlim(0, max(steps, 1))
    if logarithmic:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.grid(color="#d7dde4", linewidth=0.6, which="major")
    axes.tick_params(colors=QUIET, labelsize=9)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(QUIET)


def _remark(axes: Axes, text: str) -> None:
    """Write what a reader must know of the drawing under it, where no curve is."""
    axes.set_xlabel(f"{axes.get_xlabel()}\n{text}", fontsize=10, color=INK)
