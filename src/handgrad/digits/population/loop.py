"""Many seeds of one recipe trained in one go: the loop of `handgrad.digits.training.loop` with a dimension more, the members.

Each member sees the images, changes and dropout masks that its seed sees alone, and has statistics, loss and average of its
own. The sums are the same in another order, so a member and its seed alone differ by rounding, and by what training makes of
it: in float64 by less than 1e-9 after 12 steps; in fp32 by less than 1e-5 after the first steps, and later as much as two
trainings on another number of threads do (``docs/population.md``). The host waits for the device between epochs only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from handgrad.digits.networks.dropout import quicken_dropout, set_dropout
from handgrad.digits.population.layers import Draws, StackedDropout
from handgrad.digits.population.stack import stack
from handgrad.digits.training.augment import amounts_drawn, annealed, changed, normalise
from handgrad.digits.training.loop import (
    Images,
    State,
    begin,
    end_of_epoch,
    key,
    learning_rate,
    steps_an_epoch,
    update_average,
)
from handgrad.digits.training.meter import Meter
from handgrad.digits.training.optimizers import make_optimizer
from handgrad.digits.training.recipe import Augmentation, Recipe
from handgrad.errors import DivergedError
from handgrad.runs.record import EpochScore

BROKEN = ("the loss is", "the weights are")


class Meters:
    """The sums of one epoch, a column per member. On CUDA the host's copy may lag a few steps behind, as in `Meter`."""

    def __init__(self, members: int, device: torch.device) -> None:
        self.sums = torch.zeros(2, members, dtype=torch.float64, device=device)
        """Loss over images, and how many were correct."""
        # When and what in one number, because a second tensor would be a second copy to the host.
        self.broken = torch.full((members,), -1, device=device)
        """2 · step + 0 where the loss was the first that was not finite, + 1 where it was the weights; -1 while all is well."""
        self.seen = self.steps = 0
        self.host = self.broken if device.type == "cpu" else self.broken.cpu().pin_memory()

    def add(self, losses: Tensor, correct: Tensor, count: int, sizes: Tensor) -> None:
        """Add a batch of *count* images a member: mean losses, how many were correct, the sizes of the weights after it."""
        self.sums += torch.stack((losses.detach().double() * count, correct.double()))
        # The loss before the weights: where both are broken it is the loss that a seed alone would have named.
        bad = torch.where(losses.detach().isfinite(), torch.where(sizes.isfinite(), -1, 1), 0)
        first = (self.broken < 0) & (bad >= 0)
        self.broken.copy_(torch.where(first, bad + 2 * self.steps, self.broken))
        self.seen, self.steps = self.seen + count, self.steps + 1
        if self.host is not self.broken:
            self.host.copy_(self.broken, non_blocking=True)

    @property
    def all_broken(self) -> bool:
        """Whether no member is whole any more, as far as the host knows."""
        return bool((self.host >= 0).all())

    def member(self, index: int) -> Meter:
        """Return the sums of one member as that member alone would have them."""
        loss, correct = self.sums[:, index].tolist()
        return Meter(self.sums.device, loss, correct, self.seen)


@dataclass
class Population:
    """Members under way. ``epoch`` epochs are complete, and ``step`` steps more."""

    seeds: tuple[int, ...]
    members: tuple[State, ...]
    """Each as its seed alone would have it; weights and counters are those of the last `copy_to_members`."""
    together: State
    """Weights, optimizer and average of all members; its meter and counters are not used."""
    draws: Draws | None
    """Of the dropout layers; None without any."""
    meters: Meters
    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    """Spent training in the epoch under way, all members together."""
    failed: dict[int, DivergedError] = field(default_factory=dict)
    """Members, by their place in ``seeds``, whose loss or weights are no longer finite."""

    @property
    def device(self) -> torch.device:
        """Where the members are."""
        return self.meters.sums.device

    def copy_to_members(self) -> None:
        """Give each member its weights, optimizer state, average, sums and counters: what a checkpoint of it holds."""
        self._copy_weights()
        _copy_optimizer(self.together.optimizer, [member.optimizer for member in self.members])
        for index, member in enumerate(self.members):
            member.meter = self.meters.member(index)
            member.epoch, member.step = self.epoch, self.step
            # Nobody can say whose seconds they were; shares add up to what the clock says.
            member.seconds = self.seconds / len(self.members)

    @torch.no_grad()
    def _copy_weights(self) -> None:
        """Give each member its weights, statistics and average."""
        pairs = [(self.together.network, [member.network for member in self.members])]
        if self.together.average is not None:
            pairs.append((self.together.average, [member.average for member in self.members if member.average]))
        for stacked, networks in pairs:
            states = [network.state_dict() for network in networks]
            for name, values in stacked.state_dict().items():
                for state, value in zip(states, values.unbind(), strict=True):
                    state[name].copy_(value)


