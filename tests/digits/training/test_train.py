"""The loop against a plain PyTorch loop written here, torch's own schedulers, and its promises about randomness."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.networks.published import NETWORKS, Stem16k
from handgrad.digits.training.loop import Images, begin, evaluate, key, predict, steps_an_epoch, train
from handgrad.digits.training.recipe import Augmentation, Averaging, Optimizer, Recipe, Schedule
from handgrad.digits.training.schedule import rate_factor
from handgrad.errors import DivergedError

CPU = torch.device("cpu")
RECIPE = Recipe(
    network="stem-16k", epochs=2, batch_size=50, optimizer=Optimizer("sgd", 0.05, nesterov=True, weight_decay=1e-3)
)


@pytest.fixture(scope="module")
def digits() -> Images:
    images, labels = draw_digits(400, seed=5)
    return Images(torch.as_tensor(images), torch.as_tensor(labels).long())


def final_weights(recipe: Recipe, seed: int, digits: Images) -> dict[str, torch.Tensor]:
    state = begin(NETWORKS[recipe.network], recipe, seed, CPU)
    for _ in train(state, recipe, seed, digits, digits):
        pass
    return state.network.state_dict()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Sixteen steps magnify what differs in rounding, and with more threads more differs."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_the_loop_is_the_plain_loop_that_anyone_would_write(digits: Images) -> None:
    ours = final_weights(RECIPE, 3, digits)
    torch.manual_seed(key(3))
    network = Stem16k().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)
    inputs = ((digits.images / 255 - 0.1307) / 0.3081).unsqueeze(1)
    for epoch in range(2):
        order = torch.randperm(400, generator=torch.Generator().manual_seed(key(3, epoch)))
        for batch in order.split(50):
            optimizer.zero_grad()
            F.cross_entropy(network.train()(inputs[batch]), digits.labels[batch]).backward()
            optimizer.step()
    for name, value in network.state_dict().items():
        assert torch.allclose(ours[name].double(), value.double(), rtol=1e-3, atol=1e-4), name


def test_every_image_is_seen_once_an_epoch_and_counted(digits: Images) -> None:
    state = begin(NETWORKS["stem-16k"], RECIPE, 0, CPU)
    scores = list(train(state, replace(RECIPE, batch_size=64), 0, digits, digits))
    assert [score.training.total for score in scores] == [400, 400]
    dropping = replace(RECIPE, batch_size=64, drop_last=True)
    state = begin(NETWORKS["stem-16k"], dropping, 0, CPU)
    assert [score.training.total for score in train(state, dropping, 0, digits, digits)] == [384, 384]
    assert (steps_an_epoch(400, dropping), steps_an_epoch(400, replace(RECIPE, batch_size=64))) == (6, 7)


def test_the_evaluation_counts_what_the_network_answers_in_eval_mode(digits: Images) -> None:
    state = begin(NETWORKS["squeeze-16k"], RECIPE, 0, CPU)
    score = evaluate(state.network.train(), digits)
    inputs = ((digits.images / 255 - 0.1307) / 0.3081).unsqueeze(1)
    with torch.no_grad():
        logits = state.network.eval()(inputs)
    assert score.correct == int((logits.argmax(1) == digits.labels).sum())
    assert score.loss == pytest.approx(F.cross_entropy(logits, digits.labels).item(), rel=1e-4)


@pytest.mark.parametrize("name", ["transition-11k", "squeeze-16k"])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(name: str, digits: Images) -> None:
    recipe = replace(RECIPE, network=name, epochs=1, batch_size=200, augmentation=Augmentation(rotation=5, shift=1))
    first, again, other = (final_weights(recipe, seed, digits) for seed in (1, 1, 2))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


def test_training_leaves_the_callers_random_numbers_for_the_first_weights_alone() -> None:
    torch.manual_seed(9)
    before = torch.random.get_rng_state()
    begin(NETWORKS["stem-16k"], RECIPE, 0, CPU)
    assert torch.equal(before, torch.random.get_rng_state())


def test_drawn_digits_are_learned(digits: Images) -> None:
    recipe = replace(RECIPE, epochs=6, optimizer=Optimizer("adam", 0.01), schedule=Schedule("one-cycle"))
    state = begin(NETWORKS["stem-16k"], recipe, 0, CPU)
    last = list(train(state, recipe, 0, digits, digits))[-1]
    assert last.evaluation.correct / last.evaluation.total > 0.9
    assert last.learning_rate == pytest.approx(0, abs=1e-9)


def test_the_average_follows_the_moving_average_formula(digits: Images) -> None:
    recipe = replace(RECIPE, averaging=Averaging(decay=0.5), epochs=1, batch_size=100)
    state = begin(NETWORKS["stem-16k"], recipe, 0, CPU)
    expected = {name: value.clone() for name, value in state.network.state_dict().items()}
    step = itertools.count()

    def follow(now: object, rate: float) -> None:
        decay = min(0.5, (1 + (count := next(step))) / (10 + count))
        for name, value in state.network.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * value

    score = list(train(state, recipe, 0, digits, digits, after_step=follow))[-1]
    assert state.average is not None
    for name, value in state.average.state_dict().items():
        if value.is_floating_point():
            assert torch.allclose(value, expected[name], rtol=1e-4, atol=1e-6), name
    assert score.evaluation == evaluate(state.average, digits)


def test_a_loss_that_is_no_number_stops_within_the_step(digits: Images) -> None:
    recipe = replace(RECIPE, optimizer=Optimizer("sgd", 1e9))
    state = begin(NETWORKS["stem-16k"], recipe, 0, CPU)
    with pytest.raises(
        DivergedError, match=r"(loss is|weights are) no longer finite – epoch 1, step \d, learning rate 1e\+09"
    ):
        list(train(state, recipe, 0, digits, digits))
    assert state.step <= 8


def test_bf16_learns_what_fp32_learns(digits: Images) -> None:
    recipe = replace(RECIPE, epochs=3)
    found = []
    for bf16 in (False, True):
        state = begin(NETWORKS["stem-16k"], recipe, 0, CPU)
        found.append(list(train(state, recipe, 0, digits, digits, bf16=bf16))[-1].evaluation.loss)
    assert found[1] == pytest.approx(found[0], rel=0.5)


def test_predictions_are_log_probabilities(digits: Images) -> None:
    answers = predict(NETWORKS["twopool-17k"](), digits.images[:30])
    assert answers.shape == (30, 10)
    assert torch.allclose(answers.exp().sum(1), torch.ones(30), atol=1e-5)


def test_keys_of_neighbouring_steps_share_no_bits_pattern() -> None:
    keys = {key(seed, epoch, step) for seed in range(5) for epoch in range(20) for step in range(50)}
    assert len(keys) == 5000
    flipped = [bin(key(0, 0, step) ^ key(0, 0, step + 1)).count("1") for step in range(500)]
    assert 28 < sum(flipped) / 500 < 35
    assert all(0 <= value < 2**63 for value in keys)


def rates(schedule: Schedule, steps: int, epochs: int) -> list[float]:
    return [rate_factor(schedule, step, steps, epochs) for step in range(steps * epochs)]


def torch_rates(make: object, count: int) -> list[float]:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)  # type: ignore[operator]
    found = []
    for _ in range(count):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_the_step_schedule_is_that_of_torch() -> None:
    theirs = torch_rates(lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 6, 0.1), 15)
    ours = rates(Schedule("step", every=6, factor=0.1), 4, 15)
    assert ours == pytest.approx([rate for rate in theirs for _ in range(4)])


def test_uneven_milestones_are_those_of_torch() -> None:
    theirs = torch_rates(lambda optimizer: torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 4, 9], 0.2), 12)
    ours = rates(Schedule("step", every=2, milestones=(3, 4, 9), factor=0.2), 5, 12)
    assert ours == pytest.approx([rate for rate in theirs for _ in range(5)])


@pytest.mark.parametrize("milestones", [(5, 3), (4, 4), (0,), (-2, 3)])
def test_milestones_that_do_not_rise_are_refused(milestones: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"milestones is .* –"):
        Schedule("step", milestones=milestones)


def test_the_cosine_schedule_is_that_of_torch() -> None:
    theirs = torch_rates(lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 39, 0.01), 40)
    assert rates(Schedule("cosine", end=0.01), 4, 10) == pytest.approx(theirs)


@pytest.mark.parametrize("shape", ["cosine", "linear"])
def test_the_one_cycle_schedule_is_that_of_torch(shape: str) -> None:
    def make(optimizer: torch.optim.Optimizer) -> object:
        kind = {"cosine": "cos", "linear": "linear"}[shape]
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 1.0, total_steps=401, pct_start=0.25, anneal_strategy=kind, div_factor=25, final_div_factor=1e9
        )

    # torch's peak stands one step before the quarter of 401; over 400 steps the two differ by that step at most.
    theirs, ours = torch_rates(make, 400), rates(Schedule("one-cycle", warmup=0.25, start=0.04, shape=shape), 40, 10)
    assert max(abs(a - b) for a, b in zip(theirs, ours, strict=True)) < 0.012


def test_the_constant_schedule_is_constant() -> None:
    assert set(rates(Schedule(), 3, 4)) == {1.0}
