"""What to change so that an assignment is met: one sentence each, the largest effect first, every number worked out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil, prod

from handgrad.errors import counted
from handgrad.judge.network.assignment import Assignment
from handgrad.judge.network.conditions import CLASSES
from handgrad.judge.verdict import EpochAnswer, Examination, Requirement, Weight, place_words
from handgrad.text import and_joined

MOST = 3
"""Layers that are named for being too large: what helps is in the largest ones."""
# Narrower layers would meet the budget and never the accuracy: that is no advice.
LEAST_CHANNELS = 4


def advice(
    assignment: Assignment,
    requirements: Sequence[Requirement],
    examination: Examination | None,
    lasts: Sequence[EpochAnswer] = (),
) -> tuple[str, ...]:
    """Return what to change for the conditions in *requirements* that are not met, the one with the largest effect first.

    *lasts* are the answers after the last epoch of each training. Empty where nothing is missed.
    """
    # `is False`: None is "no verdict", and nothing is advised for what was not found out.
    missed = {each.name: each for each in requirements if each.met is False}
    if not missed or examination is None:
        return tuple(f"make it answer: {each.found}" for each in missed.values())
    lines = [f"make its answers depend only on the image: {missed['answers'].found}"] if "answers" in missed else []
    if "output" in missed:
        lines.append(f"give {CLASSES} scores per image, one row each: it gives {missed['output'].found}")
    if "parameters" in missed:
        lines += _fewer(assignment, examination)
    for name in missed:
        lines += _layer(name, assignment, examination)
    for name in ("epochs", "batch size", "rotation"):
        if name in missed:
            lines.append(f"{name}: {missed[name].asked} is asked, the recipe has {missed[name].found}")
    if "accuracy" in missed:
        lines += _accuracy(assignment, lasts)
    return tuple(lines)


def _fewer(assignment: Assignment, examination: Examination) -> Iterator[str]:
    """Say how to get below or above the limit of parameters."""
    limits = assignment.parameters
    # Ten thousand million stands for no limit: no network here comes near.
    most = limits.exactly or limits.at_most or ((limits.fewer_than or 10**10) - 1)
    over = examination.counted - most
    if over <= 0:
        least = limits.exactly or limits.at_least or 0
        yield f"{counted(least - examination.counted, 'parameter')} short: give the narrowest convolution more channels"
        return
    hidden = sum(each.numbers for each in examination.hidden)
    if hidden:
        yield f"{counted(over, 'parameter')} over: {hidden:,} of them are numbers outside the trained parameters"
    still, idle = "", dict(examination.idle)
    weights = _taking_part(examination)
    # The largest effect first: an assignment is missed by one fat layer far more often than by many thin ones. None stands
    # for what takes no part.
    steps: list[tuple[Weight | None, int]] = [(None, sum(idle.values()))] if idle else []
    steps += [(each, _smaller(each, over, weights)[1]) for each in _largest(weights)]
    for step, saved in sorted(steps, key=lambda each: -each[1]):
        if step is not None:
            words, saved = _smaller(step, over, weights)
            words = f"{place_words(step.path)} has {step.parameters:,}; {words}"
        else:
            take = "takes" if len(idle) == 1 else "take"
            words = f"leave out {and_joined(list(idle)[:MOST])}, which {take} no part: saves {saved:,}"
        yield f"{still}{counted(over, 'parameter')} over: {words}"
        # What is advised first counts as done in what is advised next, so that the sentences can be followed in order.
        over, still = over - saved, "then still "
        if over <= 0 or not saved:
            return


def _taking_part(examination: Examination) -> list[Weight]:
    """Return the layers with weights, without those that are left over."""
    idle = dict(examination.idle)
    return [each for each in examination.weights if each.path not in idle]


def _channels(weights: Sequence[Weight]) -> list[int]:
    """Return how many channels each convolution gives."""
    return [each.shape[0] for each in weights if len(each.shape) == 4]


def _largest(weights: Sequence[Weight]) -> list[Weight]:
    """Return the layers with the most parameters, as many as advice is given for."""
    return sorted(weights, key=lambda each: -each.parameters)[:MOST]


def _smaller(weight: Weight, over: int, weights: Sequence[Weight]) -> tuple[str, int]:
    """Return in words what makes one layer smaller, and how many parameters that saves, 0 where it depends on the width."""
    outputs, inputs, area = weight.shape[0], weight.shape[1], prod(weight.shape[2:])
    if len(weight.shape) == 2:
        channels = _channels(weights)
        if channels and inputs > channels[-1]:
            saved = (inputs - channels[-1]) * outputs
            return f"global average pooling before it leaves {channels[-1]} features: saves {saved:,}", saved
        return f"each of its {inputs} inputs costs {outputs:,}", 0
    costs = f"each of its {outputs} output channels costs {inputs * area:,}, and more in the layer after it"
    if area == 1:
        return costs, 0
    narrower = range(inputs - 1, LEAST_CHANNELS - 1, -1)
    enough = next((width for width in narrower if _saved(inputs, outputs, area, width) >= over), 0)
    # Half the channels hardly hurt, a quarter may; so two layers shrink a little before one shrinks to nothing.
    width = max(enough, LEAST_CHANNELS, inputs // 2)
    saved = _saved(inputs, outputs, area, width)
    return (f"a 1×1 to {width} channels before it saves {saved:,}", saved) if saved > 0 else (costs, 0)


def _saved(inputs: int, outputs: int, area: int, width: int) -> int:
    """Return how many weights a 1×1 convolution to *width* channels before a layer saves, its own counted."""
    return inputs * outputs * area - (inputs * width + width * outputs * area)


def _layer(name: str, assignment: Assignment, examination: Examination) -> Iterator[str]:
    """Say what to add or to take away for a condition on layers called *name*."""
    channels = _channels(_taking_part(examination))
    last = channels[-1] if channels else 0
    if name == "batch_norm":
        cost = f": 2 parameters per channel, {2 * sum(channels):,} after all convolutions" if channels else ""
        yield f"add BatchNorm after the convolutions{cost}"
    elif name == "dropout":
        yield "add Dropout between two blocks: it costs no parameters"
    elif name == "dropout probability":
        yield f"set one Dropout to exactly {assignment.layers.dropout:g}"
    elif name == "fully_connected":
        cost = f": nn.Linear({last}, {CLASSES}) costs {last * CLASSES + CLASSES:,}" if last else ""
        yield f"put a fully connected layer after the pooling{cost}"
    elif name == "global_average_pooling":
        yield "average each whole map to one value, as nn.AdaptiveAvgPool2d(1) does: it costs no parameters"
    elif name == "no fully_connected":
        cost = f": a 1×1 from {last} to {CLASSES} channels costs {last * CLASSES:,}" if last and last != CLASSES else ""
        yield f"let the last convolution give {CLASSES} maps and average them, with nothing after it{cost}"
    elif name in assignment.layers.required or name.removeprefix("no ") in assignment.layers.forbidden:
        yield f"{'leave out' if name.startswith('no ') else 'add'} {name.removeprefix('no ').replace('_', ' ')}"


def _accuracy(assignment: Assignment, lasts: Sequence[EpochAnswer]) -> Iterator[str]:
    """Say how many images are missing."""
    if not lasts:
        return
    needed = ceil(assignment.accuracy.share * lasts[0].total)
    worst = min(lasts, key=lambda each: Fraction(each.correct, each.total))
    if worst.correct < needed:
        yield f"{needed - worst.correct:,} of {worst.total:,} test images short: {worst.correct:,} right, {needed:,} are needed"
