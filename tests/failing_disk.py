"""A file layer that fails at one call: refused, or the process killed there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


class Failing:
    """Lets the *at*-th call of the file layer fail, or ends the process there."""

    def __init__(self, at: int, fail: Callable[[], Any]) -> None:
        self.at, self.fail, self.calls = at, fail, 0

    def around(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            return self.fail() if self.calls == self.at else real(*arguments, **named)

        return call

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for owner, name in ((Path, "open"), (os, "fsync"), (Path, "rename"), (Path, "replace"), (os, "open")):
            monkeypatch.setattr(owner, name, self.around(getattr(owner, name)))
