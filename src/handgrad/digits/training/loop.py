"""The training loop, in plain sight.

Everything random in a step is drawn from generators keyed by (seed, epoch, step), so there is no position in a stream to
save: a run stopped anywhere and resumed is the run that was never stopped.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from handgrad.digits.networks.dropout import quicken_dropout, set_dropout
from handgrad.digits.networks.fused import fuse
from handgrad.digits.networks.published import channels_last
from handgrad.digits.training.augment import annealed, augment, normalise
from handgrad.digits.training.meter import Meter
from handgrad.digits.training.optimizers import make_optimizer, split_by_rate
from handgrad.digits.training.recipe import Averaging, Recipe
from handgrad.digits.training.schedule import rate_factor
from handgrad.errors import DivergedError
from handgrad.runs.kind import DIGITS, DataKind
from handgrad.runs.record import EpochScore, Score

# Ten batches of a test set. The size has a say in the last digits, so it is not a setting: figures of two runs must not
# differ by how they were read.
EVALUATION_BATCH = 1000


@dataclass(frozen=True)
class Images:
    """Images as bytes ``[n, *kind.bytes_shape]`` and their labels ``[n]`` (int64), both on the device that trains."""

    images: Tensor
    labels: Tensor
    kind: DataKind = DIGITS

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> Images:
        """Return the same images on *device*."""
        return Images(self.images.to(device), self.labels.to(device), self.kind)


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
        # The golden ratio in 64 bits: it keeps the parts 0, 0, 0 from mixing to 0.
        mixed = (mixed + part + 0x9E3779B97F4A7C15) & mask
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & mask
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
        mixed ^= mixed >> 31
    # 63 bits: torch takes seeds as signed numbers.
    return mixed >> 1


def begin(
    build: Callable[[], nn.Module],
    recipe: Recipe,
    seed: int,
    device: torch.device,
    *,
    factors: Mapping[str, float] | None = None,
) -> State:
    """Return the state before the first step: first weights drawn from *seed* alone, on the CPU, whatever the device.

    *factors* multiply the learning rate of the parameters that they name.
    """
    # Whoever calls us from a script of their own keeps their random numbers.
    with torch.random.fork_rng(devices=[]):
        # Mixed, because seeds 0 and 1 as they are start two streams that agree in their first draws on some
        # generators.
        torch.manual_seed(key(seed))
        network = build()
    if recipe.dropout is not None:
        set_dropout(network, recipe.dropout)
    if device.type == "cpu":
        quicken_dropout(network)
        fuse(network)
    # After fusing, which looks at modules; and before the optimizer, which must hold the tensors that are trained.
    network = channels_last(network).to(device)
    # In evaluation mode for good: its statistics follow the network's, they are not gathered again.
    average = copy.deepcopy(network).eval() if recipe.averaging.decay else None
    optimizer = make_optimizer(network, recipe.optimizer)
    if factors:
        split_by_rate(optimizer, network, factors)
    return State(network, optimizer, average, Meter(device))


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
        # On the CPU, whatever trains: CUDA's generator would give another order, and a run could not be compared
        # across devices.
        order = torch.randperm(len(training), generator=torch.Generator().manual_seed(key(seed, epoch))).to(device)
        # The whole order is drawn although a resumed epoch uses only its rest: the same draw, the same images.
        for step in range(state.step, steps):
            began = time.perf_counter()
            batch = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
            seed_device(device, key(seed, epoch, step))  # whatever the network draws: dropout
            # A generator of its own, so that dropout more or less in a network leaves the images as they were.
            generator = torch.Generator().manual_seed(key(seed, epoch, step, 1))
            changes = annealed(recipe.augmentation, (epoch * steps + step) / (recipe.epochs * steps))
            images = normalise(augment(training.images[batch], changes, generator), training.kind)
            labels = training.labels[batch]
            rate = learning_rate(recipe, epoch * steps + step, steps)
            for group in state.optimizer.param_groups:
                # Set again at each step and read from nowhere: a resumed run needs no scheduler's state.
                group["lr"] = rate * group.get("factor", 1.0)

            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                logits = state.network(images)
            # bf16 has three digits: a loss computed in it would stand still long before the network does.
            logits = logits.float()
            loss = F.cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
            # To None, torch's default: the first backward writes instead of adding, one pass over memory less.
            state.optimizer.zero_grad()
            loss.backward()
            state.optimizer.step()
            update_average(state, recipe.averaging, epoch * steps + step)

            # On the device, with no look at the number: reading it would make the host wait at every step.
            right = (logits.detach().argmax(1) == labels).sum()
            state.meter.add(loss, right, len(labels), size_of_weights(state.network))
            # Here, and not at the loop's head: a stop between two steps finds the state whole and its counter true.
            state.step = step + 1
            state.seconds += time.perf_counter() - began
            # After the optimizer, because weights are what is kept: a gradient that is not finite shows in them one
            # line later.
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
    # Of all in one: a maximum with a NaN in it is NaN, and one number is one look for the host.
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
    # At the start the average would be mostly first weights: with (1 + n) / (10 + n), as in published training loops,
    # it follows closely for about ten steps and slows down to the recipe's decay.
    decay = min(recipe.decay, (1 + step) / (10 + step))
    pairs = zip(state.average.state_dict().values(), state.network.state_dict().values(), strict=True)
    for mean, value in pairs:
        if mean.is_floating_point():
            mean.lerp_(value, 1 - decay)
        else:
            # A count of batches: it has no mean.
            mean.copy_(value)


@torch.inference_mode()
def predict(network: nn.Module, images: Tensor, kind: DataKind = DIGITS) -> Tensor:
    """Return the log-probabilities ``[n, classes]`` (fp32, on the device) of *network* in ``eval()`` for *images* (bytes)."""
    network.eval()
    # Without autocast: the figure of a run must not depend on what precision it was trained in.
    batches = [network(normalise(batch, kind)) for batch in images.split(EVALUATION_BATCH)]
    return F.log_softmax(torch.cat(batches).float(), dim=1)


def answers_unnormalised(network: nn.Module, images: Tensor) -> Tensor:
    """Return the answers ``[n]`` to bytes ``[n, 28, 28]`` that are only divided by 255: the usual mistake, to be told of."""
    with torch.no_grad():
        batches = [network(batch.unsqueeze(1).float() / 255) for batch in images.split(EVALUATION_BATCH)]
    return torch.cat(batches).argmax(1)


def evaluate(network: nn.Module, images: Images) -> Score:
    """Return mean loss and the number of right answers on *images*, computed in fp32 whatever the training used."""
    return score_of(predict(network, images.images, images.kind), images.labels)


def score_of(log_probabilities: Tensor, labels: Tensor) -> Score:
    """Return loss and counts of given answers ``[n, classes]`` against *labels* ``[n]``."""
    # Without label smoothing: that is a means of training, and losses of two recipes must mean the same.
    loss = F.nll_loss(log_probabilities, labels).item()
    correct = int((log_probabilities.argmax(1) == labels).sum())
    return Score(loss, correct, len(labels))
