"""The networks, each a short ``nn.Module`` to be read beside its layer table (``handgrad summary NAME``).

Every network takes images of shape ``[batch, 1, 28, 28]`` and returns class scores of shape ``[batch, 10]``: logits, or
log-probabilities where the published network ends in a log-softmax. Cross-entropy treats both alike, because the log-softmax
of log-probabilities is those log-probabilities.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812  (the name everyone knows it by)
from torch import Tensor, nn

from handgrad.digits.networks.fused import Chain, Fusing, is_large, norm_conv
from handgrad.digits.networks.orbits import Orbits
from handgrad.digits.networks.small import Narrow, Squeezed


def conv_relu_norm(inputs: int, outputs: int, *, padding: int = 0, bias: bool = True) -> list[nn.Module]:
    """A 3×3 convolution, ReLU, BatchNorm: the order of the published `transition-11k` and `gap10-17k`."""
    return [nn.Conv2d(inputs, outputs, 3, padding=padding, bias=bias), nn.ReLU(), nn.BatchNorm2d(outputs)]


def conv_norm_relu(
    inputs: int, outputs: int, kernel: int = 3, *, padding: int = 0, stride: int = 1, bias: bool = True
) -> list[nn.Module]:
    """A convolution, BatchNorm, ReLU: the order of the published `twopool-17k` and `biasfree-12k`."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, bias=bias)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


def relu_norm_conv(values: Tensor, norm: nn.BatchNorm2d, convolution: nn.Conv2d, fused: bool) -> Tensor:
    """``convolution(norm(relu(values)))``, as one operation where that is asked for; *values* are then used up."""
    if fused and is_large(values):
        return norm_conv(norm, convolution, values, relu=True)
    result: Tensor = convolution(norm(F.relu(values)))
    return result


class Squeeze16k(Fusing):
    """16,452 parameters: a 1×1 squeeze to ten channels before the only pool, global average pooling, one linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16)
        self.conv2, self.norm2 = nn.Conv2d(16, 32, 3), nn.BatchNorm2d(32)
        self.squeeze, self.pool, self.drop1 = nn.Conv2d(32, 10, 1), nn.MaxPool2d(2), nn.Dropout2d(0.1)
        self.conv3, self.norm3 = nn.Conv2d(10, 16, 3), nn.BatchNorm2d(16)
        self.conv4, self.norm4, self.drop2 = nn.Conv2d(16, 16, 3), nn.BatchNorm2d(16), nn.Dropout2d(0.1)
        self.conv5, self.norm5, self.drop3 = nn.Conv2d(16, 16, 3), nn.BatchNorm2d(16), nn.Dropout2d(0.069)
        self.conv6, self.norm6 = nn.Conv2d(16, 32, 3), nn.BatchNorm2d(32)
        self.average = nn.AvgPool2d(4)
        self.linear = nn.Linear(32, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits of shape ``[batch, 10]``. The ReLUs are functions here, as published, so no table row shows them."""
        fused = self.fuses(images)
        x = relu_norm_conv(self.conv1(images), self.norm1, self.conv2, fused)
        x = relu_norm_conv(x, self.norm2, self.squeeze, fused)
        x = self.conv3(self.drop1(self.pool(x)))
        x = relu_norm_conv(x, self.norm3, self.conv4, fused)
        x = self.drop2(self.norm4(F.relu(x)))
        x = self.drop3(self.norm5(F.relu(self.conv5(x))))
        x = self.norm6(F.relu(self.conv6(x)))
        logits: Tensor = self.linear(self.average(x).flatten(1))
        return logits


class TwoPool17k(Chain):
    """17,498 parameters: padded convolutions, two pools with a 1×1 squeeze to eight channels after each."""

    def __init__(self) -> None:
        super().__init__(
            *conv_norm_relu(1, 16, padding=1),
            *conv_norm_relu(16, 32, padding=1),
            nn.MaxPool2d(2),
            *conv_norm_relu(32, 8, kernel=1),
            *conv_norm_relu(8, 16, padding=1),
            *conv_norm_relu(16, 32, padding=1),
            nn.MaxPool2d(2),
            *conv_norm_relu(32, 8, kernel=1),
            *[nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Dropout(0.15)],
            *[nn.Conv2d(16, 32, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Dropout(0.15)],
            nn.Flatten(),
            nn.Linear(32, 10),
            nn.LogSoftmax(dim=1),
        )


class BiasFree12k(Chain):
    """11,924 parameters and no bias anywhere: one widening to 32 channels, a 1×1 convolution as the classifier."""

    def __init__(self, dropout: float = 0.05) -> None:
        super().__init__(
            *conv_norm_relu(1, 4, bias=False),
            *conv_norm_relu(4, 8, bias=False),
            nn.Conv2d(8, 16, 1, bias=False),
            nn.MaxPool2d(2),
            *conv_norm_relu(16, 32, bias=False),
            nn.Dropout(dropout),
            *conv_norm_relu(32, 16, kernel=1, bias=False),
            nn.Dropout(dropout),
            *conv_norm_relu(16, 16, bias=False),
            nn.Dropout(dropout),
            *conv_norm_relu(16, 16, bias=False),
            *conv_norm_relu(16, 10, bias=False),
            nn.AvgPool2d(4),
            nn.Conv2d(10, 10, 1, bias=False),
            nn.Flatten(),
        )


class Transition11k(Chain):
    """11,392 parameters: BatchNorm after ReLU, a plain 1×1 transition before the pool, a 1×1 convolution as the classifier."""

    def __init__(self, dropout: float = 0.05) -> None:
        super().__init__(
            *conv_relu_norm(1, 16, bias=False),
            nn.Dropout(dropout),
            *conv_relu_norm(16, 32, bias=False),
            nn.Dropout(dropout),
            nn.Conv2d(32, 10, 1, bias=False),
            nn.MaxPool2d(2),
            *conv_relu_norm(10, 16, bias=False),
            nn.Dropout(dropout),
            *conv_relu_norm(16, 12, bias=False),
            nn.Dropout(dropout),
            *conv_relu_norm(12, 12, bias=False),
            nn.Dropout(dropout),
            *conv_relu_norm(12, 14, padding=1, bias=False),
            nn.AvgPool2d(6),
            nn.Conv2d(14, 10, 1, bias=False),
            nn.Flatten(),
        )


class Gap10With17k(Chain):
    """17,466 parameters: ten channels straight into global average pooling, no linear layer."""

    def __init__(self, dropout: float = 0.30) -> None:
        super().__init__(
            *conv_relu_norm(1, 16, padding=1),
            *conv_relu_norm(16, 32, padding=1),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 8, 1),
            nn.Dropout(dropout),
            *conv_relu_norm(8, 16),
            *conv_relu_norm(16, 32),
            nn.Conv2d(32, 8, 1),
            nn.Dropout(dropout),
            *[nn.Conv2d(8, 16, 3), nn.ReLU()],
            *[nn.Conv2d(16, 32, 3), nn.ReLU()],
            nn.Conv2d(32, 10, 1),
            nn.AvgPool2d(6),
            nn.Flatten(),
        )


