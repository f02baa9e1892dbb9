"""What is said of an activation or a loss, on paper and in LaTeX, is what torch computes under that name."""

from __future__ import annotations

import math
import re

import pytest
import torch

from handgrad.backprop.explain.whys import OF_ACTIVATION, OF_LOSS
from handgrad.backprop.symbols.calculus import ACTIVATIONS, LOSSES
from oracle.torch_network import ACTIVATIONS as TORCH

XS = (-2.5, -0.3, 0.4, 3.0)
FUNCTIONS = {"exp": math.exp, "ln": math.log, "max": max, "tanh": math.tanh}
ONE_UNIT = [name for name in ACTIVATIONS if name != "softmax"]


def read(text: str) -> str:
    """Return the right side of a printed formula as Python writes it."""
    text = text.partition(" = ")[2].partition(", where")[0].partition(" (at x = 0")[0]
    text = re.sub(r"\\frac\{((?:[^{}]|\{[^{}]*\})*)\}\{((?:[^{}]|\{[^{}]*\})*)\}", r"((\1)/(\2))", text)
    text = re.sub(r"\\(?:mathrm\{([^}]*)\}|(max))", r"\1\2", text).replace("\\ ", " ").replace(r"\cdot", "*")
    for sign, python in (("−", "-"), ("·", "*"), ("²", "**2"), ("½", "0.5 *"), ("[x > 0]", "(x > 0)")):
        text = text.replace(sign, python)
    text = re.sub(r"e\^(\([^()]*\)|\{[^{}]*\}|\w)", lambda found: f"exp({found[1].strip('(){}')})", text)
    text = re.sub(r"a\^\{2\}", "a**2", text)
    text = re.sub(r"\bln (\w+|\([^()]*\))", lambda found: f"ln({found[1].strip('()')})", text)
    text = re.sub(r"\bt (?=ln)", "t * ", text).replace(") ln", ") * ln")
    return text.replace(",", "") if " if " in text else text


def worked_out(text: str, **names: float) -> float:
    """Return the number that a printed formula gives."""
    return float(eval(read(text), {"__builtins__": {}} | FUNCTIONS, names))


def value_and_slope(name: str, x: float) -> tuple[float, float]:
    """Return both by torch."""
    z = torch.tensor([[x]], dtype=torch.float64, requires_grad=True)
    a = TORCH[name](z)
    (slope,) = torch.autograd.grad(a.sum(), z)
    return float(a.detach()), float(slope)


@pytest.mark.parametrize("name", ONE_UNIT)
@pytest.mark.parametrize("x", XS)
def test_an_activation_is_the_formula_that_is_printed_of_it(name: str, x: float) -> None:
    entry, (a, slope) = ACTIVATIONS[name], value_and_slope(name, x)
    for printed in (entry.reads, entry.reads_latex):
        assert worked_out(printed, x=x, a=a) == pytest.approx(a, abs=1e-14)
    for printed in (entry.slope_reads, entry.slope_latex):
        assert worked_out(printed, x=x, a=a) == pytest.approx(slope, abs=1e-14)


@pytest.mark.parametrize("i", range(3))
def test_a_softmax_is_the_formula_that_is_printed_of_it(i: int) -> None:
    z = torch.tensor([[0.2, -1.0, 0.7]], dtype=torch.float64, requires_grad=True)
    a = torch.softmax(z, dim=1)
    entry, values = ACTIVATIONS["softmax"], a.detach()[0]
    powers = [math.exp(float(x)) for x in z.detach()[0]]
    for printed, form in (
        (entry.reads, "e^(x_i) / Σ_j e^(x_j)"),
        (entry.reads_latex, r"\frac{e^{x_i}}{\sum_j e^{x_j}}"),
    ):
        assert printed.partition(" = ")[2] == form
    assert powers[i] / sum(powers) == pytest.approx(float(values[i]), abs=1e-14)
    for j in range(3):
        (by_torch,) = torch.autograd.grad(a[0, j], z, retain_graph=True)
        names = {"a_i": float(values[i]), "a_j": float(values[j]), "i": i, "j": j}
        plain = entry.slope_reads.partition(" = ")[2]
        python = plain.replace("−", "-").replace("·", "*").replace("if i = j, else", "if i == j else")
        assert eval(python, {}, names) == pytest.approx(float(by_torch[0, i]), abs=1e-14)
        latex = entry.slope_latex.partition(" = ")[2].replace(r"\cdot", "*").replace("[i = j]", "(i == j)")
        assert eval(latex, {}, names) == pytest.approx(float(by_torch[0, i]), abs=1e-14)


@pytest.mark.parametrize("name", list(LOSSES))
def test_a_loss_is_the_formula_that_is_printed_of_it(name: str) -> None:
    z = torch.tensor([[0.2, -1.0, 0.7]], dtype=torch.float64)
    t = torch.tensor([[0.1, 0.3, 0.6]], dtype=torch.float64)
    functional = torch.nn.functional
    a, by_torch = {
        "half-squared-error": (torch.tanh(z), 0.5 * functional.mse_loss(torch.tanh(z), t, reduction="sum")),
        "mean-squared-error": (torch.tanh(z), functional.mse_loss(torch.tanh(z), t)),
        "binary-cross-entropy": (
            torch.sigmoid(z), functional.binary_cross_entropy_with_logits(z, t, reduction="sum")
        ),
        "softmax-cross-entropy": (torch.softmax(z, dim=1), functional.cross_entropy(z, t)),
    }[name]  # fmt: skip
    said = LOSSES[name].reads
    first, _, then = said.partition("; ")
    formula = first.partition(", summed")[0].partition(", the mean")[0]
    scale = 1 / 3 if "(1/m)" in formula else 1.0
    each = (
        formula.replace("(1/m) ", "").replace("E = −Σ", "E = −").replace("E = Σ", "E =").strip("[]").replace("[", "(")
    )
    each += ")" if each.count("(") > each.count(")") else ""
    rows = [{"a": float(a[0, i]), "t": float(t[0, i]), "x": float(z[0, i])} for i in range(3)]
    assert scale * sum(worked_out(each, **row) for row in rows) == pytest.approx(float(by_torch), abs=1e-14)
    if then:
        stable = "E = " + then.partition("each term is ")[2].partition(", which")[0]
        assert sum(worked_out(stable, **row) for row in rows) == pytest.approx(float(by_torch), abs=1e-14)


def test_a_formula_with_another_number_is_noticed() -> None:
    said = ACTIVATIONS["leaky-relu"].reads
    assert worked_out(said, x=-1.0) == -0.01 and worked_out(said.replace("0.01", "0.5"), x=-1.0) == -0.5


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
@pytest.mark.parametrize("x", XS)
def test_the_steps_on_the_way_to_a_slope_are_that_slope(name: str, x: float) -> None:
    for formula in re.findall(r"\$(\\frac[^$]*)\$", OF_ACTIVATION[name]):
        python = read(f"x = {formula}".replace(")^{2}", ")~2")).replace("~2", "**2")
        found = eval(python, {"__builtins__": {}} | FUNCTIONS, {"x": x})
        assert found == pytest.approx(value_and_slope(name, x)[1], abs=1e-14), formula


def test_every_activation_and_every_slope_of_an_error_has_its_reason() -> None:
    assert set(OF_ACTIVATION) == set(ACTIVATIONS)
    assert set(OF_LOSS) == {name for name, loss in LOSSES.items() if loss.slope is not None}
    assert f"{ACTIVATIONS['leaky-relu'].slope_reads.rpartition('else ')[2]} times as far" in OF_ACTIVATION["leaky-relu"]
