"""Networks that keep to an assignment, each written as another person might: none of them may be found wanting.

``HONEST`` maps the name of each to the assignment that it is handed in for; ``corpus_honest.py:Name`` loads one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint

HONEST: dict[str, str] = {}
Made = TypeVar("Made", bound=Callable[..., Any])


def for_assignment(name: str) -> Callable[[Made], Made]:
    """Enter a class or function into ``HONEST``."""

    def enter(made: Made) -> Made:
        HONEST[made.__name__] = name
        return made

    return enter


def trunk(width: int = 8, *, norm: bool = True, dropout: float | None = 0.1) -> nn.Sequential:
    """Images to maps of 5×5 with *width* channels."""
    layers: list[nn.Module] = [nn.Conv2d(1, 6, 5, stride=2), nn.BatchNorm2d(6) if norm else nn.Identity(), nn.ReLU()]
    layers += [nn.MaxPool2d(2), nn.Conv2d(6, width, 3, padding=1), nn.ReLU()]
    if dropout is not None:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.AvgPool2d(2, 1))


@for_assignment("under-20k")
def plain_sequential() -> nn.Module:
    return nn.Sequential(trunk(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))


@for_assignment("under-20k")
class AllFunctions(nn.Module):
    """No layer objects at all: weights as parameters, statistics as buffers, functions for the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(8, 1, 5, 5) * 0.2)
        self.gain, self.shift = nn.Parameter(torch.ones(8)), nn.Parameter(torch.zeros(8))
        self.matrix, self.offset = nn.Parameter(torch.randn(10, 8) * 0.3), nn.Parameter(torch.zeros(10))
        self.register_buffer("mean", torch.zeros(8))
        self.register_buffer("var", torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        x = F.conv2d(x, self.kernel, stride=2)
        x = F.batch_norm(x, self.mean, self.var, self.gain, self.shift, self.training)
        x = F.dropout(F.relu(x), 0.05, self.training)
        return F.linear(x.mean((2, 3)), self.matrix, self.offset)


class MyNorm(nn.BatchNorm2d):
    """A subclass by another name."""


class MyDrop(nn.Dropout):
    """A subclass by another name."""


class MyLinear(nn.Linear):
    """A subclass that scales its result."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * 0.5


@for_assignment("under-20k")
class Subclassed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = trunk(norm=False, dropout=None)
        self.n, self.d, self.out = MyNorm(8), MyDrop(0.2), MyLinear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.d(self.n(self.body(x))).mean(dim=[-1, -2]))


@for_assignment("under-20k")
class AverageOfTheWholeMap(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.pool, self.fc = trunk(12), nn.AvgPool2d(5), nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.pool(self.body(x)).view(x.size(0), -1))


@for_assignment("under-20k")
class FunctionalPoolOfTheShape(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = trunk(), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        return F.log_softmax(self.fc(F.avg_pool2d(x, x.shape[2:]).squeeze(-1).squeeze(-1)), dim=1)


@for_assignment("under-20k")
class OneByOneAfterPooling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.gap, self.classify = trunk(), nn.AdaptiveAvgPool2d((1, 1)), nn.Conv2d(8, 10, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.gap(self.body(x))).reshape(-1, 10)


@for_assignment("under-20k")
class SumOverArea(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = trunk(), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        return self.fc(x.sum((2, 3)) / (x.shape[2] * x.shape[3]))


@for_assignment("under-20k")
class MeanOneAxisAtATime(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = trunk(), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.body(x).mean(3).mean(2))


@for_assignment("under-20k")
class FlatMean(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = trunk(), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.mean(self.body(x).flatten(2), -1))


class Residual(nn.Module):
    """x + f(x), its last norm starting at zero as is the custom."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.norm(self.conv(x)))


@for_assignment("under-20k")
def residual_with_zero_norm() -> nn.Module:
    return nn.Sequential(trunk(norm=False), Residual(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))


@for_assignment("under-20k")
class GateThatStartsAtZero(nn.Module):
    """ReZero: the whole regularised branch is switched off at first."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.gate = nn.Conv2d(1, 8, 5, stride=3), nn.Parameter(torch.zeros(()))
        self.branch = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.1))
        self.fc = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.fc((x + self.gate * self.branch(x)).mean((2, 3)))


@for_assignment("under-20k")
def depthwise_separable() -> nn.Module:
    pair = [nn.Conv2d(8, 8, 3, groups=8, bias=False), nn.Conv2d(8, 16, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6()]
    return nn.Sequential(trunk(), *pair, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))


@for_assignment("under-20k")
def grouped() -> nn.Module:
    pair = [nn.Conv2d(8, 16, 3, groups=4), nn.BatchNorm2d(16), nn.Hardswish()]
    return nn.Sequential(trunk(), *pair, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))


@for_assignment("under-20k")
class LoopOverAList(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        sizes = [1, 6, 8, 10]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2) for a, b in pairwise(sizes))
        self.norms = nn.ModuleList(nn.BatchNorm2d(size) for size in sizes[1:])
        self.head = nn.ModuleDict({"drop": nn.Dropout(0.3), "linear": nn.Linear(10, 10)})

    def forward(self, x: Tensor) -> Tensor:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = torch.relu(norm(conv(x)))
        return self.head["linear"](self.head["drop"](x.mean((-2, -1))))


@for_assignment("under-20k")
def weight_normed() -> nn.Module:
    linear = parametrizations.weight_norm(nn.Linear(8, 10))
    return nn.Sequential(trunk(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)


@for_assignment("under-20k")
def spectrally_normed() -> nn.Module:
    linear = parametrizations.spectral_norm(nn.Linear(8, 10))
    return nn.Sequential(trunk(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)


class Symmetric(nn.Module):
    """A parametrization of the author's own."""

    def forward(self, weight: Tensor) -> Tensor:
        return (weight + weight.flip(-1)) / 2


@for_assignment("under-20k")
def own_parametrization() -> nn.Module:
    conv = nn.Conv2d(8, 8, 3)
    nn.utils.parametrize.register_parametrization(conv, "weight", Symmetric())
    return nn.Sequential(trunk(), conv, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))


