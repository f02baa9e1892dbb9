"""The learning rate at each step: a function of where the run stands, without state."""

from __future__ import annotations

import math

from handgrad.digits.training.recipe import Schedule


def rate_factor(schedule: Schedule, step: int, steps_an_epoch: int, epochs: int) -> float:
    """Return the factor of the peak learning rate at *step*, counted from 0 over the whole run.

    constant: 1. step: ``factor ** drops``, where drops are ``epochs done // every``, or how many ``milestones`` lie behind.
    cosine: from 1 to ``end`` along half a cosine. one-cycle: from ``start`` up to 1 over the first ``warmup`` of the run, then
    down to ``end``, along half cosines or straight lines.
    """
    if schedule.name == "constant":
        return 1.0
    if schedule.name == "step":
        done = step // steps_an_epoch
        drops = sum(done >= epoch for epoch in schedule.milestones) if schedule.milestones else done // schedule.every
        return float(schedule.factor**drops)
    # So that the last step, and not the one after it, has the last rate; a run of a single step has the first.
    progress = step / max(1, steps_an_epoch * epochs - 1)
    if schedule.name == "cosine":
        return between(1.0, schedule.end, progress, "cosine")
    if progress < schedule.warmup:
        return between(schedule.start, 1.0, progress / schedule.warmup, schedule.shape)
    return between(1.0, schedule.end, (progress - schedule.warmup) / (1 - schedule.warmup), schedule.shape)


def between(first: float, last: float, part: float, shape: str) -> float:
    """Return the value *part* (0…1) of the way from *first* to *last*, along half a cosine or a straight line."""
    way = (1 - math.cos(math.pi * part)) / 2 if shape == "cosine" else part
    return first + (last - first) * way
