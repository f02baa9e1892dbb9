"""The list of all that may be changed, on the first sheet: beside the drawing, and where it is longer also right of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from handgrad.backprop.graph.graph import Kind, Quantity
from handgrad.backprop.symbols.names import defined_name
from handgrad.backprop.workbook.content import Material
from handgrad.backprop.workbook.looks import CELL, HEADER, HEADING, INPUT, LABEL, NOTE, WRITTEN
from handgrad.backprop.workbook.plan import Page
from handgrad.backprop.workbook.step_shown import SAMPLE_SHOWN, STEP_SHOWN
from handgrad.backprop.workbook.table_columns import LARGE
from handgrad.xlsx.writer import Bounds, Print, address

SECTIONS = (
    ("Settings", (Kind.SETTING,)),
    ("Data", (Kind.TARGET, Kind.INPUT)),
    ("First weights", (Kind.WEIGHT,)),
    ("Biases", (Kind.BIAS,)),
)
SETTINGS = {
    "learning_rate": "learning rate",
    "momentum": "momentum",
    "beta1": "of the mean",
    "beta2": "of squares",
    "epsilon": "never ÷ 0",
}
"""What each setting is, in words that fit beside its sign."""
HEADS = ("name", "value", "as written")
WIDTHS, FURTHER_WIDTHS = (17, 11, 11, 3), (9, 9, 10, 2)
"""Of the list beside the drawing and of each further piece, in characters; the last is the gap after it."""
LEAST_ROWS = 62
"""So long may the list be also beside a low drawing: a page as high as this is still legible."""
FEWEST = 3
"""So many of its lines stand under a heading before the list goes on elsewhere."""
CHARACTER, PADDING, ROW, USUAL = 7, 5, 20, 64
"""Pixels: of a character of width, what a column has besides, of a row, of a column that was given no width."""
PAPER = 1.45
"""Width over height of what fits on A4 across, less a little for machines whose letters are wider."""


@dataclass
class Place:
    """Where the next line of the list goes: a piece of it begins at each of ``lefts``."""

    top: int
    last: int
    beside: int
    """The first column of the second piece, right of the drawing."""

    def __post_init__(self) -> None:
        self.row, self.lefts = self.top, [0]
        self.filled: list[tuple[int, int, int]] = []
        """Pieces of columns that hold numbers: first row, last row, column of the names."""

    @property
    def left(self) -> int:
        """Return the column of the names."""
        return self.lefts[-1]

    def turn(self) -> None:
        """Go on in the next piece, at its top."""
        self.lefts.append(self.beside + len(FURTHER_WIDTHS) * (len(self.lefts) - 1))
        self.row = self.top


def put_panel(page: Page, material: Material, place: Place) -> None:
    """Write the list, as many pieces of it side by side as its length needs."""
    _shown_section(page, material, place)
    for title, kinds in SECTIONS:
        quantities = material.graph.of_kind(*kinds)
        if not quantities:
            continue
        if place.row + 2 + min(FEWEST, len(quantities)) > place.last:
            place.turn()
        _section_head(page, place, title)
        first = place.row
        for quantity in quantities:
            if place.row > place.last:
                place.filled.append((first, place.row - 1, place.left))
                place.turn()
                _section_head(page, place, f"{title}, continued")
                first = place.row
            _line(page, material, place, quantity)
        place.filled.append((first, place.row - 1, place.left))
        place.row += 1
    for left in place.lefts[1:]:
        page.widths |= {left + number: width for number, width in enumerate(FURTHER_WIDTHS)}
    _changed(page, place)


def _line(page: Page, material: Material, place: Place, quantity: Quantity) -> None:
    row, left = place.row, place.left
    value = material.first_value(quantity.name)
    low = 0.0 if quantity.kind is Kind.SETTING else -LARGE
    short = SETTINGS.get(quantity.name)
    page.text(row, left, f"{quantity.label} ({short})" if short else quantity.label, LABEL)
    at = (row, left + 1)
    page.input(*at, value, INPUT)
    page.number(row, left + 2, value, WRITTEN)
    page.names[defined_name(quantity.name)] = at
    message = f"A number from {low:g} to {LARGE:,.0f}, please."
    page.bounds.append(Bounds(at, at, min(low, value), max(LARGE, value), message))
    place.row += 1


def _section_head(page: Page, place: Place, title: str) -> None:
    page.text(place.row, place.left, title, HEADING)
    for column, head in enumerate(HEADS, start=place.left):
        page.text(place.row + 1, column, head, HEADER)
    place.row += 2


def _shown_section(page: Page, material: Material, place: Place) -> None:
    row = place.row
    page.text(row, 0, "Shown at the right", HEADING)
    lines = [(STEP_SHOWN, "step k", 0.0, float(material.steps))]
    if len(material.network.samples) > 1:
        lines.append((SAMPLE_SHOWN, "sample", 1.0, float(len(material.network.samples))))
    for name, label, low, high in lines:
        row += 1
        page.text(row, 0, label, LABEL)
        page.input(row, 1, low, replace(INPUT, number="0"))
        page.text(row, 2, f"{low:g} to {high:g}", replace(NOTE, align="center"))
        page.names[name] = (row, 1)
        page.bounds.append(
            Bounds((row, 1), (row, 1), low, high, f"A whole number from {low:g} to {high:g}.", whole=True)
        )
    place.row = row + 2


def _changed(page: Page, place: Place) -> None:
    """Count how many of the numbers differ from those the book was written with."""
    counts = []
    for left in place.lefts:
        pieces = [piece for piece in place.filled if piece[2] == left]
        if not pieces:
            continue
        first, last = pieces[0][0], pieces[-1][1]
        now, written = (f"{address(first, left + c, fixed=True)}:{address(last, left + c, fixed=True)}" for c in (1, 2))
        # Headings and blanks between the sections are the same text, or nothing, in both columns only where both are
        # numbers: so count numbers that differ.
        counts.append(f"SUMPRODUCT(ISNUMBER({now})*ISNUMBER({written})*({now}<>{written}))")
        counts.append(f"SUMPRODUCT((NOT(ISNUMBER({now})))*ISNUMBER({written}))")
    row, left = place.row, place.left
    page.text(row, left, "numbers changed" if left == 0 else "changed", LABEL)
    page.formula(row, left + 1, "+".join(counts), 0.0, replace(CELL, align="right"))
    page.names["inputs_changed"] = (row, left + 1)


def printed(page: Page, place: Place, right: int) -> Print:
    """Return how the sheet is printed: the drawing and what fits beside it on a page, further pieces of the list on others."""
    bottom = max(row for row, _ in page.cells)
    room = max(_pixels(page, 0, right), round(PAPER * ROW * (bottom + 1)))
    areas = list(_pages(page, place, room, right))
    (left, last), *more = areas
    whole = [(0, begin, bottom, end) for begin, end in more]
    return Print(pages_high=len(areas), area=(0, left, bottom, last), more=tuple(whole))


def _pages(page: Page, place: Place, room: int, right: int) -> Iterator[tuple[int, int]]:
    """Yield the first and last column of each page."""
    first, last = 0, right
    for left in place.lefts[1:]:
        end = left + len(HEADS) - 1
        if _pixels(page, first, end) > room:
            yield first, last
            first = left
        last = end
    yield first, last


def _pixels(page: Page, first: int, last: int) -> int:
    widths = (page.widths.get(column) for column in range(first, last + 1))
    return sum(USUAL if width is None else round(CHARACTER * width + PADDING) for width in widths)
