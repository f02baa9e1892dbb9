"""Receptive fields against what NaN really reaches, and against the arithmetic on paper."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from handgrad.digits.layers.table import summarise
from handgrad.digits.networks.published import NETWORKS
from oracle.receptive_probe import reach

WINDOWED = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.BatchNorm2d, nn.ReLU, nn.Dropout, nn.Dropout2d)


def assert_fields_are_true(network: nn.Module, kinds: tuple[type[nn.Module], ...] = WINDOWED, size: int = 64) -> None:
    """Compare every row of one of *kinds*, up to the first layer that sees the whole map, with the probe."""
    modules = dict(network.named_modules())
    rows = []
    for row in summarise(network, (1, size, size) if not has_linear(network) else (1, 28, 28)).rows:
        if not isinstance(modules[row.path], kinds):
            break
        rows.append(row)
    assert rows
    claimed = [row.receptive_field for row in rows]
    measured = reach(network, [modules[row.path] for row in rows], size)
    assert [(each, each) if isinstance(each, int) else each for each in claimed] == measured


def has_linear(network: nn.Module) -> bool:
    return any(isinstance(each, nn.Linear) for each in network.modules())


@pytest.mark.parametrize("name", NETWORKS)
def test_the_fields_of_a_network_are_what_its_values_really_see(name: str) -> None:
    assert_fields_are_true(NETWORKS[name]())


def test_the_probe_sees_a_field_that_is_claimed_too_large_or_too_small() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Conv2d(2, 2, 3, dilation=2))
    assert reach(network, list(network), 40) == [(3, 3), (4, 4), (12, 12)]


def test_transition_11k_has_fields_one_below_its_published_ones_after_the_pool() -> None:
    """Published: 3, 5, 5, 7, 11, 15, 19, 23, 43. Those follow from taking a layer's own stride for its window's step.

    A 2×2 pool on a map of step 1 then adds 2 instead of 1, and everything behind it is one too large; the average pool is
    counted with step 4, as if it had a stride of 2, though its six positions lie two pixels apart: 22 + 5·2 = 32.
    """
    rows = summarise(NETWORKS["transition-11k"]()).rows
    windows = [row.receptive_field for row in rows if row.layer.startswith(("Conv2d", "MaxPool2d", "AvgPool2d"))]
    true = [3, 5, 5, 6, 10, 14, 18, 22, 32, 32]
    assert windows == true
    kernels, strides = [3, 3, 1, 2, 3, 3, 3, 3, 6], [1, 1, 1, 2, 1, 1, 1, 1, 2]
    published, size, step = [], 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        step *= stride
        size += (kernel - 1) * step
        published.append(size)
    assert published == [3, 5, 5, 7, 11, 15, 19, 23, 43]


class Residual(nn.Module):
    """A block whose short way strides with a 1×1 kernel, and a plain one behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.first, self.second = (
            nn.Conv2d(1, 4, 3),
            nn.Conv2d(4, 4, 3, stride=2, padding=1),
            nn.Conv2d(4, 4, 3, padding=1),
        )
        self.short, self.sum = nn.Conv2d(4, 4, 1, stride=2), nn.Identity()
        self.third, self.end = nn.Conv2d(4, 4, 5, padding=2), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        x = self.sum(F.relu(self.second(F.relu(self.first(x)))) + self.short(x))
        out: Tensor = self.end(self.third(x) + x)
        return out


class Functional(nn.Module):
    """Pools, a strided slice, padding and channels joined, all as functions: no row shows them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = (
            nn.Conv2d(1, 3, 3),
            nn.Conv2d(3, 2, 3, dilation=2),
            nn.Conv2d(5, 4, (3, 1)),
        )
        self.end = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu_(self.first(x)), 3, 2)[:, :, 1::2, ::2]
        x = torch.cat([x, F.pad(self.second(x), (2, 2, 2, 2))], dim=1)
        out: Tensor = self.end(F.avg_pool2d(self.third(x), 2))
        return out


class Twice(nn.Module):
    """One convolution that runs three times."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.again = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.again(self.again(self.again(self.stem(x))))
        return out


@pytest.mark.parametrize("make", [Residual, Functional])
def test_branches_and_functions_are_followed(make: type[nn.Module]) -> None:
    assert_fields_are_true(make(), (*WINDOWED, nn.Identity), size=80)


