"""Reads a derivation back as a person would: its formulas, the value at the end of each, the sum that makes it."""

from __future__ import annotations

import math
import re
from collections import defaultdict


def displays(text: str) -> list[str]:
    """The formulas that stand on lines of their own; one that goes on over several is put together."""
    found: list[str] = []
    for formula in re.findall(r"\$\$\n(.*?)\n\$\$", text, re.DOTALL):
        if formula.startswith(r"\quad "):
            found[-1] += formula.removeprefix(r"\quad")
        else:
            found.append(formula)
    return found


def inline_formulas(text: str) -> list[str]:
    """The formulas within lines."""
    return re.findall(r"(?<![\\$])\$([^$\n]+)\$(?!\$)", re.sub(r"\$\$\n.*?\n\$\$", "", text, flags=re.DOTALL))


def results(text: str) -> dict[str, list[float]]:
    """By left-hand side: the values at the ends of its equations."""
    found: dict[str, list[float]] = defaultdict(list)
    for line in displays(text):
        left, *_, last = line.split(" = ")
        value = value_of(last)
        if value is not None:
            found[left].append(value)
    return found


def value_of(latex: str) -> float | None:
    """The value of a formula of numbers, brackets, fractions, squares and sigmoids; None where it has other signs."""
    text = re.sub(r"\\left\(|\\left\[", "(", latex)
    text = re.sub(r"\\right\)|\\right\]", ")", text)
    text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", text)
    text = text.replace(r"\cdot", "*").replace(r"\sigma", "sigma")
    text = re.sub(r"\^\{(-?[\d.]+)\}", r"**(\1)", text)
    if not re.fullmatch(r"(?:sigma\(|[\d.+\-*/() ])+", text):
        return None
    scope = {"__builtins__": {}, "sigma": lambda x: 1 / (1 + math.exp(-x))}
    return float(eval(text, scope))
