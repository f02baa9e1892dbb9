"""The rules of a step on one picture: for readers of Markdown that show no mathematics, and for a wall."""

from __future__ import annotations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from handgrad.backprop.explain.equations import Equations, visible
from handgrad.backprop.explain.scope import Scope
from handgrad.backprop.graph.graph import Kind, Quantity
from handgrad.backprop.pictures.network import INK, QUIET

# Inches: a page across, and a line of a fraction with its indices above and below.
WIDTH, LINE = 11.0, 0.56
# So many signs of formulas fit into `WIDTH` at the size drawn; longer ones are broken, as the picture cannot scroll.
MOST_SIGNS = 92


def _glance_rows(scope: Scope, write: Equations) -> list[tuple[str, str]]:
    """Return what it is, and the formula: one unit, one weight and one delta of the output and of the layer below."""
    graph, last = scope.graph, len(scope.graph.network.layers)
    rows: list[tuple[str, str]] = []

    def first(kind: Kind, layer: int | None) -> Quantity | None:
        """Return the first of a kind, and among the units of a layer one that works."""
        found = [q for q in scope.shown(kind) if layer in (None, q.layer)]
        before = {q.name: scope.unit_of((q.layer or 1) - 1) for q in found}
        works = (q for q in found if q.unit == scope.unit_of(q.layer) and q.source in (None, q.unit, before[q.name]))
        return next(works, found[0] if found else None)

    def add(words: str, quantity: Quantity | None) -> None:
        if quantity is not None:
            rows.append((words, _formula(write, quantity)))

    for layer in dict.fromkeys((max(last - 1, 1), last)):
        where = "an output" if layer == last else "a hidden unit"
        add(f"pre-activation of {where}", first(Kind.PRE_ACTIVATION, layer))
        add("its activation", first(Kind.ACTIVATION, layer))
    add("error of an output", first(Kind.ERROR, None))
    for layer in dict.fromkeys((last, max(last - 1, 1))):
        add("how the error changes with an activation", first(Kind.ERROR_SLOPE, layer))
        add("slope of the activation", first(Kind.ACTIVATION_SLOPE, layer))
        add("delta of " + ("an output" if layer == last else "a hidden unit"), first(Kind.DELTA, layer))
        add("derivative with respect to a weight", first(Kind.GRADIENT, layer))
    updated = first(Kind.GRADIENT, last)
    assert updated is not None
    add("the weight after the step", graph[graph.successors[updated.of or ""]])
    return rows


def _formula(write: Equations, quantity: Quantity) -> str:
    """Return rule, numbers and value, as much of it as can be read on one line."""
    rule, numbers = _one_line(write.rule(quantity.name)), _one_line(write.numbers(quantity.name))
    sides = dict.fromkeys([quantity.latex, rule, numbers, write.result(quantity.name)])
    whole = " = ".join(sides)
    if visible(whole) <= MOST_SIGNS:
        return whole
    return " = ".join(dict.fromkeys([quantity.latex, rule, write.result(quantity.name)]))


def _one_line(side: tuple[str, ...]) -> str:
    if len(side) == 1:
        return side[0]
    return f"{side[0]} + \\cdots" + " )" * (side[0].count("( ") - side[0].count(" )"))


def glance_figure(scope: Scope, write: Equations) -> Figure:
    """Return the rows as a picture; a formula that is too wide is set smaller."""
    rows = _glance_rows(scope, write)
    height = LINE * len(rows) + 0.3
    figure = Figure(figsize=(WIDTH, height), facecolor="white")
    FigureCanvasAgg(figure)
    left = 3.3
    for index, (words, formula) in enumerate(rows):
        y = 1 - (LINE * (index + 0.5) + 0.15) / height
        figure.text(0.15 / WIDTH, y, words, fontsize=10, color=QUIET, va="center", fontfamily="DejaVu Sans")
        shown = figure.text(left / WIDTH, y, f"${formula}$", fontsize=13, color=INK, va="center")
        room, taken = (WIDTH - left - 0.15) * figure.dpi, shown.get_window_extent().width
        if taken > room:
            shown.set_fontsize(13 * room / taken)
    return figure
