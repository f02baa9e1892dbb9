"""Judging what is handed in: assignments as data, networks examined by what they compute, verdicts made outside.

The package itself can be called: ``handgrad.judge(MyNet, assignment="under-20k")`` is :func:`handgrad.judge.verb.judge`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    """The verb and the package that serves it bear one name, as with `handgrad.backprop`; torch is imported by the call."""

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        from handgrad.judge.verb import judge

        return judge(*arguments, **named)


sys.modules[__name__].__class__ = _CallablePackage
