"""The two corpora: no honest network is found wanting, no near miss passes, and the right condition is named."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from handgrad.digits.networks.load import import_file, load_network
from handgrad.digits.training.recipe_file import parse_recipe, recipe_text
from handgrad.judge.examination.examine import examine
from handgrad.judge.network.assignment_file import load_assignment
from handgrad.judge.network.conditions import check, verdict_of
from handgrad.judge.verdict import EpochAnswer, Examination, SeedResult

HERE = Path(__file__).parents[1]
HONEST = import_file(HERE / "corpus_honest.py").HONEST


def pictures(count: int = 16) -> Tensor:
    """Return normalised images: strokes of different places and slopes."""
    generator = torch.Generator().manual_seed(7)
    rows, columns = torch.arange(28.0)[:, None], torch.arange(28.0)
    at, slope = torch.rand(count, 1, 1, generator=generator) * 20 + 4, torch.randn(count, 1, 1, generator=generator)
    strokes = torch.exp(-((columns - at - slope * (rows - 14) * 0.4) ** 2) / 4)
    return ((strokes - 0.1307) / 0.3081).unsqueeze(1)


def good(epochs: int, correct: int = 9_940) -> list[SeedResult]:
    """Return one training that reaches *correct* of 10,000 in every epoch."""
    return [SeedResult(0, tuple(EpochAnswer(epoch, correct, 10_000) for epoch in range(1, epochs + 1)))]


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_network_meets_every_condition(name: str) -> None:
    torch.manual_seed(0)
    module = load_network(f"{HERE / 'corpus_honest.py'}:{name}")
    assert isinstance(module, nn.Module)
    assignment = load_assignment(HONEST[name])
    requirements = check(assignment, examine(module, pictures()), assignment.recipe, good(assignment.recipe.epochs))
    assert [each for each in requirements if not each.met] == []
    assert verdict_of(requirements) == "met"


def test_the_honest_corpus_is_large_and_covers_every_preset() -> None:
    assert len(HONEST) >= 40
    assert set(Counter(HONEST.values())) == {"under-20k", "exact-19", "under-10k", "under-8k"}


MISSES = import_file(HERE / "corpus_near_misses.py").MISSES
TRAININGS = import_file(HERE / "corpus_near_misses.py").TRAININGS


@pytest.mark.parametrize("name", MISSES)
def test_a_near_miss_fails_on_the_condition_that_it_misses_and_on_no_other(name: str) -> None:
    torch.manual_seed(0)
    module = load_network(f"{HERE / 'corpus_near_misses.py'}:{name}")
    preset, condition = MISSES[name]
    assignment = load_assignment(preset)
    requirements = check(assignment, examine(module, pictures()), assignment.recipe, good(assignment.recipe.epochs))
    assert verdict_of(requirements) == "not met"
    assert [each.name for each in requirements if not each.met] == [condition]


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_that_nearly_meets_an_assignment_fails_on_the_condition_that_it_misses(name: str) -> None:
    case = TRAININGS[name]
    assignment = load_assignment(case.assignment)
    recipe = parse_recipe(recipe_text(assignment.recipe), name, [case.recipe] if case.recipe else [])
    results = [
        SeedResult(seed, tuple(EpochAnswer(epoch, correct, case.total) for epoch, correct in enumerate(counts, 1)))
        for seed, counts in enumerate(case.correct)
    ]
    requirements = check(assignment, meets(case.assignment), recipe, results)
    assert verdict_of(requirements) == "not met"
    assert [each.name for each in requirements if not each.met] == [case.condition]


@cache
def meets(preset: str) -> Examination:
    """Return what is seen of a network that meets the static conditions of *preset*."""
    torch.manual_seed(0)
    name = next(name for name in HONEST if HONEST[name] == preset)
    return examine(load_network(f"{HERE / 'corpus_honest.py'}:{name}"), pictures())


def test_the_corpus_of_near_misses_is_large() -> None:
    assert len(MISSES) >= 40
    assert len(TRAININGS) >= 15