def _copy_optimizer(stacked: torch.optim.Optimizer, optimizers: Sequence[torch.optim.Optimizer]) -> None:
    """Give each member's optimizer its part of the *stacked* one's state; counts of steps are the same for all."""
    states = stacked.state_dict()["state"]
    weights = [weight for group in stacked.param_groups for weight in group["params"]]
    for member, optimizer in enumerate(optimizers):
        own = {
            index: {
                # Adam's count of steps has no dimension of members, its means have. Clones, or all members would
                # share one memory.
                name: (value[member] if value.shape == weights[index].shape else value).clone()
                for name, value in values.items()
                if isinstance(value, Tensor)
            }
            for index, values in states.items()
        }
        optimizer.load_state_dict({"state": own, "param_groups": optimizer.state_dict()["param_groups"]})


def begin_population(
    build: Callable[[], nn.Module], recipe: Recipe, seeds: Sequence[int], device: torch.device
) -> Population:
    """Return the members before the first step, each with the first weights of its seed alone.

    Raises `UsageError` for a network whose layers several members cannot run in one go. Whether the recipe can be trained so
    and the network's own ``forward`` allows it is for `handgrad.digits.population.check` to say.
    """
    members = tuple(begin(build, recipe, seed, device) for seed in seeds)
    with torch.random.fork_rng(devices=[]):
        # Any seed would do: every weight of the template is replaced by the members' own.
        torch.manual_seed(key(seeds[0]))
        template = build().to(device)
    if recipe.dropout is not None:
        set_dropout(template, recipe.dropout)
    if device.type == "cpu":
        quicken_dropout(template)
    draws = Draws(device)
    network = stack(template, [member.network for member in members], draws)
    average = deepcopy(network).eval() if recipe.averaging.decay else None
    together = State(network, make_optimizer(network, recipe.optimizer), average, Meter(device))
    # Without dropout nothing draws, and setting a generator for each member and step would cost more than it gives.
    drawing = any(isinstance(layer, StackedDropout) for layer in network.modules())
    return Population(tuple(seeds), members, together, draws if drawing else None, Meters(len(members), device))


def train_population(
    population: Population,
    recipe: Recipe,
    training: Images,
    evaluation: Images,
    *,
    bf16: bool = False,
    after_step: Callable[[Population, float], None] | None = None,
) -> Iterator[list[EpochScore | DivergedError]]:
    """Train all members to the recipe's last epoch; yield after each epoch what each member got, in the order of the seeds.

    *after_step(population, learning rate)* is called between steps and may raise to stop there. A member whose loss or
    weights are no longer finite numbers is given its `DivergedError`, then and after every later epoch, and leaves the others
    alone: no sum runs over members. When none is left, training ends. Seconds of a member are its share of everyone's.
    """
    steps = steps_an_epoch(len(training), recipe)
    while population.epoch < recipe.epochs and len(population.failed) < len(population.seeds):
        orders = orders_of(population, len(training))
        population.together.network.train()
        for step in range(steps):
            began = time.perf_counter()
            batch = orders[:, step * recipe.batch_size : (step + 1) * recipe.batch_size]
            rate = learning_rate(recipe, population.epoch * steps + step, steps)
            take_step(population, recipe, training, batch, rate=rate, count=population.epoch * steps + step, bf16=bf16)
            population.step = step + 1
            population.seconds += time.perf_counter() - began
            if after_step:
                after_step(population, rate)
            # One whole member is enough to go on; the broken ones compute NaN, which costs no more than numbers.
            if population.meters.all_broken:
                break
        yield end_of_epochs(population, recipe, evaluation, steps)


def orders_of(population: Population, count: int) -> Tensor:
    """Return the order ``[members, count]`` in which each member sees the training images in this epoch."""
    generator, epoch = torch.Generator(), population.epoch
    orders = [torch.randperm(count, generator=generator.manual_seed(key(seed, epoch))) for seed in population.seeds]
    return torch.stack(orders).to(population.device)


