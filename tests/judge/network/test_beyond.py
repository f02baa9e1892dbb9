# ruff: noqa: E501 (calls of torch and Pillow on one line)
"""What goes beyond a recipe: images are prepared as an author's own program does it, and rates are those of torch's schedules."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from torch import Tensor, nn

from handgrad.digits.training.augment import normalise
from handgrad.digits.training.loop import Images, begin
from handgrad.digits.training.recipe import Optimizer, Recipe
from handgrad.errors import UsageError
from handgrad.judge.network.beyond import Beyond, Plateau, Prepared, changed_images, train_beyond
from handgrad.toml_records import read_record
from judge.hostile_run import small_data

DATA = small_data()
BYTES = DATA.train_images[:32]


def grey(images: Tensor) -> Tensor:
    """Return bytes as torchvision's ToTensor gives them."""
    return images.float().div(255).unsqueeze(1)


def test_a_network_sees_the_normalisation_that_its_author_wrote() -> None:
    seen: list[Tensor] = []

    class Sees(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(images)
            return images.flatten(1)[:, :10]

    Prepared(Sees(), Beyond(mean=0.5, deviation=0.25)).eval()(normalise(BYTES))
    assert torch.allclose(seen[0], (grey(BYTES) - 0.5) / 0.25, atol=1e-5)


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.3, 2.0])
@pytest.mark.parametrize("what", ["brightness", "contrast"])
def test_brightness_and_contrast_are_those_of_pillow(what: str, factor: float) -> None:
    beyond = Beyond(brightness=(factor, factor)) if what == "brightness" else Beyond(contrast=(factor, factor))
    ours = changed_images(grey(BYTES), beyond).mul(255)
    enhance = ImageEnhance.Brightness if what == "brightness" else ImageEnhance.Contrast
    theirs = [np.asarray(enhance(Image.fromarray(each.numpy())).enhance(factor)) for each in BYTES]
    # Pillow rounds the mean and the result to whole bytes.
    assert np.abs(ours.squeeze(1).numpy() - np.stack(theirs)).max() <= 0.5 * factor + 1.01


def test_the_middle_is_enlarged_as_pillow_does_it_and_as_often_as_is_asked() -> None:
    images = torch.rand(4000, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    large = changed_images(images, Beyond(crop=22, crop_chance=1.0))[:8]
    theirs = [
        Image.fromarray(each[0].numpy()).crop((3, 3, 25, 25)).resize((28, 28), Image.Resampling.BILINEAR)
        for each in images[:8]
    ]
    assert np.abs(large.squeeze(1).numpy() - np.stack([np.asarray(each) for each in theirs])).max() < 1e-4
    torch.manual_seed(3)
    some = changed_images(images, Beyond(crop=22, crop_chance=0.1))
    share = (some != images).flatten(1).any(1).float().mean().item()
    assert 0.08 < share < 0.12


def test_images_are_changed_in_training_alone() -> None:
    network = Prepared(nn.Flatten(), Beyond(brightness=(0.2, 0.3)))
    shown = normalise(BYTES)
    assert torch.allclose(network.eval()(shown), shown.flatten(1), atol=1e-5)
    assert not torch.allclose(network.train()(shown), shown.flatten(1), atol=1e-1)


def rates_of(beyond: Beyond, epochs: int) -> tuple[list[float], list[float]]:
    """Return the learning rate and the loss of each epoch of a small training."""
    recipe = Recipe("judged", epochs=epochs, batch_size=50, optimizer=Optimizer(learning_rate=0.2, momentum=0.0))
    images = Images(DATA.train_images[:200], torch.randint(0, 10, (200,), generator=torch.Generator().manual_seed(0)))
    state = begin(lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), recipe, 0, torch.device("cpu"))
    scores = list(train_beyond(state, recipe, beyond, 0, training=images, evaluation=images))
    assert [each.epoch for each in scores] == list(range(1, epochs + 1))
    return [each.learning_rate for each in scores], [each.training.loss for each in scores]


def by_torch(losses: Sequence[float], plateau: Plateau) -> list[float]:
    """Return the rates that torch's own plateau rule gives for *losses*."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.2)
    rule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=plateau.factor, patience=plateau.patience, threshold=plateau.threshold
    )
    rates = []
    for loss in losses:
        rates.append(optimizer.param_groups[0]["lr"])
        rule.step(loss)
    return rates


def test_rates_of_ones_own_are_trained_with() -> None:
    rates, _ = rates_of(Beyond(rates=(1.0, 0.5, 0.0, 0.25)), 5)
    assert rates == pytest.approx([0.2, 0.1, 0.0, 0.05, 0.05])


def test_a_plateau_lowers_the_rate_as_torch_would() -> None:
    # A loss that must fall by half each epoch does not, so that the rule has something to do.
    plateau = Plateau(factor=0.5, patience=1, threshold=0.5)
    rates, losses = rates_of(Beyond(plateau=plateau), 9)
    assert rates == pytest.approx(by_torch(losses, plateau))
    assert rates[-1] < rates[0] / 3


@pytest.mark.parametrize(
    "table",
    [{"deviation": 0}, {"brightness": [1]}, {"contrast": [1, -2]}, {"crop": 29}, {"rates": [-1.0]}, {"blur": 1}],
)
def test_what_makes_no_sense_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        read_record(Beyond, table, "found")
