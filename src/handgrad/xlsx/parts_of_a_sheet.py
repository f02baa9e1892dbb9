"""What a sheet is made of besides its cells, as plain data: looks, charts, rules, bounds, print set-up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """How a cell looks; ``locked`` is False for cells that may be typed into on a protected sheet.

    A number that is nearer to 0 than ``least`` (and not 0), or a thousand and more in size, shows as a power of ten: a
    format of fixed decimals would show the one as 0, and the other as a row of signs that says nothing.
    """

    number: str = "General"
    least: float = 0.0
    bold: bool = False
    italic: bool = False
    size: float = 10.0
    ink: str = "#1F2933"
    fill: str | None = None
    align: str | None = None
    vertical: str = "vcenter"
    wrap: bool = False
    border: str | None = None
    sides: str = "lrtb"
    indent: int = 0
    locked: bool = True


@dataclass(frozen=True, slots=True)
class Series:
    """One curve: its name (text, or a reference that begins with ``=``) and the references of its points; where ``named``, the
    name is written at its second and last point.
    """

    name: str
    x: str
    y: str
    ink: str
    dash: str = "solid"
    width: float = 1.75
    named: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A line chart over numbers; ``log`` gives it a logarithmic y axis. Sizes are in pixels.

    The x axis goes beyond ``x_max`` by ``room``, as a part of it, without numbers there.
    """

    row: int
    column: int
    width: int
    height: int
    title: str
    x_title: str
    y_title: str
    series: tuple[Series, ...]
    log: bool = False
    x_max: float | None = None
    room: float = 0.0


@dataclass(frozen=True, slots=True)
class Bars:
    """A chart of columns over one row of categories: the references of both, sizes in pixels, the y axis up to ``y_max``."""

    row: int
    column: int
    width: int
    height: int
    title: str
    x_title: str
    categories: str
    values: str
    ink: str
    y_max: float


@dataclass(frozen=True, slots=True)
class Shade:
    """Cells coloured by their numbers, from ``low``'s colour to ``high``'s; ``at`` fixes the two numbers."""

    first: tuple[int, int]
    last: tuple[int, int]
    low: str
    high: str
    at: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A conditional format: where the formula (relative to the first cell, no ``=``) is true, the cell looks so."""

    first: tuple[int, int]
    last: tuple[int, int]
    formula: str
    ink: str
    fill: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may be typed into some cells: a number (``whole``: without a fraction) from ``low`` to ``high``."""

    first: tuple[int, int]
    last: tuple[int, int]
    low: float
    high: float
    message: str
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Print:
    """Landscape on A4, ``pages_wide`` pages wide, with these rows and columns (0-based, inclusive) on every page.

    ``pages_high`` makes it so many pages high as well, where it is not 0; ``area`` (first row and column, last row and column)
    is all that is printed, with each area of ``more`` on a page of its own.
    A page begins at each row of ``breaks``.
    """

    pages_wide: int = 1
    rows: tuple[int, int] | None = None
    columns: tuple[int, int] | None = None
    portrait: bool = False
    pages_high: int = 0
    area: tuple[int, int, int, int] | None = None
    breaks: tuple[int, ...] = ()
    more: tuple[tuple[int, int, int, int], ...] = ()
