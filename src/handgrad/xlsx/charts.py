"""Charts as the spreadsheet library makes them, from plain data: one look for all."""

from __future__ import annotations

from typing import Any

from handgrad.xlsx.parts_of_a_sheet import Bars, Chart

GRID = {"visible": True, "line": {"color": "#D9DEE4", "width": 0.5}}
FONT = {"name": "Calibri", "size": 9, "bold": False, "color": "#52606D"}

LEFT, RIGHT, ABOVE, BELOW = 74, 16, 38, 52
"""Pixels of a chart beside its plot: for the numbers and names of the axes, and the title."""
NAME_AT_THE_END = {
    "series_name": True, "value": False, "position": "right", "custom": [{"delete": True}],
    "font": {**FONT, "color": "#1F2933"},
}  # fmt: skip
"""A label with the series' own name at the second of its points: the first one's is deleted."""


class ChartError(RuntimeError):
    """A mistake of the program: the spreadsheet library refused a series."""


def make_chart(workbook: Any, chart: Chart | Bars) -> Any:
    """Return *chart* as the library's own, to be placed on a sheet."""
    made = _bars(workbook, chart) if isinstance(chart, Bars) else _lines(workbook, chart)
    made.set_title({"name": chart.title, "overlay": False, "name_font": {**FONT, "size": 11, "bold": True}})
    made.set_chartarea({"border": {"color": "#CBD2D9"}})
    made.set_size({"width": chart.width, "height": chart.height})
    return made


def _lines(workbook: Any, chart: Chart) -> Any:
    made = workbook.add_chart({"type": "scatter", "subtype": "straight"})
    for series in chart.series:
        line = {"color": series.ink, "width": series.width, "dash_type": series.dash}
        described = {
            "name": series.name,
            "categories": series.x,
            "values": series.y,
            "line": line,
            "marker": {"type": "none"},
        }
        _add(made, described | ({"data_labels": NAME_AT_THE_END} if series.named else {}))
    x_axis: dict[str, Any] = {"name": chart.x_title, "min": 0, "major_gridlines": {"visible": False}}
    if chart.x_max:
        x_axis["max"] = chart.x_max * (1 + chart.room)
    if chart.x_max and chart.room:
        x_axis["num_format"] = f'[>{chart.x_max:g}]"";General'
    y_axis: dict[str, Any] = {"name": chart.y_title, "major_gridlines": GRID}
    if chart.log:
        y_axis |= {"log_base": 10, "crossing": "min", "num_format": "0.E+0"}
    else:
        y_axis |= {"min": 0, "num_format": "General"}
    _set_axes(made, x_axis, y_axis)
    if chart.room:
        made.set_plotarea({"layout": _plot_area(chart.width, chart.height)})
    told = len(chart.series) == 1 or any(series.named for series in chart.series)
    made.set_legend({"none": True} if told else {"position": "bottom", "font": FONT})
    return made


def _plot_area(width: int, height: int) -> dict[str, float]:
    """Return where the plot stands, as parts of the chart: programs leave a low chart half empty around it otherwise."""
    return {
        "x": LEFT / width,
        "y": ABOVE / height,
        "width": (width - LEFT - RIGHT) / width,
        "height": (height - ABOVE - BELOW) / height,
    }


def _bars(workbook: Any, chart: Bars) -> Any:
    made = workbook.add_chart({"type": "column"})
    _add(made, {"categories": chart.categories, "values": chart.values, "fill": {"color": chart.ink}, "gap": 60})
    x_axis = {"name": chart.x_title, "major_gridlines": {"visible": False}}
    _set_axes(made, x_axis, {"min": 0, "max": chart.y_max, "major_gridlines": GRID, "num_format": "0 %"})
    made.set_legend({"none": True})
    return made


def _add(made: Any, series: dict[str, Any]) -> None:
    if made.add_series(series) not in (None, 0):
        raise ChartError(f"the spreadsheet library refused the series {series['values']}")


def _set_axes(made: Any, x_axis: dict[str, Any], y_axis: dict[str, Any]) -> None:
    for axis in (x_axis, y_axis):
        axis |= {"name_font": FONT, "num_font": FONT, "line": {"color": "#9AA5B1"}}
    made.set_x_axis(x_axis)
    made.set_y_axis(y_axis)
