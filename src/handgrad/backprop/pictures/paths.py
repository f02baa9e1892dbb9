"""The network once more, with the paths from one weight to the error lit."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from handgrad.backprop.graph.draft import Draft
from handgrad.backprop.graph.graph import Graph
from handgrad.backprop.pictures.network import FONT, QUIET, network_figure, plan_drawing

SHARED, PATHS = "#e0a800", ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""The stretch that all paths share, and the paths: told apart by every common kind of colour vision."""
MOST_PATHS = len(PATHS)


def paths_figure(graph: Graph, values: Mapping[str, float], unit: int = 1) -> Figure:
    """Draw how the first weight into a unit of the last hidden layer (the output layer, where it is alone) meets the error."""
    network = graph.network
    last = len(network.layers)
    layer = max(1, last - 1)
    draft, plan = Draft(network), plan_drawing(network.sizes)
    figure = network_figure(graph, values)
    (axes,) = figure.axes
    source, start = plan.spots[layer - 1][0], plan.spots[layer][unit - 1]

    def light(ends: tuple[tuple[float, float], tuple[float, float]], colour: str) -> None:
        (x, y), (to_x, to_y) = ends
        axes.add_line(
            Line2D([x, to_x], [y, to_y], color=colour, linewidth=9, alpha=0.42, solid_capstyle="round", zorder=0.5)
        )

    light(((source.x, source.y), (start.x, start.y)), SHARED)
    targets = plan.spots[last][:MOST_PATHS] if layer < last else (start,)
    for spot, colour in zip(targets, PATHS, strict=False):
        if layer < last:
            light(((start.x, start.y), (spot.x, spot.y)), colour)
        light(((spot.x, spot.y), (spot.x + plan.radius + 0.1, spot.y)), colour)
    weight = draft.weight(layer, unit, 1).label
    count = len(plan.spots[last]) if layer < last else 1
    said = f"{weight} reaches E by {count} paths" if count > 1 else f"{weight} reaches E by one path"
    said += f", {MOST_PATHS} of them lit" if count > MOST_PATHS else ""
    axes.text(plan.width / 2, 0.42, said, ha="center", va="center", fontsize=9, **{**FONT, "color": QUIET})
    return figure
