"""Networks and trainings that miss an assignment by a hair: none may pass, and the condition that is missed is named.

``MISSES`` maps the name of each network to the assignment and the condition that it misses;
``corpus_near_misses.py:Name`` loads one. What is missed in training alone stands in ``TRAININGS``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

MISSES: dict[str, tuple[str, str]] = {}
Made = TypeVar("Made", bound=Callable[..., Any])


def misses(condition: str, assignment: str = "under-20k") -> Callable[[Made], Made]:
    """Enter a class or function into ``MISSES``."""

    def enter(made: Made) -> Made:
        MISSES[made.__name__] = (assignment, condition)
        return made

    return enter


def trunk(width: int = 8, *, norm: bool = True, dropout: float | None = 0.1) -> nn.Sequential:
    """Images to maps of 5×5 with *width* channels."""
    layers: list[nn.Module] = [nn.Conv2d(1, 6, 5, stride=2), nn.BatchNorm2d(6) if norm else nn.Identity(), nn.ReLU()]
    layers += [nn.MaxPool2d(2), nn.Conv2d(6, width, 3, padding=1), nn.ReLU()]
    if dropout is not None:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.AvgPool2d(2, 1))


def size(module: nn.Module) -> int:
    """Return how many numbers *module* trains."""
    return sum(each.numel() for each in module.parameters())


class Head(nn.Module):
    """Global average pooling and a linear layer, what most of these get right."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.fc = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.mean((2, 3)))


class Padded(nn.Module):
    """A network with one more vector of parameters, so that they are *total*."""

    def __init__(self, total: int) -> None:
        super().__init__()
        self.body, self.head = trunk(64), Head(64)
        self.more = nn.Parameter(torch.zeros(total - size(self)))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x)) + self.more.mean()


@misses("parameters")
def twenty_thousand() -> nn.Module:
    return Padded(20_000)


@misses("parameters")
def twenty_thousand_and_one() -> nn.Module:
    return Padded(20_001)


@misses("parameters", "under-8k")
def eight_thousand() -> nn.Module:
    return Padded(8_000)


class Between(nn.Module):
    """A network for exact-19 with *total* parameters."""

    def __init__(self, total: int, p: float = 0.069) -> None:
        super().__init__()
        self.padded, self.drop = Padded(total), nn.Dropout(p)

    def forward(self, x: Tensor) -> Tensor:
        return self.padded.head(self.drop(self.padded.body(x))) + self.padded.more.mean()


@misses("parameters", "exact-19")
def eleven_thousand_nine_hundred_and_ninety_nine() -> nn.Module:
    return Between(11_999)


@misses("parameters", "exact-19")
def eighteen_thousand_and_one() -> nn.Module:
    return Between(18_001)


@misses("dropout probability", "exact-19")
def dropout_of_seven_hundredths() -> nn.Module:
    return Between(15_000, 0.07)


@misses("dropout probability", "exact-19")
def dropout_of_nearly_that() -> nn.Module:
    return Between(15_000, 0.0691)


@misses("dropout probability", "exact-19")
class NamedRightDropsMore(nn.Module):
    """Says 0.069 and drops 0.1."""

    class Drop(nn.Dropout):
        def forward(self, x: Tensor) -> Tensor:
            return F.dropout(x, 0.1, self.training)

    def __init__(self) -> None:
        super().__init__()
        self.padded, self.drop = Padded(15_000), self.Drop(0.069)

    def forward(self, x: Tensor) -> Tensor:
        return self.padded.head(self.drop(self.padded.body(x))) + self.padded.more.mean()


@misses("dropout probability", "exact-19")
class RightOneInADeadBranch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.padded, self.drop, self.other = Padded(15_000), nn.Dropout(0.069), nn.Dropout(0.07)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.padded.body(x)
        self.drop(maps)
        return self.padded.head(self.other(maps)) + self.padded.more.mean()


class Parts(nn.Module):
    """Norm, dropout and head as attributes, for those that leave one of them out."""

    def __init__(self) -> None:
        super().__init__()
        self.body = trunk(norm=False, dropout=None)
        self.norm, self.drop, self.head = nn.BatchNorm2d(8), nn.Dropout(0.1), Head()


@misses("batch_norm")
class NormDefinedAndUnused(Parts):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(self.body(x)))


@misses("batch_norm")
class NormThrownAway(Parts):
    def forward(self, x: Tensor) -> Tensor:
        maps = self.body(x)
        self.norm(maps)
        return self.head(self.drop(maps))