@for_assignment("under-20k")
class SharedBlock(nn.Module):
    """One block used three times: its parameters count once."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.block = trunk(24), nn.Sequential(nn.Conv2d(24, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU())
        self.fc = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        for _ in range(4):
            x = self.block(x)
        return self.fc(x.mean((2, 3)))


class Swish(torch.autograd.Function):
    """An activation with a gradient of its own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return slope * (s + x * s * (1 - s))


@for_assignment("under-20k")
class OwnActivation(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = trunk(), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(Swish.apply(self.body(x)).mean((2, 3)))


class OwnLinearGradient(torch.autograd.Function):
    """A fully connected layer with a gradient of its own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return x @ weight

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        return slope @ weight.T, x.T @ slope


@for_assignment("under-20k")
class OwnLinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.weight = trunk(), nn.Parameter(torch.randn(8, 10) * 0.3)

    def forward(self, x: Tensor) -> Tensor:
        return OwnLinearGradient.apply(self.body(x).mean((2, 3)), self.weight)


@for_assignment("under-20k")
class Einsum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.weight = trunk(), nn.Parameter(torch.randn(10, 8) * 0.3)

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.einsum("nchw->nc", self.body(x)) / 25
        return torch.einsum("nc,kc->nk", pooled, self.weight)


@for_assignment("under-20k")
class ProductsAndASum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.weight = trunk(), nn.Parameter(torch.randn(10, 8) * 0.3)

    def forward(self, x: Tensor) -> Tensor:
        return (self.body(x).mean((2, 3)).unsqueeze(1) * self.weight).sum(-1)


@for_assignment("under-20k")
class TransposedMatmul(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.weight = trunk(), nn.Parameter(torch.randn(10, 8) * 0.3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.matmul(self.weight, self.body(x).mean((2, 3)).T).T


@for_assignment("under-20k")
def channel_dropout() -> nn.Module:
    return nn.Sequential(
        trunk(dropout=None), nn.Dropout2d(0.25), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)
    )


@for_assignment("under-20k")
def alpha_dropout() -> nn.Module:
    return nn.Sequential(
        trunk(dropout=None), nn.SELU(), nn.AlphaDropout(0.1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)
    )


class HandMadeDropout(nn.Module):
    """A mask of random numbers above p, scaled."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        return x * (torch.rand_like(x) > self.p).float() / (1 - self.p)


@for_assignment("under-20k")
def hand_made_dropout() -> nn.Module:
    return nn.Sequential(
        trunk(dropout=None), HandMadeDropout(0.1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)
    )


@for_assignment("under-20k")
class FilledDropout(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = trunk(dropout=None), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        if self.training:
            x = x.masked_fill(torch.rand(x.shape) < 0.2, 0.0) * 1.25
        return self.fc(x.mean((2, 3)))


@for_assignment("under-20k")
class WhereDropout(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = trunk(dropout=None), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        if self.training:
            keep = torch.bernoulli(torch.full_like(x, 0.9)).bool()
            x = torch.where(keep, x / 0.9, torch.zeros_like(x))
        return self.fc(x.mean((2, 3)))


class HandMadeNorm(nn.Module):
    """BatchNorm in single steps, with running statistics."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain, self.shift = nn.Parameter(torch.ones(1, width, 1, 1)), nn.Parameter(torch.zeros(1, width, 1, 1))
        self.register_buffer("mean", torch.zeros(1, width, 1, 1))
        self.register_buffer("var", torch.ones(1, width, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        mean, var = self.mean, self.var
        if self.training:
            mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, unbiased=False)
            self.mean = 0.9 * self.mean + 0.1 * mean.detach()
            self.var.mul_(0.9).add_(0.1 * var.detach())
        return self.gain * ((x - mean) / torch.sqrt(var + 1e-5)) + self.shift


@for_assignment("under-20k")
def hand_made_norm() -> nn.Module:
    return nn.Sequential(trunk(norm=False), HandMadeNorm(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))


@for_assignment("under-20k")
def norm_of_features() -> nn.Module:
    return nn.Sequential(
        trunk(norm=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.BatchNorm1d(8), nn.Dropout(0.1), nn.Linear(8, 10)
    )


@for_assignment("under-20k")
def norm_without_weights() -> nn.Module:
    norm = nn.BatchNorm2d(8, affine=False, momentum=None)
    return nn.Sequential(trunk(norm=False), norm, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))


@for_assignment("under-20k")
def lazy() -> nn.Module:
    first = [nn.LazyConv2d(6, 3, stride=2), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Dropout(0.1)]
    return nn.Sequential(*first, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(10))


@for_assignment("under-20k")
class SqueezeAndExcite(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.down, self.up, self.fc = trunk(), nn.Linear(8, 4), nn.Linear(4, 8), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        gate = torch.sigmoid(self.up(F.relu(self.down(x.mean((2, 3))))))
        return self.fc((x * gate[:, :, None, None]).mean((2, 3)))


@for_assignment("under-20k")
class Dense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = trunk()
        self.steps = nn.ModuleList(nn.Conv2d(8 + 4 * n, 4, 3, padding=1) for n in range(3))
        self.fc = nn.Linear(20, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        for step in self.steps:
            x = torch.cat([x, F.gelu(step(x))], 1)
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


@for_assignment("under-20k")
class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = trunk()
        self.one, self.three, self.five = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 4, 3, 1, 1), nn.Conv2d(8, 4, 5, 1, 2)
        self.fc = nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        return self.fc(torch.cat([f(x) for f in (self.one, self.three, self.five)], dim=1).mean((2, 3)))


@for_assignment("under-20k")
def in_place() -> nn.Module:
    first = [
        nn.Conv2d(1, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Dropout(0.1, inplace=True),
    ]
    return nn.Sequential(*first, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))


@for_assignment("under-20k")
def named_layers() -> nn.Module:
    return nn.Sequential(
        OrderedDict(features=trunk(16), average=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), answer=nn.Linear(16, 10))
    )


@for_assignment("under-20k")
def dilated_with_prelu() -> nn.Module:
    first = [nn.Conv2d(1, 8, 3, dilation=2, stride=2), nn.BatchNorm2d(8), nn.PReLU(8), nn.Dropout(0.05)]
    return nn.Sequential(*first, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10), nn.LogSoftmax(1))


@for_assignment("under-20k")
def channels_last() -> nn.Module:
    return plain_sequential().to(memory_format=torch.channels_last)


@for_assignment("under-20k")
class Checkpointed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.extra, self.fc = trunk(), nn.Conv2d(8, 8, 3), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(checkpoint(self.extra, self.body(x), use_reentrant=False).mean((2, 3)))


@for_assignment("under-20k")
class Blurred(nn.Module):
    """A fixed blur of nine numbers in a buffer: they count, and do no harm."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = trunk(), nn.Linear(8, 10)
        row = torch.tensor([1.0, 2.0, 1.0])
        self.register_buffer("blur", (row[:, None] * row / 16)[None, None])

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.body(F.conv2d(x, self.blur, padding=1)).mean((2, 3)))


@for_assignment("under-20k")
class Coordinates(nn.Module):
    """Rows and columns as further channels, made again in each run: 1,568 numbers that hold nothing learnt."""

    def __init__(self) -> None:
        super().__init__()
        self.join, self.body, self.fc = nn.Conv2d(3, 1, 1), trunk(50), nn.Linear(50, 10)
        self.extra = nn.Conv2d(50, 32, 3)
        self.tail = nn.Linear(32, 50)

    def forward(self, x: Tensor) -> Tensor:
        side = torch.linspace(-1, 1, 28)
        rows, columns = side[:, None].expand(28, 28), side[None].expand(28, 28)
        grid = torch.stack([rows, columns]).expand(len(x), 2, 28, 28)
        return self.fc(self.tail(self.extra(self.body(self.join(torch.cat([x, grid], 1)))).mean((2, 3))))


@for_assignment("under-20k")
class StoredCoordinates(nn.Module):
    """The same as a buffer: numbers in even steps follow a rule."""

    def __init__(self) -> None:
        super().__init__()
        self.join, self.body, self.extra = nn.Conv2d(3, 1, 1), trunk(60), nn.Conv2d(60, 27, 3)
        self.fc = nn.Linear(27, 10)
        side = torch.linspace(-1, 1, 28)
        self.register_buffer("grid", torch.stack(torch.meshgrid(side, side, indexing="ij"))[None])

    def forward(self, x: Tensor) -> Tensor:
        joined = torch.cat([x, self.grid.expand(len(x), -1, -1, -1)], 1)
        return self.fc(self.extra(self.body(self.join(joined))).mean((2, 3)))


@for_assignment("under-20k")
class Shuffled(nn.Module):
    """Channels in a fixed other order: whole numbers that only point are no weights."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = trunk(), nn.Linear(8, 10)
        self.register_buffer("order", torch.tensor([3, 1, 0, 2, 7, 5, 4, 6]))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.body(x)[:, self.order].mean((2, 3)))


@for_assignment("under-20k")
class Hooked(nn.Module):
    """Dropout in a forward hook."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = trunk(dropout=None), nn.Linear(8, 10)
        self.body.register_forward_hook(lambda module, given, result: F.dropout(result, 0.1, module.training))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.body(x).mean((2, 3)))


@for_assignment("under-20k")
class ChannelsAtTheEnd(nn.Module):
    """Rows, columns, channels, as other libraries have it; a linear layer at every position is a 1×1 convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.mix, self.fc = trunk(), nn.Linear(8, 16), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.relu(self.mix(self.body(x).permute(0, 2, 3, 1))).mean((1, 2)))


@for_assignment("under-20k")
class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.first, self.second = trunk(), nn.Linear(8, 10), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x).mean((2, 3))
        return (self.first(x) + self.second(F.relu(x))) / 2


@for_assignment("under-20k")
class Patches(nn.Module):
    """A convolution as unfold and a product."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.norm, self.fc = nn.Parameter(torch.randn(8, 25) * 0.2), nn.BatchNorm2d(8), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        columns = F.unfold(x, 5, stride=3)
        x = self.norm((self.weight @ columns).unflatten(2, (8, 8)))
        return self.fc(F.dropout(torch.tanh(x), 0.1, self.training).mean((2, 3)))


@for_assignment("under-20k")
class WritesIntoATensor(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = trunk(), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        scores = torch.zeros(len(x), 10)
        scores[:, :] = self.fc(self.body(x).mean((2, 3)))
        return scores


@for_assignment("under-20k")
def large_but_below() -> nn.Module:
    """19,999 parameters."""
    return nn.Sequential(trunk(88), nn.Conv2d(88, 17, 3), *[nn.AdaptiveAvgPool2d(1), nn.Flatten(), Exactly(17, 19_999)])


class Exactly(nn.Module):
    """A linear layer and as many further offsets as bring `large_but_below` to *total* parameters."""

    def __init__(self, width: int, total: int) -> None:
        super().__init__()
        before = sum(each.numel() for each in nn.Sequential(trunk(88), nn.Conv2d(88, 17, 3)).parameters())
        self.linear = nn.Linear(width, 10)
        self.more = nn.Parameter(torch.zeros(total - before - 10 * width - 10))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) + self.more.mean()


def middling(drop: nn.Module, *, function: bool = False) -> nn.Module:
    """13,000 parameters or so, with *drop* in it."""
    parts = [trunk(16, dropout=None), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), drop, nn.Conv2d(32, 24, 3, padding=1)]
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 10))


