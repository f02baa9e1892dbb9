"""Reads what is done number by number: the four rules of arithmetic, powers, activations.

Few of them are steps of their own; most are written as formulas of those that are, which keeps every renderer short.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any

import numpy as np
from torch import Tensor

from handgrad.export.reader.values import Node, Reading, Seen, Term, double, known_array, seen


def arithmetic(reading: Reading, node: Node, result: Tensor) -> Seen:
    """Sums, differences, products, quotients and the larger or smaller of two, of values, tensors and numbers."""
    rank = result.dim()
    first, second = (
        Term(reading, node.name, each.number, each.shape) if isinstance(each, Seen) else known_array(each, rank, node)
        for each in node.arguments[:2]
    )
    if node.base in ("rsub",):
        first, second = second, first
    if node.keys.get("rounding_mode") is not None:
        raise node.refuse("a division that rounds")
    alpha = node.keys.get("alpha", 1)
    made = TWO[node.base](first, second * alpha if alpha != 1 else second)
    return Seen(made.widened(tuple(result.shape[1:])).number, result)


def difference(first: Any, second: Any) -> Term:
    """``first - second``, either of them known."""
    result: Term = first - second if isinstance(first, Term) else -second + first
    return result


def quotient(first: Any, second: Any) -> Term:
    """``first / second``, either of them known."""
    result: Term = first / second if isinstance(first, Term) else second.function("reciprocal") * first
    return result


def larger(first: Any, second: Any) -> Term:
    """``max(first, second) = second + relu(first - second)``."""
    result: Term = difference(first, second).function("relu") + second
    return result


TWO: Mapping[str, Callable[[Any, Any], Term]] = {
    "add": lambda a, b: a + b if isinstance(a, Term) else b + a,
    "mul": lambda a, b: a * b if isinstance(a, Term) else b * a,
    "sub": difference,
    "rsub": difference,
    "div": quotient,
    "maximum": larger,
    # min(a, b) = a - relu(a - b)
    "minimum": lambda a, b: -(difference(a, b).function("relu")) + a,
}


def power(x: Term, exponent: float) -> Term:
    """``x ** exponent`` for small whole exponents and halves."""
    half, whole = abs(exponent) % 1 == 0.5, int(abs(exponent))
    if not isinstance(exponent, int | float) or exponent == 0 or (exponent % 1 and not half) or whole > 8:
        raise ValueError(f"a power of {exponent}")
    # As squares: fewer products, each of which is a step and a sheet.
    factors = [x.function("square")] * (whole // 2) + [x] * (whole % 2) + ([x.function("sqrt")] if half else [])
    result = factors[0]
    for each in factors[1:]:
        result = result * each
    return result if exponent > 0 else result.function("reciprocal")


def clipped(x: Term, low: float | None = None, high: float | None = None) -> Term:
    """``min(max(x, low), high)``, either bound None where there is none."""
    if isinstance(low, Tensor | Seen) or isinstance(high, Tensor | Seen):
        raise ValueError("bounds that are tensors")
    # The largest float32 instead of infinity: every language can write it.
    most = float(np.finfo(np.float32).max)
    return x.function("clip", -most if low is None else max(low, -most), most if high is None else min(high, most))


def elu(x: Term, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Term:
    """``scale · elu(input_scale · x)``, as torch generalises it."""
    # It scales the negative half alone (above 0 ELU is the identity), and a plan's ELU has no number for that.
    if input_scale != 1:
        raise ValueError("elu with a scale of its input")
    result = x.function("elu", alpha)
    return result if scale == 1 else result * scale


def gelu(x: Term, approximate: str = "none") -> Term:
    """``x · Φ(x)``, exact or by tanh."""
    if approximate == "tanh":
        inner = (x + x.function("square") * x * 0.044715) * sqrt(2 / np.pi)
        return x * (inner.function("tanh") * 0.5 + 0.5)
    return x * ((x * sqrt(0.5)).function("erf") * 0.5 + 0.5)


def softplus(x: Term, beta: float = 1.0, threshold: float = 20.0) -> Term:
    """``log(1 + exp(beta · x)) / beta``; beyond the threshold torch takes x itself, to rounding the same."""
    return x.function("softplus") if beta == 1 else (x * beta).function("softplus") / beta


def mish(x: Term) -> Term:
    """``x · tanh(softplus(x))``."""
    return x * x.function("softplus").function("tanh")


def prelu(x: Term, slopes: Any) -> Term:
    """``relu(x) - slope · relu(-x)``, a slope per channel."""
    slope = double(slopes).reshape(-1, *[1] * (len(x.shape) - 1))
    negative: Term = (-x).function("relu") * -slope
    return x.function("relu") + negative


def hard_sigmoid(x: Term) -> Term:
    """``clip(x / 6 + 1 / 2, 0, 1)``."""
    return clipped(x / 6.0 + 0.5, 0, 1)


ONE: Mapping[str, Callable[..., Term]] = {
    "relu": lambda x: x.function("relu"),
    "relu6": lambda x: x.function("clip", 0, 6),
    "hardtanh": lambda x, low=-1, high=1: x.function("clip", low, high),
    "clamp": clipped,
    "clip": clipped,
    "clamp_min": lambda x, low: clipped(x, low),
    "clamp_max": lambda x, high: clipped(x, None, high),
    "leaky_relu": lambda x, slope=0.01: x.function("leaky relu", slope),
    "prelu": prelu,
    "elu": elu,
    "selu": lambda x: x.function("elu", 1.6732632423543772) * 1.0507009873554805,
    "celu": lambda x, alpha=1.0: (x / alpha).function("elu", 1.0) * alpha,
    "gelu": gelu,
    "silu": lambda x: x * x.function("sigmoid"),
    "mish": mish,
    "sigmoid": lambda x: x.function("sigmoid"),
    "log_sigmoid": lambda x: -((-x).function("softplus")),
    "tanh": lambda x: x.function("tanh"),
    "softplus": softplus,
    "hardsigmoid": hard_sigmoid,
    "hardswish": lambda x: x * hard_sigmoid(x),
    "erf": lambda x: x.function("erf"),
    "exp": lambda x: x.function("exp"),
    "log": lambda x: x.function("log"),
    "sqrt": lambda x: x.function("sqrt"),
    "rsqrt": lambda x: x.function("sqrt").function("reciprocal"),
    "reciprocal": lambda x: x.function("reciprocal"),
    "abs": lambda x: x.function("abs"),
    "square": lambda x: x.function("square"),
    "pow": power,
    "sin": lambda x: x.function("sin"),
    "cos": lambda x: (x + np.pi / 2).function("sin"),
    "neg": lambda x: -x,
    "negative": lambda x: -x,
}
"""Functions of each number alone: the first argument is the value, the others are constants in torch's order."""


def function(reading: Reading, node: Node, result: Tensor) -> Seen:
    """Read one of the functions of `ONE`."""
    source = seen(node, 0)
    try:
        made = ONE[node.base](
            Term(reading, node.name, source.number, source.shape), *node.arguments[1:], **dict(node.keys)
        )
    # TypeError: an argument more than the formula here takes, so an option that it does not know.
    except (ValueError, TypeError) as error:
        raise node.refuse(f"{node.base} with {error}") from error
    return Seen(made.number, result)
