"""The small networks: sizes worked out by hand, and one block that really is used several times."""

from __future__ import annotations

import torch
from torch import nn

from handgrad.digits.networks.published import count_parameters
from handgrad.digits.networks.small import Narrow, Shared, SharedPair, Squeezed


def test_the_shared_network_has_the_parameters_of_its_parts() -> None:
    stem, head = 25 * 12 + 2 * 12, 24 * 10 + 10
    stages = sum(c * (9 + c) + uses * 2 * c for c, uses in ((12, 2), (20, 4), (24, 3)))
    between = 12 * 20 + 2 * 20 + 20 * 24 + 2 * 24
    assert count_parameters(Shared([12, 20, 24], [2, 4, 3])) == stem + stages + between + head == 3358


def test_a_narrow_network_has_the_parameters_of_its_parts() -> None:
    kernels = 25 * 8 + 9 * (8 * 8 + 8 * 12 + 12 * 12 + 12 * 16)
    assert count_parameters(Narrow([8, 8, 12, 12, 16])) == kernels + 2 * (8 + 8 + 12 + 12 + 16) + 16 * 10 + 10 == 4946


def test_a_squeezed_network_has_the_parameters_of_its_parts() -> None:
    kernels = 9 * (10 + 10 * 20 + 8 * 12 + 12 * 12 + 12 * 12 + 12 * 19) + 20 * 8
    norms = 2 * (10 + 20 + 12 + 12 + 12 + 19)
    assert count_parameters(Squeezed([10, 20, 8, 12, 19])) == kernels + 10 + norms + 19 * 10 + 10 == 7938


def test_every_use_of_a_pair_adds_to_what_went_in_with_the_same_weights() -> None:
    torch.manual_seed(0)
    pair = SharedPair(3, 2).eval()
    values = torch.randn(2, 3, 6, 6)
    step = nn.Sequential(pair.space, pair.across, pair.norms[0], nn.ReLU())
    again = nn.Sequential(pair.space, pair.across, pair.norms[1], nn.ReLU())
    once = values + step(values)
    assert torch.allclose(pair(values), once + again(once))


def test_both_stems_halve_the_map_and_give_ten_scores() -> None:
    for pool in (False, True):
        network = Narrow([2, 3, 4, 5, 6], pool=pool)
        assert network(torch.randn(2, 1, 28, 28)).shape == (2, 10)
    for pools in ([1, 2], [0, 1], [1]):
        assert Shared([2, 3, 4], [1, 2, 1], pools=pools)(torch.randn(2, 1, 28, 28)).shape == (2, 10)
