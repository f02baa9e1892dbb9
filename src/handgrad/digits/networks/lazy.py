"""Networks with lazy layers, which have no weights before they have seen an image."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.parameter import is_lazy

IMAGE = (2, 1, 28, 28)


def with_weights(network: nn.Module) -> nn.Module:
    """Return *network*, its lazy layers made: shown two blank images where there are any, else as it is.

    The weights are drawn from torch's random state as it stands, like all others. What cannot run stays lazy, and says why
    where it is checked.
    """
    if any(is_lazy(each) for each in [*network.parameters(), *network.buffers()]):
        training = network.training
        try:
            with torch.no_grad():
                network.eval()(torch.zeros(IMAGE))
        except Exception:
            return network
        finally:
            network.train(training)
    return network
