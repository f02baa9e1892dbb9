"""Every shipped recipe, found by listing the folder."""

from __future__ import annotations

import pytest
import torch

from handgrad.digits.networks.load import load_network
from handgrad.digits.networks.published import count_parameters
from handgrad.digits.training.loop import Images, begin, train
from handgrad.digits.training.recipe_file import load_recipe, parse_recipe, recipe_text, shipped_recipes

PUBLISHED = {
    # recipe: optimizer, learning rate, batch size, epochs, as the published runs state them or their traces show them
    "squeeze-16k-adam": ("adam", 0.003, 128, 19),
    "squeeze-16k-sgd": ("sgd", 0.01, 128, 19),
    "twopool-17k": ("adam", 0.01, 128, 19),
    "biasfree-12k": ("sgd", 0.01, 64, 20),
    "transition-11k": ("sgd", 0.01, 128, 15),
    "gap10-17k": ("sgd", 0.1, 256, 19),
}


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_shipped_recipe_trains_and_keeps_to_its_budget(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.note
    assert recipe.epochs <= (20 if name == "biasfree-12k" else 19)
    assert count_parameters(load_network(recipe.network)) < 20_000
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (recipe.batch_size, 28, 28), dtype=torch.uint8, generator=generator)
    few = Images(images, torch.arange(recipe.batch_size) % 10)
    state = begin(lambda: load_network(recipe.network), recipe, 0, torch.device("cpu"))
    # Weights only: a bias before BatchNorm has no slope, so it need not move.
    weights = [value for value in state.network.parameters() if value.dim() > 1]
    before = [value.detach().clone() for value in weights]
    score = next(train(state, recipe, 0, few, Images(few.images[:10], few.labels[:10])))
    assert score.training.total == recipe.batch_size
    assert not any(torch.equal(old, new) for old, new in zip(before, weights, strict=True))


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_recipe_written_in_full_reads_back_equal(name: str) -> None:
    recipe = load_recipe(name)
    assert parse_recipe(recipe_text(recipe), "again") == recipe


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_recipe_holds_the_published_settings(name: str) -> None:
    recipe = load_recipe(name)
    found = (recipe.optimizer.name, recipe.optimizer.learning_rate, recipe.batch_size, recipe.epochs)
    assert found == PUBLISHED[name]
    assert recipe.dropout is None


def test_every_published_network_has_a_better_recipe() -> None:
    networks = {load_recipe(name).network for name in PUBLISHED}
    assert {load_recipe(f"{network}-annealed").network for network in networks} == networks
