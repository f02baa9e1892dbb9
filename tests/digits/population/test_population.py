"""A population against the same seeds trained alone by the loop itself: in float64 to the last digits, in fp32 by rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.networks.published import NETWORKS
from handgrad.digits.population import loop as module
from handgrad.digits.population.loop import begin_population, train_population
from handgrad.digits.training.loop import Images, State, begin, train
from handgrad.digits.training.recipe import Augmentation, Averaging, Optimizer, Recipe, Schedule
from handgrad.errors import DivergedError
from handgrad.runs.record import EpochScore

CPU = torch.device("cpu")
SEEDS = (3, 7, 11)
EVERYTHING = Recipe(
    network="every layer",
    epochs=3,
    batch_size=64,
    dropout=0.1,
    label_smoothing=0.05,
    schedule=Schedule("one-cycle"),
    augmentation=Augmentation(rotation=5, shift=1, scale=0.05, shear=5, stroke=0.6, anneal=0.5),
    averaging=Averaging(0.9),
)
OPTIMIZERS = [
    Optimizer("sgd", 0.05, nesterov=True, weight_decay=1e-3),
    Optimizer("adam", 0.01, weight_decay=1e-4),
    Optimizer("adamw", 0.01, weight_decay=0.05),
]


class EveryLayer(nn.Module):
    """One of each: strides, padding, dilation, depthwise and grouped, both dropouts, a layer used twice, norms of all kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 4, 5, stride=2, padding=(1, 2), bias=False), nn.BatchNorm2d(4), nn.ReLU()
        )
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False)
        self.grouped = nn.Conv2d(4, 4, (1, 3), groups=2)
        self.norms = nn.ModuleList([nn.BatchNorm2d(4), nn.BatchNorm2d(4, affine=False, momentum=0.3)])
        self.across = nn.Conv2d(4, 6, 1, bias=False)
        self.wide = nn.Conv2d(6, 6, 3, dilation=2, padding="same", bias=False)
        self.drops = nn.ModuleList([nn.Dropout(0.2), nn.Dropout2d(0.2)])
        self.norm = nn.BatchNorm1d(6, track_running_stats=False)
        self.linear = nn.Linear(6, 10)

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)
        for norm in self.norms:
            x = x + norm(self.drops[0](self.depthwise(x)))
        x = torch.max_pool2d(torch.relu(self.grouped(x)), 2)
        x = self.wide(self.drops[1](self.across(x))).mean((2, 3))
        return self.linear(self.norm(x))


@pytest.fixture(scope="module")
def digits() -> Images:
    images, labels = draw_digits(230, seed=5)  # the last batch of an epoch is a short one
    return Images(torch.as_tensor(images), torch.as_tensor(labels).long())


@pytest.fixture
def in_float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let both loops compute in float64: first weights are drawn so, and whatever turns to float turns to double."""
    monkeypatch.setattr(Tensor, "float", Tensor.double)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def both(
    build: Callable[[], nn.Module], recipe: Recipe, digits: Images
) -> tuple[list[tuple[State, list[EpochScore]]], list[tuple[State, list[EpochScore | DivergedError]]]]:
    """Return what each seed gives in a population, and alone."""
    population = begin_population(build, recipe, SEEDS, CPU)
    scores = list(train_population(population, recipe, digits, digits))
    population.copy_to_members()
    together = [(member, [epoch[i] for epoch in scores]) for i, member in enumerate(population.members)]
    alone = []
    for seed in SEEDS:
        state = begin(build, recipe, seed, CPU)
        alone.append((state, list(train(state, recipe, seed, digits, digits))))
    return together, alone


def tensors(state: State) -> dict[str, Tensor]:
    """Return all that a checkpoint of *state* holds."""
    found = {f"network.{name}": value for name, value in state.network.state_dict().items()}
    if state.average is not None:
        found |= {f"average.{name}": value for name, value in state.average.state_dict().items()}
    for index, values in state.optimizer.state_dict()["state"].items():
        found |= {f"optimizer.{index}.{name}": value for name, value in values.items() if isinstance(value, Tensor)}
    return found


def distance(found: State, expected: State) -> float:
    """Return the largest difference between two states, each tensor's as a part of its largest number or of 1."""
    ours, theirs = tensors(found), tensors(expected)
    assert list(ours) == list(theirs)
    return max(
        float((ours[name].double() - value.double()).abs().max() / max(1.0, float(value.abs().max())))
        for name, value in theirs.items()
    )


