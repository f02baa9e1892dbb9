"""The methods of every record that can be seen, by one description of what is to be seen of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handgrad.shown.elsewhere import as_figure, as_frame
from handgrad.shown.notebook import as_html
from handgrad.shown.text import as_text
from handgrad.shown.view import View

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Shown:
    """A record that says by `view` what is to be seen of it; a dataclass that inherits from it says ``repr=False``."""

    def view(self) -> View:
        """Return what is to be seen."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return as_text(self.view())

    def _repr_html_(self) -> str:
        return as_html(self.view())

    def to_pandas(self) -> Any:
        """Return the record's table as a ``pandas.DataFrame``. Raises `MissingError` where pandas is not installed."""
        return as_frame(self.view())

    def plot(self) -> Figure:
        """Return the record's curves as a matplotlib figure, which a notebook shows. Raises `UsageError` where it has none."""
        return as_figure(self.view())
