"""Numbers that compute an answer and are stored nowhere: arguments of operations, tensors made by a formula, packed digits.

A network can be given any number of weights without a tensor for them: a thousand thresholds, the fill of a padding, the
start of a range, the digits of one large integer, or a hash of 0, 1, 2 … that is as good as random features. What is looked for
is not the trick but what it comes to: a number of the file's that takes part in an operation on what the images or the trained
parameters have become.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from handgrad.judge.examination.operations_seen import PRODUCTS, Node, Read
from handgrad.judge.verdict import HiddenTensor
from handgrad.transcript.modules import place_of

FEW = 32
"""So many different single numbers (scales, offsets, slopes, one number filling a tensor) are free; more are weights."""
MANY = 8 * FEW
"""Single numbers of one kind of operation, drawn from a small palette: so many are weights written with few digits each."""

VALUES = ("number", "float")
"""Types, in torch's own declarations, of arguments that are calculated with; whole numbers as a rule are shapes."""
ALWAYS = ("shifts",)
FROM_NOTHING = (
    *("size", "n", "m", "steps", "index", "start", "end", "step", "repeats", "length"),
    *("pad", "padding", "output_size"),
)
"""Whole numbers that become values where no image and nothing stored is read: the length of ``ones``, a place in ``arange``."""

CHOOSES = ("index", "indices", "k", "output_size", "start")
"""Whole numbers that choose among what the images became. A sum over places that are chosen again and again is a product with
whole weights; a few of them, every place once, or an even pattern (strides, patches, shuffled channels) are no store.
"""
LEAST_BITS = 1.5
"""So many bits a choice, packed by zlib, has a list that follows no pattern: ten places at random have more than three."""

DIGITS = (
    *("floor", "ceil", "trunc", "round", "frac", "remainder", "fmod", "floor_divide", "div", "divide", "bitwise_and"),
    *("bitwise_or", "bitwise_xor", "__rshift__", "__lshift__", "bitwise_right_shift", "bitwise_left_shift", "view"),
    *("gt", "ge", "lt", "le", "eq", "ne", "_to_copy", "sign", "to"),
)
"""Operations that can take a number apart into several."""
WEIGHING = (
    *PRODUCTS,
    "mul",
    "multiply",
    "div",
    "divide",
    "addcmul",
    "addcdiv",
    "lerp",
    "cdist",
    "_cdist_forward",
    "pow",
)
"""What a tensor has to pass to weigh what the images became. A sum adds a place or a mask, as honest networks do."""


@cache
def _value_arguments(func: Any) -> tuple[tuple[str, bool], ...]:
    """Return the arguments of *func* that can be values, each with whether it always is one."""
    found = []
    for argument in func._schema.arguments:
        kind = str(argument.type).removeprefix("Optional[").rstrip("]")
        # Where a tensor is declared a plain number may stand: ``x * 3.0``.
        if kind in (*VALUES, "List[float", "Tensor") or argument.name in ALWAYS:
            found.append((argument.name, True))
        elif argument.name in FROM_NOTHING and "int" in kind:
            found.append((argument.name, False))
    return tuple(found)


def values_given(func: Any, given: Mapping[str, Any], reads: Sequence[Read]) -> tuple[tuple[str, float], ...]:
    """Return the single numbers that an operation was given and calculates with, each with its argument's name."""
    from_nothing = not any(read.images or read.memory.stored for read in reads)
    values: list[tuple[str, float]] = []
    for name, always in _value_arguments(func):
        length = name == "end" and "arange" in str(func)  # says how many, as a shape does
        if (always or from_nothing) and not (length and "start" in given):
            value = given.get(name)
            for one in value if isinstance(value, list | tuple) else [value]:
                if isinstance(one, complex):
                    values += [(name, one.real), (name, one.imag)]
                elif isinstance(one, int | float) and not isinstance(one, bool):
                    values.append((name, float(one)))
    return tuple(values)


@cache
def _choosing_arguments(func: Any) -> tuple[str, ...]:
    """Return the arguments by which *func* chooses among places: asked at every operation of every run."""
    return tuple(argument.name for argument in func._schema.arguments if argument.name in CHOOSES)