def test_each_run_of_a_reused_layer_has_its_own_field() -> None:
    network = Twice()
    rows = summarise(network).rows
    assert [row.receptive_field for row in rows] == [3, 5, 7, 9]
    assert reach(network, [network.again], 40) == [(9, 9)]


def test_uneven_kernels_give_height_and_width() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, (5, 1)), nn.Conv2d(2, 2, (1, 3), stride=(1, 2)), nn.MaxPool2d((2, 3)))
    assert [row.receptive_field for row in summarise(network).rows] == [(5, 1), (5, 3), (6, 7)]
    assert_fields_are_true(network)


class Gate(nn.Module):
    """Squeeze and excitation: every value behind the gate depends on the whole image."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gate, self.end = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 1), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        out: Tensor = self.end(x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True))))
        return out


def test_a_gate_lets_every_value_see_the_whole_image() -> None:
    network = Gate()
    assert [row.receptive_field for row in summarise(network).rows] == [3, 28, 28]
    assert reach(network, [network.gate, network.end], 28) == [(28, 28), (28, 28)]


@pytest.mark.parametrize(
    "pool", [nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1), nn.AvgPool2d(12)], ids=lambda pool: type(pool).__name__
)
def test_global_pools_and_linear_layers_see_the_whole_map(pool: nn.Module) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 5), nn.MaxPool2d(2), pool, nn.Flatten(), nn.Linear(2, 10), nn.LogSoftmax(1))
    assert [row.receptive_field for row in summarise(network).rows] == [5, 6, 28, 28, 28]
    assert reach(network, [network[2], network[4]], 28) == [(28, 28), (28, 28)]


def test_a_dropout_between_flattening_and_linear_layer_sees_what_a_pixel_saw() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Dropout(), nn.Linear(2 * 26 * 26, 10))
    assert [row.receptive_field for row in summarise(network).rows] == [3, 3, 28]


@pytest.mark.parametrize(
    "layer", [nn.Upsample(scale_factor=2), nn.ConvTranspose2d(2, 2, 3)], ids=["upsample", "transposed"]
)
def test_what_is_not_followed_is_unknown_rather_than_guessed(layer: nn.Module) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), layer, nn.Conv2d(2, 2, 3))
    assert [row.receptive_field for row in summarise(network).rows] == [3, None, None]


def test_vectors_have_no_receptive_field() -> None:
    assert [row.receptive_field for row in summarise(nn.Linear(784, 10), (784,)).rows] == [None]


class Turned(nn.Module):
    """Does to a map what torch has no layer for."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "flip":
            return x.flip(3)
        if self.how == "one channel":
            return x[:, 1].unsqueeze(1)
        if self.how == "some channels":
            return x[:, [1, 0]]
        return x.repeat(1, 2, 1, 1)


@pytest.mark.parametrize(
    ("layer", "width"),
    [
        (nn.PReLU(), 2),
        (nn.Hardswish(), 2),
        (nn.GLU(dim=1), 1),
        (nn.LogSigmoid(), 2),
        (Turned("flip"), 2),
        (Turned("one channel"), 1),
        (Turned("some channels"), 2),
        (Turned("repeat"), 4),
    ],
    ids=lambda value: getattr(value, "how", type(value).__name__) if isinstance(value, nn.Module) else "",
)
def test_fields_survive_what_moves_or_treats_each_value(layer: nn.Module, width: int) -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3, stride=2), layer, nn.Conv2d(width, 3, (3, 5), stride=2, padding=1), nn.Conv2d(3, 2, 3)
    )
    assert_fields_are_true(network, kinds=(nn.Conv2d, type(layer)))


def test_instance_norm_is_taken_to_see_what_its_input_sees() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.InstanceNorm2d(4), nn.Conv2d(4, 2, 3))
    assert [row.receptive_field for row in summarise(network).rows] == [3, 3, 5]


class ChannelsLast(nn.Module):
    """A linear layer at every position, and one over all of them, with the channels moved to the end."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.mix, self.last = nn.Conv2d(1, 4, 3), nn.Linear(4, 6), nn.Conv2d(6, 2, 3)
        self.fc = nn.Linear(2 * 24 * 24, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mix(self.conv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.fc(self.last(x).permute(0, 2, 3, 1).flatten(1))


def test_a_linear_layer_behind_a_permutation_sees_one_position_or_all() -> None:
    assert [row.receptive_field for row in summarise(ChannelsLast()).rows] == [3, 3, 5, 28]
