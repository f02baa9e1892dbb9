"""Looks as the spreadsheet library wants them, and the conditional formats that show a size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from handgrad.xlsx.parts_of_a_sheet import Bounds, Look
from handgrad.xlsx.rows import address

LARGEST = 1_000
"""From here on a number with its sign and six decimals takes more room than a column of a table has."""


def _rectangles_of(cells: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Return pieces of columns (first row, column, last row) as the fewest rectangles that lie side by side."""
    columns: dict[int, list[tuple[int, int]]] = {}
    for first, column, last in sorted(cells, key=lambda one: (one[1], one[0])):
        runs = columns.setdefault(column, [])
        if runs and first <= runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], max(last, runs[-1][1]))
        else:
            runs.append((first, last))
    found: list[tuple[int, int, int, int]] = []
    for column, runs in sorted(columns.items()):
        for first, last in runs:
            beside = next(
                (n for n, one in enumerate(found) if one[::2] == (first, last) and one[3] == column - 1), None
            )
            if beside is None:
                found.append((first, column, last, column))
            else:
                found[beside] = (*found[beside][:3], column)
    return found


def properties_of(look: Look) -> dict[str, Any]:
    """Return a look in the library's words."""
    form: dict[str, Any] = {"font_name": "Calibri", "font_size": look.size, "font_color": look.ink}
    form |= {"num_format": look.number, "valign": look.vertical, "locked": look.locked}
    words = asdict(look)
    form |= {name: True for name in ("bold", "italic") if words[name]}
    if look.wrap:
        form["text_wrap"] = True
    if look.fill:
        form |= {"bg_color": look.fill, "pattern": 1}
    if look.align:
        form["align"] = look.align
    if look.indent:
        form["indent"] = look.indent
    if look.border:
        for letter, side in zip("lrtb", ("left", "right", "top", "bottom"), strict=True):
            if letter in look.sides:
                form |= {side: 1, f"{side}_color": look.border}
    return form


def size_formats(
    least: float, cells: Sequence[tuple[int, int, int]], power: Any, zero: Any
) -> Iterator[tuple[tuple[int, int, int, int], dict[str, Any]]]:
    """Yield the conditional formats of *cells* whose numbers show as a *power* of ten below *least* and from 1,000 on.

    A number format has room for two conditions, and sign and size need four: with `[<0.0001]0.0E+00` the programs
    leave out the minus of what falls into that part. So the decimals are the format's, and the powers of ten a
    conditional format's, whose single part keeps the sign.
    """
    areas = _rectangles_of(cells)
    several = " ".join(f"{address(*one[:2])}:{address(*one[2:])}" for one in areas)
    # 0 first and stopping there: it lies between as well, and "0.00E+00" says less than "0". The library asks for one
    # range; the others stand in multi_range, which replaces it.
    yield (
        areas[0],
        {"type": "cell", "criteria": "==", "value": 0, "format": zero, "stop_if_true": True, "multi_range": several},
    )
    for criteria, low, high in (("between", -least, least), ("not between", -LARGEST, LARGEST)):
        bounds = {"minimum": low, "maximum": high}
        yield areas[0], {"type": "cell", "criteria": criteria, **bounds, "format": power, "multi_range": several}


def bounds_options(bounds: Bounds) -> dict[str, Any]:
    """Return bounds for what may be typed as the library takes them."""
    return {
        "validate": "integer" if bounds.whole else "decimal",
        "criteria": "between",
        "minimum": int(bounds.low) if bounds.whole else bounds.low,
        "maximum": int(bounds.high) if bounds.whole else bounds.high,
        "error_title": "Not possible here",
        "error_message": bounds.message,
    }
