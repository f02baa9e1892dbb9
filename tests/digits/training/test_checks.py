"""What must hold before a training begins: what cannot be trained is refused in one line that says what to change."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from handgrad.digits.training.checks import (
    check_augmentation,
    check_batches,
    check_trains,
    explain_out_of_memory,
    out_of_memory,
)
from handgrad.digits.training.recipe import Augmentation, Recipe
from handgrad.errors import HandgradError, UsageError
from handgrad.runs.kind import DIGITS, DataKind


def recipe(batch_size: int = 8, *, drop_last: bool = False) -> Recipe:
    return Recipe(network="net.py:Net", batch_size=batch_size, drop_last=drop_last)


class Normed(nn.Sequential):
    """Normalizes one value a channel, as behind a global pool: torch refuses a batch of one there."""

    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(784, 10), nn.BatchNorm1d(10))
        self.sizes: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        assert images.shape[1:] == (1, 28, 28)
        self.sizes.append(len(images))
        return super().forward(images)


class Failing(Normed):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def forward(self, images: Tensor) -> Tensor:
        raise self.error


@pytest.mark.parametrize(("count", "refused"), [(7, True), (8, False), (9, False)])
def test_batches_that_the_training_set_cannot_fill_are_refused(count: int, refused: bool) -> None:
    check_batches(count, recipe())
    if not refused:
        return check_batches(count, recipe(drop_last=True))
    with pytest.raises(UsageError) as found:
        check_batches(count, recipe(drop_last=True))
    assert str(found.value) == "batch_size 8 with drop_last – only 7 training images, nothing is left"
    return None


def test_a_network_that_learns_nothing_is_refused() -> None:
    network = Normed().requires_grad_(False)
    with pytest.raises(UsageError) as found:
        check_trains(network, 100, recipe())
    assert str(found.value) == "net.py:Net has no parameters that learn – there is nothing to train"


def test_one_image_left_for_the_last_batch_is_said_with_both_ways_out() -> None:
    with pytest.raises(UsageError) as found:
        check_trains(Normed(), 60_001, recipe())
    assert str(found.value) == (
        "the last batch of an epoch has 1 of 60,001 images, and BatchNorm cannot learn from one – "
        "choose another batch_size or set drop_last=true"
    )
    check_trains(Normed(), 60_001, recipe(drop_last=True))
    check_trains(Normed(), 60_002, recipe())


@pytest.mark.parametrize(
    ("count", "drop_last", "size"), [(20, False, 4), (16, False, 8), (5, False, 5), (20, True, 8), (8, False, 8)]
)
def test_the_trial_is_the_smallest_batch_of_an_epoch(count: int, drop_last: bool, size: int) -> None:
    network = Normed()
    seen = network.sizes
    network.__deepcopy__ = lambda memo: network  # type: ignore[method-assign]
    check_trains(network, count, recipe(drop_last=drop_last))
    assert seen == [size]


def test_the_trial_leaves_network_and_torchs_numbers_as_they_were() -> None:
    network = nn.Sequential(nn.Dropout(0.5), nn.Flatten(), nn.Linear(784, 10)).eval()
    before, state = [each.clone() for each in network.parameters()], torch.get_rng_state()
    check_trains(network, 20, recipe())
    assert all(torch.equal(a, b) and b.grad is None for a, b in zip(before, network.parameters(), strict=True))
    assert torch.equal(torch.get_rng_state(), state) and not network.training


def test_a_network_that_fails_says_how_in_one_line() -> None:
    with pytest.raises(UsageError) as found:
        check_trains(Failing(ValueError("no such thing\nat all")), 100, recipe())
    assert str(found.value) == "net.py:Net cannot be trained: ValueError: no such thing – correct the network"
    with pytest.raises(UsageError, match="cannot be trained"):
        check_trains(nn.Sequential(nn.Flatten(), nn.Linear(784, 4, bias=False), nn.Flatten(0)), 100, recipe())
    with pytest.raises(RuntimeError, match="out of memory"):
        check_trains(Failing(RuntimeError("CUDA error: out of memory")), 100, recipe())
    # The words of another error in a batch of more than one are no reason to blame the batch.
    with pytest.raises(UsageError, match="cannot be trained: ValueError: Expected more than 1 value per channel"):
        check_trains(Failing(ValueError("Expected more than 1 value per channel")), 16, recipe())
    with pytest.raises(UsageError, match="cannot be trained: ValueError: quite another"):
        check_trains(Failing(ValueError("quite another")), 17, recipe())


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (MemoryError(), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: not enough memory"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), True),
        (RuntimeError("Cannot allocate memory"), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_an_error_is_known_as_want_of_memory_by_its_kind_and_words(error: Exception, memory: bool) -> None:
    assert out_of_memory(error) is memory


@pytest.mark.parametrize(("batch_size", "smaller"), [(4096, 2048), (7, 3), (4, 2), (2, 2)])
def test_want_of_memory_is_told_with_a_batch_that_takes_half(batch_size: int, smaller: int) -> None:
    with pytest.raises(HandgradError) as found, explain_out_of_memory(recipe(batch_size)):
        raise MemoryError
    assert str(found.value) == (
        f"out of memory – batch_size is {batch_size:,} – try --set batch_size={smaller}, or end other programs"
    )
    with pytest.raises(RuntimeError, match="another thing"), explain_out_of_memory(recipe(batch_size)):
        raise RuntimeError("another thing")
    with explain_out_of_memory(recipe(batch_size)):
        pass


def augmented(**changes: float) -> Recipe:
    return Recipe(network="net.py:Net", augmentation=Augmentation(**changes))


COLOUR = DataKind(3, 32, tuple("abcdefghij"))


def test_a_stroke_is_refused_where_there_is_no_ink_and_nowhere_else() -> None:
    check_augmentation(augmented(stroke=0.5), DIGITS)
    check_augmentation(augmented(), COLOUR)
    with pytest.raises(UsageError) as refused:
        check_augmentation(augmented(stroke=0.5), COLOUR)
    assert str(refused.value) == (
        "augmentation.stroke moves the edge of the ink, and colour images have none – leave it out"
    )


@pytest.mark.parametrize(
    ("kind", "half"), [(DataKind(1, 20, DIGITS.classes), 10), (DataKind(3, 24, DIGITS.classes), 12)]
)
def test_a_shift_of_half_the_image_is_the_largest(kind: DataKind, half: int) -> None:
    check_augmentation(augmented(shift=half), kind)
    with pytest.raises(UsageError) as refused:
        check_augmentation(augmented(shift=half + 0.5), kind)
    assert str(refused.value) == (
        f"augmentation.shift is {half + 0.5:g} pixels – at most half of {2 * half} is possible"
    )
