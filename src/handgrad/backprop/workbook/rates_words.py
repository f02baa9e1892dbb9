"""Sentences about the network at hand, each computed from its own runs."""

from __future__ import annotations

import numpy as np

from handgrad.backprop.simulate import RateSweep, rate_sweep
from handgrad.backprop.workbook.content import Material

TRIED = tuple(float(f"{rate:.3g}") for rate in np.geomspace(0.1, 1000, 41))
TRIED_STEPS, FEWER_STEPS, MANY = 100, 20, 1_000
SLACK, NOISE = 1e-9, 1e-15
"""An error rose if it is higher by more than rounding can make it: spreadsheets compare with less than 16 digits."""


def what_is_seen(material: Material) -> list[str]:
    """Return paragraphs on the learning rates, true for this network with the numbers it was written with."""
    return [_compared(material), _tried(material)]


def listed(words: list[str]) -> str:
    """Return ``a``, ``a and b``, ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def ended_higher(sweep: RateSweep) -> list[bool]:
    """Return for each rate whether the last error is above the first by more than rounding, or no number."""
    return [
        not last <= first * (1 + SLACK) + NOISE for first, last in zip(sweep.errors[0], sweep.errors[-1], strict=True)
    ]


def rises(sweep: RateSweep) -> list[int]:
    """Return for each rate at how many steps the error rose by more than rounding, or stopped being a number."""
    fell = sweep.errors[1:] <= sweep.errors[:-1] * (1 + SLACK) + NOISE
    return [int(count) for count in (~fell).sum(axis=0)]


def _compared(material: Material) -> str:
    sweep = material.sweep
    names = [f"{rate:g}" for rate in sweep.rates]
    last = sweep.errors[-1]
    sentences = []
    for number, name in enumerate(names):
        if sweep.diverged_at[number] is not None:
            sentences.append(f"At η = {name} the numbers overflow at step {sweep.diverged_at[number]}: diverged.")
    higher = [n for n, up in enumerate(ended_higher(sweep)) if up and sweep.diverged_at[n] is None]
    if higher:
        whose = listed([names[n] for n in higher])
        sentences.append(f"At η = {whose} the error is higher after {material.rate_steps:,} steps than at first.")
    rose = [n for n, up in enumerate(rises(sweep)) if up and n not in higher and sweep.diverged_at[n] is None]
    if rose:
        sentences.append(f"At η = {listed([names[n] for n in rose])} it rises on the way, but ends lower.")
    lower = [n for n, up in enumerate(ended_higher(sweep)) if not up]
    if not lower:
        return " ".join([*sentences, "No rate of these lowers the error."])
    best = min(lower, key=lambda n: float(last[n]))
    if len(lower) == len(names) and not rose:
        sentences.append(
            f"At all {len(names)} rates the error falls in every one of the {material.rate_steps:,} steps."
        )
    sentences.append(f"η = {names[best]} gets lowest: E_total = {last[best]:.6g} after {material.rate_steps:,} steps.")
    return " ".join(sentences)


def _tried(material: Material) -> str:
    steps = TRIED_STEPS if len(material.graph.quantities) <= MANY else FEWER_STEPS
    sweep = rate_sweep(material.compact, TRIED, steps)
    tried = f"{len(TRIED)} rates from 0.1 to 1000 were tried, {steps} steps each"
    overflow = [rate for rate, at in zip(TRIED, sweep.diverged_at, strict=True) if at is not None]
    higher = [rate for rate, up in zip(TRIED, ended_higher(sweep), strict=True) if up]
    rising = [rate for rate, count in zip(TRIED, rises(sweep), strict=True) if count]
    if not rising:
        return (
            f"{tried}: none makes the error rise from one step to the next. This network never diverges, because its "
            "bounded outputs saturate and the error sticks. The network diverging (handgrad backprop diverging) "
            "shows what a rate too large does."
        )
    parts = [f"{tried}: from η = {rising[0]:g} on, the error rises in some steps"]
    if higher:
        parts.append(f"from η = {higher[0]:g} on it can end higher than it began")
    if overflow:
        parts.append(f"from η = {overflow[0]:g} on it can overflow, shown as diverged")
    else:
        parts.append("at none do the numbers overflow")
    return f"{'; '.join(parts)}."
