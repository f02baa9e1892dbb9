"""Activations and losses: value and derivative side by side, with how they read in a sheet and on paper.

A new activation is one :class:`Function` for its value (and one for its slope, unless the slope is an expression of
value and argument) and one entry in :data:`ACTIVATIONS`. Everything else follows: formulas, derivation, checks.

Spreadsheet templates use only functions that Excel 2010 and LibreOffice share. ``EXP(710)`` is an error there, so
nothing takes the exponential of a large positive number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.backprop.symbols.expression import Call, Const, Function, Node

LEAK = 0.01
"""The slope of the leaky ReLU below zero (the default of most libraries)."""

ONE, TWO = Const(1.0), Const(2.0)


def _sigmoid(x: float) -> float:
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    small = math.exp(x)
    return small / (1.0 + small)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _positive(x: float, below: float) -> float:
    # "not <=", so that a value that is not a number stays visible instead of turning into a zero
    return x if not x <= 0 else below * x


def _largest(*values: Any) -> Any:
    result = values[0]
    for value in values[1:]:
        result = np.maximum(result, value)
    return result


SIGMOID = Function(
    "sigmoid",
    _sigmoid,
    # exp overflows to infinity for very negative x, and 1/infinity is the right 0
    lambda x: 1.0 / (1.0 + np.exp(-x)),
    "IF(⟨X⟩>=0,1/(1+EXP(-⟨X⟩)),EXP(⟨x⟩)/(1+EXP(⟨x⟩)))",
    "σ(⟨x⟩)",
    r"\sigma(⟨x⟩)",
    "(x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)))",
)
TANH = Function(
    "tanh",
    math.tanh,
    np.tanh,
    "IF(⟨X⟩>=0,(1-EXP(-2*⟨X⟩))/(1+EXP(-2*⟨X⟩)),(EXP(2*⟨X⟩)-1)/(EXP(2*⟨X⟩)+1))",
    "tanh(⟨x⟩)",
    r"\tanh(⟨x⟩)",
    "(x) => Math.tanh(x)",
)
RELU = Function(
    "relu",
    lambda x: _positive(x, 0.0),
    lambda x: np.maximum(x, 0.0),
    "MAX(0,⟨x⟩)",
    "max(0, ⟨x⟩)",
    r"\max(0, ⟨x⟩)",
    "(x) => (x <= 0 ? 0 * x : x)",
)
RELU_SLOPE = Function(
    "relu_slope",
    lambda x: 1.0 if x > 0 else 0.0,
    lambda x: np.where(np.asarray(x) > 0, 1.0, 0.0),
    "IF(⟨X⟩>0,1,0)",
    "[⟨x⟩ > 0]",
    r"[⟨x⟩ > 0]",
    "(x) => (x > 0 ? 1 : 0)",
)
LEAKY_RELU = Function(
    "leaky_relu",
    lambda x: _positive(x, LEAK),
    lambda x: np.maximum(x, LEAK * x),
    f"MAX({LEAK}*⟨X⟩,⟨x⟩)",
    f"max({LEAK} · ⟨X⟩, ⟨x⟩)",
    rf"\max({LEAK} \cdot ⟨X⟩, ⟨x⟩)",
    f"(x) => (x <= 0 ? {LEAK} * x : x)",
)
LEAKY_RELU_SLOPE = Function(
    "leaky_relu_slope",
    lambda x: 1.0 if x > 0 else LEAK,
    lambda x: np.where(np.asarray(x) > 0, 1.0, LEAK),
    f"IF(⟨X⟩>0,1,{LEAK})",
    f"[1 if ⟨x⟩ > 0, else {LEAK}]",
    rf"[1\ \mathrm{{if}}\ ⟨x⟩ > 0,\ \mathrm{{else}}\ {LEAK}]",
    f"(x) => (x > 0 ? 1 : {LEAK})",
)
EXP = Function("exp", _exp, np.exp, "EXP(⟨x⟩)", "e^(⟨x⟩)", "e^{⟨x⟩}", "(x) => Math.exp(x)")
LN = Function("ln", math.log, np.log, "LN(⟨x⟩)", "ln(⟨x⟩)", r"\ln(⟨x⟩)", "(x) => Math.log(x)")
SQRT = Function("sqrt", math.sqrt, np.sqrt, "SQRT(⟨x⟩)", "√(⟨x⟩)", r"\sqrt{⟨x⟩}", "(x) => Math.sqrt(x)")
LARGEST = Function(
    "largest",
    max,
    _largest,
    "MAX(⟨args⟩)",
    "max(⟨args⟩)",
    r"\max(⟨args⟩)",
    # not Math.max: like Python's max, and unlike it, this keeps a number that stands before a NaN
    "(...all) => all.reduce((most, x) => (x > most ? x : most))",
)
SOFTPLUS = Function(
    "softplus",
    _softplus,
    lambda x: np.logaddexp(0.0, x),
    "(MAX(⟨x⟩,0)+LN(1+EXP(-ABS(⟨x⟩))))",
    "ln(1 + e^⟨X⟩)",
    r"\ln(1 + e^{⟨x⟩})",
    "(x) => (0 > x ? 0 : x) + Math.log1p(Math.exp(-Math.abs(x)))",
)
TWO_DIGITS = Function(
    "two_digits",
    lambda x: float(f"{x:.2g}"),
    lambda x: np.vectorize(lambda one: float(f"{one:.2g}"))(x),
    "IF(⟨X⟩=0,0,ROUND(⟨X⟩,1-INT(LN(ABS(⟨x⟩))/LN(10))))",
    "round(⟨x⟩)",
    r"\mathrm{round}(⟨x⟩)",
    "(x) => Number(x.toPrecision(2))",
)
FUNCTIONS: dict[str, Function] = {
    function.name: function
    for function in (
        SIGMOID,
        TANH,
        RELU,
        RELU_SLOPE,
        LEAKY_RELU,
        LEAKY_RELU_SLOPE,
        EXP,
        LN,
        SQRT,
        LARGEST,
        SOFTPLUS,
        TWO_DIGITS,
    )
}


@dataclass(frozen=True, slots=True)
class Activation:
    """One activation: ``value(z)`` and ``slope(z, a)``, the derivative da/dz, where a is the value already computed.

    ``reads`` and ``slope_reads`` say both in words of x (argument) and a (value), plain and as LaTeX. Softmax has no
    ``value``: a unit's value needs its whole layer, so the graph writes it in steps of its own.
    """

    name: str
    value: Callable[[Node], Node] | None
    slope: Callable[[Node, Node], Node] | None
    reads: str
    slope_reads: str
    reads_latex: str
    slope_latex: str


ACTIVATIONS: dict[str, Activation] = {
    entry.name: entry
    for entry in (
        Activation(
            "sigmoid",
            lambda z: Call(SIGMOID, (z,)),
            lambda z, a: a * (ONE - a),
            "σ(x) = 1 / (1 + e^(−x))",
            "σ′(x) = a · (1 − a)",
            r"\sigma(x) = \frac{1}{1 + e^{-x}}",
            r"\sigma'(x) = a \cdot (1 - a)",
        ),
        Activation(
            "tanh",
            lambda z: Call(TANH, (z,)),
            lambda z, a: ONE - a**TWO,
            "tanh(x) = (e^x − e^(−x)) / (e^x + e^(−x))",
            "tanh′(x) = 1 − a²",
            r"\tanh(x) = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}}",
            r"\tanh'(x) = 1 - a^{2}",
        ),
        Activation(
            "relu",
            lambda z: Call(RELU, (z,)),
            lambda z, a: Call(RELU_SLOPE, (z,)),
            "ReLU(x) = max(0, x)",
            "ReLU′(x) = 1 if x > 0, else 0 (at x = 0, where there is no derivative, 0)",
            r"\mathrm{ReLU}(x) = \max(0, x)",
            r"\mathrm{ReLU}'(x) = [x > 0]",
        ),
        Activation(
            "leaky-relu",
            lambda z: Call(LEAKY_RELU, (z,)),
            lambda z, a: Call(LEAKY_RELU_SLOPE, (z,)),
            f"leaky ReLU(x) = x if x > 0, else {LEAK} · x",
            f"its slope = 1 if x > 0, else {LEAK}",
            rf"\mathrm{{leaky\ ReLU}}(x) = \max({LEAK} \cdot x, x)",
            rf"\mathrm{{slope}} = 1\ \mathrm{{if}}\ x > 0,\ \mathrm{{else}}\ {LEAK}",
        ),
        Activation(
            "identity",
            lambda z: z,
            lambda z, a: ONE,
            "a = x",
            "its slope = 1",
            "a = x",
            r"\mathrm{slope} = 1",
        ),
        Activation(
            "softmax",
            None,
            None,
            "a_i = e^(x_i) / Σ_j e^(x_j)",
            "∂a_j/∂x_i = a_j · (1 − a_j) if i = j, else −a_j · a_i",
            r"a_i = \frac{e^{x_i}}{\sum_j e^{x_j}}",
            r"\frac{\partial a_j}{\partial x_i} = a_j \cdot ([i = j] - a_i)",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Output:
    """What a loss may look at for one output: target, activation, pre-activation, how many outputs, ln a (softmax)."""

    target: Node
    activation: Node
    pre_activation: Node
    outputs: int
    log_activation: Node | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """One loss: the error of one output (their sum is the error of the sample) and its slope dE/da.

    ``delta`` is dE/dz at once, for the pairs of activation and loss whose two factors cancel: each factor alone may
    be infinite where the product is a plain difference. Such a loss ``needs`` that output activation.
    """

    name: str
    error: Callable[[Output], Node]
    slope: Callable[[Output], Node] | None
    delta: Callable[[Output], Node] | None
    needs: str | None
    targets: str
    reads: str
    delta_reads: str = ""


def _cross_entropy(output: Output) -> Node:
    if output.log_activation is None:
        raise ValueError("softmax cross-entropy needs the logarithm of the softmax")
    return -(output.target * output.log_activation)


LOSSES: dict[str, Loss] = {
    entry.name: entry
    for entry in (
        Loss(
            "half-squared-error",
            lambda out: Const(0.5) * (out.target - out.activation) ** TWO,
            lambda out: out.activation - out.target,
            None,
            None,
            "any number",
            "E = Σ ½ (t − a)², summed over the outputs",
        ),
        Loss(
            "mean-squared-error",
            lambda out: (out.target - out.activation) ** TWO / Const(float(out.outputs)),
            lambda out: TWO * (out.activation - out.target) / Const(float(out.outputs)),
            None,
            None,
            "any number",
            "E = (1/m) Σ (t − a)², the mean over the m outputs",
        ),
        Loss(
            "binary-cross-entropy",
            lambda out: Call(SOFTPLUS, (out.pre_activation,)) - out.target * out.pre_activation,
            None,
            lambda out: out.activation - out.target,
            "sigmoid",
            "0 to 1",
            "E = −Σ [t ln a + (1 − t) ln(1 − a)], summed over the outputs; "
            "with a = σ(x) each term is ln(1 + e^x) − t · x, which never takes the logarithm of 0",
            "∂E/∂a · ∂a/∂x = (a − t) / (a · (1 − a)) · a · (1 − a) = a − t",
        ),
        Loss(
            "softmax-cross-entropy",
            _cross_entropy,
            None,
            lambda out: out.activation - out.target,
            "softmax",
            "0 to 1, adding up to 1",
            "E = −Σ t ln a, summed over the outputs",
            "Σ_j ∂E/∂a_j · ∂a_j/∂x_i = −t_i + a_i · Σ_j t_j = a_i − t_i, because the targets add up to 1",
        ),
    )
}
