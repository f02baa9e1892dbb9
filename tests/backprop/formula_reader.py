"""Reads a spreadsheet formula with a spreadsheet's own rules (unary minus binds tighter than ^) – for tests only."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal

TOKEN = re.compile(r"\s*(?:(\d+\.?\d*(?:E[+-]?\d+)?)|([A-Z]+\d+)|([A-Z]+)(?=\()|(>=|<=|<>|[-+*/^(),<>=]))")


def _exp(x: float) -> float:
    if x > 709.78:
        raise ArithmeticError("EXP of a large number is an error in a spreadsheet")
    return math.exp(x)


class Reader:
    """Recursive descent over one formula; IF evaluates only the branch taken, as a spreadsheet does."""

    def __init__(self, formula: str, cells: Mapping[str, float]) -> None:
        self.tokens: list[str] = []
        position = 0
        while position < len(formula):
            match = TOKEN.match(formula, position)
            if match is None:
                raise ValueError(f"not a formula at {formula[position:]!r}")
            self.tokens.append(match.group().strip())
            position = match.end()
        self.cells = cells
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        token = self.peek()
        if wanted and token not in wanted:
            raise ValueError(f"found {token!r}, wanted {wanted}")
        self.at += 1
        return token

    def whole(self) -> float:
        value = self.comparison()()
        assert self.at == len(self.tokens), f"left over: {self.tokens[self.at :]}"
        return value

    def comparison(self) -> Callable[[], float]:
        left = self.sum()
        if self.peek() in (">=", ">", "<", "<=", "="):
            sign, right = self.take(), self.sum()
            compare = {
                ">=": lambda: float(left() >= right()),
                ">": lambda: float(left() > right()),
                "<": lambda: float(left() < right()),
                "<=": lambda: float(left() <= right()),
                "=": lambda: float(left() == right()),
            }
            return compare[sign]
        return left

    def sum(self) -> Callable[[], float]:
        left = self.product()
        while self.peek() in ("+", "-"):
            sign, right = self.take(), self.product()
            left = (
                (lambda a, b: lambda: a() + b())(left, right)
                if sign == "+"
                else (lambda a, b: lambda: a() - b())(left, right)
            )
        return left

    def product(self) -> Callable[[], float]:
        left = self.power()
        while self.peek() in ("*", "/"):
            sign, right = self.take(), self.power()
            left = (
                (lambda a, b: lambda: a() * b())(left, right)
                if sign == "*"
                else (lambda a, b: lambda: a() / b())(left, right)
            )
        return left

    def power(self) -> Callable[[], float]:
        left = self.unary()
        while self.peek() == "^":
            self.take()
            left = (lambda a, b: lambda: a() ** b())(left, self.unary())
        return left

    def unary(self) -> Callable[[], float]:
        if self.peek() == "-":
            self.take()
            inner = self.unary()
            return lambda: -inner()
        return self.atom()

    def atom(self) -> Callable[[], float]:
        token = self.take()
        if token == "(":
            inner = self.comparison()
            self.take(")")
            return inner
        if token[0].isdigit():
            number = float(token)
            return lambda: number
        if token in self.cells:
            return lambda: self.cells[token]
        self.take("(")
        arguments = [self.comparison()]
        while self.peek() == ",":
            self.take()
            arguments.append(self.comparison())
        self.take(")")
        return self.function(token, arguments)

    @staticmethod
    def function(name: str, arguments: list[Callable[[], float]]) -> Callable[[], float]:
        if name == "IF":
            condition, yes, no = arguments
            return lambda: yes() if condition() else no()
        known: dict[str, Callable[..., float]] = {
            "EXP": _exp, "LN": math.log, "ABS": abs, "SQRT": math.sqrt, "MAX": lambda *xs: max(xs),
            "SUM": lambda *xs: sum(xs), "MIN": lambda *xs: min(xs), "INT": math.floor, "ROUND": _rounded,
        }  # fmt: skip
        called = known[name]
        return lambda: called(*(argument() for argument in arguments))


def _rounded(value: float, digits: float) -> float:
    """A number with so many decimals, halves away from 0; with fewer than none, so many digits before the point are 0."""
    with_places = Decimal(repr(value)).quantize(Decimal(1).scaleb(-int(digits)), rounding=ROUND_HALF_UP)
    return float(with_places)


def read_formula(formula: str, cells: Mapping[str, float]) -> float:
    """The value of a formula, given the numbers in the cells it names."""
    return Reader(formula, cells).whole()
