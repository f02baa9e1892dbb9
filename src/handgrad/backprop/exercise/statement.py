"""The task in words."""

from __future__ import annotations

from collections.abc import Iterator

from handgrad.backprop.exercise.layout import ANSWERS, MARKING
from handgrad.backprop.exercise.marking import FOUR, OF_STEP, TOLERANCE, digits_enough
from handgrad.backprop.exercise.task import Exercise
from handgrad.backprop.network.network import Network, UpdateRule
from handgrad.backprop.network.words import OVER_SAMPLES, PRE_ACTIVATION
from handgrad.backprop.symbols.calculus import ACTIVATIONS, LOSSES
from handgrad.backprop.symbols.names import defined_name

UPDATES = {
    UpdateRule.GRADIENT_DESCENT: "w⁺ = w − η · ∂E/∂w",
    UpdateRule.MOMENTUM: "w⁺ = w − η · u⁺ with u⁺ = μ · u + ∂E/∂w, u = 0 before this first step",
    UpdateRule.ADAM: "Adam, first step: m⁺ = (1 − β₁) g, v⁺ = (1 − β₂) g² for g = ∂E/∂w; "
    "w⁺ = w − η · (m⁺ / (1 − β₁)) / (√(v⁺ / (1 − β₂)) + ε)",
}


def todo(exercise: Exercise) -> list[str]:
    """Return what to do, a paragraph each."""
    several = len(exercise.network.samples) > 1
    names = ", ".join(defined_name(f"{name}[1]" if several else name) for name in ("i1", "t1"))
    names = f"learning_rate, w_1, {names}"
    each = " for both samples ([1] and [2])" if several else ""
    return [
        f"Work out one step of training by hand{each}. Find the pre-activation and the activation of every unit, the errors, "
        "the delta of every unit (∂E/∂ its pre-activation), the partial derivative of every weight, every weight after the "
        f"step, and the error after it. A pre-activation is {PRE_ACTIVATION}.",
        f"Write each answer into its yellow cell on the sheet {ANSWERS}: {len(exercise.questions)} numbers, typed or computed "
        "by your own formulas. The drawing below shows the network. The column for your working is for you; it is not "
        "judged.",
        f"The given numbers are at the left; in formulas they have names: {names} and so on.",
    ]


def rules(exercise: Exercise) -> list[str]:
    """Return what the network computes and how it learns, as far as a learner must be told."""
    return list(_rules(exercise.network))


def judged(exercise: Exercise, practice: bool) -> list[str]:
    """Return how answers are judged, and how to round."""
    lines = [
        f"An answer is right within {TOLERANCE:.1%} of the true value: {_digits(exercise)} significant digits are enough. What "
        f"comes after the step (w⁺, E_total⁺) must also be within {OF_STEP:.0%} of the change that the step makes, or be the "
        "true value to so many digits. Round at the end only, not on the way.",
        "An answer that is wrong only because an earlier answer is wrong counts as “follows”: it was computed correctly.",
    ]
    if practice:
        return [
            *lines,
            "Beside each answer is its verdict, and the likely mistake if one is recognised. Each answer is compared with "
            "your own earlier answers, so one mistake is named only "
            "once. To see the rules, write 1 into the cell “show the rules”.",
            f"This book is for practice. The hidden sheet with the rules and the answers is {MARKING}.",
        ]
    return [
        *lines,
        "This file holds no answers. Type your answers, save it under the name that your teacher gave you, and "
        "hand it in.",
    ]


def _digits(exercise: Exercise) -> str:
    """Return how many digits are enough in this task, found by rounding every answer of it."""
    digits = digits_enough(exercise.values, exercise.questions)
    return "four" if digits == FOUR else str(digits)


def _rules(network: Network) -> Iterator[str]:
    for name in dict.fromkeys(layer.activation for layer in network.layers):
        yield f"{name}: {ACTIVATIONS[name].reads}"
    yield f"error: {LOSSES[network.loss].reads}"
    if len(network.samples) > 1:
        over = OVER_SAMPLES[network.over_samples]
        yield f"E_total is the {over} of the samples' errors; a delta belongs to the error of its own sample"
    trained = " (biases alike)" if network.trains_biases else " (biases stay)" if network.biases else ""
    yield f"step: {UPDATES[network.update.rule]}{trained}; all derivatives are taken at the numbers before the step"
