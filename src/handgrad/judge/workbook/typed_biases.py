"""Biases that a sheet has typed into its formulas: the same number too much in every weighted sum of a layer."""

from __future__ import annotations

import numpy as np

from handgrad.backprop.graph.graph import Kind
from handgrad.judge.workbook.rate import literals, tree_at
from handgrad.judge.workbook.reading import Reading
from handgrad.xlsx.reader import Book


def typed_biases(book: Book, reading: Reading) -> dict[str, float] | None:
    """``b1``, ``b2``, … one a layer or one a unit, or None unless every weighted sum holds its own as a typed number."""
    graph, sheet = reading.convention.graph, book.sheet(reading.table.sheet)
    by_layer: dict[int, list[float]] = {}
    for quantity in graph.of_kind(Kind.PRE_ACTIVATION):
        if quantity.name not in reading.found or sheet is None:
            return None
        more = reading.found[quantity.name] - reading.read[quantity.name]
        tree = tree_at(sheet, reading.table.rows[0], reading.places[quantity.name])
        if tree is None or not np.allclose(more, more[0], rtol=1e-9, atol=1e-12):
            return None
        typed = [value for value in literals(tree) if np.isclose(abs(more[0]), value, rtol=1e-9)]
        if not typed:
            return None
        by_layer.setdefault(quantity.layer or 0, []).append(float(np.sign(more[0])) * typed[0])
    layers = list(by_layer.values())
    shared = all(len(set(values)) == 1 for values in layers)
    flat = [values[0] for values in layers] if shared else [value for values in layers for value in values]
    return {f"b{number}": value for number, value in enumerate(flat, start=1)}
