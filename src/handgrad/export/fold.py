"""Makes a plan shorter without changing what it computes: scales and shifts go into the weights beside them.

BatchNorm and the normalisation of the input are a scale and a shift of each channel. One that follows a convolution or a
linear layer goes into its weights and bias; one that comes before them goes into the weights, and what the padding holds
moves along with it (`Convolution.border`). Where something stands between, the two change places first if they may: an average
commutes with every scale and shift, a maximum with positive scales, a reshape with all, a change of places with all if it
puts no zeros anywhere.

Everything is computed in float64 and rounded to float32 once, at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from handgrad.export.plan import (
    IMAGE,
    IMAGE_VALUE,
    Convolution,
    Gather,
    Linear,
    Plan,
    Pool,
    Reshape,
    ScaleShift,
    Shape,
    Step,
)

FARTHEST_BORDER = 1e4
"""A scale near 0 would put the border far from the numbers inside, where float32 has no digits left for them."""


@dataclass
class Draft:
    """Steps by the number of the value that each computes, in the order of computing; *output* is the number of the last."""

    steps: dict[int, Step]
    output: int

    def shape(self, number: int) -> Shape:
        """Return the shape of a value."""
        return IMAGE if number == IMAGE_VALUE else self.steps[number].shape

    def readers(self, number: int) -> list[int]:
        """Return the numbers of the values that are computed from value *number*."""
        return [each for each, step in self.steps.items() if number in step.inputs]

    def only_reader(self, number: int, reader: int) -> bool:
        """Whether nothing but *reader* needs value *number*, once."""
        inputs = self.steps[reader].inputs
        # Once: `x + x` reads one value twice, and folding into it would count double.
        return number != self.output and self.readers(number) == [reader] and inputs.count(number) == 1

    def remove(self, number: int, instead: int) -> None:
        """Take out the step that computes *number* and give its readers *instead*."""
        del self.steps[number]
        for each, step in self.steps.items():
            if number in step.inputs:
                inputs = tuple(instead if old == number else old for old in step.inputs)
                self.steps[each] = replace(step, inputs=inputs)
        if self.output == number:
            self.output = instead


def folded(name: str, steps: Iterable[tuple[int, Step]], output: int) -> Plan:
    """Return the plan *name* of *steps*, each with the number of its value, in which all is folded that can be.

    Steps that the output does not need are left out.
    """
    draft = Draft(dict(steps), output)
    # Until nothing changes: one thing done may let another be done, before it or after it. Each makes the plan shorter
    # or moves a scale and shift towards its end, so it comes to one.
    while any(shorten(draft, number) for number in list(draft.steps) if number in draft.steps):
        pass
    return finish(name, draft)


def shorten(draft: Draft, number: int) -> bool:
    """Do one thing with the step of value *number*, if there is one to do, and say whether there was."""
    step = draft.steps[number]
    if number != draft.output and not draft.readers(number):
        del draft.steps[number]
        return True
    if isinstance(step, Reshape):
        return drop_reshape(draft, number, step)
    if isinstance(step, Gather):
        return fold_padding(draft, number, step)
    if not isinstance(step, ScaleShift):
        return False
    if np.all(step.scale == 1) and np.all(step.shift == 0) and draft.shape(step.inputs[0]) == step.shape:
        draft.remove(number, step.inputs[0])
        return True
    # Backwards first: there the border of a convolution stays 0, which every renderer writes shorter.
    return fold_back(draft, number, step) or fold_forward(draft, number, step) or move_on(draft, number, step)


def drop_reshape(draft: Draft, number: int, step: Reshape) -> bool:
    """Take out a reshape that changes nothing, or that another one before it could do as well."""
    before = step.inputs[0]
    if draft.shape(before) == step.shape:
        draft.remove(number, before)
        return True
    earlier = draft.steps.get(before)
    if isinstance(earlier, Reshape):
        draft.steps[number] = replace(step, inputs=earlier.inputs)
        return True
    return False


def fold_padding(draft: Draft, number: int, step: Gather) -> bool:
    """Let the convolutions that read a map with zeros put round it pad by themselves."""
    padding, readers = zeros_round(step, draft.shape(step.inputs[0])), draft.readers(number)
    if padding is None or number == draft.output:
        return False
    changed: dict[int, Step] = {}
    for reader in readers:
        follower = draft.steps[reader]
        # All readers or none: one that cannot pad still needs the padded map.
        if not isinstance(follower, Convolution) or follower.border.any():
            return False
        top, left, bottom, right = (sum(pair) for pair in zip(follower.window.padding, padding, strict=True))
        changed[reader] = replace(follower, window=replace(follower.window, padding=(top, left, bottom, right)))
    draft.steps.update(changed)
    draft.remove(number, step.inputs[0])
    return True


def zeros_round(step: Gather, source: Shape) -> tuple[int, int, int, int] | None:
    """Return how wide the zeros are that *step* puts round each map of *source*, None where it does anything else."""
    if len(source) != 3 or len(step.shape) != 3 or source[0] != step.shape[0]:
        return None
    index = step.index.reshape(step.shape)
    inside = index[0] >= 0
    if not inside.any():
        return None
    top, left = int(inside.any(axis=1).argmax()), int(inside.any(axis=0).argmax())
    bottom, right = step.shape[1] - top - source[1], step.shape[2] - left - source[2]
    if min(bottom, right) < 0:
        return None
    edges = ((0, 0), (top, bottom), (left, right))
    whole = np.pad(np.arange(prod(source)).reshape(source), edges, constant_values=-1)
    return (top, left, bottom, right) if np.array_equal(whole, index) else None


def fold_back(draft: Draft, number: int, step: ScaleShift) -> bool:
    """Take a scale and shift into the step before it, or, through a pool, into the one before that."""
    before = step.inputs[0]
    if before == IMAGE_VALUE or not draft.only_reader(before, number):
        return False
    maker = draft.steps[before]
    if isinstance(maker, ScaleShift):
        joined = replace(maker, scale=maker.scale * step.scale, shift=maker.shift * step.scale + step.shift)
        draft.steps[before] = joined
    elif isinstance(maker, Pool) and commutes(step, maker):
        source = maker.inputs[0]
        if source == IMAGE_VALUE or not draft.only_reader(source, before):
            return False
        weighted = scaled_output(draft.steps[source], step, draft.shape(source))
        if weighted is None:
            return False
        draft.steps[source] = weighted
    else:
        weighted = scaled_output(maker, step, step.shape)
        if weighted is None:
            return False
        draft.steps[before] = weighted
    draft.remove(number, before)
    return True


def scaled_output(maker: Step, change: ScaleShift, shape: Shape) -> Step | None:
    """Return *maker* with its output of *shape* scaled and shifted by *change*, None where its weights cannot do that."""
    if not isinstance(maker, Convolution | Linear):
        return None
    channels = by_channel(change, shape)
    if channels is None:
        return None
    scale, shift = channels
    weight: Any = maker.weight * scale.reshape(-1, *[1] * (maker.weight.ndim - 1))
    return replace(maker, weight=weight, bias=maker.bias * scale + shift)


def fold_forward(draft: Draft, number: int, step: ScaleShift) -> bool:
    """Take a scale and shift into all the steps that read it, if each of them can."""
    if number == draft.output:
        return False
    changed: dict[int, Step] = {}
    for reader in draft.readers(number):
        weighted = scaled_input(draft.steps[reader], step)
        if weighted is None:
            return False
        changed[reader] = weighted
    draft.steps.update(changed)
    draft.remove(number, step.inputs[0])
    return True


def scaled_input(reader: Step, change: ScaleShift) -> Step | None:
    """Return *reader* computing from the value before *change* what it computed from the one after it; None if it cannot."""
    if isinstance(reader, Linear):
        scale = np.broadcast_to(change.scale, change.shape)
        shift = np.broadcast_to(change.shift, change.shape)
        return replace(reader, weight=reader.weight * scale, bias=reader.bias + reader.weight @ shift)
    if not isinstance(reader, Convolution):
        return None
    channels = by_channel(change, change.shape)
    if channels is None:
        return None
    scale, shift = channels
    border: Any = np.zeros(len(scale))
    if reader.window.pads:
        # Divided by it below; a channel whose scale is 0 no border could make right.
        if np.any(scale == 0):
            return None
        border = (reader.border - shift) / scale
        if np.abs(border).max() > FARTHEST_BORDER:
            return None
    # Each group of outputs sees its own part of the input channels.
    group = reader.shape[0] // reader.groups
    of_output = np.repeat(np.arange(reader.groups), group)
    scales = scale.reshape(reader.groups, -1)[of_output][:, :, None, None]
    shifts = shift.reshape(reader.groups, -1)[of_output][:, :, None, None]
    bias = reader.bias + (reader.weight * shifts).sum(axis=(1, 2, 3))
    return replace(reader, weight=reader.weight * scales, bias=bias, border=border)


def move_on(draft: Draft, number: int, step: ScaleShift) -> bool:
    """Let a scale and shift change places with the pool or reshape that alone reads it."""
    readers = draft.readers(number)
    if len(readers) != 1 or not draft.only_reader(number, readers[0]):
        return False
    reader = readers[0]
    follower = draft.steps[reader]
    if isinstance(follower, Pool) and commutes(step, follower):
        scale, shift = step.scale, step.shift
    elif isinstance(follower, Reshape) or (isinstance(follower, Gather) and follower.index.min() >= 0):
        index = follower.index if isinstance(follower, Gather) else slice(None)
        scale, shift = (
            np.broadcast_to(each, step.shape).reshape(-1)[index].reshape(follower.shape)
            for each in (step.scale, step.shift)
        )
    else:
        return False
    draft.steps[number] = replace(follower, inputs=step.inputs)
    draft.steps[reader] = replace(step, inputs=(number,), shape=follower.shape, scale=scale, shift=shift)
    return True


def commutes(change: ScaleShift, pool: Pool) -> bool:
    """Whether *change*, before or after *pool*, gives the same."""
    if by_channel(change, change.shape) is None:
        return False
    if pool.kind == "max":
        return bool(np.all(change.scale > 0))
    # Zeros counted beyond the edge would have to be shifted too.
    return not (pool.counts_edge and pool.window.pads and np.any(change.shift != 0))


def by_channel(change: ScaleShift, shape: Shape) -> tuple[Any, Any] | None:
    """Return scale and shift as arrays ``[channels]`` for a value of *shape*, None where they differ within a channel."""
    found = []
    for each in (change.scale, change.shift):
        wide = np.asarray(each, np.float64)
        wide = wide.reshape((1,) * (len(shape) - wide.ndim) + wide.shape)
        if any(size != 1 for size in wide.shape[1:]):
            return None
        found.append(np.broadcast_to(wide.reshape(-1), shape[0]))
    return found[0], found[1]


def finish(name: str, draft: Draft) -> Plan:
    """Return the plan of the draft: values numbered in order, arrays in float32, names unique."""
    numbers, names = {IMAGE_VALUE: IMAGE_VALUE}, set()
    steps: list[Step] = []
    for old, step in draft.steps.items():
        numbers[old] = len(steps) + 1
        count, unique = 1, step.name
        # Two steps of one layer, or a layer that runs twice, would otherwise be one name in C and in the book.
        while unique in names:
            count += 1
            unique = f"{step.name} ({count})"
        names.add(unique)
        arrays: dict[str, Any] = {key: np.ascontiguousarray(value, np.float32) for key, value in step.arrays.items()}
        steps.append(replace(step, name=unique, inputs=tuple(numbers[each] for each in step.inputs), **arrays))
    if not steps or numbers[draft.output] != len(steps):
        raise ValueError(f"{name}: the last step is not the output")
    return Plan(name, tuple(steps))
