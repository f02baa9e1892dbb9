"""From a gradient worked out by hand to a digit classifier whose accuracy can be trusted.

The verbs of the command line as functions, what they return, and the errors that they raise. Each is imported when it is
first used: ``import handgrad`` loads neither torch nor numpy nor matplotlib.

``backprop(network)``     trains a small network by hand; every quantity of every step, the workbook where asked for
``train(what, data=…)``   trains a recipe, or your own module, class or ``file.py:Net``, and gives back the finished run
``resume(run)``           continues a run that was stopped
``study(what, seeds=…)``  trains over many seeds: mean, spread, interval
``sweep(recipe, over=…)`` tries many settings, chooses one on a hold-out, trains it with new seeds
``compare(run, run)``     finished runs side by side: intervals, what sets them apart, curves
``summary(network)``      the layer table: shapes, parameters, multiply-adds, receptive fields
``load(run)``             loads a finished run (or a folder for a hub) to ask it: images, photographs, the plain module
``judge(what, …)``        judges a network against an assignment, or a workbook against its own formulas
``datasets()``            the data that can be named, and what is there of it
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from handgrad.version import __version__ as __version__

if TYPE_CHECKING:
    from handgrad.backprop.verb import BackpropResult as BackpropResult
    from handgrad.backprop.verb import backprop as backprop
    from handgrad.digits.study_record import Study as Study
    from handgrad.digits.sweep.sweep import sweep as sweep
    from handgrad.errors import BusyRunError as BusyRunError
    from handgrad.errors import DamagedRunError as DamagedRunError
    from handgrad.errors import DiskError as DiskError
    from handgrad.errors import DivergedError as DivergedError
    from handgrad.errors import HandgradError as HandgradError
    from handgrad.errors import InterruptedRunError as InterruptedRunError
    from handgrad.errors import MissingError as MissingError
    from handgrad.errors import UndecidedError as UndecidedError
    from handgrad.errors import UsageError as UsageError
    from handgrad.judge.verb import judge as judge
    from handgrad.predict.network import Predictions as Predictions
    from handgrad.predict.network import TrainedNetwork as TrainedNetwork
    from handgrad.predict.network import load as load
    from handgrad.report.compare import Comparison as Comparison
    from handgrad.runs.layers import LayerTable as LayerTable
    from handgrad.runs.record import RunSummary as RunSummary
    from handgrad.runs.sweep import Sweep as Sweep
    from handgrad.verbs.comparing import compare as compare
    from handgrad.verbs.datasets import datasets as datasets
    from handgrad.verbs.networks import summary as summary
    from handgrad.verbs.result import TrainedRun as TrainedRun
    from handgrad.verbs.training import resume as resume
    from handgrad.verbs.training import study as study
    from handgrad.verbs.training import train as train

# Where each public name lives. A test holds this against what type checkers are told above.
_PLACES = {
    "BackpropResult": "handgrad.backprop.verb",
    "BusyRunError": "handgrad.errors",
    "Comparison": "handgrad.report.compare",
    "DamagedRunError": "handgrad.errors",
    "DiskError": "handgrad.errors",
    "DivergedError": "handgrad.errors",
    "HandgradError": "handgrad.errors",
    "InterruptedRunError": "handgrad.errors",
    "LayerTable": "handgrad.runs.layers",
    "MissingError": "handgrad.errors",
    "Predictions": "handgrad.predict.network",
    "RunSummary": "handgrad.runs.record",
    "Study": "handgrad.digits.study_record",
    "Sweep": "handgrad.runs.sweep",
    "TrainedNetwork": "handgrad.predict.network",
    "TrainedRun": "handgrad.verbs.result",
    "UndecidedError": "handgrad.errors",
    "UsageError": "handgrad.errors",
    "compare": "handgrad.verbs.comparing",
    "datasets": "handgrad.verbs.datasets",
    "load": "handgrad.predict.network",
    "resume": "handgrad.verbs.training",
    "study": "handgrad.verbs.training",
    "summary": "handgrad.verbs.networks",
    "sweep": "handgrad.digits.sweep.sweep",
    "train": "handgrad.verbs.training",
}
_PACKAGES = ("backprop", "judge")
"""Verbs that share their name with the package that serves them; the package can be called."""

__all__ = [
    "BackpropResult",
    "BusyRunError",
    "Comparison",
    "DamagedRunError",
    "DiskError",
    "DivergedError",
    "HandgradError",
    "InterruptedRunError",
    "LayerTable",
    "MissingError",
    "Predictions",
    "RunSummary",
    "Study",
    "Sweep",
    "TrainedNetwork",
    "TrainedRun",
    "UndecidedError",
    "UsageError",
    "__version__",
    "backprop",
    "compare",
    "datasets",
    "judge",
    "load",
    "resume",
    "study",
    "summary",
    "sweep",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        # The verb and the package of that name are one object, a package that can be called (see its last lines):
        # importing anything from the package would otherwise put the package in the verb's place.
        return import_module(f"handgrad.{name}")
    if name in _PLACES:
        module, _, inside = _PLACES[name].partition(":")
        return getattr(import_module(module), inside or name)
    raise AttributeError(f"module 'handgrad' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
