"""Dropout whose mask costs little to draw on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# One value in 65,536 is the finest probability that 16 bits can tell.
LEVELS = 1 << 16


class Dropout(nn.Dropout):
    """``nn.Dropout`` with a mask from 16 random bits a value instead of a generator call a value.

    torch draws the mask of 2.4 million activations in about 20 ms on one core, a third of a whole training step of
    `transition-11k`; four values from each 64-bit draw take a quarter. The probability is met to within 1/131,072. Only the
    class of a module is changed, so copies, state and names stay as they are.
    """

    def forward(self, values: Tensor) -> Tensor:
        """Return *values* with each zeroed with probability ``p`` and the others divided by ``1 - p``, while training."""
        threshold = round(self.p * LEVELS)
        # p = 0 and p = 1 as torch has them: nothing drawn, or everything zero without 0 / 0.
        if not self.training or threshold in (0, LEVELS) or not is_dense(values):
            return super().forward(values)
        # Rounded up: the last three values may need a draw of their own. From -2^63 up to and with the largest, so
        # no upper end.
        bits = torch.empty(-(-values.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        kept = bits.view(torch.int16)[: values.numel()] >= threshold - LEVELS // 2
        # Divided by the probability that is really met, so that the mean is right to the last digit and not to
        # 1/131,072.
        mask = kept.to(values.dtype).mul_(LEVELS / (LEVELS - threshold))
        # The mask in the layout of the values: two layouts in one product would make torch walk one of them out of
        # order.
        return values * mask.as_strided(values.shape, values.stride())


def is_dense(values: Tensor) -> bool:
    """Whether *values* fill one block of memory without gaps, in whatever order of dimensions."""
    return values.is_contiguous() or (values.dim() == 4 and values.is_contiguous(memory_format=torch.channels_last))


def quicken_dropout(network: nn.Module) -> None:
    """Let every plain ``nn.Dropout`` in *network* (on the CPU) draw its masks the quick way, in place."""
    for module in network.modules():
        if type(module) is nn.Dropout and not module.inplace:
            # The class alone: a new module would have another name in hooks and lose whatever somebody set on the old
            # one.
            module.__class__ = Dropout


def set_dropout(network: nn.Module, probability: float) -> None:
    """Give every dropout layer of *network* the same *probability*, in place."""
    for module in network.modules():
        if isinstance(module, nn.Dropout | nn.Dropout1d | nn.Dropout2d | nn.Dropout3d):
            module.p = probability
