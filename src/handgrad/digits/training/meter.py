"""Running loss and accuracy over the images really seen, without making the host wait for the device."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Meter:
    """Sums of one epoch. On CUDA the host reads a copy that arrives when it arrives, so it may lag a few steps behind."""

    def __init__(self, device: torch.device, loss: float = 0.0, correct: float = 0.0, seen: int = 0) -> None:
        # float64: in float32 a sum over 60,000 losses would lose the fourth digit.
        self.sums = torch.tensor([loss, correct, 0.0], dtype=torch.float64, device=device)
        self.seen = seen
        # Pinned memory, because a copy to ordinary memory makes the host wait for it.
        self.host = self.sums if device.type == "cpu" else torch.zeros(3, dtype=torch.float64, pin_memory=True)

    def add(self, loss: Tensor, correct: Tensor, count: int, weights: Tensor) -> None:
        """Add a batch of *count* images: its mean *loss*, how many were *correct*, the size of the *weights* after it.

        All three are scalars on the device. The sizes are summed only to see whether one was not finite.
        """
        self.sums += torch.stack((loss.detach().double() * count, correct.double(), weights.detach().double()))
        self.seen += count
        # Without waiting: the host learns of a broken training a few steps late, and never holds up the device.
        if self.host is not self.sums:
            self.host.copy_(self.sums, non_blocking=True)

    @property
    def broken(self) -> str:
        """What was not a finite number, of all that has reached the host so far: the loss, the weights, or nothing (empty)."""
        if not math.isfinite(self.host[0]):
            return "the loss is"
        return "" if math.isfinite(self.host[2]) else "the weights are"

    @property
    def loss(self) -> float:
        """Mean loss of the images seen, as far as the host knows."""
        return float(self.host[0]) / max(1, self.seen)

    @property
    def accuracy(self) -> float:
        """Percent right of the images seen, as far as the host knows."""
        return 100 * float(self.host[1]) / max(1, self.seen)

    def totals(self) -> tuple[float, int, int]:
        """Wait for the device and return (loss summed over images, correct, seen)."""
        loss, correct, _ = self.sums.tolist()
        return loss, int(correct), self.seen
