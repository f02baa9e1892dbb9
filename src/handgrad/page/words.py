"""What the lesson says of each operation: what happens, and why it is done now.

Keys are kinds of quantity, some with "output" or "hidden" behind them or the rule; ``{of}`` is what a quantity belongs to.
"""

from __future__ import annotations

from handgrad.backprop.network.words import PRE_ACTIVATION

WORDS: dict[str, tuple[str, str]] = {
    "setting": ("It is set before the training begins.", "Change it here; every number follows."),
    "input": ("It comes with the sample.", "Change it here; every number follows."),
    "target": ("It is what the output should be for this sample.", "Change it here; every number follows."),
    "weight": ("It is what training changes: what comes through its arrow is multiplied by it.", ""),
    "bias": ("It is added to the pre-activation of its unit, whatever the inputs are.", ""),
    "memory": ("The update rule carries it from step to step; it starts at 0.", ""),
    "pre-activation": (
        "Every value that reaches the unit is multiplied by the weight of its arrow, and the products are added up: "
        f"{PRE_ACTIVATION}.",
        "It is done now because all inputs of the unit are known.",
    ),
    "softmax part": (
        "Softmax turns the outputs into shares of 1. The order of the steps keeps the exponentials from overflowing.",
        "It is done now because the shares need the pre-activations of all outputs.",
    ),
    "activation": (
        "The activation function makes the unit's activation of its pre-activation.",
        "It is done now because everything after it uses the activation, not the pre-activation.",
    ),
    "error": (
        "The loss measures how far this output is from its target.",
        "It is done now because the outputs are known.",
    ),
    "sample error": (
        "The errors of the sample's outputs are added up.",
        "It is done now because each of them is known.",
    ),
    "total": (
        "It is the one number that training lowers.",
        "With it the forward pass ends. From here the question is: which way does it move when something before it moves?",
    ),
    "error slope output": (
        "It says how fast the error changes when this output changes.",
        "It comes first on the way back, because the error is made of the outputs.",
    ),
    "error slope hidden": (
        "The activation reaches the error through every unit of the next layer, and what it does through each of them adds up.",
        "It is done now because the deltas of the next layer are known.",
    ),
    "activation slope": (
        "It says how fast the activation changes when the pre-activation changes: the slope of the activation function here.",
        "It is done now because the way back goes through the activation function before it reaches the pre-activation.",
    ),
    "delta": (
        "It says how fast the error changes when the unit's pre-activation changes: one slope after the other, so they are "
        "multiplied.",
        "It is done now because every weight into the unit, and the layer before, need it: computed once, used often.",
    ),
    "delta met": (
        "It says how fast the error changes when the unit's pre-activation changes. With this loss and this activation, the "
        "product of their two slopes is simply activation minus target.",
        "It is done now because every weight into the unit, and the layer before, need it: computed once, used often.",
    ),
    "gradient": (
        "It says how fast the error changes when {of} changes: the delta of the unit that {of} leads into, times the value "
        "that {of} multiplies.",
        "It is done now because that delta is known.",
    ),
    "gradient of a bias": (
        "It says how fast the error changes when {of} changes. A bias is added without a factor, so its derivative is the "
        "delta itself. If units or samples share it, their deltas add up.",
        "It is done now because those deltas are known.",
    ),
    "update part": ("The update rule updates its memory.", "It is done now because the derivative is known."),
    "updated gradient-descent": ("{of} moves against its derivative, by η times the derivative.", ""),
    "updated momentum": (
        "{of} moves against its velocity, which adds up past derivatives, by η times the velocity.",
        "",
    ),
    "updated adam": (
        "{of} moves against the mean of its past derivatives, divided by the root of their mean square: by about η, "
        "whatever their size.",
        "",
    ),
}
ORDER_WORDS = {
    "old-weights": "It is done last, because every derivative must be computed with the old weights.",
    "output-layer-first": (
        "It is done before the layer below is computed, which then sees the new weights: an order that some texts use."
    ),
}
WALK_WORDS = {
    "crawls": "The steps hardly become smaller, and it is still far from the minimum: a small rate is slow.",
    "settles": "The steps become smaller because the slope does.",
    "over": "It jumps over the lowest point and comes back from the other side: with a large rate it zigzags.",
    "flies": "Each step lands higher than the one before: the rate is too large, and it diverges.",
    "still": "The curve is flat here, and a step is the slope times η: it does not move.",
    "none": "There is no finite slope here: the numbers are too large for the computer.",
}
