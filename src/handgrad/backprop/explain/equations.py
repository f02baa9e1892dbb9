"""Equations of a derivation: right-hand sides in symbols and numbers, chain rules, and long sums over several lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from handgrad.backprop.explain.document import Equation, Math
from handgrad.backprop.graph.graph import Factor, Graph, Kind, Quantity
from handgrad.backprop.symbols import rendering
from handgrad.backprop.symbols.expression import Const, Node, Quotient, Ref, Sum, total

WIDTH = 78
"""Signs on a line of equations."""
ALL_TERMS = 20
"""The longest sum that is written out; of a longer one the first three terms and the last are shown."""
ALL_PRODUCTS = 4
"""The same for a sum of products of partials."""
# A result is used in the next line: with fewer digits the reader's own calculation would drift away from what is shown.
RESULT_DIGITS = 9


class Equations:
    """Writes the equations of one row of a training."""

    def __init__(self, graph: Graph, values: Mapping[str, float]) -> None:
        self.graph = graph
        # Adding 0 takes the sign from a negative zero.
        self.values = {name: value + 0.0 for name, value in values.items()}

    def sign(self, name: str) -> Math:
        """Return a quantity's own sign."""
        return Math(self.graph[name].latex, self.graph[name].label)

    @staticmethod
    def number(value: float) -> str:
        """Return a number of the settings."""
        return rendering.latex_number(value)

    def result(self, name: str) -> str:
        """Return a quantity's value."""
        return rendering.latex_number(self.values[name], RESULT_DIGITS)

    def rule(self, name: str) -> tuple[str, ...]:
        """Return the right-hand side in symbols."""
        return self._side(name, None)

    def numbers(self, name: str) -> tuple[str, ...]:
        """Return the right-hand side with the numbers put in."""
        return self._side(name, self.values)

    def worked(self, name: str) -> Equation:
        """Return symbols, numbers and value of a quantity, repeated sides left out."""
        quantity = self.graph[name]
        rights: list[tuple[str, ...]] = []
        for right in (self.rule(name), self.numbers(name), (self.result(name),)):
            if right not in rights:
                rights.append(right)
        return Equation(quantity.latex, tuple(rights))

    def with_numbers(self, name: str) -> Equation:
        """Return numbers and value of a quantity."""
        sides = dict.fromkeys([self.numbers(name), (self.result(name),)])
        return Equation(self.graph[name].latex, tuple(sides))

    def in_symbols(self, name: str) -> Equation:
        """Return the rule of a quantity, without numbers."""
        return Equation(self.graph[name].latex, (self.rule(name),))

    def chain(self, name: str) -> Equation:
        """Return the chain rule of a gradient, slope or delta as a sum of products of partials."""
        quantity = self.graph[name]
        products = [
            r" \cdot ".join(part.latex for factor in product for part in self._expanded(factor))
            for product in quantity.chain
        ]
        shown = shortened(products, ALL_PRODUCTS, keep=2)
        return Equation(quantity.latex, (self._averaged(shown, quantity),))

    def local(self, quantity: Quantity) -> tuple[str, str] | None:
        """Return the product of partials, each replaced by its own formula: ``(a − t) · a (1 − a) · a_h``.

        Returns it with its numbers; None where the chain is a sum or has nothing to replace.
        """
        if len(quantity.chain) != 1:
            return None
        parts = [part for factor in quantity.chain[0] for part in self._expanded(factor)]
        if len(parts) == len(quantity.chain[0]):
            return None
        nodes = [self._formula(part) for part in parts]
        if any(node is None for node in nodes):
            return None
        product = nodes[0]
        assert product is not None
        for node in nodes[1:]:
            assert node is not None
            product = product * node
        return self._latex(product, None), self._latex(product, self.values)

    def _formula(self, factor: Factor) -> Node | None:
        if factor.quantity is None:
            return Const(1.0)
        quantity = self.graph[factor.quantity]
        if quantity.kind in (Kind.ERROR_SLOPE, Kind.ACTIVATION_SLOPE) and not quantity.chain:
            return quantity.expression
        return Ref(quantity.name)

    def _expanded(self, factor: Factor) -> tuple[Factor, ...]:
        """Return the factors that a factor stands for: a delta that is one product is its own two."""
        if factor.quantity is None:
            return (factor,)
        quantity = self.graph[factor.quantity]
        if quantity.kind is Kind.DELTA and len(quantity.chain) == 1:
            return quantity.chain[0]
        return (factor,)

    def _averaged(self, products: Sequence[str], quantity: Quantity) -> tuple[str, ...]:
        """Return products parted by plus signs, divided as the expression divides (the mean over samples)."""
        expression = quantity.expression
        divided = isinstance(expression, Quotient) and isinstance(expression.denominator, Const)
        if not divided:
            return fold([products[0], *(f"+ {product}" for product in products[1:])])
        assert isinstance(expression, Quotient)
        share = rf"\frac{{1}}{{{self._latex(expression.denominator, None)}}}"
        opening = rf"{share} \cdot ( {products[0]}" if len(products) > 1 else rf"{share} \cdot {products[0]}"
        closing = [" )"] if len(products) > 1 else [""]
        pieces = [opening, *(f"+ {product}" for product in products[1:])]
        return fold([*pieces[:-1], pieces[-1] + closing[0]])

    def _side(self, name: str, values: Mapping[str, float] | None) -> tuple[str, ...]:
        node = self.graph[name].expression
        if node is None:
            raise ValueError(f"{name} has a first value and no expression")
        whole = self._latex(node, values)
        summed = node.numerator if isinstance(node, Quotient) else node
        if fits(whole) or not isinstance(summed, Sum):
            return (whole,)
        texts = [self._latex(total((term,)), values) for term in summed.terms]
        signed = [text if index == 0 or text.startswith("-") else f"+ {text}" for index, text in enumerate(texts)]
        shown = shortened(signed, ALL_TERMS, keep=3, dots=r"+ \cdots")
        if isinstance(node, Quotient):
            shown[0] = rf"\frac{{1}}{{{self._latex(node.denominator, values)}}} \cdot ( {shown[0]}"
            shown[-1] += " )"
        return fold(shown)

    def _latex(self, node: Node, values: Mapping[str, float] | None) -> str:
        return rendering.latex(node, lambda ref: self.graph[ref].latex, values)


def shortened(texts: list[str], most: int, keep: int, dots: str = r"\cdots") -> list[str]:
    """Return all texts where they are few, else the first ones, dots, the last."""
    return texts if len(texts) <= most else [*texts[:keep], dots, texts[-1]]


def visible(latex: str) -> int:
    """Return roughly how many signs wide a formula is."""
    # From the inside out: each round replaces the fractions that hold no other.
    flat = latex
    while (
        shorter := re.sub(r"\\frac\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}", _wider, flat)
    ) != flat:
        flat = shorter
    return len(re.sub(r"\\(left|right|mathrm)|\\([a-zA-Z]+)|[{}_^ ]", lambda found: "*" if found[2] else "", flat))


def _wider(found: re.Match[str]) -> str:
    return max(found[1], found[2], key=len)


def fits(latex: str) -> bool:
    """Return whether a formula can stand on one line."""
    return visible(latex) <= WIDTH


def fold(pieces: Sequence[str]) -> tuple[str, ...]:
    """Return pieces put together to lines that fit."""
    lines = [pieces[0]]
    for piece in pieces[1:]:
        if fits(f"{lines[-1]} {piece}"):
            lines[-1] += f" {piece}"
        else:
            lines.append(piece)
    return tuple(lines)
