"""Sentences about this network, each computed from its own runs."""

from __future__ import annotations

import numpy as np

from handgrad.backprop.simulate import RateSweep, rate_sweep
from handgrad.backprop.verdicts import NOISE, SLACK
from handgrad.backprop.workbook.content import Material
from handgrad.errors import counted

# Ten rates a power of ten, rounded to what is printed, so that the sentence names the rate that was really tried.
TRIED = tuple(float(f"{rate:.3g}") for rate in np.geomspace(0.1, 1000, 41))
# Writing the book of a large network must not wait for this one sentence, which says how many steps it speaks of.
TRIED_STEPS, FEWER_STEPS, MANY = 100, 20, 1_000


def ended_higher(sweep: RateSweep) -> list[bool]:
    """Return for each rate whether the last error is above the first by more than rounding, or no number."""
    return [
        not last <= first * (1 + SLACK) + NOISE for first, last in zip(sweep.errors[0], sweep.errors[-1], strict=True)
    ]


def rises(sweep: RateSweep) -> list[int]:
    """Return for each rate at how many steps the error rose by more than rounding, or stopped being a number."""
    fell = sweep.errors[1:] <= sweep.errors[:-1] * (1 + SLACK) + NOISE
    return [int(count) for count in (~fell).sum(axis=0)]


def what_many_rates_do(material: Material) -> str:
    """Return a paragraph on 41 learning rates, true for this network with the numbers it was written with."""
    steps = TRIED_STEPS if len(material.graph.quantities) <= MANY else FEWER_STEPS
    sweep = rate_sweep(material.compact, TRIED, steps)
    tried = f"{len(TRIED)} rates from 0.1 to 1000 were tried, {counted(steps, 'step')} each"
    overflow = [rate for rate, at in zip(TRIED, sweep.diverged_at, strict=True) if at is not None]
    higher = [rate for rate, up in zip(TRIED, ended_higher(sweep), strict=True) if up]
    rising = [rate for rate, count in zip(TRIED, rises(sweep), strict=True) if count]
    if not rising:
        return (
            f"{tried}: none makes the error rise from one step to the next. This network never diverges, because its bounded "
            f"outputs saturate and the error stops changing. The network diverging (handgrad backprop diverging) shows what "
            "happens at a rate that is too large."
        )
    parts = [f"{tried}: from η = {rising[0]:g} on, the error rises in some steps"]
    if higher:
        parts.append(f"from η = {higher[0]:g} on it can end higher than it began")
    if overflow:
        parts.append(f"from η = {overflow[0]:g} on it can overflow, shown as diverged")
    else:
        parts.append("at none do the numbers overflow")
    return f"{'; '.join(parts)}."
