"""What must hold before a training begins; each check raises one line that says what to change."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from handgrad.allowance import memory_limit
from handgrad.digits.layers.failure import first_line
from handgrad.digits.training.recipe import Recipe
from handgrad.errors import HandgradError, UsageError, counted
from handgrad.runs.kind import DIGITS, DataKind

OUT_OF_MEMORY = ("not enough memory", "can't allocate memory", "cannot allocate memory", "out of memory")
"""What torch's RuntimeError says, in small letters, when a CPU or a GPU has no more."""


def check_batches(count: int, recipe: Recipe) -> None:
    """Refuse a recipe whose batches the training set cannot fill."""
    if recipe.drop_last and count < recipe.batch_size:
        raise UsageError(
            f"batch_size {recipe.batch_size} with drop_last – only {counted(count, 'training image')}, nothing is left"
        )


def check_augmentation(recipe: Recipe, kind: DataKind) -> None:
    """Refuse changes of the images that mean nothing for images of this *kind*."""
    if recipe.augmentation.stroke and kind.channels > 1:
        raise UsageError("augmentation.stroke moves the edge of the ink, and colour images have none – leave it out")
    if recipe.augmentation.shift > kind.side / 2:
        raise UsageError(
            f"augmentation.shift is {recipe.augmentation.shift:g} pixels – at most half of {kind.side} is possible"
        )


def check_trains(network: nn.Module, count: int, recipe: Recipe, kind: DataKind = DIGITS) -> None:
    """Raise `UsageError` unless a copy of *network* takes a training step on the smallest batch of an epoch.

    With 60,001 images the last batch is one image, and a BatchNorm behind a global pool cannot learn from one: better to
    say so now than at the end of the first epoch. Leaves *network* and torch's random state as they were.
    """
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise UsageError(f"{recipe.network} has no parameters that learn – there is nothing to train")
    # The smallest batch that will ever come, which is where BatchNorm fails.
    last = 0 if recipe.drop_last else count % recipe.batch_size
    size = last or min(recipe.batch_size, count)
    try:
        with torch.random.fork_rng(devices=[]):
            trial = copy.deepcopy(network).train()
            logits = trial(torch.zeros(size, *kind.shape))
            # Backward too: an operation that works in place on what its gradient needs fails only there.
            F.cross_entropy(logits.float(), torch.zeros(size, dtype=torch.long)).backward()
    except Exception as error:
        # Not the network's fault, and told by another message further up.
        if out_of_memory(error):
            raise
        if size == 1 and "more than 1 value per channel" in str(error):
            raise UsageError(
                f"the last batch of an epoch has 1 of {count:,} images, and BatchNorm cannot learn from one – "
                "choose another batch_size or set drop_last=true"
            ) from error
        raise UsageError(f"{recipe.network} cannot be trained: {first_line(error)} – correct the network") from error


def out_of_memory(error: BaseException) -> bool:
    """Return whether *error* says that there was no memory left, on the CPU or on a GPU."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in OUT_OF_MEMORY)


@contextmanager
def explain_out_of_memory(recipe: Recipe) -> Iterator[None]:
    """Turn an out-of-memory error, from Python or from torch, into one line with the batch size and what to do."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        smaller, limit = max(2, recipe.batch_size // 2), memory_limit()
        bound = f", and a limit of {limit >> 20:,} MiB is set on this process" if limit else ""
        raise HandgradError(
            f"out of memory – batch_size is {recipe.batch_size:,}{bound} – "
            f"try --set batch_size={smaller}, or end other programs"
        ) from error
