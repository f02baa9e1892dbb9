"""What is to be seen of a record, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_ROWS = 60
"""Rows of a table that a notebook shows; the number of those left out stands below it."""


@dataclass(frozen=True)
class Curve:
    """One line of a chart: its name and its points, those that are not finite numbers left out when it is drawn."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True)
class View:
    """A title, sentences, a table, curves, and the columns of a frame; whatever a record has of them.

    ``head`` and ``rows`` are texts as they are shown; ``columns`` the plain values by name, all of one length.
    """

    title: str
    lines: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    curves: tuple[Curve, ...] = ()
    x_name: str = ""
    y_name: str = ""
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
