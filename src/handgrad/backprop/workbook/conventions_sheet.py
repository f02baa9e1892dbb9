"""The choices that other texts make differently, each with the number that changes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from handgrad.backprop.graph.graph import Kind
from handgrad.backprop.network.network import BiasRule, Network, OverSamples, UpdateOrder
from handgrad.backprop.simulate import trace
from handgrad.backprop.symbols.calculus import LOSSES
from handgrad.backprop.workbook.content import CONVENTIONS, Material
from handgrad.backprop.workbook.looks import CELL_WRAPPED, HEADER, LABEL, NOTE_WRAPPED, SUBTITLE, TITLE, VALUE
from handgrad.backprop.workbook.plan import Page, SheetPlan
from handgrad.xlsx.writer import Print, Value

HEAD = 3
DIGITS = replace(VALUE, number="0.0000000000")
"""Ten decimals: the order of the updates shows in the seventh."""
WIDTHS = (26, 42, 20, 15, 42, 15)
HEADS = ("choice", "in this book", "number", "here", "elsewhere", "there")


@dataclass(frozen=True)
class Convention:
    """A choice: what this book does, what others do, and one number under both.

    ``formula`` finds the number here, live, and ``value`` is what it is now. ``there`` is the other number: a live
    formula with its value, or a constant found by running the other network.
    """

    choice: str
    here: str
    number: str
    formula: str
    value: Value
    elsewhere: str
    there: Value
    there_formula: str | None = None


def conventions_sheet(material: Material) -> SheetPlan:
    """Return the sheet that says which convention this book follows and what others would give."""
    page = Page(CONVENTIONS)
    page.text(0, 0, "Conventions", TITLE)
    page.text(
        1,
        0,
        "Two correct texts can print different numbers. These are the choices made here, and what the others would give.",
        SUBTITLE,
    )
    for column, (head, width) in enumerate(zip(HEADS, WIDTHS, strict=True)):
        page.text(HEAD, column, head, HEADER)
        page.widths[column] = width
    row = HEAD
    for row, convention in enumerate(_conventions(material), start=HEAD + 1):
        _line(page, row, convention)
    note = (
        "Numbers in the column here are live. Those in the column there are live where the other choice is a plain "
        "multiple; otherwise the program found them for the numbers as written, and they do not follow changes."
    )
    page.text(row + 2, 0, note, NOTE_WRAPPED, span=(2, len(HEADS)))
    return page.done(freeze=(HEAD + 1, 1), printing=Print(1, (HEAD, HEAD)))


def _line(page: Page, row: int, convention: Convention) -> None:
    page.text(row, 0, convention.choice, replace(LABEL, bold=True, wrap=True))
    page.text(row, 1, convention.here, CELL_WRAPPED)
    page.text(row, 2, convention.number, CELL_WRAPPED)
    page.formula(row, 3, convention.formula, convention.value, DIGITS)
    page.text(row, 4, convention.elsewhere, CELL_WRAPPED)
    there = convention.there
    if convention.there_formula is not None:
        page.formula(row, 5, convention.there_formula, there, DIGITS)
    elif isinstance(there, str):
        page.text(row, 5, there, DIGITS)
    else:
        page.number(row, 5, there, DIGITS)
    texts = zip(
        (convention.choice, convention.here, convention.number, convention.elsewhere), (24, 38, 18, 38), strict=True
    )
    page.heights[row] = 14.5 * max(-(-len(text) // width) for text, width in texts) + 3


def _conventions(material: Material) -> Iterator[Convention]:
    yield from _rows(material)
    yield from _loss(material)
    yield from _samples(material)
    yield from _biases(material)
    yield from _order(material)
    yield from _kink(material)


def _after(material: Material, changed: Network) -> Value:
    """E_total after one update of another network."""
    value = float(trace(changed, 1, ["E_total"])["E_total"][1])
    return value if abs(value) < float("inf") else "diverged"


def _one_step(material: Material) -> tuple[str, Value]:
    """E_total after one update here: its cell and value."""
    step = min(1, material.steps)
    return material.cell("E_total", step), material.values["E_total"][step]


def _rows(material: Material) -> Iterator[Convention]:
    if material.steps:
        cell, value = _one_step(material)
        first = material.values["E_total"][0]
        yield Convention(
            "what row k holds", "the state before update k: row 0 has the first weights, row n the error after n updates",
            "E_total in row 1", cell, value, "the state after update k: row 1 would hold what is here in row 0",
            first, material.cell("E_total"),
        )  # fmt: skip


def _loss(material: Material) -> Iterator[Convention]:
    network, total = material.network, material.cell("E_total")
    value = material.values["E_total"][0]
    outputs = network.outputs
    mean = f"the mean over the {outputs} outputs"
    choice, here, factor, elsewhere = {
        "half-squared-error": (
            "the factor ½",
            "E = ½ (t − a)², so that the 2 of its derivative cancels",
            2.0,
            "without ½: errors and gradients are twice as large, and so is each step",
        ),
        "mean-squared-error": ("sum or mean over outputs", mean, float(outputs), "the sum over the outputs"),
        "binary-cross-entropy": ("sum or mean over outputs", "the sum over the outputs", 1 / outputs, mean),
        "softmax-cross-entropy": (
            "unit of the error",
            "natural logarithm (nats)",
            1 / math.log(2),
            "logarithm to base 2 (bits)",
        ),
    }[network.loss]
    yield _multiple(material, choice, here, factor, elsewhere, total, value)
    if network.loss == "half-squared-error" and outputs > 1:
        elsewhere = f"the mean over the {outputs} outputs"
        yield _multiple(
            material, "sum or mean over outputs", "the sum over the outputs", 1 / outputs, elsewhere, total, value
        )
    loss = LOSSES[network.loss]
    if loss.slope is not None and material.graph.of_kind(Kind.ERROR_SLOPE):
        yield _slope_sign(material)


def _multiple(
    material: Material, choice: str, here: str, factor: float, elsewhere: str, cell: str, value: Value
) -> Convention:
    formula = f"{factor!r}*{cell}"
    there: Value = value if isinstance(value, str) else factor * value
    if material.guarded:
        formula = f'IFERROR({formula},"diverged")'
    return Convention(choice, here, "E_total in row 0", cell, value, elsewhere, there, formula)


def _slope_sign(material: Material) -> Convention:
    output = "o1" if len(material.network.samples) == 1 else "o1[1]"
    name = f"dE/da_{output}"
    cell, value = material.cell(name), material.values[name][0]
    label = material.graph[name].label
    formula = f'IFERROR(-{cell},"diverged")' if material.guarded else f"-{cell}"
    there: Value = value if isinstance(value, str) else -value
    return Convention(
        "sign of the slope", f"{label} grows with a − t, and the step is subtracted", label, cell, value,
        "t − a, and the step is added: the same weights in the end", there, formula,
    )  # fmt: skip


def _samples(material: Material) -> Iterator[Convention]:
    network = material.network
    count = len(network.samples)
    if count > 1:
        mean = network.over_samples is OverSamples.MEAN
        here, elsewhere = ("the mean", "the sum") if mean else ("the sum", "the mean")
        yield _multiple(
            material, "sum or mean over samples", f"{here} over the {count} samples", float(count) if mean else 1 / count,
            f"{elsewhere}: gradients change by the same factor", material.cell("E_total"), material.values["E_total"][0],
        )  # fmt: skip


def _biases(material: Material) -> Iterator[Convention]:
    network = material.network
    words = {
        BiasRule.NONE: "none",
        BiasRule.FIXED: "one a layer, never changed",
        BiasRule.NEURON: "one for each unit, trained",
        BiasRule.LAYER: "one a layer, shared by its units, trained",
    }
    layers, units = len(network.layers), [layer.units for layer in network.layers]
    if network.bias is BiasRule.NEURON:
        starts = [sum(units[:number]) for number in range(layers)]
        one_a_layer = tuple(network.biases[start] for start in starts)
        same = all(len(set(network.biases[s : s + n])) == 1 for s, n in zip(starts, units, strict=True))
    else:
        one_a_layer = network.biases or (0.0,) * layers
        same = True
    cell, value = _one_step(material)
    for rule, text in words.items():
        if rule is network.bias or (not same and rule is not BiasRule.NONE):
            continue
        if network.bias is BiasRule.NONE and rule is BiasRule.FIXED:
            continue  # fixed at 0, they change nothing
        changed = replace(network, bias=rule, biases=() if rule is BiasRule.NONE else one_a_layer)
        yield Convention(
            "biases", words[network.bias], f"E_total in row {min(1, material.steps)}", cell, value, text,
            _after(material, changed) if material.steps else float(trace(changed, 0, ["E_total"])["E_total"][0]),
        )  # fmt: skip


def _order(material: Material) -> Iterator[Convention]:
    network = material.network
    if len(network.layers) < 2 or not material.steps:
        return
    old = "all gradients from the old weights"
    first = "the output layer is updated first, and hidden gradients see its new weights"
    cell, value = _one_step(material)
    ours = network.order is UpdateOrder.OLD_WEIGHTS
    changed = replace(network, order=UpdateOrder.OUTPUT_FIRST if ours else UpdateOrder.OLD_WEIGHTS)
    yield Convention(
        "order of the updates", old if ours else first, "E_total in row 1", cell, value, first if ours else old,
        _after(material, changed),
    )  # fmt: skip


def _kink(material: Material) -> Iterator[Convention]:
    if any(layer.activation == "relu" for layer in material.network.layers):
        yield Convention(
            "slope of ReLU at 0", "0", "slope at 0", "IF(0>0,1,0)", 0.0, "½ or 1; there is no derivative", 1.0
        )  # fmt: skip
