"""Networks of a few thousand parameters, by their widths: narrow ones, and ones that use a small block several times."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from handgrad.digits.networks.fused import Chain


class SharedPair(nn.Module):
    """A 3×3 convolution of each channel and a 1×1 across channels, used *uses* times with a BatchNorm for each use.

    Every use is added to what went in. The weights cost ``channels · (9 + channels)`` once, and ``2 · channels`` a use.
    """

    def __init__(self, channels: int, uses: int) -> None:
        super().__init__()
        self.space = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.across = nn.Conv2d(channels, channels, 1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(uses))

    def forward(self, values: Tensor) -> Tensor:
        """Return ``[batch, channels, height, width]`` from the same shape."""
        for norm in self.norms:
            values = values + F.relu(norm(self.across(self.space(values))))
        return values


class Shared(nn.Module):
    """A stem, then stages of one `SharedPair` each with a 1×1 convolution between them, then the average and one linear layer.

    *pools* says after which stages, counted from 0 for the stem, the map is halved.
    """

    def __init__(
        self,
        channels: Sequence[int],
        uses: Sequence[int],
        *,
        kernel: int = 5,
        stride: int = 1,
        pools: Sequence[int] = (1, 2),
    ) -> None:
        super().__init__()
        first = channels[0]
        layers: list[nn.Module] = [
            nn.Conv2d(1, first, kernel, stride=stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
        ]
        if 0 in pools:
            layers.append(nn.MaxPool2d(2))
        for stage, (width, count) in enumerate(zip(channels, uses, strict=True), 1):
            layers.append(SharedPair(width, count))
            if stage in pools:
                layers.append(nn.MaxPool2d(2))
            if stage < len(channels):
                layers += [nn.Conv2d(width, channels[stage], 1, bias=False), nn.BatchNorm2d(channels[stage])]
        self.body = nn.Sequential(*layers)
        self.linear = nn.Linear(channels[-1], 10)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``[batch, 10]`` for images ``[batch, 1, 28, 28]``."""
        logits: Tensor = self.linear(self.body(images).mean((2, 3)))
        return logits


class Narrow(Chain):
    """A 5×5 stem that halves the map, four 3×3 convolutions with a pool in the middle, the average and one linear layer.

    *widths* are the channels of the stem and the four. The stem halves by its stride, or with *pool* by a pool after it. A pool
    stands before BatchNorm and ReLU, which then see a quarter of the pixels.
    """

    def __init__(self, widths: Sequence[int], *, pool: bool = False) -> None:
        stem, second, third, fourth, last = widths
        stride = 1 if pool else 2
        super().__init__(
            nn.Conv2d(1, stem, 5, stride=stride, padding=2, bias=False),
            *([nn.MaxPool2d(2)] if pool else []),
            *norm_relu(stem),
            nn.Conv2d(stem, second, 3, bias=False),
            *norm_relu(second),
            nn.Conv2d(second, third, 3, bias=False),
            nn.MaxPool2d(2),
            *norm_relu(third),
            nn.Conv2d(third, fourth, 3, padding=1, bias=False),
            *norm_relu(fourth),
            nn.Conv2d(fourth, last, 3, bias=False),
            *norm_relu(last),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(last, 10),
        )


class Squeezed(Chain):
    """The shape of `squeeze-16k` at other widths: two 3×3 convolutions on the full map, a 1×1 squeeze, a pool, four more.

    *widths* are the channels of the first two, the squeeze, the next three and the last. Only the first convolution has a bias:
    what BatchNorm adds before an unpadded convolution does as much as a bias after it.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        first, second, squeeze, middle, last = widths
        super().__init__(
            nn.Conv2d(1, first, 3),
            *relu_norm(first),
            nn.Conv2d(first, second, 3, bias=False),
            *relu_norm(second),
            nn.Conv2d(second, squeeze, 1, bias=False),
            nn.MaxPool2d(2),
            nn.Conv2d(squeeze, middle, 3, bias=False),
            *relu_norm(middle),
            nn.Conv2d(middle, middle, 3, bias=False),
            *relu_norm(middle),
            nn.Conv2d(middle, middle, 3, bias=False),
            *relu_norm(middle),
            nn.Conv2d(middle, last, 3, bias=False),
            *relu_norm(last),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(last, 10),
        )


def relu_norm(channels: int) -> list[nn.Module]:
    """ReLU, then BatchNorm."""
    return [nn.ReLU(), nn.BatchNorm2d(channels)]


def norm_relu(channels: int) -> list[nn.Module]:
    """BatchNorm, then ReLU."""
    return [nn.BatchNorm2d(channels), nn.ReLU()]