@misses("batch_norm")
class NormTimesZero(Parts):
    def forward(self, x: Tensor) -> Tensor:
        maps = self.body(x)
        return self.head(self.drop(maps + 0.0 * self.norm(maps)))


@misses("batch_norm")
class NormTimesNextToNothing(Parts):
    def forward(self, x: Tensor) -> Tensor:
        maps = self.body(x)
        return self.head(self.drop(maps + 1e-9 * self.norm(maps)))


@misses("batch_norm")
class InstanceNorm(Parts):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(F.relu(F.instance_norm(self.body(x)))))


@misses("batch_norm")
class NormOfEachImageByTheBatchs(Parts):
    """The operation of BatchNorm on a batch that is folded wholly into the channels: every image is normalised alone."""

    def forward(self, x: Tensor) -> Tensor:
        maps = self.body(x)
        folded = maps.reshape(1, -1, *maps.shape[2:])
        return self.head(self.drop(F.relu(F.batch_norm(folded, None, None, training=True).view_as(maps))))


@misses("batch_norm")
class GroupNorm(Parts):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(F.group_norm(self.body(x), 2)))


@misses("batch_norm")
class NormThatNeverLearns(Parts):
    """F.batch_norm with fixed statistics is a scale and a shift."""

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(F.batch_norm(self.body(x), torch.zeros(8), torch.ones(8), training=False)))


@misses("batch_norm")
class NormOnlyWhileTraining(Parts):
    def forward(self, x: Tensor) -> Tensor:
        maps = self.body(x)
        return self.head(self.drop(self.norm(maps) if self.training else maps))


@misses("batch_norm")
class CalledBatchNorm(Parts):
    """A class of that name which does nothing."""

    class BatchNorm2d(nn.Identity):
        pass

    def __init__(self) -> None:
        super().__init__()
        self.norm = self.BatchNorm2d()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(self.norm(self.body(x))))


@misses("dropout")
class DropoutInADeadBranch(Parts):
    def forward(self, x: Tensor) -> Tensor:
        maps = self.norm(self.body(x))
        if len(x) > 10**6:
            maps = self.drop(maps)
        return self.head(maps)


@misses("dropout")
class DropoutThrownAway(Parts):
    def forward(self, x: Tensor) -> Tensor:
        maps = self.norm(self.body(x))
        self.drop(maps)
        return self.head(maps)


@misses("dropout")
class DropoutOfNothing(Parts):
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(self.norm(self.body(x))))


@misses("dropout")
class DropoutNeverInTraining(Parts):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.dropout(self.norm(self.body(x)), 0.1, training=False))


@misses("dropout")
class NoiseInsteadOfDropout(Parts):
    def forward(self, x: Tensor) -> Tensor:
        maps = self.norm(self.body(x))
        return self.head(maps * (1 + 0.1 * torch.randn_like(maps)) if self.training else maps)


@misses("global_average_pooling")
class FlattenInstead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = trunk(), nn.Linear(200, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.body(x).flatten(1))


@misses("global_average_pooling")
class LargestInstead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = trunk(), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.adaptive_max_pool2d(self.body(x), 1).flatten(1))


@misses("global_average_pooling")
class PoolLeavesTwoByTwo(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = trunk(), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.adaptive_avg_pool2d(self.body(x), 2).flatten(1))


@misses("global_average_pooling")
class PoolMissesTheEdge(nn.Module):
    """4×4 of a map of 5×5."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.pool, self.fc = trunk(), nn.AvgPool2d(4), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.pool(self.body(x)).flatten(1))


@misses("global_average_pooling")
class PoolThrownAway(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.pool, self.fc = trunk(), nn.AdaptiveAvgPool2d(1), nn.Linear(200, 10)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.body(x)
        return self.fc(maps.flatten(1)) + 0 * self.pool(maps).sum()


@misses("global_average_pooling")
class MeanOverChannels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = trunk(), nn.Linear(25, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.body(x).mean(1).flatten(1))


@misses("fully_connected")
class LinearTimesZero(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.scores, self.fc = trunk(), nn.Conv2d(8, 10, 1), nn.Linear(10, 10)

    def forward(self, x: Tensor) -> Tensor:
        scores = self.scores(self.body(x)).mean((2, 3))
        return scores + 0 * self.fc(scores)


@misses("fully_connected")
class LinearThrownAway(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.scores, self.fc = trunk(), nn.Conv2d(8, 10, 1), nn.Linear(10, 10)

    def forward(self, x: Tensor) -> Tensor:
        scores = self.scores(self.body(x)).mean((2, 3))
        _ = self.fc(scores)
        return scores


@misses("fully_connected")
class LinearBehindAClosedGate(nn.Module):
    """A gate at zero that gets no gradient can never open."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.scores, self.fc = trunk(), nn.Conv2d(8, 10, 1), nn.Linear(10, 10)
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        scores = self.scores(self.body(x)).mean((2, 3))
        return scores + self.gate.detach() * self.fc(scores)