def choices_given(func: Any, given: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the whole numbers by which an operation chooses among the places of what it reads."""
    found: list[int] = []
    for name in _choosing_arguments(func):
        value = given.get(name)
        for one in value if isinstance(value, list | tuple) else [value]:
            if isinstance(one, int) and not isinstance(one, bool):
                found.append(one)
            elif isinstance(one, Tensor) and one.dtype in (torch.int64, torch.int32):
                # What ``expand`` only shows again and again was written once.
                once = tuple(slice(None) if step else slice(1) for step in one.stride())
                found += one[once].flatten().tolist()
    return tuple(found)


def single_numbers(nodes: Sequence[Node], reached: Collection[int]) -> int:
    """Return how many single numbers stand in the operations that reach the output: different ones, or a palette's uses.

    A slope that stands in every layer is one number. Where one kind of operation is used hundreds of times with different
    numbers, each use is a weight, however few digits it has.
    """
    different: set[float] = set()
    uses: dict[tuple[str, str], list[float]] = {}
    places = {read.place for node in nodes if node.number in reached for read in node.reads}
    for node in nodes:
        # A view writes nothing, so that only the block it shows leads from it to the output.
        shows = not node.images and any(place_of(each) in places for each in node.results[:1])
        if node.number in reached or shows:
            for name, value in node.values:
                different.add(value)
                uses.setdefault((node.name, name), []).append(value)
    written = sum(len(values) for values in uses.values() if len(values) > MANY and len(set(values)) > 1)
    return max(len(different), written) + _chosen_numbers(nodes, reached)


def _chosen_numbers(nodes: Sequence[Node], reached: Collection[int]) -> int:
    """Return how many whole weights are written as choices of places, by kind of operation."""
    chosen: dict[str, list[int]] = {}
    for node in nodes:
        if node.images and node.number in reached and node.choices:
            chosen.setdefault(node.name, []).extend(node.choices)
    return sum(len(places) for places in chosen.values() if len(places) > MANY and not _has_pattern(places))


def _has_pattern(places: Sequence[int]) -> bool:
    """Whether places are chosen hardly more than once each, or in a pattern that can be said in much fewer numbers."""
    different = len(set(places))
    if len(places) < 2 * different:
        return True
    steps = array("q", [later - earlier for earlier, later in pairwise(places)])
    # From neighbour to neighbour, as where an image is turned or bent: of many places, and with few kinds of steps.
    if len(set(steps)) < different / 4:
        return True
    return 8 * len(zlib.compress(steps.tobytes(), 9)) < LEAST_BITS * len(places)


class Live:
    """What an image or a trained parameter has a part in, operation by operation; the rest is the file's own."""

    def __init__(self, nodes: Sequence[Node], trained: Collection[int]) -> None:
        self.nodes, self.trained = nodes, trained
        self.numbers: set[int] = set()
        for node in nodes:
            if node.images or any(self.read(read) for read in node.reads):
                self.numbers.add(node.number)

    def read(self, read: Read) -> bool:
        """Whether images or trained numbers are in what is read."""
        return read.images or read.place in self.trained or any(writer in self.numbers for writer in read.writers)

    def behind(self, read: Read) -> set[int]:
        """Return the operations that what is read was made by."""
        seen: set[int] = set()
        waiting = list(read.writers)
        while waiting:
            number = waiting.pop()
            if number not in seen:
                seen.add(number)
                waiting += [writer for each in self.nodes[number].reads for writer in each.writers if writer < number]
        return seen


def made_numbers(
    nodes: Sequence[Node], reached: Collection[int], trained: Collection[int], free: Collection[int]
) -> Iterator[HiddenTensor]:
    """Return the tensors that a formula or the digits of other numbers made, and that weigh images or parameters.

    *trained* are places of parameters that learn, *free* those of statistics. A tensor counts by its numbers, once, where they
    are no simple rule; one unpacked from stored numbers by what it has beyond them, as those are counted already.
    """
    live, seen = Live(nodes, trained), set[int]()
    for node in nodes:
        if node.number not in reached or node.number not in live.numbers:
            continue
        for read in node.reads:
            if read.place in seen or read.place in trained or read.place in free or not read.writers:
                continue
            if (
                read.memory.random
                or read.memory.stored
                or (node.name.rstrip("_") not in WEIGHING and "conv" not in node.name)
            ):
                continue
            if read.images:
                continue  # what images have a part in is not a store: there rounding is an activation
            stored, count = sum(_stored_behind(live, read).values()), _numbers_in(read.tensor)
            where = f"in {node.path or 'forward'}" + (f", line {node.line}" if node.line else "")
            if stored:
                seen.add(read.place)
                if count > stored and _takes_apart(live, live.behind(read), stored):
                    yield HiddenTensor(f"unpacked {where} from {stored:,} numbers", count - stored, "constant")
            elif not live.read(read):
                seen.add(read.place)
                if count > FEW and not _is_simple(read.tensor):
                    yield HiddenTensor(f"made by a formula {where} and used as weights", count, "constant")


def _stored_behind(live: Live, read: Read) -> dict[int, int]:
    """Return what is stored and read to make *read*: how many numbers, by place."""
    stored: dict[int, int] = {}
    for number in live.behind(read):
        for each in live.nodes[number].reads:
            if each.memory.stored or each.place in live.trained:
                stored[each.place] = max(stored.get(each.place, 0), _numbers_in(each.tensor))
    return stored


def _takes_apart(live: Live, behind: Collection[int], stored: int) -> bool:
    """Whether an operation on digits gives more numbers than are stored: rounding a weight leaves one where one was."""
    return any(
        live.nodes[number].name.rstrip("_") in DIGITS
        and live.nodes[number].results
        and _numbers_in(live.nodes[number].results[0]) > stored
        for number in behind
    )


def _numbers_in(tensor: Tensor) -> int:
    """Return how many numbers *tensor* holds, what is only spread over more places counted once."""
    sides = [side for side, step in zip(tensor.shape, tensor.stride(), strict=True) if step]
    count = 1
    for side in sides:
        count *= side
    return count


def _is_simple(tensor: Tensor) -> bool:
    """Whether the numbers follow a simple rule: all alike, even steps, a smooth curve, few edges, or one place per row.

    Random features are none of these, whatever formula they come from.
    """
    values = tensor.detach()
    if values.is_complex():
        values = torch.view_as_real(values)
    values = values.double()
    rows = values.reshape(-1, values.shape[-1]) if values.dim() > 1 else values[None]
    steps = rows.diff(dim=-1)
    size = float(steps.abs().sum())
    # Two numbers in a row always lie on a line: only what they do from row to row can tell.
    if size == 0 or rows.shape[-1] < 3:
        return rows.shape[-1] >= 3 or float(rows.diff(dim=0).abs().sum()) == 0
    if int((rows != 0).sum(1).max()) <= 1:
        return True  # each row points to one place
    edges = float((steps.abs() > 1e-6 * float(values.abs().max())).double().mean())
    bends = float(steps.diff(dim=-1).abs().sum()) / size
    # Steps in few places, or steps that hardly change: random numbers change at every place, and their steps turn each
    # time.
    return edges <= 1 / 8 or bends <= 1 / 4
