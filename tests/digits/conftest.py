"""What tests of resuming share: a recipe with everything in it, and the run of it that nothing ever stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from digits.small_runs import EVERYTHING, trained, with_network
from handgrad.digits.training.recipe import Recipe


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    return with_network(EVERYTHING, tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="session")
def unbroken(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(trained(recipe, tmp_path_factory.mktemp("unbroken"), holdout=40).path)
