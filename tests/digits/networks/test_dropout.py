"""The quick dropout against what dropout is."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from handgrad.digits.networks.dropout import Dropout, quicken_dropout, set_dropout


@pytest.mark.parametrize("p", [0.05, 0.069, 0.15, 0.5])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_right_share_is_dropped_and_the_rest_made_larger(p: float, layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    values = torch.ones(64, 16, 20, 20).contiguous(memory_format=layout)
    found = Dropout(p).train()(values)
    dropped = (found == 0).float().mean().item()
    assert dropped == pytest.approx(p, abs=4 * (p * (1 - p) / values.numel()) ** 0.5)
    assert found.max().item() == pytest.approx(1 / (1 - p), rel=1e-3)
    assert found.mean().item() == pytest.approx(1, abs=0.005)


def test_neighbours_are_dropped_independently() -> None:
    torch.manual_seed(0)
    dropped = (Dropout(0.5).train()(torch.ones(1 << 18)) == 0).float() - 0.5
    for distance in (1, 2, 3, 4, 5, 8):
        assert (dropped[distance:] * dropped[:-distance]).mean().abs() < 0.003


def test_the_gradient_flows_exactly_where_the_values_did() -> None:
    values = torch.randn(8, 4, 6, 6).contiguous(memory_format=torch.channels_last).requires_grad_()
    found = Dropout(0.3).train()(values)
    (slope,) = torch.autograd.grad(found.sum(), values)
    assert torch.allclose(slope * values, found)


def test_the_mask_follows_from_torch_manual_seed() -> None:
    layer, values = Dropout(0.4).train(), torch.ones(1000)
    masks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        masks.append(layer(values))
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])


def test_values_with_gaps_in_memory_are_dropped_too() -> None:
    torch.manual_seed(0)
    values = torch.ones(100, 200)[:, ::2]
    assert (Dropout(0.5).train()(values) == 0).float().mean().item() == pytest.approx(0.5, abs=0.05)


def test_nothing_is_dropped_while_evaluating_and_everything_at_probability_one() -> None:
    values = torch.randn(50)
    assert torch.equal(Dropout(0.5).eval()(values), values)
    assert torch.equal(Dropout(1.0).train()(values), torch.zeros(50))


def test_quickening_changes_plain_dropout_alone_and_survives_copies() -> None:
    network = nn.Sequential(nn.Dropout(0.2), nn.Dropout2d(0.2), nn.Linear(2, 2))
    names = list(network.state_dict())
    quicken_dropout(network)
    assert [type(module) for module in network] == [Dropout, nn.Dropout2d, nn.Linear]
    twin = copy.deepcopy(network)
    twin[0].p = 0.9
    assert network[0].p == 0.2
    assert list(network.state_dict()) == names


def test_one_probability_is_set_everywhere() -> None:
    network = nn.Sequential(nn.Dropout(0.2), nn.Sequential(nn.Dropout2d(0.3)))
    set_dropout(network, 0.01)
    assert [module.p for module in network.modules() if hasattr(module, "p")] == [0.01, 0.01]
