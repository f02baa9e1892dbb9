"""Where the slopes of activations and errors come from, in a sentence each, for who would otherwise have to look them up."""

from __future__ import annotations

from handgrad.backprop.symbols.calculus import LEAK

OF_ACTIVATION = {
    "sigmoid": (
        r"The chain rule gives $\frac{e^{-x}}{(1 + e^{-x})^{2}}$, which is "
        r"$\frac{1}{1 + e^{-x}} \cdot \frac{e^{-x}}{1 + e^{-x}}$: the first factor is $a$, the second is $1 - a$."
    ),
    "tanh": (
        r"The quotient rule gives $\frac{(e^{x} + e^{-x})^{2} - (e^{x} - e^{-x})^{2}}{(e^{x} + e^{-x})^{2}}$, "
        r"because numerator and denominator of tanh are each the derivative of the other: that is 1 minus the square of $a$."
    ),
    "relu": "Above 0 the activation is equal to the pre-activation, so the slope is 1. Below 0 it stays 0.",
    "leaky-relu": (
        f"Above 0 the activation is equal to the pre-activation, so the slope is 1. Below 0 it moves {LEAK} "
        "times as far."
    ),
    "identity": "The activation is equal to the pre-activation, so the slope is 1.",
    "softmax": (
        r"From the quotient rule: a larger $x_{i}$ makes the sum in the denominator larger, so every share loses $a_{j} "
        r"\cdot a_{i}$. Its own share also gains $a_{i}$, because its numerator grows too."
    ),
}
"""Why the slope of an activation is what it is said to be."""

OF_LOSS = {
    "half-squared-error": (
        r"Of $\frac{1}{2} (t - a)^{2}$ the power rule leaves $t - a$. Because $a$ has a minus sign, the slope is $a - t$."
    ),
    "mean-squared-error": (
        r"Of $(t - a)^{2}$ the power rule leaves $2 (t - a)$. Because $a$ has a minus sign, the slope is $2 (a - t)$, "
        r"divided by the number of outputs."
    ),
}
"""Why the slope of an error with respect to an output is what it is; losses that meet their activation have their own words."""