def take_step(
    population: Population, recipe: Recipe, training: Images, batch: Tensor, *, rate: float, count: int, bf16: bool
) -> None:
    """Take one step of all members on the images *batch* ``[members, batch size]``; *count* steps were taken before."""
    epoch, step, together, members = population.epoch, population.step, population.together, len(batch)
    if population.draws:
        population.draws.begin([key(seed, epoch, step) for seed in population.seeds])
    keys = [key(seed, epoch, step, 1) for seed in population.seeds]
    changes = annealed(recipe.augmentation, count / (recipe.epochs * steps_an_epoch(len(training), recipe)))
    images = normalise(moved(training.images[batch.flatten()], changes, keys), training.kind)
    labels = training.labels[batch]
    for group in together.optimizer.param_groups:
        group["lr"] = rate

    with torch.autocast(population.device.type, torch.bfloat16, enabled=bf16):
        logits = together.network(images)
    logits = logits.float()
    each = F.cross_entropy(logits, labels.flatten(), label_smoothing=recipe.label_smoothing, reduction="none")
    # A mean for each member and then the sum: one mean over all would divide every gradient by the number of members.
    losses = each.view(members, -1).mean(1)
    together.optimizer.zero_grad()
    losses.sum().backward()  # no weight is shared, so each member's gradient is that of its own loss
    together.optimizer.step()
    update_average(together, recipe.averaging, count)

    right = (logits.detach().argmax(1).view(members, -1) == labels).sum(1)
    population.meters.add(losses, right, batch.shape[1], sizes_of_weights(together.network))


def amounts_of(keys: Sequence[int], drawn: int, count: int, device: torch.device) -> Tensor:
    """Return ``[members, drawn, count]``: what `training.augment.augment` draws for each member, on the device."""
    # A new pinned block a step: torch gives one out again only once its copy has arrived.
    amounts = torch.empty(len(keys), drawn, count, pin_memory=device.type == "cuda")
    generator = torch.Generator()
    for seed, own in zip(keys, amounts.unbind(), strict=True):
        # As `augment` draws, into the place where the number is needed: a loop over members is short, a copy for each
        # is not.
        torch.rand(drawn, count, generator=generator.manual_seed(seed), out=own)
    return amounts.mul_(2).sub_(1).to(device, non_blocking=True)


def moved(images: Tensor, recipe: Augmentation, keys: Sequence[int]) -> Tensor:
    """Return *images* ``[members * batch, *kind.bytes_shape]``, each member's as `training.augment.augment` does by its key."""
    if not recipe.any:
        return images.float()
    amounts = amounts_of(keys, amounts_drawn(recipe), len(images) // len(keys), images.device)
    return changed(images, recipe, amounts.transpose(0, 1).flatten(1))


@torch.no_grad()
def sizes_of_weights(network: nn.Module) -> Tensor:
    """Return each member's largest absolute weight or BatchNorm statistic, ``[members]``: finite as long as each of them is."""
    statistics = (buffer for buffer in network.buffers() if buffer.is_floating_point())
    return torch.cat([values.flatten(1) for values in (*network.parameters(), *statistics)], 1).abs().amax(1)


def end_of_epochs(
    population: Population, recipe: Recipe, evaluation: Images, steps: int
) -> list[EpochScore | DivergedError]:
    """Evaluate each member as its seed alone is, and set the counters to the start of the next epoch."""
    # Only the weights: what an optimizer holds is wanted by a checkpoint, and evaluation needs none of it.
    population._copy_weights()
    rate = learning_rate(recipe, (population.epoch + 1) * steps - 1, steps)
    found: list[EpochScore | DivergedError] = []
    for index, (member, code) in enumerate(zip(population.members, population.meters.broken.tolist(), strict=True)):
        if code >= 0 and index not in population.failed:
            population.failed[index] = diverged_at(recipe, population.epoch, code, steps)
        if index in population.failed:
            found.append(population.failed[index])
            continue
        member.meter, member.seconds = population.meters.member(index), population.seconds / len(population.members)
        found.append(end_of_epoch(member, recipe, evaluation, rate))
    population.epoch, population.step, population.seconds = population.epoch + 1, 0, 0.0
    population.meters = Meters(len(population.members), population.device)
    return found


def diverged_at(recipe: Recipe, epoch: int, code: int, steps: int) -> DivergedError:
    """Return the error that the member alone would have raised; *code* is that of `Meters.broken`."""
    step, what = divmod(code, 2)
    rate = learning_rate(recipe, epoch * steps + step, steps)
    where = f"epoch {epoch + 1}, step {step + 1}, learning rate {rate:g}"
    return DivergedError(f"{BROKEN[what]} no longer finite – {where}")
