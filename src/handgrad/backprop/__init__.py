"""Part one: a small network, its training step as named quantities, and what follows from them. Imports no torch."""

from __future__ import annotations

from handgrad.backprop.graph import Factor, Graph, Kind, Quantity
from handgrad.backprop.network import (
    BiasRule,
    Layer,
    Network,
    OverSamples,
    Sample,
    Update,
    UpdateOrder,
    UpdateRule,
)
from handgrad.backprop.presets import load_network, preset_names
from handgrad.backprop.simulate import (
    RateSweep,
    Trace,
    evaluate,
    exact_gradient,
    finite_differences,
    gradient,
    rate_sweep,
    trace,
)
from handgrad.backprop.step import build_graph

__all__ = [
    "BiasRule",
    "Factor",
    "Graph",
    "Kind",
    "Layer",
    "Network",
    "OverSamples",
    "Quantity",
    "RateSweep",
    "Sample",
    "Trace",
    "Update",
    "UpdateOrder",
    "UpdateRule",
    "build_graph",
    "evaluate",
    "exact_gradient",
    "finite_differences",
    "gradient",
    "load_network",
    "preset_names",
    "rate_sweep",
    "trace",
]
