"""Biases without a label: the same amount too much in a pre-activation, held by a cell or typed into the formula."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from handgrad.backprop.graph.graph import Kind
from handgrad.judge.workbook.rate import literals
from handgrad.judge.workbook.table import Values, number
from handgrad.judge.workbook.trial import Ground, references, tree_of, tried
from handgrad.judge.workbook.truth import Truth
from handgrad.xlsx.calculation import At


@dataclass(frozen=True)
class UnlabelledBiases:
    """``values`` by name, one per layer or one per unit; the cells that hold them, and those typed; ``where``: in words.

    One that a unit lacks, where every other unit has its own, is in none of them but ``values``.
    """

    values: Mapping[str, float]
    cells: Mapping[At, str]
    typed: Mapping[str, float]
    where: Mapping[str, str]

    @property
    def said(self) -> str:
        """Return where they were found, in words."""
        if self.typed and not self.where:
            return f"biases typed into the formulas: {', '.join(f'{value:g}' for value in self.values.values())}"
        return "biases: " + ", ".join(f"{self.values[name]:g} from {where}" for name, where in self.where.items())


def unlabelled_biases(ground: Ground, truth: Truth, values: Values) -> UnlabelledBiases | None:
    """Return the biases, or None unless most pre-activations are too large by a number of their own."""
    graph = truth.graph
    units: list[tuple[int, float, At | None]] = []
    sums = graph.of_kind(Kind.PRE_ACTIVATION)
    found = 0
    for quantity in sums:
        amount = _amount(ground, truth, values, quantity.name)
        if amount is not None:
            found += 1
        units.append((quantity.layer or 0, *(amount or (float("nan"), None))))
    if 2 * found <= len(sums):
        return None
    layers: dict[int, list[tuple[float, At | None]]] = {}
    for layer, value, at in units:
        layers.setdefault(layer, []).append((value, at))
    known = {layer: [each for each in row if each[0] == each[0]] for layer, row in layers.items()}
    if not all(known.values()):
        return None
    # A unit that lacks the bias of its layer has a mistake; that does not make its layer one without.
    shared = all(len(set(row)) == 1 for row in known.values())
    if not shared and found < len(sums) - 1:
        return None
    flat = [row[0] for row in known.values()] if shared else [each for row in layers.values() for each in row]
    named = {f"b{place}": each for place, each in enumerate(flat, start=1)}
    cells = Counter(at for _, at in named.values() if at is not None)
    held = {name: each for name, each in named.items() if each[0] == each[0]}
    # A cell that is the bias of two units has one value only, as if it were typed.
    return UnlabelledBiases(
        {name: value if name in held else 0.0 for name, (value, _) in named.items()},
        {at: name for name, (_, at) in held.items() if at is not None and cells[at] == 1},
        {name: value for name, (value, at) in held.items() if at is None or cells[at] > 1},
        {name: f"{at[0]}!{ground.book.address(at[1], at[2])}" for name, (_, at) in named.items() if at is not None},
    )


def _amount(ground: Ground, truth: Truth, values: Values, name: str) -> tuple[float, At | None] | None:
    """By how much a pre-activation is larger than weights and inputs make it, and the cell that holds as much."""
    if name not in ground.places:
        return None
    tree = tree_of(ground.formula(name, 0) or "")
    found = None if tree is None else tried(ground, truth, tree, 0)
    if tree is None or found is None:
        return None
    more = found - truth.expected(name)
    if not np.isfinite(more).all() or not np.allclose(more, more[0], rtol=1e-7, atol=1e-12) or abs(more[0]) < 1e-12:
        return None
    for ref in references(ground.book, ground.table.sheet, tree):
        at = (ref.sheet or "", ref.row, ref.column)
        held = number(values.get(at[0], {}).get((ref.row, ref.column)))
        if ground.meant(*at) is None and held is not None and np.isclose(held, more[0], rtol=1e-7):
            return held, at
    typed = [value for value in literals(tree) if np.isclose(value, abs(more[0]), rtol=1e-7)]
    return (float(np.sign(more[0])) * typed[0], None) if typed else None
