"""Networks in orbits: turning the image turns and reorders what they compute, as the theory of groups has it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from handgrad.digits.networks.orbits import ORDER, Orbits, Step, moved, products, read_shape
from handgrad.digits.networks.published import channels_last

SHAPES = {"5/2p:2 3:3": 27, "3:2 d3p:3! 1:2": 28, "3/2:1 d5/2p:2": 27}
"""Shapes, and sides of an image whose every step and pool begins and ends alike: a symmetry needs both ends."""


def body(shape: str) -> nn.Sequential:
    """The layers of a network before its average."""
    torch.manual_seed(3)
    layers = nn.Sequential(*list(Orbits(shape))[:-3])
    for layer in layers:
        if isinstance(layer, nn.BatchNorm2d):
            for values in layer.parameters():
                nn.init.uniform_(values, 0.5, 1.5)
    return layers.double().eval()


def test_the_eight_elements_are_the_symmetries_of_a_square_and_form_a_group() -> None:
    square = np.arange(9).reshape(3, 3)
    expected = [np.rot90(each, turns) for each in (square, np.fliplr(square)) for turns in range(4)]
    found = [moved(torch.from_numpy(square), element).numpy() for element in range(ORDER)]
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(found, expected, strict=True))
    table = np.array(products())
    assert all(sorted(row) == list(range(ORDER)) for row in (*table, *table.T))
    assert all(table[table[a, b], c] == table[a, table[b, c]] for a, b, c in itertools.product(range(ORDER), repeat=3))
    assert not np.array_equal(table, table.T)  # a mirror and a turn do not commute: no smaller group would do


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("element", range(ORDER))
def test_a_moved_image_gives_the_same_maps_moved_and_reordered(shape: str, element: int) -> None:
    layers, images = body(shape), torch.randn(2, 1, SHAPES[shape], SHAPES[shape], dtype=torch.float64)
    maps, of_moved = layers(images), layers(moved(images, element))
    assert maps.abs().max() > 0.1
    for orbit, h in itertools.product(range(maps.shape[1] // ORDER), range(ORDER)):
        here, there = ORDER * orbit + h, ORDER * orbit + products()[element][h]
        assert torch.allclose(of_moved[:, there], moved(maps[:, here], element), atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_layer_computes_channels_last(shape: str) -> None:
    # One layer in the other layout and all after it follow, at about half the speed.
    network, seen = channels_last(Orbits(shape)), dict[str, bool]()

    def look(name: str, maps: torch.Tensor) -> None:
        if maps.dim() == 4 and maps.shape[2] > 1:
            seen[name] = maps.is_contiguous(memory_format=torch.channels_last)

    for name, layer in network.named_children():
        layer.register_forward_hook(lambda _layer, _given, maps, name=name: look(name, maps))
    network(torch.randn(4, 1, 28, 28)).sum().backward()
    assert len(seen) > 4
    assert all(seen.values()), seen


def test_an_untied_kernel_is_seen_by_that_comparison() -> None:
    layers = body("5/2p:2 3:3")
    layers[0] = nn.Conv2d(1, 16, 5, 2, 2, bias=False).double()
    images = torch.randn(2, 1, 27, 27, dtype=torch.float64)
    assert not torch.allclose(layers(moved(images, 1))[:, products()[1][0]], moved(layers(images)[:, 0], 1), atol=1e-3)


def test_a_6_is_told_from_a_9_all_the_same() -> None:
    torch.manual_seed(0)
    network, images = Orbits("5/2p:2 3:2").eval(), torch.randn(2, 1, 28, 28)
    assert not torch.allclose(network(images), network(moved(images, 2)), atol=1e-3)


@pytest.mark.parametrize(
    ("shape", "parameters"),
    [
        # Kernels of an orbit count once, and so do the factor and the offset of its BatchNorm; 10 numbers a map at the end.
        ("5p:2", 2 * 25 + 4 + 16 * 10 + 10),
        ("5p:2 3:3", 2 * 25 + 4 + 3 * 16 * 9 + 6 + 24 * 10 + 10),
        ("5p:2 d3:3", 2 * 25 + 4 + 2 * 9 + 3 * 16 + 6 + 24 * 10 + 10),
    ],
)
def test_an_orbit_costs_what_one_map_costs(shape: str, parameters: int) -> None:
    assert sum(values.numel() for values in Orbits(shape).parameters()) == parameters


def test_every_learned_number_is_learned() -> None:
    network = Orbits("5p:2! 3:2 d3p:3! 3:3")
    network(torch.randn(4, 1, 28, 28)).square().sum().backward()
    assert all(values.grad is not None and bool((values.grad != 0).all()) for values in network.parameters())


def test_a_shape_is_read_and_anything_else_is_refused() -> None:
    assert read_shape("5/2p:2 d3:14!") == [
        Step(5, 2, stride=2, padded=True),
        Step(3, 14, each=True, pool=True),
    ]
    for wrong in ("3", "3x:2", "3:2 pool", ":2", "3:-1"):
        with pytest.raises(ValueError, match="is no layer"):
            read_shape(wrong)