@for_assignment("exact-19")
def exact_dropout() -> nn.Module:
    return middling(nn.Dropout(0.069))


@for_assignment("exact-19")
def exact_channel_dropout() -> nn.Module:
    return middling(nn.Dropout2d(0.069))


@for_assignment("exact-19")
def exact_hand_made_dropout() -> nn.Module:
    return middling(HandMadeDropout(0.069))


@for_assignment("exact-19")
def two_dropouts() -> nn.Module:
    return middling(nn.Sequential(nn.Dropout(0.3), nn.Dropout(0.069)))


@for_assignment("under-10k")
def maps_as_scores() -> nn.Module:
    return nn.Sequential(trunk(), nn.Conv2d(8, 10, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())


@for_assignment("under-10k")
def whole_kernel_at_the_end() -> nn.Module:
    return nn.Sequential(trunk(), nn.Conv2d(8, 10, 5), nn.Flatten())


@for_assignment("under-10k")
def nothing_but_convolutions() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2), nn.GroupNorm(2, 8), nn.SiLU(), nn.Conv2d(8, 10, 3), nn.AvgPool2d(10), nn.Flatten()
    )


@for_assignment("under-10k")
class LargestOfEachMap(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.scores = trunk(12), nn.Conv2d(12, 10, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.body(x)).amax((2, 3))


@for_assignment("under-10k")
class PositionwiseLinear(nn.Module):
    """A linear layer at every position is a 1×1 convolution, not a fully connected layer."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.scores = trunk(12), nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.body(x).flatten(2).transpose(1, 2)).mean(1)


@for_assignment("under-10k")
class UnusedLinear(nn.Module):
    """A fully connected layer that is defined and never used is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.scores, self.old = trunk(12), nn.Conv2d(12, 10, 1), nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.body(x)).mean((2, 3))


