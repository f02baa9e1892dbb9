"""Networks in the styles that people write: each a class without arguments, taking ``[n, 1, 28, 28]``, giving ``[n, 10]``."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


def block(inputs: int, outputs: int, activation: nn.Module, **more: object) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, **more), nn.BatchNorm2d(outputs), activation)  # type: ignore[arg-type]


class LeNet(nn.Module):
    """Tutorials of PyTorch: functions in forward, view, dropout, log-softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.drop = nn.Dropout2d()
        self.fc1, self.fc2 = nn.Linear(400, 30), nn.Linear(30, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(torch.tanh(self.conv1(x)), (2, 2))
        x = F.relu(F.max_pool2d(self.drop(self.conv2(x)), 2))
        x = x.view(-1, 16 * 5 * 5)
        x = F.dropout(F.relu(self.fc1(x)), training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)


class Perceptron(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Flatten(), nn.Linear(784, 16), nn.BatchNorm1d(16), nn.Sigmoid(), nn.Linear(16, 10), nn.Softmax(1)
        )


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = block(1, 8, nn.ReLU(), padding=1)
        self.a, self.b = block(8, 8, nn.ReLU(inplace=True), padding=1), block(8, 8, nn.Identity(), padding=1)
        self.short = nn.Conv2d(8, 12, 1, stride=2)
        self.c = block(8, 12, nn.LeakyReLU(0.2), padding=1, stride=2)
        self.head = nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = F.relu(x + self.b(self.a(x)))
        x = self.c(x) + self.short(x)
        return self.head(x.mean((2, 3)))


class InPlaceResidual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body = nn.Conv2d(1, 6, 3, stride=2), nn.Conv2d(6, 6, 3, padding="same")
        self.head = nn.Linear(6 * 13 * 13, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x += self.body(x.relu_())
        return self.head(torch.flatten(x.mul_(0.5).add_(0.25), 1))


class Depthwise(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            *block(1, 8, nn.Hardswish(), stride=2, padding=1, bias=False),
            *block(8, 8, nn.ReLU6(), groups=8, padding=1),
            nn.Conv2d(8, 16, 1),
            nn.BatchNorm2d(16),
            nn.Hardswish(),
            nn.Conv2d(16, 16, 5, groups=4, dilation=2),
            nn.AdaptiveAvgPool2d(2),
            nn.Conv2d(16, 10, 2),
            nn.Flatten(),
        )


class Excitation(nn.Module):
    """Squeeze and excitation: a value that scales whole channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.down, self.up = nn.Conv2d(1, 8, 3, stride=2), nn.Conv2d(8, 2, 1), nn.Conv2d(2, 8, 1)
        self.head = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(self.conv(x))
        scale = torch.sigmoid(self.up(F.relu(self.down(F.adaptive_avg_pool2d(x, 1)))))
        return self.head(F.adaptive_max_pool2d(x * scale, 1).squeeze(-1).squeeze(-1))


class Dense(nn.Module):
    """Concatenation of all that came before."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(n), nn.ReLU(), nn.Conv2d(n, 4, 3, padding=1)) for n in (4, 8, 12)
        )
        self.head = nn.Sequential(nn.BatchNorm2d(16), nn.ReLU(), nn.AvgPool2d(14), nn.Flatten(), nn.Linear(16, 10))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return self.head(x)


class Inception(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.three, self.five = (
            nn.Conv2d(1, 3, 1),
            nn.Conv2d(1, 3, 3, padding=1),
            nn.Conv2d(1, 3, 5, padding=2),
        )
        self.head = nn.Conv2d(10, 10, 7, stride=7)

    def forward(self, x: Tensor) -> Tensor:
        pooled = F.avg_pool2d(x, 3, stride=1, padding=1)
        x = F.elu(torch.cat((self.one(x), self.three(x), self.five(x), pooled), dim=1))
        return self.head(F.max_pool2d(x, 3, 2, ceil_mode=True, padding=1)).amax((-1, -2))


class Normed(nn.Module):
    """LayerNorm, GroupNorm, InstanceNorm, GELU: what does not use the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.group = nn.Conv2d(1, 8, 4, stride=4), nn.GroupNorm(2, 8)
        self.instance, self.layer = nn.InstanceNorm2d(8, affine=True), nn.LayerNorm([8, 7, 7])
        self.mix, self.last, self.head = nn.Conv2d(8, 8, 1), nn.LayerNorm(8), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.group(self.conv(x)))
        x = self.layer(self.instance(self.mix(x)) + x)
        return self.head(self.last(F.gelu(x, approximate="tanh").mean((-2, -1))))


class Shuffled(nn.Module):
    """Channels split, shuffled and joined."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.right = nn.Conv2d(1, 8, 3, stride=2), nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        left, right = x.chunk(2, dim=1)
        x = torch.cat((left, F.relu(self.right(right))), 1)
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        return self.head(F.avg_pool2d(x, x.shape[2:]).flatten(1))


class Patches(nn.Module):
    """Patches mixed by linear layers along one axis and then the other."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm1, self.norm2 = nn.Linear(49, 12), nn.LayerNorm(12), nn.LayerNorm(12)
        self.tokens, self.channels, self.head = nn.Linear(16, 16), nn.Linear(12, 12), nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = x.unfold(2, 7, 7).unfold(3, 7, 7).reshape(-1, 16, 49)
        x = self.embed(x)
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        x = x + F.mish(self.channels(self.norm2(x)))
        return self.head(x.mean(1))


class Parametrised(nn.Module):
    """Weights that are computed: weight norm, a mask, a standardised kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 6, 5, stride=3))
        self.kernel = nn.Parameter(torch.randn(6, 6, 3, 3))
        self.register_buffer("mask", (torch.rand(10, 216) > 0.5).float())
        self.head = nn.Linear(216, 10)

    def forward(self, x: Tensor) -> Tensor:
        kernel = (self.kernel - self.kernel.mean((1, 2, 3), keepdim=True)) / self.kernel.std((1, 2, 3), keepdim=True)
        x = F.softplus(F.conv2d(F.selu(self.conv(x)), kernel))
        return F.linear(x.flatten(1), self.head.weight * self.mask, self.head.bias)


