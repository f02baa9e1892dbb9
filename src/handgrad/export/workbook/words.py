"""What stands in the book in words: a step's name and sentence, and how to read it all."""

from __future__ import annotations

from collections.abc import Sequence

from handgrad.export.plan import (
    Add,
    Convolution,
    Function,
    Gather,
    Linear,
    Multiply,
    Pool,
    ScaleShift,
    Softmax,
    Standardise,
    Step,
)


def layer_words(step: Step, function: Function | None = None) -> tuple[str, str, str]:
    """Return the short name for a tab, the title, and the sentence that says how each number arises."""
    short, title, words = step_words(step)
    if function is None:
        return short, title, words
    name = "ReLU" if function.function == "relu" else function.function
    after = "Then what is below 0 becomes 0." if function.function == "relu" else f"Then {name} of it."
    return short, f"{title}, then {name}", f"{words} {after}"


def step_words(step: Step) -> tuple[str, str, str]:
    """Return name, title and sentence of a step alone."""
    match step:
        case Convolution():
            rows, columns = step.window.kernel
            stride = "" if step.window.stride == (1, 1) else f", stride {step.window.stride[0]}"
            words = (
                "Each number: the kernel laid over the maps before, products of what lies over each other, their sum, "
                "plus the bias."
            )
            return "Conv", f"convolution {rows}×{columns}{stride}", words
        case Linear():
            return (
                "Linear",
                "linear",
                "Each number: every number before times a weight of its own, their sum, plus the bias.",
            )
        case ScaleShift():
            return (
                "Scale",
                "scale and shift",
                "Each number before times a scale plus a shift, the same for a whole map.",
            )
        case Pool():
            rows, columns = step.window.kernel
            kind = "largest" if step.kind == "max" else "mean"
            name = "max pool" if step.kind == "max" else "average pool"
            return (
                "Pool",
                f"{name} {rows}×{columns}",
                f"Each number: the {kind} of the numbers in a window of the map before.",
            )
        case Add():
            return "Sum", "addition", "Each number: the sum of the two numbers at its place."
        case Multiply():
            return "Product", "multiplication", "Each number: the product of the two numbers at its place."
        case Gather():
            return "Moved", "other places", "The numbers before, taken from their places into another order."
        case Standardise():
            return "Norm", "standardised", "Each number less the mean of its group, by the group's standard deviation."
        case Softmax():
            name = "log-softmax" if step.log else "softmax"
            return (
                "Softmax",
                name,
                "Each score's share of the sum of all powers." + (" Its logarithm." if step.log else ""),
            )
        case Function():
            return "Func", step.function, f"{step.function} of each number before."
    raise TypeError(f"{type(step).__name__} has no words")


def reading_lines(facts: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return the headings and paragraphs of the last sheet."""
    return [
        (
            "What it is",
            [*facts, "Every number between the image and the answer is a formula that you can click on and follow."],
        ),
        (
            "Where to begin",
            [
                "Digit: choose one of the hundred test digits by its number, or type or paste numbers from 0 to 255 into the "
                "yellow grid. Everything else follows at once.",
                "One sheet a layer: on the left its numbers, coloured from the lowest to the highest, map under map; on the "
                "right, in blue, the weights that the training found. Click a number: the formula lays the kernel over the "
                "maps of the sheet before.",
                "Answer: the ten scores, and the probabilities made of them by softmax.",
                "Images: the hundred test digits, the run's surest mistakes first. Look what the network sees in them.",
                "Check: each layer beside what the program computed itself; a line turns red where the two differ.",
            ],
        ),
        (
            "What to try",
            [
                "Change one pixel on a white place far from the digit, and see which numbers of each layer move: their "
                "receptive field reaches so far.",
                "Set a weight of the last layer to 0, and see which digits were recognised by it. Undo brings it back.",
                "Copy a digit's 28×28 numbers from the sheet Digit into the yellow grid (values only), then three columns to "
                "the side.",
            ],
        ),
        (
            "What was left out",
            [
                "BatchNorm and the normalisation of the image, (byte / 255 − 0.1307) / 0.3081, are folded into the weights: "
                "the book takes raw bytes. Dropout does nothing in a trained network.",
                "Numbers beside formulas are rounded to nine digits; a spreadsheet program computes them anew when it opens "
                "the book.",
            ],
        ),
    ]
