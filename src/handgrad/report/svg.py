"""Charts as inline SVG whose colours follow the page, light, dark or printed."""

from __future__ import annotations

from handgrad.html.markup import Markup, joined, tag
from handgrad.report.chart import Band, Chart, Curve

LEFT, RIGHT, TOP, BOTTOM = 54.0, 12.0, 34.0, 40.0
STYLES = 6
"""So many looks tell curves apart (see ``page.css``); further curves begin again."""


def chart_figure(chart: Chart, *, legend: bool = True, width: int = 440, height: int = 290) -> Markup:
    """Return *chart* as a figure of that shape, scaled to the width it is given; one curve needs no *legend*."""
    legend = legend and len(chart.curves) + len(chart.bands) > 1
    plane = Plane(chart, width, height, TOP if legend else 12.0)
    drawing = tag(
        "svg",
        tag("title", chart.text),
        plane.grid(),
        *(plane.band(band) for band in chart.bands),
        *(plane.curve(curve) for curve in chart.curves),
        names(chart) if legend else None,
        viewBox=f"0 0 {width} {height}",
        role="img",
        class_="chart",
    )
    return tag("figure", tag("figcaption", chart.title), drawing, class_="chart")


class Plane:
    """The rectangle inside the axes."""

    def __init__(self, chart: Chart, width: int, height: int, top: float) -> None:
        self.chart = chart
        self.top, self.right, self.bottom = top, width - RIGHT, height - BOTTOM

    def x(self, position: float) -> float:
        """Return the horizontal place of *position*."""
        return round(LEFT + (self.right - LEFT) * self.chart.x.part(position), 1)

    def y(self, position: float) -> float:
        """Return the vertical place of *position*."""
        return round(self.bottom - (self.bottom - self.top) * self.chart.y.part(position), 1)

    def grid(self) -> Markup:
        """Return grid lines, ticks and labels."""
        across = [
            joined(
                tag("line", x1=LEFT, x2=self.right, y1=self.y(place), y2=self.y(place), class_="grid"),
                tag("text", text, x=LEFT - 7, y=self.y(place) + 4, text_anchor="end"),
            )
            for place, text in self.chart.y.ticks
        ]
        along = [
            tag("text", text, x=self.x(place), y=self.bottom + 17, text_anchor="middle")
            for place, text in self.chart.x.ticks
        ]
        base = tag("line", x1=LEFT, x2=self.right, y1=self.bottom, y2=self.bottom, class_="base")
        middle = (LEFT + self.right) / 2
        label = tag("text", self.chart.x.label, x=middle, y=self.bottom + 34, text_anchor="middle", class_="label")
        return joined(*across, *along, base, label)

    def band(self, band: Band) -> Markup:
        """Return one band: along its high line, and back along its low one."""
        there = [(self.x(x), self.y(high)) for x, _, high in band.points]
        back = [(self.x(x), self.y(low)) for x, low, _ in reversed(band.points)]
        points = " ".join(f"{x},{y}" for x, y in there + back)
        return tag("polygon", points=points, class_=f"band s{band.style % STYLES}")

    def curve(self, curve: Curve) -> Markup:
        """Return one curve, with a mark at each point where they are few."""
        style = f"s{curve.style % STYLES}"
        places = [(self.x(x), self.y(y)) for x, y in curve.points]
        line = tag("polyline", points=" ".join(f"{x},{y}" for x, y in places), class_=f"curve {style}")
        marks = [tag("circle", cx=x, cy=y, r=2.8, class_=f"mark {style}") for x, y in places] if curve.marked else []
        return joined(line, *marks)


def names(chart: Chart) -> Markup:
    """Return the names of the curves above the plane."""
    parts, x = [], LEFT
    for curve in chart.curves:
        style = f"s{curve.style % STYLES}"
        parts.append(tag("line", x1=x, x2=x + 24, y1=12, y2=12, class_=f"curve {style}"))
        parts.append(tag("circle", cx=x + 12, cy=12, r=2.8, class_=f"mark {style}"))
        parts.append(tag("text", curve.label, x=x + 30, y=16))
        # How wide a text is, only who draws it knows: reckoned is 7.4 pixels a letter, and 52 for the line before it
        # and the gap.
        x += 52 + 7.4 * len(curve.label)
    for band in chart.bands:
        parts.append(tag("rect", x=x, y=6, width=24, height=12, class_=f"band s{band.style % STYLES}"))
        parts.append(tag("text", band.label, x=x + 30, y=16))
        x += 52 + 7.4 * len(band.label)
    return joined(*parts)
