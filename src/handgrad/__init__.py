"""From a gradient worked out by hand to a digit classifier whose accuracy can be trusted.

The verbs of the command line: ``handgrad.backprop``, ``train``, ``resume``, ``study``, ``summary``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from handgrad.version import __version__ as __version__

if TYPE_CHECKING:
    from handgrad.backprop.verb import backprop as backprop
    from handgrad.digits.layers.table import summarise as summary
    from handgrad.digits.run import resume as resume
    from handgrad.digits.run import train as train
    from handgrad.digits.study import study as study

    # For type checkers only: at run time it would make ``from handgrad import *`` import everything.
    __all__ = ["backprop", "resume", "study", "summary", "train"]

# A verb is imported when it is first used: `import handgrad` stays without torch, numpy and matplotlib.
_VERBS = {
    "train": "handgrad.digits.run:train",
    "resume": "handgrad.digits.run:resume",
    "study": "handgrad.digits.study:study",
    "summary": "handgrad.digits.layers.table:summarise",
}


def __getattr__(name: str) -> Any:
    if name == "backprop":
        # The verb and the package of that name are one object, a package that can be called (see its last lines):
        # importing anything from the package would otherwise put the package in the verb's place.
        return import_module("handgrad.backprop")
    if name in _VERBS:
        module, _, verb = _VERBS[name].partition(":")
        return getattr(import_module(module), verb)
    raise AttributeError(f"module 'handgrad' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_VERBS, "backprop"})