@for_assignment("under-8k")
def small() -> nn.Module:
    return nn.Sequential(trunk(16), nn.Conv2d(16, 16, 3), nn.Flatten(), nn.Linear(144, 10))


@for_assignment("under-8k")
class Recurrent(nn.Module):
    """Reads an image row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows, self.fc = nn.GRU(28, 24, batch_first=True), nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rows(x.squeeze(1))[0][:, -1])


@for_assignment("under-8k")
class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = trunk(16), nn.Linear(16, 10)
        self.mix = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, dropout=0.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.mix(self.body(x).flatten(2).mT).mean(1))


@for_assignment("under-20k")
class BothWays(nn.Module):
    """Shows itself each image and its mirror picture, side by side in one batch."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = trunk(), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        scores = self.fc(self.body(torch.cat([x, x.flip(3)])).mean((2, 3)))
        return (scores[: len(x)] + scores[len(x) :]) / 2


@for_assignment("under-20k")
class HalfPrecision(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = trunk(), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.fc(self.body(x).mean((2, 3))).float()


class Between(nn.Module):
    """A usual network with something less usual between its body and its pooling."""

    def __init__(self, between: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.body, self.between, self.fc = trunk(), between, nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.between(self.body(x)).mean((2, 3)))


@for_assignment("under-20k")
def frequencies() -> nn.Module:
    return Between(lambda x: torch.fft.rfft2(x).abs())


@for_assignment("under-20k")
def adds_the_largest() -> nn.Module:
    return Between(lambda x: x + F.adaptive_max_pool2d(x, 1))


@for_assignment("under-20k")
def pools_and_puts_back() -> nn.Module:
    return Between(lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, 1, return_indices=True), 2, 1))


