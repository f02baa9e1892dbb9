"""The network again, with the paths from one weight to the error highlighted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import pairwise, product
from math import prod

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from handgrad.backprop.graph.draft import Draft
from handgrad.backprop.graph.graph import Graph
from handgrad.backprop.pictures.network import FONT, QUIET, network_figure, plan_drawing
from handgrad.errors import counted

SHARED, PATHS = "#e0a800", ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""The stretches that paths share, and the paths: told apart by every common kind of colour vision."""
MOST_PATHS = len(PATHS)

Place = tuple[int, int]
"""A layer (0: the inputs) and a unit of it; one layer beyond the last is the error of an output."""


def lit_layer(graph: Graph) -> int:
    """Return the layer whose paths are lit: the first from which they are few, or the last hidden one."""
    sizes = graph.network.sizes
    few = (layer for layer in range(1, len(sizes) - 1) if prod(sizes[layer + 1 :]) <= MOST_PATHS)
    return next(few, max(1, len(sizes) - 2))


def paths_figure(graph: Graph, values: Mapping[str, float], unit_of: Callable[[int], int] = lambda _: 1) -> Figure:
    """Draw how a weight into a hidden layer meets the error: the first into the unit that stands for its layer."""
    network, layer = graph.network, lit_layer(graph)
    draft, plan = Draft(network), plan_drawing(network.sizes)
    figure = network_figure(graph, values)
    (axes,) = figure.axes
    last, unit = len(network.layers), unit_of(layer)
    routes = _routes(network.sizes, layer, unit)
    lit = routes[:MOST_PATHS]
    used = Counter(step for route in lit for step in pairwise(route))

    def point(place: Place) -> tuple[float, float]:
        if place[0] > last:
            x, y = point((last, place[1]))
            return x + plan.radius + 0.1, y
        spot = plan.spots[place[0]][place[1] - 1]
        return spot.x, spot.y

    inks = {step: colour for route, colour in zip(lit, PATHS, strict=False) for step in pairwise(route)}
    for step, ink in inks.items():
        (x, y), (to_x, to_y) = map(point, step)
        colour = ink if used[step] == 1 else SHARED
        axes.add_line(
            Line2D([x, to_x], [y, to_y], color=colour, linewidth=9, alpha=0.42, solid_capstyle="round", zorder=0.5)
        )
    said = f"{draft.weight(layer, unit, 1).label} reaches E by {counted(len(routes), 'path')}"
    said += f", {MOST_PATHS} of them highlighted" if len(routes) > MOST_PATHS else ""
    axes.text(plan.width / 2, 0.42, said, ha="center", va="center", fontsize=9, **{**FONT, "color": QUIET})
    return figure


def _routes(sizes: tuple[int, ...], layer: int, unit: int) -> list[tuple[Place, ...]]:
    """Return every way from the first input through a unit of a layer to the error of an output."""
    start: tuple[Place, ...] = ((layer - 1, 1), (layer, unit))
    further = [[(after, one) for one in range(1, sizes[after] + 1)] for after in range(layer + 1, len(sizes))]
    return [(*start, *ways, (len(sizes), (ways or start)[-1][1])) for ways in product(*further)]
