"""The pictures of a training: the network with its numbers, the error, the learning rates; PNG, SVG or PDF.

The same numbers give the same bytes: no date, no random marks.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from handgrad.backprop.pictures.curves import error_figure, rates_figure
from handgrad.backprop.pictures.network import network_figure
from handgrad.backprop.simulate import RateSweep, Trace
from handgrad.files import check_free, make_folder, write_whole

PICTURES = ("network", "error", "rates", "rates-log")
# Sharp on a screen of double density at the width of a page.
DOTS_PER_INCH = 160
UNSAID: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
"""What each form would say of the day and the program, and must not."""


def draw_pictures(trace: Trace, sweep: RateSweep) -> dict[str, Figure]:
    """Return all pictures by name: the network as it stands in row 0, the error, the rates on both axes."""
    name = trace.graph.network.name
    return {
        "network": network_figure(trace.graph, trace.row(0)),
        "error": error_figure(trace),
        "rates": rates_figure(sweep, name),
        "rates-log": rates_figure(sweep, name, logarithmic=True),
    }


def figure_bytes(figure: Figure, form: str) -> bytes:
    """Return a figure as ``png``, ``svg`` or ``pdf``; the same figure gives the same bytes."""
    stream = io.BytesIO()
    # Text as outlines: the SVG looks the same wherever it is opened, whatever fonts are there.
    with mpl.rc_context({"svg.hashsalt": "handgrad", "svg.fonttype": "path"}):
        figure.savefig(stream, format=form, dpi=DOTS_PER_INCH, metadata=UNSAID[form])
    return stream.getvalue()


def picture_paths(folder: Path, forms: Sequence[str] = ("png", "svg")) -> tuple[Path, ...]:
    """Return the files that :func:`save_pictures` writes."""
    return tuple(folder / f"{name}.{form}" for name in PICTURES for form in forms)


def save_pictures(
    trace: Trace, sweep: RateSweep, folder: Path, forms: Sequence[str] = ("png", "svg"), *, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write every picture in every form into the folder; returns the paths.

    Raises :class:`UsageError` where one of the files exists (nothing is written then), ``DiskError`` where the disk
    refuses.
    """
    check_free(*picture_paths(folder, forms), overwrite=overwrite, new_folder=True)
    make_folder(folder)
    written: list[Path] = []
    for name, figure in draw_pictures(trace, sweep).items():
        written += [write_whole(folder / f"{name}.{form}", figure_bytes(figure, form)) for form in forms]
    return tuple(written)
