"""How quantities are named: the classic sheet's names, and the rule that gives every other network its own.

The rule: inputs i1…, targets t1…, weights w1… row by row (all weights into the first unit, then into the second, layer
after layer), biases b1… (one per unit, or one per layer where the layer shares it). Output units are o1…; the last hidden
layer is h1…, the one before it g1…, the one before that f1…. An activation is ``a_h1``. With more than one sample, what
differs from sample to sample carries its number: ``a_h1[2]``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Symbol:
    """One name in three spellings: the key in programs, the header on sheets, the sign in LaTeX."""

    name: str
    label: str
    latex: str


def layer_letters(layers: int) -> tuple[str, ...]:
    """Return the letter of each layer from the first hidden one to the output: ``('h', 'o')`` for the classic network."""
    return (*("f", "g", "h")[3 - (layers - 1) :], "o")


def numbered(letter: str, number: int, sample: int | None = None) -> Symbol:
    """Return ``w5``, or ``t1[2]`` for target 1 of sample 2."""
    return in_sample(Symbol(f"{letter}{number}", f"{letter}{number}", f"{letter}_{{{number}}}"), sample)


def activation_of(unit: str, sample: int | None = None) -> Symbol:
    """Return ``a_h1`` of the unit ``h1``."""
    return prefixed("a", "a", "a", unit, sample=sample)


def prefixed(name: str, label: str, latex: str, unit: str, *, sample: int | None = None) -> Symbol:
    """Return a quantity that belongs to a unit or weight and is spelled before it: ``delta_o1``, ``m_w5``."""
    return in_sample(Symbol(f"{name}_{unit}", f"{label}_{unit}", f"{latex}_{{{unit}}}"), sample)


def in_sample(symbol: Symbol, sample: int | None) -> Symbol:
    """Return the symbol with its sample number, or as it is when the network has one sample only."""
    if sample is None:
        return symbol
    return Symbol(f"{symbol.name}[{sample}]", f"{symbol.label}[{sample}]", f"{symbol.latex}^{{({sample})}}")


def partial(top: Symbol, bottom: Symbol) -> Symbol:
    """Return the partial derivative of one quantity with respect to another: ``dE/dw5``, ``∂E/∂w5``."""
    return Symbol(
        f"d{top.name}/d{bottom.name}",
        f"∂{top.label}/∂{bottom.label}",
        rf"\frac{{\partial {top.latex}}}{{\partial {bottom.latex}}}",
    )


def following(symbol: Symbol) -> Symbol:
    """Return the value that a weight (or an optimizer's memory) has in the next row: ``w5_next``, ``w5⁺``."""
    return Symbol(f"{symbol.name}_next", f"{symbol.label}⁺", f"{symbol.latex}^{{+}}")


ERROR = Symbol("E", "E", "E")
"""The error as it stands in partial derivatives; its value is in ``E_total`` (or, sample by sample, in ``E[1]``…)."""
E_TOTAL = Symbol("E_total", "E_total", r"E_{\mathrm{total}}")
LEARNING_RATE = Symbol("learning_rate", "η", r"\eta")
MOMENTUM = Symbol("momentum", "μ", r"\mu")
BETA1 = Symbol("beta1", "β₁", r"\beta_{1}")
BETA2 = Symbol("beta2", "β₂", r"\beta_{2}")
EPSILON = Symbol("epsilon", "ε", r"\epsilon")
STEP = Symbol("step", "n", "n")


def defined_name(name: str) -> str:
    """Return the name that a spreadsheet takes: ``w_5`` for ``w5``, ``t_1_sample_2`` for ``t1[2]``."""
    # w5 and t1 are addresses of cells, which no name of a spreadsheet may be.
    found = re.fullmatch(r"([a-z]+)(\d+)(?:\[(\d+)\])?", name)
    if found is None:
        return name
    letters, number, sample = found.groups()
    return f"{letters}_{number}" + (f"_sample_{sample}" if sample else "")
