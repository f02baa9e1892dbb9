"""A tiny expression language and its renderings: spreadsheet formula, plain text, LaTeX.

An expression is a frozen tree of eight node types, built with ordinary operators: ``Ref("a_o1") - Ref("t1")``.
One walker, :func:`render`, knows where brackets go; a :class:`Style` knows how each sign is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


class Node:
    """An expression; the operators build larger ones."""

    __slots__ = ()

    def __add__(self, other: Node) -> Node:
        return total((self, other))

    def __sub__(self, other: Node) -> Node:
        # There is no Difference: a sum with a Neg in it is one thing less for every reader of a tree.
        return total((self, Neg(other)))

    def __mul__(self, other: Node) -> Node:
        # Flattened, because a product of products would be bracketed by nobody's wish: a · (b · c). Sums are
        # flattened too.
        left = self.factors if isinstance(self, Product) else (self,)
        right = other.factors if isinstance(other, Product) else (other,)
        return Product(left + right)

    def __truediv__(self, other: Node) -> Node:
        return Quotient(self, other)

    def __pow__(self, other: Node) -> Node:
        return Power(self, other)

    def __neg__(self) -> Node:
        return Neg(self)


@dataclass(frozen=True, slots=True)
class Ref(Node):
    """The value of another quantity, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Const(Node):
    """A number of the formula itself (the 2 of a square); never negative, so that no sign can be misread."""

    value: float

    def __post_init__(self) -> None:
        # Written this way round NaN is refused as well.
        if not self.value >= 0:
            raise ValueError(f"a constant is a number from 0 up; write Neg(Const(…)) – found {self.value}")


@dataclass(frozen=True, slots=True)
class Sum(Node):
    """Two or more terms; a negative one is a `Neg`."""

    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Product(Node):
    """Two or more factors."""

    factors: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Neg(Node):
    """The operand with the other sign."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Quotient(Node):
    """One expression over another."""

    numerator: Node
    denominator: Node


@dataclass(frozen=True, slots=True)
class Power(Node):
    """A base and its exponent."""

    base: Node
    exponent: Node


@dataclass(frozen=True, slots=True)
class Function:
    """A function of one or more numbers, with every way it is written standing beside its value.

    In the templates ``⟨x⟩`` is the argument as it stands, ``⟨X⟩`` the argument in brackets unless it is a single sign,
    ``⟨args⟩`` all arguments parted by commas. Every template must read as one term (bracketed where needed).
    ``script`` is the same function in JavaScript, for the page: it overflows and treats NaN as ``of_float`` does.
    """

    name: str
    of_float: Callable[..., float]
    of_array: Callable[..., Any]
    formula: str
    plain: str
    latex: str
    script: str


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function of its arguments."""

    function: Function
    arguments: tuple[Node, ...]


def total(terms: Iterable[Node]) -> Node:
    """Return the sum of the terms (nested sums flattened); a single term stays as it is."""
    flat: list[Node] = []
    for term in terms:
        flat.extend(term.terms if isinstance(term, Sum) else (term,))
    # A sum of one term would be written like its term, and every reader would have to know both.
    return flat[0] if len(flat) == 1 else Sum(tuple(flat))


def _children(node: Node) -> tuple[Node, ...]:
    """Return the direct parts of a node."""
    match node:
        case Sum(parts) | Product(parts) | Call(_, parts):
            return parts
        case Neg(operand):
            return (operand,)
        case Quotient(first, second) | Power(first, second):
            return (first, second)
    return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and everything below it, from left to right."""
    yield node
    for child in _children(node):
        yield from walk(child)


def names_in(node: Node) -> tuple[str, ...]:
    """Return the names an expression depends on, each once, in order of appearance."""
    return tuple(dict.fromkeys(part.name for part in walk(node) if isinstance(part, Ref)))


def substitute(node: Node, replacement: Mapping[str, Node]) -> Node:
    """Return the expression with each named quantity replaced by another expression."""

    def swap(part: Node) -> Node:
        return substitute(part, replacement)

    match node:
        case Ref(name):
            return replacement.get(name, node)
        case Sum(terms):
            return total(swap(term) for term in terms)
        case Product(factors):
            return Product(tuple(swap(factor) for factor in factors))
        case Neg(operand):
            return Neg(swap(operand))
        case Quotient(numerator, denominator):
            return Quotient(swap(numerator), swap(denominator))
        case Power(base, exponent):
            return Power(swap(base), swap(exponent))
        case Call(function, arguments):
            return Call(function, tuple(swap(argument) for argument in arguments))
    return node


# How tightly a piece of text holds together. A leading minus is its own level because spreadsheets bind it tighter
# than a power (-2^2 is 4 there, -4 on paper): it stands bare only at the head of a sum, or of the whole expression.
SUM, NEG, PRODUCT, POWER, ATOM = range(5)


@dataclass(frozen=True, slots=True)
class Text:
    """A rendered piece and how tightly it holds together."""

    text: str
    level: int


@dataclass(frozen=True, slots=True)
class Style:
    """How one rendering writes each sign; ``ref`` may return a number put in, so a :class:`Text`."""

    ref: Callable[[str], Text]
    number: Callable[[float], Text]
    call: Callable[[Function, tuple[Text, ...]], str]
    plus: str
    minus: str
    sign: str
    times: str
    quotient: Callable[[Text, Text], Text]
    power: Callable[[Text, Text], Text]
    brackets: tuple[str, str] = ("(", ")")

    def held(self, piece: Text, level: int) -> str:
        """Return the text, in brackets unless it holds together at least as tightly as ``level``."""
        return piece.text if piece.level >= level else f"{self.brackets[0]}{piece.text}{self.brackets[1]}"


def render(node: Node, style: Style) -> str:
    """Write an expression in a style."""
    return _piece(node, style).text


def _piece(node: Node, style: Style) -> Text:
    match node:
        case Ref(name):
            return style.ref(name)
        case Const(value):
            return style.number(value)
        case Sum(terms):
            return Text(_sum(terms, style), SUM)
        case Neg(operand):
            # Only a single sign may follow a minus: -a^2 is a square with a minus on paper and a square of -a in a
            # spreadsheet.
            return Text(style.sign + style.held(_piece(operand, style), ATOM), NEG)
        case Product(factors):
            return Text(style.times.join(style.held(_piece(factor, style), POWER) for factor in factors), PRODUCT)
        case Quotient(numerator, denominator):
            return style.quotient(_piece(numerator, style), _piece(denominator, style))
        case Power(base, exponent):
            return style.power(_piece(base, style), _piece(exponent, style))
        case Call(function, arguments):
            return Text(style.call(function, tuple(_piece(argument, style) for argument in arguments)), ATOM)
    raise TypeError(f"not an expression: {node!r}")


def _sum(terms: tuple[Node, ...], style: Style) -> str:
    # The first term may carry its minus bare; each later one has a sign before it and must hold together.
    text = style.held(_piece(terms[0], style), NEG)
    for term in terms[1:]:
        sign, body = (style.minus, term.operand) if isinstance(term, Neg) else (style.plus, term)
        text += sign + style.held(_piece(body, style), PRODUCT)
    return text