@misses("fully_connected")
class ConvolutionBeforePooling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.scores = trunk(), nn.Conv2d(8, 10, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.body(x)).mean((2, 3))


@misses("fully_connected")
class LinearOnANoughtVector(nn.Module):
    """A linear layer that never sees an image."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.scores, self.fc = trunk(), nn.Conv2d(8, 10, 1), nn.Linear(10, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.body(x)).mean((2, 3)) + self.fc(torch.ones(1, 10))


@misses("no fully_connected", "under-10k")
def one_by_one_after_pooling() -> nn.Module:
    return nn.Sequential(trunk(), nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 10, 1), nn.Flatten())


@misses("no fully_connected", "under-10k")
class FlatImageAsAMap(nn.Module):
    """All features as channels of one position, then a 1×1 convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.scores = trunk(), nn.Conv2d(200, 10, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.body(x).flatten(1)[:, :, None, None]).flatten(1)


@misses("no fully_connected", "under-10k")
class OneDimensionalKernel(nn.Module):
    """A kernel as long as the row of all features."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.scores = trunk(), nn.Conv1d(1, 10, 200)

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.body(x).flatten(1)[:, None]).flatten(1)


@misses("no fully_connected", "under-10k")
class ProductsAndASum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.weight = trunk(), nn.Parameter(torch.randn(10, 8))

    def forward(self, x: Tensor) -> Tensor:
        return (self.body(x).mean((2, 3))[:, None] * self.weight).sum(2)


@misses("no fully_connected", "under-10k")
class EinsumOverTheMap(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.weight = trunk(), nn.Parameter(torch.randn(10, 8, 5, 5) * 0.1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("nchw,kchw->nk", self.body(x), self.weight)


class Big(nn.Module):
    """Small but for 19,500 numbers somewhere else, which a subclass adds to the features."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head, self.spread = trunk(), Head(), nn.Linear(8, 10)

    def with_numbers(self, x: Tensor, numbers: Tensor) -> Tensor:
        maps = self.body(x)
        wide = torch.relu(maps.mean((2, 3)) @ numbers[: 8 * 2400].reshape(8, 2400))
        return self.head(maps) + wide.unflatten(1, (10, 240)).mean(2) + numbers[8 * 2400 :].mean()


HIDDEN = torch.randn(19_500, generator=torch.Generator().manual_seed(5))


@misses("parameters")
class NumbersInABuffer(Big):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", HIDDEN.clone())

    def forward(self, x: Tensor) -> Tensor:
        return self.with_numbers(x, self.table)


@misses("parameters")
class NumbersInAGlobal(Big):
    def forward(self, x: Tensor) -> Tensor:
        return self.with_numbers(x, HIDDEN)


@misses("parameters")
class NumbersInAnAttribute(Big):
    def __init__(self) -> None:
        super().__init__()
        self.kept = [HIDDEN.clone()]

    def forward(self, x: Tensor) -> Tensor:
        return self.with_numbers(x, self.kept[0])