class Matrices(nn.Module):
    """Plain matrices, as in courses that build everything by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.w1, self.b1 = nn.Parameter(torch.randn(784, 20) / 28), nn.Parameter(torch.randn(20))
        self.w2, self.b2 = nn.Parameter(torch.randn(20, 10) / 4), nn.Parameter(torch.randn(1, 10))

    def forward(self, x: Tensor) -> Tensor:
        hidden = 1 / (1 + torch.exp(-(x.reshape(len(x), 784) @ self.w1 + self.b1)))
        return torch.mm(hidden, self.w2) + self.b2


class Padded(nn.Sequential):
    """Padding as a layer of its own: zeros, reflected, repeated; PReLU."""

    def __init__(self) -> None:
        super().__init__(
            nn.ZeroPad2d(2), nn.Conv2d(1, 4, 5, stride=2), nn.PReLU(4), nn.BatchNorm2d(4), nn.ReflectionPad2d(1),
            nn.Conv2d(4, 4, 3), nn.PReLU(), nn.ReplicationPad2d((1, 0, 1, 0)), nn.AvgPool2d(3, 2, 1),
            nn.Flatten(), nn.Linear(256, 10),
        )  # fmt: skip


class Subpixel(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.PixelUnshuffle(2), nn.Conv2d(4, 8, 3), nn.CELU(0.7), nn.PixelShuffle(2), nn.Upsample(scale_factor=2),
            nn.MaxPool2d(4), nn.Hardtanh(-0.5, 2), nn.Flatten(), nn.Linear(288, 10), nn.LogSigmoid(),
        )  # fmt: skip


class Maxout(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 12, 5, stride=2), nn.Linear(6 * 12 * 12, 20)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).view(-1, 6, 2, 12, 12).max(dim=2)[0]
        x = torch.maximum(x, 0.1 * x) - x.abs().mean(1, keepdim=True)
        first, second = self.head(x.flatten(1)).split(10, dim=1)
        return torch.minimum(first, second)


class Rows(nn.Module):
    """A picture as 28 signals: one-dimensional convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm = nn.Conv1d(28, 16, 3, padding=1), nn.BatchNorm1d(16)
        self.conv2, self.head = nn.Conv1d(16, 16, 3, stride=2, padding=1, groups=2), nn.Linear(16 * 14, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.hardsigmoid(self.norm(self.conv1(x.squeeze(1))))
        return self.head(F.softsign(self.conv2(x)).flatten(1))


class Sines(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(784, 12), nn.Linear(12, 10, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.sin(3 * self.first(torch.flip(x, (3,)).flatten(1)))
        x = x / (x.pow(2).sum(1, keepdim=True) + 1).sqrt()
        return 10 * self.last(x**3 - torch.cos(x))


class NormFirst(nn.Sequential):
    """BatchNorm before padded convolutions, before pools, at the very end: what cannot be folded back."""

    def __init__(self) -> None:
        super().__init__(
            nn.BatchNorm2d(1), nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(6), nn.MaxPool2d(2),
            nn.Conv2d(6, 6, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(6), nn.AvgPool2d(2), nn.Conv2d(6, 8, 3),
            nn.ReLU(), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(200, 10), nn.ReLU(), nn.BatchNorm1d(10),
        )  # fmt: skip


class Shared(nn.Module):
    """One layer used several times, with a norm for each use, and a norm read twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.layer = nn.Conv2d(1, 8, 4, stride=2), nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(8) for _ in range(3))
        self.head = nn.Conv2d(8, 10, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for norm in self.norms:
            normed = norm(x)
            x = normed + F.relu(self.layer(normed))
        return self.head(x).sum(dim=[2, 3])


STYLES: dict[str, type[nn.Module]] = {
    each.__name__: each
    for each in (
        LeNet, Perceptron, Residual, InPlaceResidual, Depthwise, Excitation, Dense, Inception, Normed, Shuffled, Patches,
        Parametrised, Matrices, Padded, Subpixel, Maxout, Rows, Sines, NormFirst, Shared,
    )
}  # fmt: skip


def made(kind: type[nn.Module], seed: int = 0) -> nn.Module:
    """Return the network in ``eval()`` with statistics and scales of its norms as training might leave them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = kind()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                if module.running_mean is not None and module.running_var is not None:
                    module.running_mean.normal_(0, 0.5)
                    module.running_var.uniform_(0.5, 2)
                nn.init.normal_(module.weight, 0.7, 0.5)  # some below 0: a maximum may not change places with them
                nn.init.normal_(module.bias, 0, 0.5)
            elif isinstance(module, nn.LayerNorm | nn.GroupNorm | nn.InstanceNorm2d):
                nn.init.normal_(module.weight, 1, 0.2)
                nn.init.normal_(module.bias, 0, 0.2)
    return network.eval()