class Stem16k(Chain):
    """15,538 parameters, made for speed: a stride-2 5×5 stem leaves a quarter of the pixels to everything after it."""

    def __init__(self) -> None:
        super().__init__(
            *conv_norm_relu(1, 16, kernel=5, stride=2, padding=2, bias=False),
            *conv_norm_relu(16, 16, bias=False),
            *conv_norm_relu(16, 20, bias=False),
            nn.MaxPool2d(2),
            *conv_norm_relu(20, 24, padding=1, bias=False),
            *conv_norm_relu(24, 24, bias=False),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(24, 10),
        )


class StemDrop16k(Chain):
    """15,538 parameters: `stem-16k` with a little dropout before its classifier, the regularisation that many tasks ask for."""

    def __init__(self) -> None:
        super().__init__(
            *conv_norm_relu(1, 16, kernel=5, stride=2, padding=2, bias=False),
            *conv_norm_relu(16, 16, bias=False),
            *conv_norm_relu(16, 20, bias=False),
            nn.MaxPool2d(2),
            *conv_norm_relu(20, 24, padding=1, bias=False),
            *conv_norm_relu(24, 24, bias=False),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(0.02),
            nn.Linear(24, 10),
        )


class Swift16k(Chain):
    """15,538 parameters: `stem-16k` with its pool before BatchNorm and ReLU, which then see a quarter of the pixels."""

    def __init__(self) -> None:
        super().__init__(
            *conv_norm_relu(1, 16, kernel=5, stride=2, padding=2, bias=False),
            *conv_norm_relu(16, 16, bias=False),
            *[nn.Conv2d(16, 20, 3, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(20), nn.ReLU()],
            *conv_norm_relu(20, 24, padding=1, bias=False),
            *conv_norm_relu(24, 24, bias=False),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(24, 10),
        )


class Narrow5k(Narrow):
    """4,946 parameters: the shape of `swift-16k` at about half its widths."""

    def __init__(self) -> None:
        super().__init__((8, 8, 12, 12, 16))


class Orbit3k(Orbits):
    """2,974 parameters in 328 maps of whole orbits: a 5×5 stem, then six layers that look at each map alone and mix them."""

    def __init__(self) -> None:
        super().__init__("5p:2! d3p:4 d3p:5 d3p:6 d3:7! d3p:8 d3:9")


class Orbit2k(Orbits):
    """1,986 parameters in 264 maps of whole orbits: `orbit-3k` with fewer of them, fewest at the end, where a map costs ten."""

    def __init__(self) -> None:
        super().__init__("5p:2! d3p:4 d3p:4 d3p:5 d3:7! d3p:6 d3:5")


class Orbit18k(Orbits):
    """17,694 parameters in 320 maps of whole orbits: a 5×5 stem and five 3×3 convolutions that mix all maps at once."""

    def __init__(self) -> None:
        super().__init__("5p:4! 3p:4 3p:6! 3p:8 3:8 3:10")


class Orbit8k(Orbits):
    """7,669 parameters in 192 maps of whole orbits: a 5×5 stem and four 3×3 convolutions that mix all maps at once."""

    def __init__(self) -> None:
        super().__init__("5p:3! 3:4 3:5! 3p:6 3:6")


class Squeezed8k(Squeezed):
    """7,938 parameters: the shape of `squeeze-16k` at about two thirds of its widths, one bias alone."""

    def __init__(self) -> None:
        super().__init__((10, 20, 8, 12, 19))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "squeeze-16k": Squeeze16k,
    "twopool-17k": TwoPool17k,
    "biasfree-12k": BiasFree12k,
    "transition-11k": Transition11k,
    "gap10-17k": Gap10With17k,
    "stem-16k": Stem16k,
    "stemdrop-16k": StemDrop16k,
    "swift-16k": Swift16k,
    "narrow-5k": Narrow5k,
    "squeezed-8k": Squeezed8k,
    "orbit-18k": Orbit18k,
    "orbit-8k": Orbit8k,
    "orbit-3k": Orbit3k,
    "orbit-2k": Orbit2k,
}


def channels_last(network: nn.Module) -> nn.Module:
    """Return *network* with its weights laid out channels last, in which convolutions run faster on every device here."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return] # torch's gap


def count_parameters(module: torch.nn.Module) -> int:
    """Return how many parameters *module* has, also frozen ones, a shared one counted once."""
    return sum(parameter.numel() for parameter in module.parameters())
