"""The training loop, in plain sight.

Everything random in a step is drawn from generators keyed by (seed, epoch, step), so there is no position in a stream to
save: a run stopped anywhere and resumed is the run that was never stopped.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from handgrad.digits.networks.dropout import quicken_dropout, set_dropout
from handgrad.digits.networks.fused import fuse
from handgrad.digits.networks.published import channels_last
from handgrad.digits.training.augment import augment, normalise
from handgrad.digits.training.meter import Meter
from handgrad.digits.training.muon import Muon
from handgrad.digits.training.recipe import Averaging, Optimizer, Recipe
from handgrad.digits.training.schedule import rate_factor
from handgrad.errors import DivergedError
from handgrad.runs.record import EpochScore, Score

EVALUATION_BATCH = 1000


@dataclass(frozen=True)
class Images:
    """Images as bytes ``[n, 28, 28]`` and their labels ``[n]`` (int64), both on the device that trains."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> Images:
        """Return the same images on *device*."""
        return Images(self.images.to(device), self.labels.to(device))


@dataclass
class State:
    """Everything that a training changes; what a checkpoint holds. ``epoch`` epochs are complete, and ``step`` steps more."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    average: nn.Module | None
    meter: Meter
    """Of the epoch under way."""
    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    """Spent training in the epoch under way."""

    @property
    def evaluated(self) -> nn.Module:
        """The network whose accuracy counts: the average where there is one, else the network itself."""
        return self.network if self.average is None else self.average


def key(*parts: int) -> int:
    """Mix (seed, epoch, step, …) into one 63-bit seed; neighbouring inputs give unrelated outputs (splitmix64)."""
    mask, mixed = (1 << 64) - 1, 0
    for part in parts:
        mixed = (mixed + part + 0x9E3779B97F4A7C15) & mask
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & mask
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
        mixed ^= mixed >> 31
    return mixed >> 1


def begin(build: Callable[[], nn.Module], recipe: Recipe, seed: int, device: torch.device) -> State:
    """Return the state before the first step: first weights drawn from *seed* alone, on the CPU, whatever the device."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key(seed))
        network = build()
    if recipe.dropout is not None:
        set_dropout(network, recipe.dropout)
    if device.type == "cpu":
        quicken_dropout(network)
        fuse(network)
    network = channels_last(network).to(device)
    average = copy.deepcopy(network).eval() if recipe.averaging.decay else None
    return State(network, make_optimizer(network, recipe.optimizer), average, Meter(device))


