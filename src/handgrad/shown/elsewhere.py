"""A view as a frame of pandas and as a figure of matplotlib."""

from __future__ import annotations

import io
from importlib import import_module
from typing import TYPE_CHECKING, Any

from handgrad.errors import MissingError, UsageError
from handgrad.shown.view import View

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def as_frame(view: View) -> Any:
    """Return the columns of a view as a frame."""
    try:
        pandas = import_module("pandas")
    except ImportError as error:
        raise MissingError("pandas is not installed – pip install pandas") from error
    return pandas.DataFrame(dict(view.columns))


def as_figure(view: View) -> Figure:
    """Return the curves of a view on their axes, as a figure that a notebook shows without pyplot and its global state."""
    # Here, because records are imported where nothing is drawn.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    class ShownFigure(Figure):
        def _repr_png_(self) -> bytes:
            data = io.BytesIO()
            FigureCanvasAgg(self)
            self.savefig(data, format="png")
            return data.getvalue()

    if not view.curves:
        raise UsageError(f"{view.title}: there is no curve to plot")
    figure = ShownFigure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for number, curve in enumerate(view.curves):
        axes.plot(curve.x, curve.y, label=curve.name, linestyle=("-", "--", ":", "-.")[number % 4])
    axes.set(xlabel=view.x_name, ylabel=view.y_name, title=view.title)
    if len(view.curves) > 1:
        axes.legend()
    return figure
