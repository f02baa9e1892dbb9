"""Part one: a small network, its training step as named quantities, and what follows from them. Imports no torch.

The package itself can be called: ``handgrad.backprop("classic")`` is :func:`handgrad.backprop.verb.backprop`.
"""

from __future__ import annotations

import sys
from types import ModuleType

from handgrad.backprop.graph.build import build_graph
from handgrad.backprop.graph.graph import Factor, Graph, Kind, Quantity
from handgrad.backprop.network.network import (
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
from handgrad.backprop.verb import BackpropResult, backprop

__all__ = [
    "BackpropResult",
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


class _CallablePackage(ModuleType):
    """A verb and the package that serves it bear one name, and which of the two ``handgrad.backprop`` is must not
    depend on what was imported before: so it is both (see *Customizing module attribute access* in Python's manual).
    """

    __call__ = staticmethod(backprop)


sys.modules[__name__].__class__ = _CallablePackage
