"""Layers taken together against the same layers one after the other, as torch computes and differentiates them."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from handgrad.digits.networks import fused
from handgrad.digits.networks.fused import Chain, Fusing, fuse, norm_conv, pair_in
from handgrad.digits.networks.published import NETWORKS, channels_last
from handgrad.digits.training.device import using
from handgrad.digits.training.loop import Images, begin, train
from handgrad.digits.training.recipe import Recipe
from handgrad.runs.environment import Machine


@pytest.fixture(autouse=True)
def _any_size_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "LARGE", 0)


def pair(inputs: int, outputs: int, kernel: int, *, bias: bool = True) -> tuple[nn.BatchNorm2d, nn.Conv2d]:
    torch.manual_seed(inputs + outputs + kernel)
    norm, convolution = nn.BatchNorm2d(inputs).double(), nn.Conv2d(inputs, outputs, kernel, bias=bias).double()
    nn.init.uniform_(norm.weight, -1, 2)
    nn.init.uniform_(norm.bias, -1, 1)
    return norm, convolution


def gradients(output: Tensor, of: list[Tensor]) -> list[Tensor]:
    torch.manual_seed(7)
    return list(torch.autograd.grad(output, of, torch.randn(output.shape, dtype=output.dtype)))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize(("inputs", "outputs", "kernel"), [(3, 5, 1), (4, 2, 3), (2, 3, 5), (1, 1, 9)])
def test_output_gradients_and_statistics_are_those_of_the_layers_alone(
    inputs: int, outputs: int, kernel: int, relu: bool, bias: bool, layout: torch.memory_format
) -> None:
    norm, convolution = pair(inputs, outputs, kernel, bias=bias)
    plain_norm = copy.deepcopy(norm)
    start = torch.randn(6, inputs, 9, 9, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_()
    weights = [*convolution.parameters()]

    expected = convolution(plain_norm(F.relu(start) if relu else start))
    found = norm_conv(norm, convolution, start * 1, relu=relu)
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    for mine, theirs in zip(
        gradients(found, [start, *norm.parameters(), *weights]),
        gradients(expected, [start, *plain_norm.parameters(), *weights]),
        strict=True,
    ):
        assert torch.allclose(mine, theirs, rtol=1e-10, atol=1e-11)
    for name, buffer in plain_norm.named_buffers():
        assert torch.allclose(norm.get_buffer(name), buffer), name
    assert norm.num_batches_tracked == 1


def test_the_gradient_passes_finite_differences() -> None:
    norm, convolution = pair(2, 3, 2)
    start = torch.randn(3, 2, 4, 4, dtype=torch.float64, requires_grad=True)

    def run(values: Tensor, *_: Tensor) -> Tensor:
        return norm_conv(norm, convolution, values * 1, relu=False)

    assert torch.autograd.gradcheck(run, (start, *norm.parameters(), *convolution.parameters()))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("inputs", "outputs", "kernel"), [(32, 10, 1), (16, 32, 3)])
def test_in_mixed_precision_it_is_as_near_to_exact_numbers_as_the_layers_alone(
    inputs: int, outputs: int, kernel: int, bias: bool
) -> None:
    exact_norm, exact_convolution = pair(inputs, outputs, kernel, bias=bias)
    start = (torch.randn(32, inputs, 13, 13) + 0.5).contiguous(memory_format=torch.channels_last).bfloat16()

    def run(norm: nn.BatchNorm2d, convolution: nn.Conv2d, values: Tensor, *, fused: bool) -> list[Tensor]:
        """Output, gradients and running variance, from exact numbers or under autocast."""
        values = values.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=values.dtype == torch.bfloat16):
            output = norm_conv(norm, convolution, values * 1, relu=True) if fused else convolution(norm(F.relu(values)))
        assert output.dtype == values.dtype
        assert norm.running_var is not None
        slopes = gradients(output.double(), [values, *norm.parameters(), *convolution.parameters()])
        return [output.detach(), *slopes, norm.running_var]

    def singles() -> tuple[nn.BatchNorm2d, nn.Conv2d]:
        return copy.deepcopy(exact_norm).float(), copy.deepcopy(exact_convolution).float()

    exact = run(copy.deepcopy(exact_norm), copy.deepcopy(exact_convolution), start.double(), fused=False)
    alone, together = run(*singles(), start, fused=False), run(*singles(), start, fused=True)
    for mine, theirs, right in zip(together, alone, exact, strict=True):
        ours, usual = (float((found.double() - right).norm() / right.norm()) for found in (mine, theirs))
        # Eight bits leave 0.004 of a number; which of the two has the luckier roundings differs by tensor.
        assert ours < 1.6 * usual + 1e-6 and ours < 0.01


@pytest.mark.parametrize("name", list(NETWORKS))
def test_every_network_learns_with_fused_layers_what_it_learns_without(name: str) -> None:
    torch.manual_seed(0)
    plain = channels_last(NETWORKS[name]().double()).train()
    quick = copy.deepcopy(plain)
    fuse(quick)
    images, labels = torch.randn(6, 1, 28, 28, dtype=torch.float64), torch.randint(10, (6,))
    for network in (plain, quick):
        torch.manual_seed(1)
        F.cross_entropy(network(images), labels).backward()
    for (where, mine), theirs in zip(quick.named_parameters(), plain.parameters(), strict=True):
        assert mine.grad is not None and theirs.grad is not None
        assert torch.allclose(mine.grad, theirs.grad, rtol=1e-8, atol=1e-12), where
    for (where, mine), theirs in zip(quick.named_buffers(), plain.buffers(), strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-12), where
    assert torch.allclose(quick.eval()(images), plain.eval()(images), rtol=1e-10)


def test_a_network_fuses_only_when_asked_and_while_it_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    network = Chain(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.BatchNorm2d(2), nn.Conv2d(2, 3, 3))
    network[3].register_forward_hook(lambda *_: calls.append("convolution"))
    images = torch.randn(2, 1, 9, 9)
    network.train()(images)
    assert calls == ["convolution"]
    fuse(network)
    network.train()(images)
    assert calls == ["convolution"]  # taken together with its BatchNorm
    network.eval()(images)
    assert len(calls) == 2
    for units, alone in ((True, 2), (False, 3)):  # in mixed precision with units for it, where it was seen to gain
        monkeypatch.setattr(fused, "multiplies_bf16", lambda units=units: units)
        with torch.autocast("cpu", torch.bfloat16):
            network.train()(images)
        assert len(calls) == alone


def test_the_images_given_to_a_network_are_never_overwritten() -> None:
    network = Chain(nn.ReLU(), nn.BatchNorm2d(1), nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2))
    fuse(network)
    images = torch.randn(2, 1, 9, 9)
    before = images.clone()
    network.train()(images).sum().backward()
    assert torch.equal(images, before)


@pytest.mark.parametrize(
    "layers",
    [
        [nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3, padding=1)],
        [nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3, stride=2)],
        [nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3, groups=2)],
        [nn.BatchNorm2d(2), nn.Conv2d(2, 2, 2, dilation=2)],
        [nn.BatchNorm2d(2, affine=False), nn.Conv2d(2, 2, 3)],
        [nn.BatchNorm2d(2, track_running_stats=False), nn.Conv2d(2, 2, 3)],
        [nn.BatchNorm2d(2, momentum=None), nn.Conv2d(2, 2, 3)],
        [nn.Dropout(0.1), nn.Conv2d(2, 2, 3)],
        [nn.BatchNorm2d(2)],
    ],
)
def test_what_the_formulas_do_not_hold_for_is_left_alone(layers: list[nn.Module]) -> None:
    assert pair_in(layers) is None


def test_training_fused_ends_where_training_plain_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    images = Images(torch.randint(256, (96, 28, 28), dtype=torch.uint8), torch.randint(10, (96,)))
    recipe = Recipe(name="small", network="squeeze-16k", epochs=2, batch_size=32)

    def trained() -> tuple[bool, list[Tensor]]:
        state = begin(NETWORKS["squeeze-16k"], recipe, 0, torch.device("cpu"))
        with using(Machine("cpu", "fp32", 1)):
            list(train(state, recipe, 0, images, images))
        assert isinstance(state.network, Fusing)
        return state.network.fused, list(state.network.state_dict().values())

    was_fused, quick = trained()
    monkeypatch.setattr("handgrad.digits.training.loop.fuse", lambda network: None)
    was_plain, plain = trained()
    assert was_fused and not was_plain
    for mine, theirs in zip(quick, plain, strict=True):
        assert torch.allclose(mine.double(), theirs.double(), rtol=0, atol=2e-3)
    assert not all(torch.equal(mine, theirs) for mine, theirs in zip(quick, plain, strict=True))  # it was another way


def test_rows_are_summed_whatever_their_layout() -> None:
    values = torch.randn(2, 7, 4, 6, dtype=torch.float64).contiguous(memory_format=torch.channels_last)
    for each in (values, values[:, 1:4], values.contiguous(), torch.ones(()).double().expand(2, 7, 4, 6)):
        assert torch.allclose(fused.sum_of_rows(fused.rows(each)), each.sum((0, 2, 3)))
