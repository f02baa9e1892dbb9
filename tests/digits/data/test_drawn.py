"""Digits that the program draws: like handwriting in what can be measured, the same every time, and learnable."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.data.glyphs import GLYPHS


@pytest.mark.parametrize("count", [1, 7, 10, 203])
def test_images_are_bytes_and_digits_are_balanced(count: int) -> None:
    images, labels = draw_digits(count, seed=3)
    assert images.shape == (count, 28, 28) and images.dtype == labels.dtype == np.uint8
    share = np.bincount(labels, minlength=10)
    assert len(share) == 10 and share.max() - share.min() <= 1


def test_the_seed_alone_decides() -> None:
    first, again, other = draw_digits(100, seed=1), draw_digits(100, seed=1), draw_digits(100, seed=2)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert not (first[0] == other[0]).all()


def test_no_two_images_are_alike_within_a_seed_or_across_seeds() -> None:
    images, _ = draw_digits(1_000, seed=0)
    assert len({image.tobytes() for image in images}) == 1_000
    # One image of each digit a seed: were the strokes not of the seed, many of these would be equal.
    few = np.concatenate([draw_digits(10, seed)[0] for seed in range(1, 13)])
    assert len({image.tobytes() for image in few}) == 120


def test_every_image_is_a_soft_edged_stroke_inside_the_frame() -> None:
    images, _ = draw_digits(2_000, seed=0)
    ink = images.mean(axis=(1, 2)) / 255
    assert ink.min() > 0.02 and ink.max() < 0.4  # MNIST: 0.02 to 0.4, mean 0.13
    assert 0.10 < ink.mean() < 0.16
    assert (images.max(axis=(1, 2)) > 200).all()
    assert ((images > 0) & (images < 255)).any(axis=(1, 2)).all()
    frame = np.ones((28, 28), dtype=bool)
    frame[1:-1, 1:-1] = False
    assert (images[:, frame].max(axis=1) > 0).mean() < 0.01


def test_the_centre_of_mass_lies_near_the_middle() -> None:
    images, _ = draw_digits(1_000, seed=0)
    mass = images / images.sum(axis=(1, 2), keepdims=True)
    for axis in (1, 2):
        centre = (mass.sum(axis=axis) * np.arange(28)).sum(axis=1)
        assert np.abs(centre - 13.5).max() < 2.5
        assert 0.3 < centre.std() < 1.0


@pytest.mark.parametrize("digit", range(10))
def test_each_glyph_stays_in_its_square_and_uses_every_point(digit: int) -> None:
    for glyph in GLYPHS[digit]:
        assert all(0 <= value <= 1 for point in glyph.points for value in point)
        assert {number for stroke in glyph.strokes for number in stroke} == set(range(len(glyph.points)))
        assert all(len(stroke) >= 2 for stroke in glyph.strokes)


def test_drawn_digits_can_be_learnt_but_not_by_heart() -> None:
    train, labels = draw_digits(3_000, seed=1)
    test, truth = draw_digits(600, seed=2)
    scores = linear_scores(train, labels, test)
    accuracy = (scores.argmax(1).numpy() == truth).mean()
    assert 0.80 < accuracy < 0.97  # a straight line through pixels: well above 10 %, well below a small network
    shuffled = np.random.default_rng(0).permutation(labels)
    assert (linear_scores(train, shuffled, test).argmax(1).numpy() == truth).mean() < 0.25


def linear_scores(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> torch.Tensor:
    """Fit one-hot labels by ridge regression on the pixels and return the scores of *test*, ``[n, 10]``."""
    inputs, asked = (torch.from_numpy(images).flatten(1).double() / 255 for images in (train, test))
    wanted = torch.nn.functional.one_hot(torch.from_numpy(labels).long(), 10).double()
    centre = inputs.mean(0)
    inputs, asked = inputs - centre, asked - centre
    weights = torch.linalg.solve(inputs.T @ inputs + 10 * torch.eye(784).double(), inputs.T @ (wanted - 0.1))
    return asked @ weights
