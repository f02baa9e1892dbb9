"""What the pictures of a report are made from, kept as tensors, so that no report needs the live network."""

from __future__ import annotations

import torch
from torch import Tensor

from handgrad.digits.training.augment import augment
from handgrad.digits.training.loop import Images, key, steps_an_epoch
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.schedule import rate_factor
from handgrad.runs.kind import DataKind

# Rows of a page; kept as bytes with each run, so that a report needs neither data set nor network.
SAMPLES = 24
# A good network misreads 50 of 10,000: the surest of them are what one learns from.
MISTAKES = 40
CLASSES_SHOWN = 20


def make_evidence(recipe: Recipe, seed: int, training: Images, test: Images, *, answers: Tensor) -> dict[str, Tensor]:
    """Return, on the CPU, what a report shows of a run that gave *answers*, the log-probabilities of the whole test set.

    ``log_probabilities`` fp32 ``[n, classes]`` and ``labels`` (uint8, or int16 where there are more than 256 classes) ``[n]``
    of the whole test set; ``mistake_index`` int64 and ``mistake_images`` uint8 ``[m, *bytes_shape]``, the surest wrong answers
    first; ``digit_index`` and ``digit_images``, the first test image of each class, of the first 20 of them;
    ``sample_before`` and ``sample_after`` uint8 ``[24, *bytes_shape]`` with ``sample_labels``, training images as they are and
    as the first step of the first epoch might change them; ``learning_rates`` fp32, one per step.
    """
    images, labels = test.images.cpu(), test.labels.cpu()
    answers = answers.cpu()
    mistakes = surest_mistakes(answers, labels)
    digits = torch.stack([(labels == digit).nonzero()[0, 0] for digit in labels.unique()[:CLASSES_SHOWN]])
    before = training.images[:SAMPLES].cpu()
    # The key of the first step of the first epoch: what is shown is what that step was really given.
    generator = torch.Generator().manual_seed(key(seed, 0, 0, 1))
    after = augment(before, recipe.augmentation, generator).round().clamp(0, 255).byte()
    return {
        "log_probabilities": answers,
        "labels": small(labels, test.kind),
        "mistake_index": mistakes,
        "mistake_images": images[mistakes],
        "digit_index": digits,
        "digit_images": images[digits],
        "sample_before": before,
        "sample_after": after,
        "sample_labels": small(training.labels[:SAMPLES].cpu(), training.kind),
        "learning_rates": learning_rates(recipe, len(training)),
    }


def small(labels: Tensor, kind: DataKind) -> Tensor:
    """Return *labels* in the smallest integers that hold them."""
    return labels.byte() if kind.count <= 256 else labels.to(torch.int16)


def surest_mistakes(log_probabilities: Tensor, labels: Tensor) -> Tensor:
    """Return the indices of up to 40 wrong answers, the one given with the highest probability first."""
    best, answer = log_probabilities.max(dim=1)
    wrong = (answer != labels).nonzero()[:, 0]
    # Stable: equal probabilities stand in the order of the test set, on every machine.
    return wrong[best[wrong].argsort(descending=True, stable=True)][:MISTAKES]


def learning_rates(recipe: Recipe, count: int) -> Tensor:
    """Return the learning rate of every step of the whole run over *count* training images."""
    steps = steps_an_epoch(count, recipe)
    factors = [rate_factor(recipe.schedule, step, steps, recipe.epochs) for step in range(steps * recipe.epochs)]
    return torch.tensor(factors) * recipe.optimizer.learning_rate