@for_assignment("under-20k")
def enlarged() -> nn.Module:
    return Between(lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"))


@for_assignment("under-20k")
def noisy_in_training() -> nn.Module:
    network = Between(lambda x: x + 0.1 * torch.randn_like(x) if network.training else x)
    return network


class GhostNorm(nn.BatchNorm2d):
    """Normalises parts of the batch apart in training, with statistics for each, and all by the first part's in ``eval()``."""

    def __init__(self, channels: int, parts: int) -> None:
        super().__init__(channels)
        self.parts = parts
        self.register_buffer("running_mean", torch.zeros(channels * parts))
        self.register_buffer("running_var", torch.ones(channels * parts))

    def forward(self, x: Tensor) -> Tensor:
        count, channels, *sides = x.shape
        mean, var = self.running_mean, self.running_var
        assert mean is not None and var is not None
        if not self.training:
            return F.batch_norm(x, mean[:channels], var[:channels], self.weight, self.bias, False, 0.1, self.eps)
        folded = x.reshape(-1, channels * self.parts, *sides)
        gain, shift = self.weight.repeat(self.parts), self.bias.repeat(self.parts)
        return F.batch_norm(folded, mean, var, gain, shift, True, 0.1, self.eps).view(count, channels, *sides)


@for_assignment("under-20k")
def normed_in_two_parts() -> nn.Module:
    return nn.Sequential(
        trunk(norm=False), GhostNorm(8, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)
    )


@for_assignment("under-20k")
def normed_in_eight_parts() -> nn.Module:
    return nn.Sequential(
        trunk(norm=False), GhostNorm(8, 8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)
    )
