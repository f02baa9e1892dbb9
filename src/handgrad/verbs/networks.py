"""``handgrad.summary``: the layer table of a network in any form in which Python has it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from handgrad.digits.layers.table import summarise
from handgrad.digits.networks.handed import Network, handed
from handgrad.runs.layers import LayerTable


def summary(network: Network, input_size: Sequence[int] = (1, 28, 28), *, name: str | None = None) -> LayerTable:
    """Return the layer table of *network* for inputs of shape ``[batch, *input_size]``.

    *network*: a name, ``file.py:Net``, a class, a function that makes one, or a module, which does not change. Raises
    `UsageError` with the layer and the reason if it cannot run.
    """
    if isinstance(network, str | nn.Module):
        return summarise(network, input_size, name=name)
    given = handed(network)
    return summarise(given.make(), input_size, name=name or given.name)
