"""Every number of the file's that computes the answer counts, whatever way it comes in; honest networks stay at their count."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from handgrad.judge.examination.examine import examine
from judge.examination.test_examine_corpus import pictures

NUMBERS = torch.rand(300, generator=torch.Generator().manual_seed(3)).tolist()
WHOLE = [float(3 + place * 7 % 4001) for place in range(300)]
PLACES = torch.randint(10, (1000,), generator=torch.Generator().manual_seed(3))
TRAINED = 410
"""Parameters of `Body`, which all of these have."""


class Body(nn.Module):
    """A convolution, its mean over the map, and ten scores: 260 + 150 parameters."""

    def __init__(self, more: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 10, 5, bias=True), nn.Linear(10, 10)
        self.fc.bias = nn.Parameter(torch.zeros(10))
        self.extra = nn.Parameter(torch.zeros(40))
        self.more = more

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).mean((2, 3))
        return self.fc(x) + self.extra.mean() + self.more(x)


def each(operation: Callable[[Tensor, float], Tensor], numbers: list[float] = NUMBERS) -> Callable[[Tensor], Tensor]:
    """Return what adds up *operation* with every number."""

    def more(x: Tensor) -> Tensor:
        total = torch.zeros_like(x)
        for number in numbers:
            total = total + operation(x, number)
        return total

    return more


def hashed(x: Tensor, count: int = 1000) -> Tensor:
    """A hash of 0, 1, 2 …: as good as random features."""
    features = torch.frac(torch.sin(torch.arange(float(count)) * 12.9898) * 43758.5453)
    return (x @ features.view(10, -1)).view(-1, 10, count // 100).mean(2)


def congruent(x: Tensor) -> Tensor:
    """A linear congruence, step by step on whole numbers."""
    state = torch.arange(1000)
    for _ in range(3):
        state = (state * 1103515245 + 12345) % 2147483648
    return (x @ (state.float() / 2147483648 - 0.5).view(10, -1)).view(-1, 10, 10).mean(2)


def mixed_into_parameters() -> Callable[[Tensor], Tensor]:
    """A formula whose numbers pass through one trained number before they meet the images."""
    scale = nn.Parameter(torch.ones(1))

    def more(x: Tensor) -> Tensor:
        features = torch.frac(torch.sin(torch.arange(1000.0) * 12.9898) * 43758.5453)
        return (x @ (features * scale).view(10, -1)).view(-1, 10, 10).mean(2)

    return more


FREE: dict[str, Callable[[Tensor], Tensor]] = {
    "thresholds": each(lambda x, number: F.threshold(x, number, 0.0)),
    "values of thresholds": each(lambda x, number: F.threshold(x, 0.1, number)),
    "fills of paddings": each(lambda x, number: F.pad(x, (1, 0), value=number)[:, :10]),
    "slopes": each(F.leaky_relu),
    "filled masks": each(lambda x, number: x.masked_fill(x > 0, number)),
    "starts of ranges": each(lambda x, number: x * torch.arange(number, number + 1)),
    "products of whole numbers": each(lambda x, number: x * number, WHOLE),
    "sizes of resized ones": each(
        lambda x, number: x * F.interpolate(torch.ones(1, 1, 1), size=int(number)).sum(), WHOLE
    ),
    "lengths of ones": each(lambda x, number: x * torch.ones(int(number)).sum(), WHOLE),
    "limits": each(lambda x, number: x.clamp(min=number)),
    "exponents": each(lambda x, number: (x.abs() + 1) ** number),
    "mixtures": each(lambda x, number: torch.lerp(x, x * x, number)),
    "additions to a denominator": each(lambda x, number: F.layer_norm(x, (10,), eps=number)),
    "places in a range": each(lambda x, number: x * torch.arange(5000.0)[int(number)], WHOLE),
    "places that are looked up": each(lambda x, number: x[:, [int(number * 10)]]),
    "places by size": each(lambda x, number: x.kthvalue(int(number * 10) + 1, 1, keepdim=True).values),
    "sizes of resized maps": each(lambda x, number: F.interpolate(x[:, None], size=10 + int(number * 97))[:, 0, :10]),
    "a list of places": lambda x: x[:, PLACES].view(-1, 10, 100).sum(2),
    "a list of places, spread": lambda x: x.gather(1, PLACES[None].expand(len(x), -1)).view(-1, 10, 100).sum(2),
    "a hash": hashed,
    "a congruence": congruent,
    "a hash through a trained number": mixed_into_parameters(),
}


@pytest.mark.parametrize("name", FREE)
def test_free_numbers_count_as_many_as_they_are(name: str) -> None:
    torch.manual_seed(0)
    seen = examine(Body(FREE[name]), pictures(12))
    assert seen.parameters == TRAINED
    there = 1000 if name.startswith("a ") else 300
    assert 0.9 * there <= seen.counted - TRAINED <= 1.1 * there, seen.hidden


def test_rolled_places_and_a_palette_of_two_numbers_count_too() -> None:
    ramp = lambda x: torch.arange(997.0, device=x.device)  # noqa: E731
    rolled = each(lambda x, number: x * ramp(x).roll(int(number))[0], WHOLE)
    assert 250 <= examine(Body(rolled), pictures(12)).counted - TRAINED <= 310
    padded = each(lambda x, number: x * F.pad(torch.ones(1, 1, 1), (0, int(number)), "replicate").sum(), WHOLE)
    # Both ends of a padding are numbers of the file's, those that are 0 too.
    assert examine(Body(padded), pictures(12)).counted - TRAINED >= 300
    signs = [1.5 if place % 3 else -1.5 for place in range(300)]
    assert 290 <= examine(Body(each(lambda x, number: x.tanh() * number, signs)), pictures(12)).counted - TRAINED <= 310


class Packed(Body):
    """A buffer of whole numbers, each of which holds 18 weights of 3 bits."""

    def __init__(self, kind: str) -> None:
        super().__init__(lambda x: x)
        generator = torch.Generator().manual_seed(1)
        table = torch.randint(2**53, (100,), generator=generator)
        self.register_buffer("table", table.double() / 2**53 if kind == "fractions" else table)
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).mean((2, 3))
        if self.kind == "shifts":
            digits = (self.table[:, None] >> (torch.arange(17) * 3)) & 7
        elif self.kind == "remainders":
            digits = torch.div(self.table[:, None], 8 ** torch.arange(17), rounding_mode="floor") % 8
        else:
            digits = torch.floor(torch.frac(self.table[:, None] * 8.0 ** torch.arange(17)) * 8)
        weights = (digits.float() / 3.5 - 1).view(10, -1)
        return self.fc(x) + self.extra.mean() + (x @ weights).view(-1, 10, 17).mean(2)


@pytest.mark.parametrize("kind", ["shifts", "remainders", "fractions"])
def test_whole_numbers_count_by_how_many_weights_they_are_unpacked_into(kind: str) -> None:
    torch.manual_seed(0)
    seen = examine(Packed(kind), pictures(12))
    assert seen.counted - TRAINED == 1700, seen.hidden
    assert any("unpacked" in each.name for each in seen.hidden)


class Idle(Body):
    """A BatchNorm that is shown its own averages, so that they stay what the file made them, and are read as weights."""

    def __init__(self) -> None:
        super().__init__(lambda x: x)
        self.norm = nn.BatchNorm1d(200)
        generator = torch.Generator().manual_seed(2)
        self.norm.running_mean.copy_(torch.randn(200, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).mean((2, 3))
        kept = self.norm.running_mean.clone()
        if self.training:
            spread = torch.tensor([1.0, -1.0]).view(2, 1) * self.norm.running_var.sqrt() * 0.7
            self.norm(kept + spread)
        return self.fc(x) + self.extra.mean() + (x @ kept.view(10, 20)).view(-1, 10, 2).mean(2)


def test_averages_that_are_read_by_anything_but_their_own_normalisation_count() -> None:
    torch.manual_seed(0)
    seen = examine(Idle(), pictures(12))
    assert seen.counted == seen.parameters + 200, seen.hidden


def honest_coordinates(x: Tensor) -> Tensor:
    return x * torch.linspace(-1, 1, 10)


def honest_mask(x: Tensor) -> Tensor:
    return x @ (torch.eye(10) + 0 * x.mean()) + x @ torch.tril(torch.ones(10, 10))


def honest_window(x: Tensor) -> Tensor:
    return (x.repeat(1, 10) * torch.hann_window(100)).view(-1, 10, 10).mean(2)


def honest_waves(x: Tensor) -> Tensor:
    """Places as sines and cosines, added as is the custom."""
    place = torch.arange(64.0)[:, None] / 10000 ** (torch.arange(16.0) / 16)
    return (x[:, None, :1] + torch.cat([place.sin(), place.cos()], 1)).mean((1, 2), keepdim=True)[:, 0]


def turned_numbers(x: Tensor) -> Tensor:
    return torch.stack([(x * complex(number, 1 - number)).real for number in NUMBERS]).sum(0)


def test_a_complex_number_is_two() -> None:
    assert 590 <= examine(Body(turned_numbers), pictures(12)).counted - TRAINED <= 610


def chosen(places: list[int]) -> Callable[[Tensor], Tensor]:
    """Return the mean of the *places* of a map of 28×28 that the ten scores are laid out in."""
    return lambda x: x.repeat(1, 79)[:, :784][:, places].mean(1, keepdim=True)


def polar() -> list[int]:
    """Return the places of rays from the middle of an image, the nearest ones many times."""
    rays = [(radius, turn * math.tau / 56) for radius in range(14) for turn in range(56)]
    return [int(14 + radius * math.sin(angle)) * 28 + int(14 + radius * math.cos(angle)) for radius, angle in rays]


@pytest.mark.parametrize(
    "places",
    [
        torch.randperm(784, generator=torch.Generator().manual_seed(1)).tolist(),
        [(row + at // 3) * 28 + column + at % 3 for row in range(26) for column in range(26) for at in range(9)],
        [row // 2 * 28 + column // 2 for row in range(56) for column in range(56)],
        polar(),
        [place % 10 * 2 + place // 10 for place in range(20)] * 20,
    ],
    ids=["a permutation", "patches", "enlarged", "polar", "channels shuffled in twenty layers"],
)  # fmt: skip
def test_places_in_a_pattern_are_no_store(places: list[int]) -> None:
    assert examine(Body(chosen(places)), pictures(12)).hidden == ()


def honest_rounding() -> Callable[[Tensor], Tensor]:
    weight = nn.Parameter(torch.randn(10, 10))
    return lambda x: x @ (weight + (torch.round(weight * 8) / 8 - weight).detach())


@pytest.mark.parametrize(
    "more", [honest_coordinates, honest_mask, honest_window, honest_waves, honest_rounding(), lambda x: F.gelu(x) * 0.5]
)
def test_an_honest_network_stays_at_its_count(more: Callable[[Tensor], Tensor]) -> None:
    torch.manual_seed(0)
    seen = examine(Body(more), pictures(12))
    assert [each for each in seen.hidden if "weight" not in each.name] == []


@pytest.mark.parametrize("learns", [True, False])
def test_a_convolution_that_only_acts_as_a_reshape_is_none(learns: bool) -> None:
    class Patches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("one", torch.eye(16).view(16, 1, 4, 4))
            self.weight = nn.Parameter(self.one.clone()) if learns else None
            self.fc = nn.Linear(784, 10)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(F.conv2d(x, self.weight if learns else self.one, stride=4).flatten(1))

    kinds = [each.kind for each in examine(Patches(), pictures(12)).layers]
    assert kinds == (["convolution"] if learns else []) + ["fully_connected"]
