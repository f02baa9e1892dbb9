"""The lesson: one page on which a small network is trained by hand, operation by operation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from handgrad.backprop.exercise.marking import NEAR_MISTAKE, NEAR_RIGHT, NO_NUMBER, OF_STEP, ROUNDED, TOLERANCE
from handgrad.backprop.graph.build import build_graph
from handgrad.backprop.network.network import Network, UpdateOrder, UpdateRule
from handgrad.backprop.network.words import UPDATES
from handgrad.backprop.pictures.palette import rate_colours
from handgrad.backprop.presets import load_network, preset_names
from handgrad.backprop.simulate import DIFFERENCE
from handgrad.backprop.symbols.calculus import ACTIVATIONS, FUNCTIONS, LOSSES
from handgrad.backprop.verdicts import rules_as_data
from handgrad.files import check_free, write_whole
from handgrad.page.document import page_document
from handgrad.page.lesson_body import lesson_body
from handgrad.page.lesson_data import step_data
from handgrad.page.mistake_data import mistake_data
from handgrad.page.packing import Packer
from handgrad.page.variants import HIDDEN, outputs_and_losses
from handgrad.page.words import ORDER_WORDS, WALK_WORDS, WORDS

RATE_STEPS = 100
"""Steps over which a lesson compares learning rates at first."""


def lesson_page(network: Network) -> str:
    """Return the lesson of a network as one HTML document that loads nothing."""
    return page_document(f"{network.name} – a lesson", lesson_body(network), "lesson", lesson_data(network))


def write_lesson(network: Network, path: Path, *, overwrite: bool = False) -> Path:
    """Write the lesson of a network to *path* and return it.

    Raises `UsageError` where the file exists and is not to be written over, `DiskError` where the disk refuses.
    """
    check_free(path, overwrite=overwrite)
    return write_whole(path, [lesson_page(network).encode("utf-8")])


def lesson_data(network: Network) -> dict[str, Any]:
    """Return everything that the scripts of a lesson know of its network."""
    packer = Packer(len(network.samples))
    step = step_data(network, packer)
    mistakes = mistake_data(network, packer)
    parameters = list(build_graph(network).parameters)
    losses = {loss for _, loss in outputs_and_losses(network)}
    return {
        "name": network.name,
        "preset": _preset(network),
        "samples": len(network.samples),
        "sizes": network.sizes,
        "bias": network.bias,
        "overSamples": network.over_samples,
        "choices": {
            "activations": [layer.activation for layer in network.layers],
            "loss": network.loss,
            "rule": network.update.rule,
            "order": network.order,
        },
        "hidden": HIDDEN,
        "outputs": list(dict.fromkeys(activation for activation, _ in outputs_and_losses(network))),
        "losses": [
            {"name": loss.name, "label": loss.name.replace("-", " "), "needs": loss.needs}
            for loss in LOSSES.values()
            if loss.name in losses
        ],
        "rules": [{"name": rule, "label": UPDATES[rule]} for rule in UpdateRule],
        "orders": [{"name": order, "label": order.replace("-", " ")} for order in UpdateOrder],
        "reads": {name: entry.reads_latex for name, entry in ACTIVATIONS.items()},
        "functions": {name: function.latex for name, function in FUNCTIONS.items()},
        "settings": {"learning_rate": network.learning_rate, **_settings(network)},
        "parameters": parameters,
        "weight": parameters[len(network.weights) // 2],
        "rates": network.rates,
        "rateSteps": RATE_STEPS,
        "rateColours": rate_colours(len(network.rates)),
        "difference": DIFFERENCE,
        "verdicts": rules_as_data(),
        "marking": {
            "tolerance": TOLERANCE,
            "ofStep": OF_STEP,
            "nearMistake": NEAR_MISTAKE,
            "nearRight": NEAR_RIGHT,
            "rounded": ROUNDED,
            "noNumber": NO_NUMBER,
        },
        "words": WORDS | ORDER_WORDS,
        "walk": WALK_WORDS,
        "step": step,
        "mistakes": mistakes,
        "pool": packer.packed(),
    }


def _settings(network: Network) -> dict[str, float]:
    update = network.update
    return {"momentum": update.momentum, "beta1": update.beta1, "beta2": update.beta2, "epsilon": update.epsilon}


def _preset(network: Network) -> str | None:
    """The name under which `handgrad backprop` knows exactly this network."""
    for name in preset_names():
        if load_network(name) == network:
            return name
    return None
