"""What a user's script has: constants, a helper, a base class, networks made in every way."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812  (the name everyone knows it by)
from torch import Tensor, nn

WIDTH = 6


class Block(nn.Module):
    """A convolution and its activation."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 5, stride=3)

    def forward(self, images: Tensor) -> Tensor:
        return F.relu(self.conv(images))


def pooled(values: Tensor) -> Tensor:
    return values.mean(dim=(2, 3))


class MyNet(nn.Module):
    """Names a constant, another class, a function and two imports."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.block = Block(1, width)
        self.head = nn.Linear(width, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(pooled(self.block(images)))


def make_net() -> nn.Module:
    return MyNet(WIDTH + 2)
