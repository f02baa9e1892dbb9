"""Whether a recipe's seeds can be trained as a population and be what they are alone: looked up, and tried in float64."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from handgrad.digits.layers.failure import first_line
from handgrad.digits.networks.dropout import quicken_dropout
from handgrad.digits.networks.published import channels_last
from handgrad.digits.population.layers import Draws
from handgrad.digits.population.stack import stack
from handgrad.digits.training.checks import out_of_memory
from handgrad.digits.training.loop import key
from handgrad.digits.training.recipe import Recipe
from handgrad.errors import UsageError
from handgrad.runs.kind import DIGITS, DataKind

KNOWN = {
    "": ("network", "name", "note", "epochs", "batch_size", "test", "drop_last", "label_smoothing", "dropout"),
    "optimizer": ("name", "learning_rate", "momentum", "nesterov", "weight_decay", "beta1", "beta2", "others_rate"),
    "schedule": ("name", "every", "milestones", "factor", "warmup", "start", "end", "shape"),
    "augmentation": ("rotation", "shift", "scale", "shear", "stroke", "elastic", "anneal"),
    "averaging": ("decay",),
}
"""The settings, by table of a recipe file, that a population does as a training alone; others are refused."""
OPTIMIZERS = ("sgd", "adam", "adamw")
"""Each weight's step follows from its own gradients, so that weights of all members can stand in one tensor."""
# Few enough to be quick, and no divisor or multiple of the channel counts: a mixed-up dimension shows.
IMAGES = 6
CLOSE = 1e-8
"""Of the largest number in a tensor: far above what rounding in float64 makes of one step, far below any mistake."""


def check_population(recipe: Recipe, build: Callable[[], nn.Module], kind: DataKind = DIGITS) -> None:
    """Raise `UsageError`, one line, unless the members of a population of *recipe* are their seeds alone but for rounding.

    Settings and layers are looked up; the network's own ``forward`` is tried: two members take a step on random images in
    float64, on the CPU, together and alone, and scores, gradients and statistics must be the same. Takes a step's time.
    """
    unknown = [
        name for name in unusual(recipe) if name.rpartition(".")[2] not in KNOWN.get(name.rpartition(".")[0], ())
    ]
    if unknown:
        raise UsageError(f"a population does not know {unknown[0]} – use --no-population")
    if recipe.optimizer.name not in OPTIMIZERS:
        raise UsageError(f'a population does not know the optimizer "{recipe.optimizer.name}" – use --no-population')
    try:
        with torch.random.fork_rng(devices=[]):
            different = first_difference(build, kind)
    except UsageError as error:
        raise UsageError(f"{recipe.network}: {error} – use --no-population") from error
    except Exception as error:  # whatever a stranger's forward does with a batch that is not its own
        if out_of_memory(error):
            raise
        raise UsageError(f"{recipe.network}: no population runs, {first_line(error)} – use --no-population") from error
    if different:
        raise UsageError(
            f"{recipe.network}: {different} differs between a population and its seeds alone – use --no-population"
        )


def unusual(record: Any, prefix: str = "") -> list[str]:
    """Return the settings, by their names in a recipe file, that differ from the defaults."""
    found = []
    for field in fields(record):
        value = getattr(record, field.name)
        if is_dataclass(value):
            found += unusual(value, f"{prefix}{field.name}.")
        elif value != (field.default if field.default_factory is MISSING else field.default_factory()):
            found.append(prefix + field.name)
    return found


def first_difference(build: Callable[[], nn.Module], kind: DataKind = DIGITS) -> str | None:
    """Return what is not the same when two members take a step together and alone, None when all is."""
    alone = [seeded(build, seed) for seed in (0, 1)]
    draws = Draws(torch.device("cpu"))
    together = stack(copy.deepcopy(alone[0]), alone, draws).train()
    # Noise and not digits: every pixel counts, and no two images agree by chance.
    images = torch.randn(2, IMAGES, *kind.shape, dtype=torch.float64)
    labels = torch.arange(IMAGES) % kind.count
    expected = []
    for seed, network in enumerate(alone):
        # As the first step of a training seeds: dropout then draws the same masks alone and in the population.
        torch.manual_seed(key(seed, 0, 0))
        expected.append(network.train()(images[seed].contiguous(memory_format=torch.channels_last)))
        F.cross_entropy(expected[-1], labels).backward()
    draws.begin([key(seed, 0, 0) for seed in (0, 1)])
    logits = together(images.flatten(0, 1).contiguous(memory_format=torch.channels_last))
    if logits.shape != torch.cat(expected).shape:
        return f"the shape {list(logits.shape)} of the scores"
    # The mean over both members' images, twice: the sum of the two means that the members have alone.
    (2 * F.cross_entropy(logits, labels.repeat(2))).backward()
    if not close(logits, torch.cat(expected)):
        return "the output of the network"
    return difference_of_state(together, alone)


def seeded(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Return the network with the first weights of *seed*, in float64, laid out as in a training: masks follow the layout."""
    torch.manual_seed(key(seed))
    network = channels_last(build().double())
    quicken_dropout(network)
    return network


def difference_of_state(together: nn.Module, alone: list[nn.Module]) -> str | None:
    """Return the first gradient, weight or statistic that is not each member's own."""
    states = [network.state_dict(keep_vars=True) for network in alone]
    found = together.state_dict(keep_vars=True)
    # The order too: checkpoints and optimizers go by it.
    if list(found) != list(states[0]):
        return "the list of weights"
    for name, values in found.items():
        own = [state[name] for state in states]
        if not close(values, torch.stack(own)):
            return name
        gradients = [value.grad for value in own if value.grad is not None]
        if (values.grad is None) != (not gradients):
            return f"the gradient of {name}"
        if values.grad is not None and not close(values.grad, torch.stack(gradients)):
            return f"the gradient of {name}"
    return None


def close(found: Tensor, expected: Tensor) -> bool:
    """Whether two tensors are the same but for rounding in float64."""
    found, expected = found.detach(), expected.detach()
    # Never below 1: a gradient that is 1e-12 alone and 0 together is no difference.
    scale = max(1.0, float(expected.abs().max())) if expected.numel() else 1.0
    return bool(((found - expected).abs() <= CLOSE * scale).all())
