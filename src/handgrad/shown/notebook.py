"""A view as a piece of HTML for a notebook: its style is its own and follows the colours around it, light or dark."""

from __future__ import annotations

import math
from collections.abc import Sequence

from handgrad.html.markup import Markup, joined, tag
from handgrad.shown.view import MOST_ROWS, Curve, View

STYLE = """
.handgrad-shown { max-width: 60rem; line-height: 1.5; font-variant-numeric: tabular-nums; }
.handgrad-shown p { margin: .2em 0; }
.handgrad-shown .hg-title { font-weight: 600; }
.handgrad-shown .hg-side { display: flex; flex-wrap: wrap; gap: 1em 2em; align-items: flex-start; }
.handgrad-shown table { border-collapse: collapse; margin: .5em 0; }
.handgrad-shown th, .handgrad-shown td { padding: .15em .7em; border: 0; border-bottom: 1px solid rgb(128 128 128 / .3);
  text-align: right; background: none; color: inherit; }
.handgrad-shown th:first-child, .handgrad-shown td:first-child { text-align: left; padding-left: 0; }
.handgrad-shown .hg-quiet { opacity: .75; font-size: .9em; }
.handgrad-shown svg { display: block; overflow: visible; }
.handgrad-shown svg text { font-size: 11px; fill: currentColor; opacity: .75; }
"""
COLOURS = ("#3b8fc4", "#d9772b", "#2f9e7a", "#b8659a", "#a08a2c", "#7377c9")
"""Told apart on white and on black; dashes tell them apart without colour."""
DASHES = ("", "6 3", "2 3", "9 3 2 3", "12 4", "1 2")
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 380, 230, 52, 34, 18
# The picture is kept in the notebook's file, and in every copy of it.
MOST_POINTS, MOST_CURVES = 160, 6


def as_html(view: View) -> str:
    """Return a view as one element with a style of its own, of at most 60 kB."""
    table = table_of(view)
    chart = chart_of(view) if view.curves else None
    lines = [tag("p", line) for line in view.lines]
    return str(
        tag(
            "div",
            tag("style", Markup(STYLE)),
            tag("p", view.title, class_="hg-title"),
            *lines,
            tag("div", table, chart, class_="hg-side"),
            class_="handgrad-shown",
        )
    )


def table_of(view: View) -> Markup | None:
    """Return the table, cut after `MOST_ROWS` rows with the number of those left out."""
    if not view.rows:
        return None
    rows = [tag("tr", *(tag("td", cell) for cell in row)) for row in view.rows[:MOST_ROWS]]
    left = len(view.rows) - MOST_ROWS
    return tag(
        "div",
        tag("table", tag("thead", tag("tr", *(tag("th", cell) for cell in view.head))), tag("tbody", *rows)),
        tag("p", f"{left:,} more rows", class_="hg-quiet") if left > 0 else None,
    )


def finite_points(curve: Curve) -> list[tuple[float, float]]:
    """Return at most `MOST_POINTS` points of a curve, the first and the last among them; what is not finite is left out."""
    points = [
        (float(x), float(y)) for x, y in zip(curve.x, curve.y, strict=True) if math.isfinite(x) and math.isfinite(y)
    ]
    if len(points) <= MOST_POINTS:
        return points
    last = len(points) - 1
    return [points[round(last * number / (MOST_POINTS - 1))] for number in range(MOST_POINTS)]


def chart_of(view: View) -> Markup | None:
    """Return the curves as inline SVG, None where no point is finite."""
    drawn = [(curve, points) for curve in view.curves[:MOST_CURVES] if (points := finite_points(curve))]
    if not drawn:
        return None
    xs, ys = ([point[axis] for _, points in drawn for point in points] for axis in (0, 1))
    low, high = ends(ys)
    left, right = min(xs), max(xs)

    def place(x: float, y: float) -> str:
        across = LEFT + (WIDTH - LEFT - 8) * ((x - left) / (right - left) if right > left else 0.5)
        up = (min(max(y, low), high) - low) / (high - low)
        return f"{across:.1f} {HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * up:.1f}"

    lines = [
        tag("path", d="M" + "L".join(place(x, y) for x, y in points), fill="none", stroke=COLOURS[number],
            stroke_width="1.8", stroke_dasharray=DASHES[number] or None)
        for number, (_, points) in enumerate(drawn)
    ]  # fmt: skip
    return tag(
        "svg",
        *grid_of(low, high),
        *lines,
        *legend_of([curve.name for curve, _ in drawn]),
        tag("text", f"{left:g}", x=LEFT, y=HEIGHT - BOTTOM + 15),
        tag("text", f"{view.x_name} {right:g}", x=WIDTH - 8, y=HEIGHT - BOTTOM + 15, text_anchor="end"),
        tag("text", view.y_name, x=0, y=9),
        width=WIDTH,
        height=HEIGHT,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"{view.y_name} by {view.x_name}",
    )


def ends(values: Sequence[float]) -> tuple[float, float]:
    """Return the lowest and the highest value, with room between them where they are one."""
    low, high = min(values), max(values)
    # A run that flew off has values whose difference no double holds.
    low, high = max(low, -1e300), min(high, 1e300)
    return (low, high) if high > low else (low - abs(low) / 2 - 0.5, high + abs(high) / 2 + 0.5)


def grid_of(low: float, high: float) -> list[Markup]:
    """Return three lines across with their values."""
    found = []
    for part in (0.0, 0.5, 1.0):
        y = HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * part
        line = tag(
            "line", x1=LEFT, x2=WIDTH - 8, y1=f"{y:.1f}", y2=f"{y:.1f}", stroke="currentColor", stroke_opacity="0.2"
        )
        found += [
            line,
            tag("text", f"{low + part * (high - low):.4g}", x=LEFT - 6, y=f"{y + 4:.1f}", text_anchor="end"),
        ]
    return found


def legend_of(names: Sequence[str]) -> list[Markup]:
    """Return the names of the curves below the axis; a single curve needs none."""
    if len(names) < 2:
        return []
    found, x = [], LEFT
    for number, name in enumerate(names):
        y = HEIGHT - 5
        line = tag("line", x1=x, x2=x + 18, y1=y - 4, y2=y - 4, stroke=COLOURS[number], stroke_width="2",
                   stroke_dasharray=DASHES[number] or None)  # fmt: skip
        found.append(joined(line, tag("text", name, x=x + 22, y=y)))
        x += 34 + 7 * len(name)
    return found
