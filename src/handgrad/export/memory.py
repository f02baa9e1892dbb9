"""Which part of one static memory each value of a plan lies in, values that are not needed at once sharing theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from handgrad.export.plan import Plan, Step


@dataclass(frozen=True)
class Layout:
    """For each value its first place, in numbers, and the size of the whole memory."""

    offsets: tuple[int, ...]
    size: int


def lay_out(plan: Plan) -> Layout:
    """Return where the values of *plan* lie: largest first, each at the lowest place that is free while it is needed."""
    sizes = [prod(shape) for shape in plan.shapes]
    owners = owners_of(plan)
    spans: dict[int, tuple[int, int]] = {}
    last = plan.last_readers
    for value, owner in enumerate(owners):
        # A value is born in the step before the one that may read it first, and the scores live to the end.
        begins, ends = value - 1, len(plan.steps) if value == plan.output else last[value]
        first, final = spans.get(owner, (begins, ends))
        spans[owner] = min(first, begins), max(final, ends)
    placed: dict[int, int] = {}
    # The largest first: small values fit into the gaps that large ones leave, and not the other way round.
    for owner in sorted(spans, key=lambda each: (-sizes[each], each)):
        taken = [
            (placed[other], placed[other] + sizes[other])
            for other in placed
            if spans[other][0] <= spans[owner][1] and spans[owner][0] <= spans[other][1]
        ]
        placed[owner] = lowest_gap(taken, sizes[owner])
    return Layout(
        tuple(placed[owner] for owner in owners), max(place + sizes[owner] for owner, place in placed.items())
    )


def owners_of(plan: Plan) -> list[int]:
    """Return for each value the one whose memory it takes over: itself, or the one that its step may overwrite."""
    last, owners = plan.last_readers, [0]
    for place, step in enumerate(plan.steps):
        first = step.inputs[0]
        owners.append(owners[first] if may_overwrite(step, plan.shapes[first], last[first] == place) else place + 1)
    return owners


def may_overwrite(step: Step, before: Sequence[int], dies: bool) -> bool:
    """Whether *step* may write its value over its first input."""
    return step.overwrites and dies and step.inputs.count(step.inputs[0]) == 1 and prod(before) == prod(step.shape)


def lowest_gap(taken: Sequence[tuple[int, int]], size: int) -> int:
    """Return the lowest place where *size* numbers fit between the intervals *taken*."""
    place = 0
    for begin, end in sorted(taken):
        if begin - place >= size:
            return place
        place = max(place, end)
    return place
