"""Networks with lazy layers, which have no weights before they have seen an image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from handgrad.runs.kind import DIGITS


def with_weights(network: nn.Module, shape: Sequence[int] = DIGITS.shape) -> nn.Module:
    """Return *network*, its lazy layers made: shown two blank images of *shape* where there are any, else as it is.

    The weights are drawn from torch's random state as it stands, like all others. What cannot run stays lazy, and says why
    where it is checked.
    """
    if any(is_lazy(each) for each in [*network.parameters(), *network.buffers()]):
        training = network.training
        try:
            with torch.no_grad():
                # Two, because BatchNorm cannot take one value a channel; in eval(), so that no statistics move.
                network.eval()(torch.zeros(2, *shape))
        # Whatever it is, the check of shapes that follows runs the same network and says which layer it was.
        except Exception:
            return network
        finally:
            network.train(training)
    return network
