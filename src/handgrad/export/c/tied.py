"""Convolutions whose kernels are one learned kernel in a square's eight positions: only that one is written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.export.c.source import Source, kernels

ORDER = 8
"""Positions of a square: as it is and mirrored, each in four quarter turns."""
# Folded scales are rounded to float32, and so is a product with a factor: a few units of the last place apart.
NEAR = 1e-6
SCRATCH = "kernel"
"""The array that holds the kernel in use."""


@dataclass(frozen=True, eq=False)
class Tied:
    """The learned kernels ``[outputs / 8, inputs, n, n]`` and what each of the *outputs* multiplies its position of one by."""

    learned: Any
    factors: Any
    orbits: bool
    """Whether the inputs are whole orbits, and change places with the position."""

    @property
    def size(self) -> int:
        """How many numbers one kernel has."""
        return int(self.learned[0].size)


def tied(weight: Any) -> Tied | None:
    """Return how the kernels *weight* ``[outputs, inputs, n, n]`` follow from an eighth of them, None where they do not.

    Whole numbers have to be equal; of float32 each kernel may have a factor of its own, as a BatchNorm gives it.
    """
    outputs, inputs, rows, columns = weight.shape
    if rows != columns or outputs % ORDER:
        return None
    learned = np.ascontiguousarray(weight[::ORDER])
    for orbits in (True, False) if inputs % ORDER == 0 else (False,):
        expected = np.stack([_in_position(learned, g, orbits) for g in range(ORDER)], axis=1).reshape(weight.shape)
        factors = _factors(weight, expected) if weight.dtype.kind == "f" else np.ones(outputs, np.int8)
        off = np.abs(weight - expected * factors[:, None, None, None])
        if np.all(off <= (NEAR * np.abs(weight).max(axis=(1, 2, 3), keepdims=True) if weight.dtype.kind == "f" else 0)):
            return Tied(learned, factors, orbits)
    return None


def _in_position(learned: Any, g: int, orbits: bool) -> Any:
    """Return *learned* as `turned` of ``tied.c`` gives it: mirrored from 4 on, then g % 4 quarter turns."""
    moved = np.rot90(learned[..., ::-1] if g >= ORDER // 2 else learned, g % 4, (-2, -1))
    if not orbits:
        return moved
    # Element g of the group undone before that of map m: turns add up, and a mirror before them turns their sense.
    reads = [((m - g if g < ORDER // 2 else g - m) & 3) | ((m ^ g) & 4) for m in range(ORDER)]
    return moved.reshape(len(learned), -1, ORDER, *learned.shape[2:])[:, :, reads].reshape(learned.shape)


def _factors(weight: Any, expected: Any) -> Any:
    """Return for each kernel of *weight* how many times the one of *expected* it is, read off where that is largest."""
    flat, others = (each.reshape(len(each), -1) for each in (weight, expected))
    largest = np.abs(others).argmax(axis=1)[:, None]
    found, under = (np.take_along_axis(each, largest, axis=1)[:, 0] for each in (flat, others))
    return np.divide(found, under, out=np.zeros_like(found), where=under != 0)


def tied_kernels(number: str) -> dict[str, str]:
    """Return the parts of ``tied.c`` for weights of the type *number*."""
    return {name: text.replace("NUMBER", number) for name, text in kernels("tied.c").items()}


def add_scratch(source: Source, number: str) -> None:
    """Declare the memory that the largest of the tied kernels needs while it is used."""
    if source.scratch:
        note = "a learned kernel in the position in use"
        source.data.append(f"static {number} {SCRATCH}[{max(source.scratch)}]; /* {note} */\n")
