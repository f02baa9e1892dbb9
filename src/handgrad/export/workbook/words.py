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
    after = "Then numbers below 0 become 0." if function.function == "relu" else f"Then {name} of it."
    return short, f"{title}, then {name}", f"{words} {after}"


def step_words(step: Step) -> tuple[str, str, str]:
    """Return name, title and sentence of a step alone."""
    match step:
        case Convolution():
            rows, columns = step.window.kernel
            stride = "" if step.window.stride == (1, 1) else f", stride {step.window.stride[0]}"
            words = (
                "Each number: lay the kernel over the maps of the layer before, multiply the numbers that lie over each "
                "other, add the products and the bias."
            )
            return "Conv", f"convolution {rows}×{columns}{stride}", words
        case Linear():
            return (
                "Linear",
                "linear",
                "Each number: multiply every number of the layer before by a weight of its own, add the products and the "
                "bias.",
            )
        case ScaleShift():
            return (
                "Scale",
                "scale and shift",
                "Each number of the layer before times a scale, plus a shift; both are the same for a whole map.",
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
            return "Moved", "other places", "The numbers of the layer before, in another order."
        case Standardise():
            return "Norm", "standardised", "Each number minus the mean of its group, divided by its standard deviation."
        case Softmax():
            name = "log-softmax" if step.log else "softmax"
            return (
                "Softmax",
                name,
                "The share of each score in the sum of all powers." + (" Its logarithm." if step.log else ""),
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
                "One sheet per layer: on the "
                "left its numbers, coloured from the lowest to the highest, map under map; on the "
                "right, in blue, the weights that the training found. Click a number: the formula lays the kernel over the "
                "maps of the sheet before.",
                "Answer: the ten scores, and the probabilities made of them by softmax.",
                "Images: the hundred test digits; first the mistakes that the network was surest of. Look at what the "
                "network sees in them.",
                "Check: each layer beside what the program computed itself; a line turns red where the two differ.",
            ],
        ),
        (
            "What to try",
            [
                "Change one pixel on a white place far from the digit, and see which numbers of each layer change: those "
                "whose receptive field contains the pixel.",
                "Set a weight of the last layer to 0, and see which digits were recognised by it. Undo sets it back.",
                "Copy a digit's 28×28 numbers from the sheet Digit into the yellow grid (values only), then three columns to "
                "the side.",
            ],
        ),
        (
            "What was left out",
            [
                "BatchNorm and the normalisation of the image, (byte / 255 − 0.1307) / 0.3081, are folded into the weights: "
                "the book takes raw bytes. Dropout does nothing in a trained network.",
                "Numbers beside formulas are rounded to nine digits; a spreadsheet program computes them again when it opens "
                "the book.",
            ],
        ),
    ]
