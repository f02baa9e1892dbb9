"""A copy of a network to try things on, also where it holds what cannot be copied: a lock, an open file, a computed weight."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy

from handgrad.digits.layers.failure import first_line
from handgrad.errors import UsageError

OWN = ("_parameters", "_buffers", "_modules")


def duplicate(module: nn.Module, name: str) -> nn.Module:
    """Return a copy of *module* in evaluation mode; raise `UsageError` where even its weights cannot be copied.

    What no copy can be made of is shared with the original: running a network once takes no lock and writes no file of its own.
    """
    try:
        # The plain way first: what follows is for the few modules that hold something which cannot be copied.
        return copy.deepcopy(module).eval()
    except Exception:
        memo: dict[int, Any] = {}
    held = [value for each in module.modules() for value in _held(vars(each))]
    for value in held:
        if isinstance(value, Tensor):
            _remember_tensor(value, memo)
    for value in held:
        if not isinstance(value, nn.Module | Tensor | dict | list | tuple | set):
            try:
                # With what is known so far: a hook holds its module, and with it every weight.
                copy.deepcopy(value, dict(memo))
            except Exception:
                memo[id(value)] = value
    try:
        return copy.deepcopy(module, memo).eval()
    except Exception as error:
        raise UsageError(f"{name} cannot be copied – {first_line(error)} – leave out what holds it") from error


def _held(attributes: dict[str, Any]) -> Iterator[Any]:
    """Return what a module holds: parameters, buffers, other attributes, and what lies in their lists and tables."""
    for name, value in attributes.items():
        if name == "_modules":
            continue
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple | set) else ()
        yield from inside
        if name not in OWN:
            yield value


def _remember_tensor(value: Tensor, memo: dict[int, Any]) -> None:
    """Put into *memo* what a copy of *value* is to be, where ``deepcopy`` would fail at it."""
    if is_lazy(value):
        kind: Any = UninitializedParameter if isinstance(value, UninitializedParameter) else UninitializedBuffer
        memo[id(value)] = kind(device=value.device, dtype=value.dtype)
    elif not value.is_leaf:
        memo[id(value)] = value.detach().clone()  # what weight_norm computes again before every pass