@pytest.mark.usefixtures("in_float64")
@pytest.mark.parametrize(
    "optimizer",
    [pytest.param(each, id=each.name, marks=[pytest.mark.long] * (each.name == "adamw")) for each in OPTIMIZERS],
)
def test_in_float64_a_member_is_its_seed_alone_with_every_layer_and_setting(
    optimizer: Optimizer, digits: Images
) -> None:
    together, alone = both(EveryLayer, replace(EVERYTHING, optimizer=optimizer), digits)
    assert distance(alone[0][0], alone[1][0]) > 1e-2  # seeds differ, and the distance sees it
    for (member, scores), (seed, expected) in zip(together, alone, strict=True):
        assert distance(member, seed) < 1e-9
        for score, other in zip(scores, expected, strict=True):
            assert isinstance(score, EpochScore)
            assert (score.epoch, score.learning_rate) == (other.epoch, other.learning_rate)
            for mine, its in ((score.training, other.training), (score.evaluation, other.evaluation)):
                assert (mine.correct, mine.total) == (its.correct, its.total)
                assert mine.loss == pytest.approx(its.loss, rel=1e-6)


@pytest.mark.usefixtures("in_float64")
@pytest.mark.parametrize("name", ["squeeze-16k", "stem-16k", pytest.param("transition-11k", marks=pytest.mark.long)])
def test_in_float64_a_member_of_a_published_network_is_its_seed_alone(name: str, digits: Images) -> None:
    recipe = Recipe(network=name, epochs=1, batch_size=40, optimizer=Optimizer("sgd", 0.05, nesterov=True))
    few = Images(digits.images[:100], digits.labels[:100])
    together, alone = both(NETWORKS[name], recipe, few)
    assert max(distance(member, seed) for (member, _), (seed, _) in zip(together, alone, strict=True)) < 1e-10


def test_in_fp32_a_small_network_differs_by_rounding_after_the_first_steps(digits: Images) -> None:
    # Without the stroke: with it, some seed comes to a pool whose two largest are equal but for rounding, and goes its own way.
    augmentation = replace(EVERYTHING.augmentation, stroke=0)
    recipe = replace(EVERYTHING, epochs=1, optimizer=OPTIMIZERS[0], augmentation=augmentation)
    together, alone = both(EveryLayer, recipe, digits)
    assert max(distance(member, seed) for (member, _), (seed, _) in zip(together, alone, strict=True)) < 1e-5


def test_in_bf16_members_learn_what_their_seeds_learn(digits: Images) -> None:
    recipe = Recipe(network="stem-16k", epochs=2, batch_size=50, optimizer=Optimizer("adam", 0.005))
    population = begin_population(NETWORKS["stem-16k"], recipe, SEEDS, CPU)
    scores = list(train_population(population, recipe, digits, digits, bf16=True))[-1]
    for seed, score in zip(SEEDS, scores, strict=True):
        state = begin(NETWORKS["stem-16k"], recipe, seed, CPU)
        expected = list(train(state, recipe, seed, digits, digits, bf16=True))[-1]
        assert isinstance(score, EpochScore)
        assert score.training.loss == pytest.approx(expected.training.loss, rel=0.1)


@pytest.mark.usefixtures("in_float64")
def test_a_member_that_diverges_says_so_as_alone_and_leaves_the_others_untouched(
    digits: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(EVERYTHING, epochs=2, optimizer=OPTIMIZERS[0])
    untouched, _ = both(EveryLayer, recipe, digits)
    population = begin_population(EveryLayer, recipe, SEEDS, CPU)

    def spoil(now: module.Population, rate: float) -> None:
        if (now.epoch, now.step) == (0, 2):
            with torch.no_grad():
                next(now.together.network.parameters())[1].fill_(float("inf"))

    scores = list(train_population(population, recipe, digits, digits, after_step=spoil))
    assert [[isinstance(score, DivergedError) for score in epoch] for epoch in scores] == [[False, True, False]] * 2
    assert "the loss is no longer finite – epoch 1, step 3, learning rate" in str(scores[0][1])
    for index in (0, 2):
        ours, theirs = population.members[index].network, untouched[index][0].network
        for mine, its in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
            assert torch.equal(mine, its)


def place_in(error: object) -> str:
    """Return where a training diverged: ``epoch 1, step 3, learning rate 1e+09``."""
    kind, dash, place = str(error).partition(" – ")
    assert dash and kind.endswith("no longer finite")
    return place


def test_when_all_diverge_the_training_ends_and_says_where_as_alone(digits: Images) -> None:
    recipe = Recipe(network="stem-16k", epochs=50, batch_size=50, optimizer=Optimizer("sgd", 1e9))
    population = begin_population(NETWORKS["stem-16k"], recipe, SEEDS[:2], CPU)
    scores = list(train_population(population, recipe, digits, digits))
    assert len(scores) == 1
    for seed, score in zip(SEEDS, scores[0], strict=False):
        with pytest.raises(DivergedError) as caught:
            list(train(begin(NETWORKS["stem-16k"], recipe, seed, CPU), recipe, seed, digits, digits))
        # Whether the loss or a weight overflows first hangs on the last place of a sum, which is the processor's.
        assert place_in(score) == place_in(caught.value)
