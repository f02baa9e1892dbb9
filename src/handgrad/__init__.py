"""From a gradient worked out by hand to a digit classifier whose accuracy can be trusted.

The verbs of the command line as functions, what they return, and the errors that they raise. Each is imported when it is
first used: ``import handgrad`` loads neither torch nor numpy nor matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from handgrad.version import __version__ as __version__

if TYPE_CHECKING:
    from handgrad.backprop.verb import BackpropResult as BackpropResult
    from handgrad.backprop.verb import backprop as backprop
    from handgrad.digits.layers.table import summarise as summary
    from handgrad.digits.run import resume as resume
    from handgrad.digits.run import train as train
    from handgrad.digits.study import Study as Study
    from handgrad.digits.study import study as study
    from handgrad.errors import BusyRunError as BusyRunError
    from handgrad.errors import DamagedRunError as DamagedRunError
    from handgrad.errors import DiskError as DiskError
    from handgrad.errors import DivergedError as DivergedError
    from handgrad.errors import HandgradError as HandgradError
    from handgrad.errors import InterruptedRunError as InterruptedRunError
    from handgrad.errors import MissingError as MissingError
    from handgrad.errors import UndecidedError as UndecidedError
    from handgrad.errors import UsageError as UsageError
    from handgrad.runs.layers import LayerTable as LayerTable
    from handgrad.runs.record import RunSummary as RunSummary

# Where each public name lives. A test holds this against what type checkers are told above.
_PLACES = {
    "BackpropResult": "handgrad.backprop.verb",
    "BusyRunError": "handgrad.errors",
    "DamagedRunError": "handgrad.errors",
    "DiskError": "handgrad.errors",
    "DivergedError": "handgrad.errors",
    "HandgradError": "handgrad.errors",
    "InterruptedRunError": "handgrad.errors",
    "LayerTable": "handgrad.runs.layers",
    "MissingError": "handgrad.errors",
    "RunSummary": "handgrad.runs.record",
    "Study": "handgrad.digits.study",
    "UndecidedError": "handgrad.errors",
    "UsageError": "handgrad.errors",
    "resume": "handgrad.digits.run",
    "study": "handgrad.digits.study",
    "summary": "handgrad.digits.layers.table:summarise",
    "train": "handgrad.digits.run",
}

__all__ = [
    "BackpropResult",
    "BusyRunError",
    "DamagedRunError",
    "DiskError",
    "DivergedError",
    "HandgradError",
    "InterruptedRunError",
    "LayerTable",
    "MissingError",
    "RunSummary",
    "Study",
    "UndecidedError",
    "UsageError",
    "__version__",
    "backprop",
    "resume",
    "study",
    "summary",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "backprop":
        # The verb and the package of that name are one object, a package that can be called (see its last lines):
        # importing anything from the package would otherwise put the package in the verb's place.
        return import_module("handgrad.backprop")
    if name in _PLACES:
        module, _, inside = _PLACES[name].partition(":")
        return getattr(import_module(module), inside or name)
    raise AttributeError(f"module 'handgrad' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