def make_optimizer(network: nn.Module, recipe: Optimizer) -> torch.optim.Optimizer:
    """Return torch's optimizer for *recipe*; its learning rate is set anew before every step."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.name == "sgd":
        return torch.optim.SGD(
            parameters, rate, momentum=recipe.momentum, nesterov=recipe.nesterov, weight_decay=decay, fused=True
        )
    betas = (recipe.beta1, recipe.beta2)
    if recipe.name == "muon":
        return Muon(
            [parameter for parameter in parameters if parameter.dim() == 4],
            [parameter for parameter in parameters if parameter.dim() != 4],
            lr=rate,
            others_rate=recipe.others_rate,
            momentum=recipe.momentum,
            nesterov=recipe.nesterov,
            betas=betas,
            weight_decay=decay,
        )
    if recipe.name == "rmsprop":
        return torch.optim.RMSprop(
            parameters, rate, alpha=recipe.beta2, momentum=recipe.momentum, weight_decay=decay, foreach=True
        )
    kind = torch.optim.Adam if recipe.name == "adam" else torch.optim.AdamW
    return kind(parameters, rate, betas=betas, weight_decay=decay, fused=True)


def steps_an_epoch(count: int, recipe: Recipe) -> int:
    """Return how many steps *count* training images make."""
    return count // recipe.batch_size if recipe.drop_last else math.ceil(count / recipe.batch_size)


def train(
    state: State,
    recipe: Recipe,
    seed: int,
    training: Images,
    evaluation: Images,
    *,
    bf16: bool = False,
    after_step: Callable[[State, float], None] | None = None,
) -> Iterator[EpochScore]:
    """Train from wherever *state* stands to the recipe's last epoch; yield after each epoch's evaluation.

    *after_step(state, learning rate)* is called between steps, when *state* is whole: it may show progress, and may raise
    to stop there. Raises `DivergedError` within a step of the first loss, gradient or weight that is not a finite number: a
    gradient that is not makes weights that are not, whatever the optimizer.
    """
    steps = steps_an_epoch(len(training), recipe)
    device = training.images.device
    for epoch in range(state.epoch, recipe.epochs):
        state.network.train()
        order = torch.randperm(len(training), generator=torch.Generator().manual_seed(key(seed, epoch))).to(device)
        for step in range(state.step, steps):
            began = time.perf_counter()
            batch = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
            seed_device(device, key(seed, epoch, step))  # whatever the network draws: dropout
            generator = torch.Generator().manual_seed(key(seed, epoch, step, 1))
            images = normalise(augment(training.images[batch], recipe.augmentation, generator))
            labels = training.labels[batch]
            rate = learning_rate(recipe, epoch * steps + step, steps)
            for group in state.optimizer.param_groups:
                group["lr"] = rate

            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                logits = state.network(images)
            logits = logits.float()
            loss = F.cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
            state.optimizer.zero_grad()
            loss.backward()
            state.optimizer.step()
            update_average(state, recipe.averaging, epoch * steps + step)

            right = (logits.detach().argmax(1) == labels).sum()
            state.meter.add(loss, right, len(labels), size_of_weights(state.network))
            state.step = step + 1
            state.seconds += time.perf_counter() - began
            if state.meter.broken:
                where = f"epoch {epoch + 1}, step {step + 1}, learning rate {rate:g}"
                raise DivergedError(f"{state.meter.broken} no longer finite – {where}")
            if after_step:
                after_step(state, rate)
        # Not the rate of the loop above: a run resumed after the last step of an epoch has taken no step here.
        yield end_of_epoch(state, recipe, evaluation, learning_rate(recipe, (epoch + 1) * steps - 1, steps))


def seed_device(device: torch.device, seed: int) -> None:
    """Seed what *device* draws from, and nothing else: ``torch.manual_seed`` looks for every kind of device, at each step."""
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)


@torch.no_grad()
def size_of_weights(network: nn.Module) -> Tensor:
    """Return the largest absolute weight or BatchNorm statistic, a scalar on the device: finite as long as each of them is."""
    statistics = (buffer for buffer in network.buffers() if buffer.is_floating_point())
    return torch.cat([values.flatten() for values in (*network.parameters(), *statistics)]).abs().max()


def learning_rate(recipe: Recipe, step: int, steps_an_epoch: int) -> float:
    """Return the learning rate at *step*, counted from 0 over the whole run."""
    return recipe.optimizer.learning_rate * rate_factor(recipe.schedule, step, steps_an_epoch, recipe.epochs)


def end_of_epoch(state: State, recipe: Recipe, evaluation: Images, rate: float) -> EpochScore:
    """Evaluate, return the epoch's figures and set the counters of *state* to the start of the next epoch."""
    began = time.perf_counter()
    score = evaluate(state.evaluated, evaluation)
    loss, correct, seen = state.meter.totals()
    training = Score(loss / seen, correct, seen)
    seconds = time.perf_counter() - began
    result = EpochScore(
        epoch=state.epoch + 1,
        learning_rate=rate,
        training=training,
        evaluation=score,
        # Rounded here, so that the record in memory is the one that a resumed run reads: a tenth of a millisecond is noise.
        seconds_training=round(state.seconds, 4),
        seconds_evaluating=round(seconds, 4),
    )
    state.epoch, state.step, state.seconds = state.epoch + 1, 0, 0.0
    state.meter = Meter(evaluation.images.device)
    return result


def update_average(state: State, recipe: Averaging, step: int) -> None:
    """Move the average towards the weights and BatchNorm statistics of this step; the first steps count more."""
    if state.average is None:
        return
    decay = min(recipe.decay, (1 + step) / (10 + step))
    pairs = zip(state.average.state_dict().values(), state.network.state_dict().values(), strict=True)
    for mean, value in pairs:
        if mean.is_floating_point():
            mean.lerp_(value, 1 - decay)
        else:
            mean.copy_(value)


@torch.inference_mode()
def predict(network: nn.Module, images: Tensor) -> Tensor:
    """Return the log-probabilities ``[n, 10]`` (fp32, on the device) that *network* in ``eval()`` gives *images* (bytes)."""
    network.eval()
    batches = [network(normalise(batch)) for batch in images.split(EVALUATION_BATCH)]
    return F.log_softmax(torch.cat(batches).float(), dim=1)


def evaluate(network: nn.Module, images: Images) -> Score:
    """Return mean loss and the number of right answers on *images*, computed in fp32 whatever the training used."""
    return score_of(predict(network, images.images), images.labels)


def score_of(log_probabilities: Tensor, labels: Tensor) -> Score:
    """Return loss and counts of given answers ``[n, 10]`` against *labels* ``[n]``."""
    loss = F.nll_loss(log_probabilities, labels).item()
    correct = int((log_probabilities.argmax(1) == labels).sum())
    return Score(loss, correct, len(labels))
