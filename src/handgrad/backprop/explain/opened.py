"""The full expansion: every path from a weight to the error written out, in partials and in numbers.

A delta is a sum over what it feeds, of products with deltas further on; put in one after the other until the error itself
is reached, and multiplied out, that is one product a path.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from handgrad.backprop.explain.document import Equation
from handgrad.backprop.explain.equations import ALL_PRODUCTS, RESULT_DIGITS, Equations, fold, shortened
from handgrad.backprop.graph.graph import Factor, Graph, Kind, Quantity
from handgrad.backprop.symbols import rendering

Path = tuple[Factor, ...]
DIGITS = 6
KEPT = 2
"""Of more paths than are written out, so many of the first are, and the last."""


@dataclass(frozen=True)
class Opened:
    """How many paths there are in all, and the equation: of several samples, that of the first that adds something."""

    sample: int
    count: int
    equation: Equation

    @property
    def whole(self) -> bool:
        """Return whether every path is written out."""
        return self.count <= ALL_PRODUCTS


def opened(write: Equations, quantity: Quantity) -> Opened | None:
    """Return the chain of a parameter below the output layer with its paths to the error; None of one in the output layer."""
    graph = write.graph
    if quantity.layer == len(graph.network.layers):
        return None
    samples = range(1, len(graph.network.samples) + 1)
    by_sample = [[term for term in quantity.chain if _sample(graph, term) in (None, sample)] for sample in samples]
    shares = [sum(_product(write, term) for term in terms) for terms in by_sample]
    sample = next((number for number, share in zip(samples, shares, strict=True) if share), 1)
    terms = by_sample[sample - 1]
    found = [_paths(graph, term) for term in terms]
    # One unit that all paths begin at: what stands before it in the network is the same in all, and is written once.
    after = found[0][0][-2:] if len(terms) == 1 else ()
    paths = [path[: len(path) - len(after)] for each in found for path in each]
    left = quantity.latex
    if len(samples) > 1:
        left = left.replace(r"\partial E}", rf"\partial E^{{({sample})}}}}", 1)
    sides = [_side(paths, after, written) for written in (lambda part: part.latex, lambda part: _number(write, part))]
    result = rendering.latex_number(shares[sample - 1] + 0.0, RESULT_DIGITS)
    return Opened(sample, len(paths), Equation(left, (*sides, (result,))))


def _sample(graph: Graph, term: Path) -> int | None:
    return graph[term[0].quantity or ""].sample


def _paths(graph: Graph, term: Path) -> list[Path]:
    """Return the products that a product of partials is the sum of, once its slopes and deltas are opened.

    A delta that is itself a sum stays: it is that of a softmax, whose outputs move together, and no path branches there.
    """
    products: list[Path] = [()]
    for factor in term:
        chain = graph[factor.quantity].chain if factor.quantity is not None and factor.quantity in graph else ()
        kind = graph[factor.quantity].kind if chain and factor.quantity is not None else None
        opens = kind is Kind.ERROR_SLOPE or (kind is Kind.DELTA and len(chain) == 1)
        inner = [path for each in chain for path in _paths(graph, each)] if opens else [(factor,)]
        products = [(*before, *path) for before in products for path in inner]
    return products


def _side(paths: list[Path], after: Path, written: Callable[[Factor], str]) -> tuple[str, ...]:
    """Return the sum of the paths, and what all of them are multiplied by, as lines that fit."""
    products = [r" \cdot ".join(map(written, path)) for path in paths]
    rest = "".join(rf" \cdot {written(part)}" for part in after)
    if len(products) == 1:
        return fold([products[0] + rest])
    shown = shortened(products, ALL_PRODUCTS, keep=KEPT)
    opening, closing = ("( ", " )") if rest else ("", "")
    first, *others = shown
    pieces = [f"{opening}{first}", *(f"+ {one}" for one in others)]
    return fold([*pieces[:-1], f"{pieces[-1]}{closing}{rest}"])


def _number(write: Equations, factor: Factor) -> str:
    """Return the value of a partial, in brackets where it is negative."""
    text = rendering.latex_number(_value(write, factor), DIGITS)
    return rf"\left({text}\right)" if text.startswith("-") or "10^" in text else text


def _value(write: Equations, factor: Factor) -> float:
    return 1.0 if factor.quantity is None else write.values[factor.quantity]


def _product(write: Equations, path: Path) -> float:
    product = 1.0
    for factor in path:
        product *= _value(write, factor)
    return product
