"""Augmentation against pixels moved by hand, and its promises about randomness."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from handgrad.digits.population import loop
from handgrad.digits.training.augment import annealed, augment, bent, changed, matrices, normalise, with_stroke
from handgrad.digits.training.recipe import LIMITS, Augmentation


def moved(images: Tensor, recipe: Augmentation, **parts: float) -> Tensor:
    """Apply exactly the given parts of the recipe's limits to every image."""
    amounts = torch.zeros(5, len(images))
    for row, name in enumerate(("rotation", "shear", "scale", "x", "y")):
        amounts[row] = parts.get(name, 0.0)
    grid = F.affine_grid(matrices(amounts, recipe, 28), [len(images), 1, 28, 28], False)
    return F.grid_sample(images.unsqueeze(1).float(), grid, align_corners=False).squeeze(1)


@pytest.fixture
def images() -> Tensor:
    return torch.randint(0, 256, (4, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_a_shift_of_two_pixels_moves_every_pixel_by_two(images: Tensor) -> None:
    found = moved(images, Augmentation(shift=2), x=1)
    assert torch.allclose(found[:, :, :-2], images[:, :, 2:].float(), atol=1e-2)
    assert torch.allclose(found[:, :, -2:], torch.zeros(4, 28, 2), atol=1e-2)


def test_a_quarter_turn_is_the_array_turned(images: Tensor) -> None:
    found = moved(images, Augmentation(rotation=90), rotation=1)
    assert torch.allclose(found, torch.rot90(images.float(), 1, (1, 2)), atol=1e-2)


def test_doubling_the_scale_shows_the_middle_half_twice_as_large() -> None:
    square = torch.zeros(1, 28, 28)
    square[:, 10:18, 10:18] = 255
    found = moved(square, Augmentation(scale=0.5), scale=1)  # 1.5 times as large: 8 pixels become 12
    assert found.sum().item() == pytest.approx(255 * 12 * 12, rel=0.01)


def test_a_shear_moves_rows_sideways_in_proportion_to_their_height() -> None:
    bar = torch.zeros(1, 28, 28)
    bar[:, :, 14] = 255
    found = moved(bar, Augmentation(shear=45), shear=1)
    columns = (found * torch.arange(28)).sum(2) / found.sum(2).clamp(min=1)
    steps = columns[0, 6:22].diff()
    assert torch.allclose(steps.abs(), torch.ones(15), atol=0.05)


def test_the_limits_are_never_passed() -> None:
    recipe = Augmentation(rotation=10, shift=2, scale=0.1, shear=5)
    dot = torch.zeros(500, 28, 28)
    dot[:, 13:15, 13:15] = 255
    found = augment(dot, recipe, torch.Generator().manual_seed(0))
    heavy = (found * torch.arange(28)).sum((1, 2)) / found.sum((1, 2))
    assert (heavy - 13.5).abs().max() < 2 * 1.1 + 0.3
    assert (heavy - 13.5).abs().max() > 1.5


def test_the_same_generator_seed_gives_the_same_images_and_another_gives_others(images: Tensor) -> None:
    recipe = Augmentation(rotation=10, shift=2)
    first, again, other = (augment(images, recipe, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_without_any_change_the_pixels_stay_exactly_as_they_are(images: Tensor) -> None:
    assert torch.equal(augment(images, Augmentation(), torch.Generator()), images.float())


def test_normalising_gives_the_published_mean_and_deviation_of_a_pixel() -> None:
    black, white = normalise(torch.tensor([[[0, 255]]], dtype=torch.uint8)).flatten().tolist()
    assert black == pytest.approx(-0.1307 / 0.3081)
    assert white == pytest.approx((1 - 0.1307) / 0.3081)


def test_a_stroke_moves_the_edge_of_the_ink_out_and_in_by_the_pixels_asked_for() -> None:
    square = torch.zeros(1, 28, 28)
    square[:, 10:18, 10:18] = 200.0
    for amount, side in ((1.0, 10), (-1.0, 6), (0.5, 9), (0.0, 8)):
        moved = with_stroke(square, 1.0, torch.tensor([amount]))
        # The middle row through the square: as wide in all as its side, half a pixel of ink counting half.
        assert moved[0, 14].sum().item() == pytest.approx(200 * side)
    drawn = augment(square.expand(500, -1, -1), Augmentation(stroke=0.8), torch.Generator().manual_seed(1))
    widths = drawn[:, 14].sum(1) / 200
    assert 6.4 <= widths.min() < 6.6 and 9.4 < widths.max() <= 9.6 + 1e-4


def bent_by(images: Tensor, limit: float, row: int, column: int, along_x: float, along_y: float) -> Tensor:
    """Return *images* with one point of the grid, and no other, moved by parts of *limit*."""
    pins = torch.zeros(2, 5, 5, len(images))
    pins[0, row, column], pins[1, row, column] = along_x, along_y
    return changed(images, Augmentation(elastic=limit), torch.cat([torch.zeros(5, len(images)), pins.view(50, -1)]))


def test_an_elastic_change_moves_the_ink_at_a_point_by_its_pixels_and_leaves_the_others() -> None:
    # With 29 pixels the five points are pixels 0, 7, 14, 21 and 28.
    dots = torch.zeros(1, 29, 29)
    dots[:, 7, 7], dots[:, 14, 14], dots[:, 21, 21] = 100.0, 100.0, 100.0
    found = bent_by(dots, 2.0, 2, 2, 1.0, -0.5)
    # The map says where a pixel is read, so the ink goes the other way: 2 to the left, and down by half of 2.
    assert found[0, 14, 14] < 1 and found[0, 15, 12] > 50
    assert [found[0, 7, 7].item(), found[0, 21, 21].item()] == pytest.approx([100, 100], abs=0.01)


def test_elastic_changes_are_smooth_and_differ_between_images() -> None:
    drawn = torch.rand(50, 300, generator=torch.Generator().manual_seed(2)).mul_(2).sub_(1)
    fields = bent(drawn, 1.5, 28) * 14
    # In pixels: as large as asked for, and never so steep between neighbours that the sheet would fold.
    assert 0.5 < fields.abs().mean() < 1 and fields.abs().max() < 1.5 * 1.7
    assert fields.diff(dim=1).abs().max() < 1 and fields.diff(dim=2).abs().max() < 1
    assert (fields[0] - fields[1]).abs().max() > 0.3
    # At the points themselves it is what was drawn: the corners are four of them.
    corners = fields[:, [0, 0, 27, 27], [0, 27, 0, 27], 0]
    torch.testing.assert_close(corners, 1.5 * drawn.view(2, 5, 5, 300)[0, [0, 0, 4, 4], [0, 4, 0, 4]].t())


def test_a_recipe_without_a_stroke_draws_what_it_always_drew(images: Tensor) -> None:
    generator = torch.Generator().manual_seed(3)
    augment(images, Augmentation(rotation=5), generator)
    again = torch.Generator().manual_seed(3)
    torch.rand(5, len(images), generator=again)
    assert torch.rand(1, generator=generator) == torch.rand(1, generator=again)


def test_members_of_a_population_are_changed_as_each_is_alone(images: Tensor) -> None:
    recipe = Augmentation(rotation=5, shift=1, stroke=0.5, elastic=1)
    together = loop.moved(images.repeat(2, 1, 1), recipe, [7, 8])
    alone = [augment(images, recipe, torch.Generator().manual_seed(seed)) for seed in (7, 8)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_the_limits_shrink_evenly_to_nothing_over_the_last_part_of_a_run(images: Tensor) -> None:
    recipe = Augmentation(rotation=8, shift=2, scale=0.1, shear=4, stroke=0.4, elastic=1, anneal=0.25)
    assert annealed(recipe, 0.75) is recipe
    half = annealed(recipe, 0.875)
    assert [getattr(half, name) for name in LIMITS] == pytest.approx([4, 1, 0.05, 2, 0.2, 0.5])
    assert not annealed(recipe, 1.0).any
    # Half the limits are half of every amount that was drawn.
    drawn, other = (augment(images, each, torch.Generator().manual_seed(5)) for each in (half, recipe))
    amounts = torch.rand(56, len(images), generator=torch.Generator().manual_seed(5)).mul_(2).sub_(1)
    assert torch.allclose(drawn, changed(images, recipe, amounts / 2), atol=1e-3)
    assert not torch.allclose(drawn, other, atol=1)
    always = Augmentation(rotation=8)
    assert annealed(always, 1.0) is always
