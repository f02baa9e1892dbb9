"""Defined names of the book. ``w1`` and ``t1`` are addresses of cells and so cannot be names: they become ``w_1``."""

from __future__ import annotations

import re


def defined_name(name: str) -> str:
    """``w5`` → ``w_5``, ``t1[2]`` → ``t_1_sample_2``, ``beta1`` → ``beta_1``, ``learning_rate`` as it is."""
    found = re.fullmatch(r"([a-z]+)(\d+)(?:\[(\d+)\])?", name)
    if found is None:
        return name
    letters, number, sample = found.groups()
    return f"{letters}_{number}" + (f"_sample_{sample}" if sample else "")
