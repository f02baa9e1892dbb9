"""The drawing of a network: every unit with its activation, every weight as an arrow, targets and errors at the right.

What is written follows from the room there is, and the drawing says what it leaves out: the numbers on the arrows
between two layers appear where all of them fit, the numbers in the units where no layer has more than eight.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch

from handgrad.backprop.graph.draft import Draft
from handgrad.backprop.graph.graph import Graph
from handgrad.backprop.network.network import BiasRule
from handgrad.backprop.pictures.labels import Box, boxes, weight_rows
from handgrad.backprop.symbols.rendering import plain_number

INK, QUIET = "#1f2933", "#5f6b7a"
POSITIVE, NEGATIVE = "#1f6fb2", "#c2571a"
FILL = {"input": "#eef2f6", "hidden": "#dcebf7", "output": "#fdf1d8"}
GAP = 2.9
"""Inches from layer to layer."""
MOST_LABELS = 24
"""So many arrows between two layers are tried; where there are more, no eye would follow one to its number."""
TABLE_COLUMN, TABLE_ROW = 0.58, 0.17
NOTE_CHARACTER, LEGEND_WIDTH = 0.063, 2.2
"""Inches of a character of the notes, and of the legend that stands at their left."""
# More units a layer, and the numbers at their connections would lie on one another: then only the shape is drawn.
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


def _short(value: float) -> str:
    """Return a number of four digits; zero has no sign."""
    # -0.0 + 0.0 is 0.0.
    return plain_number(value + 0.0, 4)


def network_figure(graph: Graph, values: Mapping[str, float], sample: int = 1) -> Figure:
    """Draw a network with the numbers of one row of its training, seen on one sample."""
    draft, plan = Draft(graph.network), plan_drawing(graph.network.sizes)
    layers = range(1, len(plan.spots))
    labels = {layer: _labels(draft, plan, values, layer) for layer in layers}
    # A layer's numbers stand at all its arrows or at none: a few would look like the only weights.
    silent = [layer for layer in layers if labels[layer] is None]
    tables = _Tables.of(draft, values, silent)
    width, height = plan.width + tables.width, max(plan.height, tables.height)
    figure = Figure(figsize=(width, height), facecolor="white")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0, width), ylim=(plan.height - height, plan.height), aspect="equal")
    axes.axis("off")
    for layer in layers:
        _arrows(axes, draft, plan, values, labelled=(layer, labels[layer]))
    tables.draw(axes, plan)
    for layer in range(len(plan.spots)):
        for unit in range(1, len(plan.spots[layer]) + 1):
            _unit(axes, draft, plan, values, place=(layer, unit, sample))
    for unit in draft.units(len(graph.network.layers)):
        _error(axes, draft, plan, values, unit=unit, sample=sample)
    _headings(axes, graph, plan)
    _notes(axes, graph, plan, (silent, sample, width, plan.height - height))
    return figure


def _labels(draft: Draft, plan: Plan, values: Mapping[str, float], layer: int) -> list[Box] | None:
    """Return where the numbers of the weights into a layer stand, in the order of its arrows; None where not all have room."""
    before, after = plan.spots[layer - 1], plan.spots[layer]
    if len(before) * len(after) > MOST_LABELS:
        return None
    arrows = [((start.x, start.y), (end.x, end.y)) for end in after for start in before]
    return boxes(arrows, [text for text, _ in _weights(draft, values, layer)])


def _weights(draft: Draft, values: Mapping[str, float], layer: int) -> list[tuple[str, float]]:
    """Return the label and the value of each weight into a layer, unit after unit."""
    symbols = [draft.weight(layer, unit, source) for unit in draft.units(layer) for source in draft.units(layer - 1)]
    return [(f"{symbol.label} = {_short(values[symbol.name])}", values[symbol.name]) for symbol in symbols]


def _arrows(
    axes: Axes, draft: Draft, plan: Plan, values: Mapping[str, float], *, labelled: tuple[int, list[Box] | None]
) -> None:
    """Draw the weights into a layer, with their numbers where these have room."""
    layer, places = labelled
    before, after = plan.spots[layer - 1], plan.spots[layer]
    crowd = len(before) * len(after)
    weights = _weights(draft, values, layer)
    largest = max(abs(value) for _, value in weights) or 1.0
    ends = [(start, end) for end in after for start in before]
    for number, ((start, end), (text, value)) in enumerate(zip(ends, weights, strict=True)):
        strength = abs(value) / largest
        axes.add_patch(
            FancyArrowPatch(
                (start.x, start.y),
                (end.x, end.y),
                # Hundreds of arrow heads at one unit would be a black ring.
                arrowstyle="-|>" if crowd <= 64 else "-",
                shrinkA=plan.radius * 72,
                shrinkB=plan.radius * 72,
                mutation_scale=9,
                linewidth=0.3 + (1.7 if crowd <= 64 else 0.9) * strength,
                # Dashes beside the colour, for grey prints and eyes that see no red.
                linestyle="solid" if value >= 0 else (0, (4, 2)),
                color=POSITIVE if value >= 0 else NEGATIVE,
                alpha=1.0 if crowd <= 64 else 0.35 + 0.55 * strength,
                zorder=1,
            )
        )
        if places is not None:
            box: dict[str, Any] = {
                "boxstyle": "square,pad=0.12",
                "facecolor": "white",
                "edgecolor": "none",
                "alpha": 0.92,
            }
            at = places[number]
            place: dict[str, Any] = {"ha": "center", "va": "center", "rotation_mode": "anchor", "gid": "weight"}
            axes.text(
                at.x, at.y, text, fontsize=8.5, bbox=box, zorder=2, rotation=math.degrees(at.angle), **place, **FONT
            )


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


def _notes(axes: Axes, graph: Graph, plan: Plan, seen: tuple[list[int], int, float, float]) -> None:
    """Write what the colours mean, which sample is seen, and what was left out for want of room."""
    silent, sample, width, bottom = seen
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
        notes.append("weights in tables where their numbers would cover each other")
    if plan.crowded:
        notes.append(f"none in units, as a layer has over {MOST_WITH_VALUES}")
    # As many on a line as stand beside the legend without touching it.
    lines = [notes[0]]
    for note in notes[1:]:
        longer = f"{lines[-1]} · {note}"
        if NOTE_CHARACTER * len(longer) < width - LEGEND_WIDTH:
            lines[-1] = longer
        else:
            lines.append(note)
    style: dict[str, Any] = {"fontsize": 7.5, "ha": "right", "va": "bottom", "linespacing": 1.3, "gid": "notes"}
    axes.text(width - 0.12, bottom + 0.1, "\n".join(lines), fontfamily="DejaVu Sans", color=QUIET, **style)


@dataclass(frozen=True)
class _Tables:
    """The weights between layers whose arrows have no room for numbers: their rows, one table below the other."""

    rows: tuple[tuple[str, list[list[str]]], ...]

    @classmethod
    def of(cls, draft: Draft, values: Mapping[str, float], silent: list[int]) -> _Tables:
        """Return the tables of these layers."""
        found = []
        for layer in silent:
            names = ["i", *draft.letters][layer - 1]
            units, sources = draft.units(layer), draft.units(layer - 1)
            numbers = {(u, s): _short(values[draft.weight(layer, u, s).name]) for u in units for s in sources}
            into = draft.letters[layer - 1]
            rows = weight_rows(numbers, [f"{names}{s}" for s in sources], [f"{into}{u}" for u in units])
            found.append((f"weights from {names}1 … {names}{len(sources)} to {into}1 … {into}{len(units)}", rows))
        return cls(tuple(found))

    @property
    def width(self) -> float:
        """Return how many inches they take beside the drawing."""
        return max((TABLE_COLUMN * len(rows[0]) + 0.5 for _, rows in self.rows), default=0.0)

    @property
    def height(self) -> float:
        """Return how many inches they take from the top."""
        return sum(TABLE_ROW * (len(rows) + 2.5) for _, rows in self.rows) + (0.9 if self.rows else 0.0)

    def draw(self, axes: Axes, plan: Plan) -> None:
        """Write them to the right of the drawing."""
        y = plan.height - 0.3
        style: dict[str, Any] = {"fontsize": 7, "va": "center", "fontfamily": "DejaVu Sans"}
        for title, rows in self.rows:
            axes.text(plan.width, y, title, color=INK, ha="left", fontweight="bold", **style)
            for number, row in enumerate(rows, start=1):
                for column, text in enumerate(row):
                    quiet = number == 1 or column == 0
                    x = plan.width + TABLE_COLUMN * (column + 0.9)
                    axes.text(x, y - TABLE_ROW * number, text, color=QUIET if quiet else INK, ha="right", **style)
            y -= TABLE_ROW * (len(rows) + 2.5)
