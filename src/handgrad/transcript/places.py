"""In which module of a network each step was recorded, so that a message or a sheet can name the layer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.fx import traceback
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from handgrad.transcript.modules import registered

KEY = "custom"
"""Of the entries of a node's ``meta``, the one that torch leaves to its users and copies from node to node."""


@contextmanager
def noted_places(network: nn.Module) -> Iterator[None]:
    """Let every node that is recorded meanwhile carry the path of the innermost running module of *network*.

    The hooks are torch's global ones: nothing is attached to the network itself, which might notice or be changed by it.
    """
    # By identity, collected once: a module found at two paths is called by one of them.
    paths = {id(each): path for path, each in registered(network)}
    running: list[str] = []

    def stamp() -> None:
        # What stands in this dictionary while a node is made is copied into the node's own `meta`.
        traceback.current_meta[KEY] = {"place": running[-1] if running else ""}

    def enter(module: nn.Module, _: Any) -> None:
        # A module that forward makes by itself has no path; its steps belong to whoever called it.
        running.append(paths.get(id(module), running[-1] if running else ""))
        stamp()

    def leave(_: nn.Module, __: Any, ___: Any) -> None:
        running.pop()
        stamp()

    before = register_module_forward_pre_hook(enter)
    # Also where the module raises, or the list would never get shorter again.
    after = register_module_forward_hook(leave, always_call=True)
    try:
        with traceback.preserve_node_meta():
            yield
    finally:
        before.remove()
        after.remove()
        traceback.current_meta.pop(KEY, None)


def place_noted(node: torch.fx.Node) -> str:
    """Return the path that `noted_places` left on *node*, "" where none was."""
    return str((node.meta.get(KEY) or {}).get("place", ""))
