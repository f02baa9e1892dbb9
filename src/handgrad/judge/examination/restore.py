"""Going back: a network and every source of chance as they were before it was examined."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from handgrad.transcript.modules import parameters_of, registered


class Snapshot:
    """The values of all parameters and buffers, and which tensors hold them, to go back to."""

    def __init__(self, module: nn.Module) -> None:
        self.kept = [vars(each)[kind] for _, each in registered(module) for kind in ("_parameters", "_buffers")]
        self.held = [dict(each.items()) for each in self.kept]
        self.values = [
            (tensor, tensor.detach().clone())
            for each in self.held
            for tensor in each.values()
            # A lazy parameter has no numbers yet, and becomes another object when it gets some.
            if tensor is not None and not is_lazy(tensor)
        ]

    def restore(self) -> None:
        """Put everything back, in place."""
        with torch.no_grad():
            for now, before in zip(self.kept, self.held, strict=True):
                if isinstance(now, dict):  # scripted modules show a view that cannot be written
                    # The very dictionaries are refilled, because the module holds on to them.
                    now.clear()
                    now.update(before)
            for tensor, value in self.values:
                # A lazy parameter that has got its shape meanwhile has nothing to go back to.
                if tensor.shape == value.shape:
                    tensor.detach().copy_(value)


@contextmanager
def restored(module: nn.Module) -> Iterator[None]:
    """Leave parameters, buffers, modes, gradients and every random state as they are now."""
    before, modes = Snapshot(module), [(each, each.training) for _, each in registered(module)]
    gradients = [(each, each.grad) for each in parameters_of(module).values()]
    numbers, python = np.random.get_state(), random.getstate()
    try:
        # Gradients on, even where the caller has them off: the examination asks which numbers learn.
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            yield
    finally:
        np.random.set_state(numbers)
        random.setstate(python)
        before.restore()
        for each, mode in modes:
            each.training = mode
        for parameter, gradient in gradients:
            parameter.grad = gradient


def seed_all(seed: int) -> None:
    """Give every source of chance the same beginning."""
    # All three, because nobody knows which of them a stranger's forward draws from.
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
