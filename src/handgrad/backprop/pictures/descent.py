"""Why a learning rate can be too small and too large: steps on the parabola that the error is along one weight."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from handgrad.backprop.graph.graph import Graph
from handgrad.backprop.pictures.network import INK, NEGATIVE, POSITIVE, QUIET
from handgrad.backprop.pictures.parabola import parabola_of
from handgrad.backprop.simulate import evaluate
from handgrad.backprop.symbols.rendering import plain_number

KINDS = (("crawls", 0.1), ("zigzags", 1.8), ("flies off", 2.15))
"""What is shown, and the learning rate for it as a part of 1 / curvature."""


def descent_figure(graph: Graph, values: Mapping[str, float]) -> Figure:
    """Draw three rates on the parabola of one weight: one that crawls, one that zigzags, one that flies off."""
    figure = Figure(figsize=(9.6, 3.4), facecolor="white", layout="constrained")
    found = parabola_of(graph, values)
    if found is None:
        axes = figure.add_subplot()
        axes.axis("off")
        axes.text(
            0.5,
            0.5,
            "at the current weights the error curves upwards along no weight into the outputs",
            ha="center",
            color=QUIET,
        )
        return figure
    reach = 1.7 * abs(found.at - found.lowest)
    line = np.linspace(found.lowest - reach, found.lowest + reach, 201)
    true = np.array([float(evaluate(graph, {found.name: float(w)})["E_total"]) for w in line[::10]])
    for number, (word, share) in enumerate(KINDS, start=1):
        axes = figure.add_subplot(1, 3, number)
        rate = share / found.curvature
        axes.plot(line[::10], true, color=QUIET, linewidth=1, linestyle=":", label="the error itself")
        axes.plot(line, found(line), color=POSITIVE, linewidth=1.4, label="its parabola")
        steps = found.steps(rate)
        axes.plot(steps, found(steps), color=NEGATIVE, linewidth=0.9, marker="o", markersize=4, label="steps")
        axes.plot(steps[:1], found(steps[:1]), color=INK, marker="s", markersize=6, linestyle="none", label="now")
        axes.set_title(f"η = {plain_number(rate, 3)} {word}", fontsize=10, color=INK, loc="left")
        axes.set_xlabel(graph[found.name].label, fontsize=9, color=INK)
        axes.tick_params(colors=QUIET, labelsize=8)
        axes.set_xlim(line[0], line[-1])
        low, high = float(found(np.array(found.lowest))), float(found(line[:1])[0])
        axes.set_ylim(low - 0.06 * (high - low), high)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        if number == 1:
            axes.set_ylabel("E", fontsize=9, color=INK)
            axes.legend(frameon=False, fontsize=7.5, labelcolor=QUIET, loc="upper center")
    return figure
