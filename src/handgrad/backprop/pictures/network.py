"""The drawing of a network: every unit with its activation, every weight as an arrow, targets and errors at the right.

What is written follows from the room there is, and the drawing says what it leaves out: the numbers on the arrows
between two layers appear where all of them fit, the numbers in the units where no layer has more than eight.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch

from handgrad.backprop.graph.draft import Draft
from handgrad.backprop.graph.graph import Graph
from handgrad.backprop.network.network import BiasRule
from handgrad.backprop.symbols.rendering import plain_number

INK, QUIET = "#1f2933", "#5f6b7a"
POSITIVE, NEGATIVE = "#1f6fb2", "#c2571a"
FILL = {"input": "#eef2f6", "hidden": "#dcebf7", "output": "#fdf1d8"}
GAP = 2.9
"""Inches from layer to layer."""
ROOM_FOR_LABEL = 0.21
"""Inches between two numbers on arrows, above which they can be read."""
MOST_WITH_VALUES = 8
FONT: dict[str, Any] = {"fontfamily": "DejaVu Sans", "color": INK}


@dataclass(frozen=True)
class _Spot:
    """Where a unit stands, in inches."""

    x: float
    y: float


@dataclass(frozen=True)
class Plan:
    """Everything a drawing is made from: the places of the units of each layer (0: inputs), their radius, the size."""

    spots: tuple[tuple[_Spot, ...], ...]
    radius: float
    width: float
    height: float

    @property
    def crowded(self) -> bool:
        """Return whether units are too many to hold numbers."""
        return max(map(len, self.spots)) > MOST_WITH_VALUES


def plan_drawing(sizes: tuple[int, ...]) -> Plan:
    """Place the units of a network of these sizes, each layer centred."""
    most = max(sizes)
    spacing = 1.5 if most <= 4 else 1.05 if most <= MOST_WITH_VALUES else 0.62
    radius = 0.36 if most <= 4 else 0.3 if most <= MOST_WITH_VALUES else 0.2
    height = max(most * spacing, 2.4) + 0.9
    middle = (height - 0.55) / 2 + 0.27
    spots = tuple(
        tuple(_Spot(0.8 + GAP * layer, middle + spacing * ((size - 1) / 2 - unit)) for unit in range(size))
        for layer, size in enumerate(sizes)
    )
    return Plan(spots, radius, 0.8 + GAP * (len(sizes) - 1) + (2.2 if most > MOST_WITH_VALUES else 1.75), height)


def label_place(before: tuple[_Spot, ...], after: tuple[_Spot, ...]) -> float | None:
    """Return how far along the arrows (0 to 1) all labels between two layers can be read; None where nowhere."""

    def room(part: float) -> float:
        heights = sorted(a.y * (1 - part) + b.y * part for a, b in product(before, after))
        return min((high - low for low, high in pairwise(heights)), default=1.0)

    best = max((0.3 + 0.02 * step for step in range(21)), key=lambda part: round(room(part), 6))
    return best if room(best) >= ROOM_FOR_LABEL else None


def _short(value: float) -> str:
    """Return a number of four digits; zero has no sign."""
    return plain_number(value + 0.0, 4)


def network_figure(graph: Graph, values: Mapping[str, float], sample: int = 1) -> Figure:
    """Draw a network with the numbers of one row of its training, seen on one sample."""
    draft, plan = Draft(graph.network), plan_drawing(graph.network.sizes)
    figure = Figure(figsize=(plan.width, plan.height), facecolor="white")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0, plan.width), ylim=(0, plan.height), aspect="equal")
    axes.axis("off")
    silent = [layer for layer in range(1, len(plan.spots)) if not _arrows(axes, draft, plan, values, layer=layer)]
    for layer in range(len(plan.spots)):
        for unit in range(1, len(plan.spots[layer]) + 1):
            _unit(axes, draft, plan, values, place=(layer, unit, sample))
    for unit in draft.units(len(graph.network.layers)):
        _error(axes, draft, plan, values, unit=unit, sample=sample)
    _headings(axes, graph, plan)
    _notes(axes, graph, plan, silent, sample=sample)
    return figure


def _arrows(axes: Axes, draft: Draft, plan: Plan, values: Mapping[str, float], *, layer: int) -> bool:
    """Draw the weights into a layer; returns whether their numbers are written."""
    before, after = plan.spots[layer - 1], plan.spots[layer]
    part = label_place(before, after)
    crowd = len(before) * len(after)
    names = {
        (unit, source): draft.weight(layer, unit, source)
        for unit in draft.units(layer)
        for source in draft.units(layer - 1)
    }
    largest = max(abs(values[symbol.name]) for symbol in names.values()) or 1.0
    for (unit, source), symbol in names.items():
        start, end, value = before[source - 1], after[unit - 1], values[symbol.name]
        strength = abs(value) / largest
        axes.add_patch(
            FancyArrowPatch(
                (start.x, start.y),
                (end.x, end.y),
                arrowstyle="-|>" if crowd <= 64 else "-",
                shrinkA=plan.radius * 72,
                shrinkB=plan.radius * 72,
                mutation_scale=9,
                linewidth=0.3 + (1.7 if crowd <= 64 else 0.9) * strength,
                linestyle="solid" if value >= 0 else (0, (4, 2)),
                color=POSITIVE if value >= 0 else NEGATIVE,
                alpha=1.0 if crowd <= 64 else 0.35 + 0.55 * strength,
                zorder=1,
            )
        )
        if part is not None:
            x, y = start.x * (1 - part) + end.x * part, start.y * (1 - part) + end.y * part
            box: dict[str, Any] = {
                "boxstyle": "square,pad=0.12",
                "facecolor": "white",
                "edgecolor": "none",
                "alpha": 0.92,
            }
            text = f"{symbol.label} = {_short(value)}"
            slope = math.degrees(math.atan2(end.y - start.y, end.x - start.x))
            place: dict[str, Any] = {"ha": "center", "va": "center", "rotation": slope, "rotation_mode": "anchor"}
            axes.text(x, y, text, fontsize=8.5, bbox=box, zorder=2, **place, **FONT)
    return part is not None


def _unit(axes: Axes, draft: Draft, plan: Plan, values: Mapping[str, float], *, place: tuple[int, int, int]) -> None:
    layer, unit, sample = place
    spot = plan.spots[layer][unit - 1]
    last = len(plan.spots) - 1
    kind = "input" if layer == 0 else "output" if layer == last else "hidden"
    axes.add_patch(Circle((spot.x, spot.y), plan.radius, facecolor=FILL[kind], edgecolor=INK, linewidth=1.1, zorder=3))
    name = f"i{unit}" if layer == 0 else f"{draft.letters[layer - 1]}{unit}"
    centre: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 4, **FONT}
    if plan.crowded:
        axes.text(spot.x, spot.y, name, fontsize=8, **centre)
        return
    shown = _short(values[draft.out(layer, unit, sample).name])
    small = 6.5 if len(shown) > 7 else 7.5 if plan.radius < 0.33 or len(shown) > 6 else 8.5
    axes.text(spot.x, spot.y + plan.radius * 0.33, name, fontsize=10, fontweight="bold", **centre)
    axes.text(spot.x, spot.y - plan.radius * 0.3, shown, fontsize=small, **centre)
    if layer > 0:
        under = f"{name} = {_short(values[draft.pre(layer, unit, sample).name])}"
        number = draft.bias_number(layer, unit)
        if number is not None and draft.network.bias is BiasRule.NEURON:
            under += f"\nb{number} = {_short(values[f'b{number}'])}"
        under_style: dict[str, Any] = {"fontsize": 7.5, "ha": "center", "va": "top", "zorder": 4, "linespacing": 1.15}
        axes.text(spot.x, spot.y - plan.radius - 0.06, under, fontfamily="DejaVu Sans", color=QUIET, **under_style)


def _error(axes: Axes, draft: Draft, plan: Plan, values: Mapping[str, float], *, unit: int, sample: int) -> None:
    """Write target and error to the right of an output."""
    spot = plan.spots[-1][unit - 1]
    mark = f"[{sample}]" if len(draft.samples) > 1 else ""
    lines = [f"{name} = {_short(values[f'{name}{mark}'])}" for name in (f"t{unit}", f"E{unit}")]
    text = "   ".join(lines) if plan.crowded else "\n".join(lines)
    x = spot.x + plan.radius + 0.12
    axes.text(x, spot.y, text, fontsize=7.5 if plan.crowded else 9, ha="left", va="center", linespacing=1.35, **FONT)


def _headings(axes: Axes, graph: Graph, plan: Plan) -> None:
    """Write above each layer what it is, with the bias that its units share."""
    network = graph.network
    top = plan.height - 0.3
    quiet: dict[str, Any] = {"fontsize": 9, "ha": "center", "va": "center", "fontfamily": "DejaVu Sans", "color": QUIET}
    axes.text(plan.spots[0][0].x, top, "inputs", **quiet)
    for number, layer in enumerate(network.layers, start=1):
        kind = "outputs" if number == len(network.layers) else "hidden"
        text = f"{kind} · {layer.activation}"
        if network.bias in (BiasRule.FIXED, BiasRule.LAYER):
            fixed = ", fixed" if network.bias is BiasRule.FIXED else ", shared"
            text += f"\nb{number} = {_short(network.biases[number - 1])}{fixed}"
        axes.text(plan.spots[number][0].x, top, text, linespacing=1.3, **quiet)


def _notes(axes: Axes, graph: Graph, plan: Plan, silent: list[int], *, sample: int) -> None:
    """Write what the colours mean, which sample is seen, and what was left out for want of room."""
    handles = [
        Line2D([], [], color=POSITIVE, linewidth=1.6, label="weight ≥ 0"),
        Line2D([], [], color=NEGATIVE, linewidth=1.6, linestyle=(0, (4, 2)), label="weight < 0"),
    ]
    axes.legend(
        handles=handles, loc="lower left", ncols=2, frameon=False, fontsize=7.5, labelcolor=QUIET, borderaxespad=0.6
    )
    notes = ["wider: larger |weight|"]
    samples = len(graph.network.samples)
    if samples > 1:
        notes.append(f"numbers of sample {sample} of {samples}")
    if silent:
        notes.append("no numbers on arrows where they would overlap")
    if plan.crowded:
        notes.append(f"none in units, as a layer has over {MOST_WITH_VALUES}")
    axes.text(
        plan.width - 0.12,
        0.17,
        " · ".join(notes),
        fontsize=7.5,
        ha="right",
        va="center",
        fontfamily="DejaVu Sans",
        color=QUIET,
    )