@misses("parameters")
class FrozenParameters(Big):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(HIDDEN.clone(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.with_numbers(x, self.table)


@misses("parameters")
def numbers_in_a_closure() -> nn.Module:
    secret = HIDDEN.clone()

    class Closed(Big):
        def forward(self, x: Tensor) -> Tensor:
            return self.with_numbers(x, secret)

    return Closed()


@misses("parameters")
class NumbersWrittenOut(Big):
    """A list of plain numbers, made a tensor in each run."""

    numbers: Sequence[float] = tuple(HIDDEN.tolist())

    def forward(self, x: Tensor) -> Tensor:
        return self.with_numbers(x, torch.tensor(self.numbers))


@misses("parameters")
class NumbersFromASeed(Big):
    """Random numbers that are the same every time."""

    def forward(self, x: Tensor) -> Tensor:
        return self.with_numbers(x, torch.randn(19_500, generator=torch.Generator().manual_seed(5)))


@misses("parameters")
class NumbersAsBytes(Big):
    """Whole numbers of 8 bits, scaled when they are used."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", (HIDDEN * 20).to(torch.int8))

    def forward(self, x: Tensor) -> Tensor:
        return self.with_numbers(x, self.table.float() / 20)


@misses("parameters")
class NumbersInALayerOfAList(Big):
    """A layer in a plain list: ``parameters()`` does not find it."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(8, 2_400), nn.Linear(240, 1)]

    def forward(self, x: Tensor) -> Tensor:
        maps = self.body(x)
        wide = torch.relu(self.layers[0](maps.mean((2, 3)))).unflatten(1, (10, 240))
        return self.head(maps) + self.layers[1](wide).squeeze(2)


@misses("parameters")
class SaysItIsSmall(nn.Module):
    """Overrides ``parameters()`` and ``named_parameters()``."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head, self.wide = trunk(80), Head(30), nn.Conv2d(80, 30, 3)

    def parameters(self, recurse: bool = True) -> Any:
        return iter([next(super().parameters())])

    def named_parameters(self, *given: Any, **more: Any) -> Any:
        return iter([])

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.wide(self.body(x)))


@misses("output")
def nine_scores() -> nn.Module:
    return nn.Sequential(trunk(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 9))


@misses("output")
def scores_as_maps() -> nn.Module:
    return nn.Sequential(trunk(), nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 10, 1))


@misses("answers")
def norm_of_the_batch_shown() -> nn.Module:
    """Without running statistics an answer depends on the other images."""
    norm = nn.BatchNorm2d(8, track_running_stats=False)
    return nn.Sequential(trunk(norm=False), norm, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))


@misses("answers")
class RandomInEval(Parts):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.dropout(self.norm(self.body(x)), 0.1, training=True))


@misses("answers")
class CentresTheBatch(Parts):
    def forward(self, x: Tensor) -> Tensor:
        maps = self.drop(self.norm(self.body(x)))
        return self.head(maps - maps.mean(0, keepdim=True))


@misses("answers")
class CountsItsCalls(Parts):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.head(self.drop(self.norm(self.body(x)))).roll(self.calls, 1)


@dataclass(frozen=True)
class Training:
    """A training that misses *condition* of *assignment*: correct answers of 10,000 an epoch, for one or more seeds."""

    assignment: str
    condition: str
    correct: Sequence[Sequence[int]]
    recipe: str = ""
    total: int = 10_000


def held(epochs: int, *last: int) -> tuple[int, ...]:
    """Return *epochs* counts: 9,950 but for the *last* ones."""
    return (*(9_950,) * (epochs - len(last)), *last)


TRAININGS: dict[str, Training] = {
    "99.39 % in the last epoch": Training("under-20k", "accuracy", [held(19, 9_939)]),
    "99.395 % of 20,000 images": Training("under-20k", "accuracy", [(19_879,) * 19], total=20_000),
    "99.3999 % of 1,000,000 images": Training("under-20k", "accuracy", [(993_999,) * 19], total=1_000_000),
    "99.4 % only before the last epoch": Training("under-20k", "accuracy", [held(19, 9_933)]),
    "held in four of the last five": Training("under-8k", "accuracy", [held(15, 9_939, 9_950, 9_950, 9_950, 9_950)]),
    "held in the last four only": Training("under-8k", "accuracy", [held(15, 9_900, 9_941, 9_942, 9_943, 9_944)]),
    "lost in the last of the last five": Training("under-8k", "accuracy", [held(15, 9_939)]),
    "twenty epochs": Training("under-20k", "epochs", [held(20)], "epochs = 20"),
    "eighteen epochs of exactly nineteen": Training("exact-19", "epochs", [held(18)], "epochs = 18"),
    "twenty epochs of exactly nineteen": Training("exact-19", "epochs", [held(20)], "epochs = 20"),
    "sixteen epochs of at most fifteen": Training("under-8k", "epochs", [held(16)], "epochs = 16"),
    "batches of 127": Training("exact-19", "batch size", [held(19)], "batch_size = 127"),
    "batches of 256": Training("exact-19", "batch size", [held(19)], "batch_size = 256"),
    "turned by four degrees": Training("exact-19", "rotation", [held(19)], "augmentation.rotation = 4.0"),
    "not turned": Training("exact-19", "rotation", [held(19)], "augmentation.rotation = 0.0"),
    "the recipe changes the dropout": Training("exact-19", "dropout probability", [held(19)], "dropout = 0.07"),
    "the recipe takes the dropout away": Training("under-20k", "dropout", [held(19)], "dropout = 0.0"),
    "one of two seeds": Training("under-20k", "accuracy", [held(19), held(19, 9_939)]),
    "stopped after twelve epochs": Training("under-20k", "accuracy", [held(12)]),
}
"""By what is missed; ``recipe`` is what differs from the assignment's own."""
