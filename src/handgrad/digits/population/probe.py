"""Whether a study trains its seeds as a population: on CUDA, and on a CPU where it is asked for, or a probe says so.

A member and its seed alone differ by rounding, so no clock may decide between them unless the user wants the timing.
"""

from __future__ import annotations

import copy
import math
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from handgrad.allowance import usable_cores, usable_memory
from handgrad.digits.population.check import check_population
from handgrad.digits.population.loop import Population, begin_population, train_population
from handgrad.digits.prepare import Prepared
from handgrad.digits.training.checks import explain_out_of_memory
from handgrad.digits.training.device import PROBE_STEPS, WORTH, device_of, using
from handgrad.digits.training.loop import Images, State, begin, train
from handgrad.digits.training.recipe import Recipe
from handgrad.digits.watcher import StopError
from handgrad.errors import UsageError
from handgrad.runs.environment import Machine
from handgrad.runs.kind import DIGITS

MOST_ON_CPU = 16
"""Members at a time on a CPU: what a step costs apart from arithmetic is shared by then, and more only leave the caches."""
MOST = 256
"""Members at a time on CUDA."""
PROBED_ON_CPU = 4
"""Members in the probe on a CPU, where each adds its part to the time: more gain little, and a probe must be short."""
MEMORY = 0.25
"""How much of the memory a population may be expected to take. Of all of it, not of what is free now: members that are trained
in other populations are rounded otherwise, and a study must not depend on what else is running."""
UNKNOWN_MEMORY = 4 << 30
"""What is counted on where the system does not say how much memory there is."""


@dataclass(frozen=True)
class TrainingPlan:
    """How a study trains its seeds, and why. Seconds are a seed's share of a training step, None where nothing was timed."""

    population: int
    """Members trained in one go; 0 where each seed trains alone."""
    why: str
    threads: int
    """Of each process; on a CPU two that are kept waiting can be slower than one, so a probe chooses here too."""
    seconds_alone: float | None = None
    """With a probe: the time of a step in a process, divided by the processes that would train at a time."""
    seconds_population: float | None = None


def choose_plan(
    prepared: Prepared,
    machine: Machine,
    seeds: Sequence[int],
    *,
    jobs: int,
    jobs_asked: bool = False,
    wanted: bool | None = None,
    timed: bool = False,
) -> TrainingPlan:
    """Return how the *seeds* are trained: as populations, or alone in *jobs* processes with *machine* each.

    *wanted* decides where it is not None; else *jobs_asked*, which asks for processes; else, where *timed*, a probe of a few
    steps on the first training images, for which the population must be `WORTH` times as fast; else the device: populations
    on CUDA, each seed alone on a CPU, where convolutions of one network are made for the processor (docs/population.md).
    Raises `UsageError` when a population is wanted and would not be the seeds alone.
    """
    recipe, build, kind = prepared.recipe, prepared.build, prepared.whole.kind
    if wanted is False:
        return TrainingPlan(0, "each seed trains alone, as asked", machine.threads)
    if wanted is None and jobs_asked:
        return TrainingPlan(0, "each seed trains alone: processes were asked for", machine.threads)
    if wanted is None and len(seeds) == 1:
        return TrainingPlan(0, "one seed trains alone", machine.threads)
    if wanted is None and not timed and machine.device == "cpu":
        return TrainingPlan(
            0, "each seed trains alone, as always on a CPU unless a population is asked for", machine.threads
        )
    try:
        check_population(recipe, build, kind)
    except UsageError as error:
        if wanted:
            raise
        return TrainingPlan(
            0, f"each seed trains alone: {str(error).removesuffix(' – use --no-population')}", machine.threads
        )
    with torch.random.fork_rng(devices=[]):
        size = members_at_a_time(build(), recipe, machine, len(seeds), shape=kind.shape)
    if wanted:
        return TrainingPlan(size, f"populations of up to {size}, as asked", machine.threads)
    if size == 1:
        return TrainingPlan(0, "each seed trains alone: there is not enough memory for two members", machine.threads)
    if not timed:
        return TrainingPlan(
            size, f"populations of up to {size}, as always on CUDA unless processes are asked for", machine.threads
        )
    probed = seeds[: min(size, PROBED_ON_CPU)] if machine.device == "cpu" else seeds[:size]
    return _faster_plan(prepared, machine, probed, size=size, jobs=jobs)


def _faster_plan(prepared: Prepared, machine: Machine, probed: Sequence[int], *, size: int, jobs: int) -> TrainingPlan:
    """Time a few steps each way, the population with the seeds *probed*, and return the faster one."""
    training = Images(prepared.seen.train_images, prepared.seen.train_labels, prepared.seen.kind)
    recipe, build = prepared.recipe, prepared.build
    counts = {1, usable_cores()} if machine.device == "cpu" else {machine.threads}
    # With devices this time: the probe trains on CUDA where that is the machine.
    with torch.random.fork_rng():
        # Divided by the processes: an optimist's figure for what they would do side by side, so a population must beat
        # that.
        alone = seconds_alone(recipe, build, training, machine, probed[0]) / jobs
        times = {
            count: seconds_together(recipe, build, training, replace(machine, threads=count), probed) / len(probed)
            for count in sorted(counts)
        }
    threads, together = min(times.items(), key=lambda item: item[1])
    ratio = alone / together
    processes = f" in {jobs} processes" if jobs > 1 else ""
    found = f"{len(probed)} together take {1000 * together:.3g} ms per step and seed, alone{processes} {1000 * alone:.3g} ms"
    if ratio >= WORTH:
        return TrainingPlan(
            size, f"populations of up to {size}: {found}, {ratio:.2f} times as fast", threads, alone, together
        )
    why = f"each seed trains alone: {found}, {ratio:.2f} times as fast, {WORTH:g} needed"
    return TrainingPlan(0, why, machine.threads, alone, together)


class Stopwatch:
    """Notes when steps end, and stops the training after those that a probe needs."""

    def __init__(self, machine: Machine) -> None:
        self.cuda, self.times = machine.device == "cuda", list[float]()

    def __call__(self, state: State | Population, learning_rate: float) -> None:
        """Note the end of a step; raise `StopError` after the last."""
        if self.cuda:
            torch.cuda.synchronize()
        self.times.append(time.perf_counter())
        # `>`: the first mark is the end of the step that is thrown away.
        if len(self.times) > PROBE_STEPS:
            raise StopError

    @property
    def seconds(self) -> float:
        """The median of the steps after the first, which also fills caches."""
        return statistics.median(after - before for before, after in pairwise(self.times))


def seconds_alone(
    recipe: Recipe, build: Callable[[], nn.Module], training: Images, machine: Machine, seed: int
) -> float:
    """Return the seconds of a step of one seed, all of it: images, network, optimizer, average, meter."""
    recipe, images, clock = for_probe(recipe), few(training, recipe, machine), Stopwatch(machine)
    with explain_out_of_memory(recipe), using(machine), suppress(StopError):
        state, bf16 = begin(build, recipe, seed, device_of(machine)), machine.precision == "bf16"
        next(train(state, recipe, seed, images, images, bf16=bf16, after_step=clock))
    return clock.seconds


def seconds_together(
    recipe: Recipe, build: Callable[[], nn.Module], training: Images, machine: Machine, seeds: Sequence[int]
) -> float:
    """Return the seconds of a step of all members, all of it."""
    recipe, images, clock = for_probe(recipe), few(training, recipe, machine), Stopwatch(machine)
    with explain_out_of_memory(recipe), using(machine), suppress(StopError):
        population = begin_population(build, recipe, seeds, device_of(machine))
        bf16 = machine.precision == "bf16"
        next(train_population(population, recipe, images, images, bf16=bf16, after_step=clock))
    return clock.seconds


def for_probe(recipe: Recipe) -> Recipe:
    """Return *recipe* at a rate at which nothing diverges."""
    return replace(recipe, optimizer=replace(recipe.optimizer, learning_rate=1e-6))


def few(training: Images, recipe: Recipe, machine: Machine) -> Images:
    """Return training images for one epoch of more steps than a probe takes, on the device; few are repeated."""
    chosen = torch.arange(recipe.batch_size * (PROBE_STEPS + 2)) % len(training)
    return Images(training.images[chosen], training.labels[chosen], training.kind).to(device_of(machine))


def members_at_a_time(
    network: nn.Module, recipe: Recipe, machine: Machine, seeds: int, *, shape: Sequence[int] = DIGITS.shape
) -> int:
    """Return how many of *seeds* members to train in one go: as many as memory holds, the populations of one size."""
    fitting = int(MEMORY * memory_of(machine) / bytes_of_step(network, recipe.batch_size, shape))
    most = max(1, min(seeds, fitting, MOST if machine.device == "cuda" else MOST_ON_CPU))
    # As even as can be: 17 seeds with room for 16 make 9 and 8, not 16 and a single one at the price of many.
    return math.ceil(seeds / math.ceil(seeds / most))


@torch.no_grad()
def bytes_of_step(network: nn.Module, batch_size: int, shape: Sequence[int] = DIGITS.shape) -> int:
    """Return about how many bytes a training step of one member takes: images between layers, gradients, a layer's patches."""
    outputs: list[int] = []
    patches = [0]

    def look(layer: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, Tensor) and not list(layer.children()):
            outputs.append(output.numel())
            if isinstance(layer, nn.Conv2d) and layer.groups == 1:
                patches.append(output[:, 0].numel() * layer.weight[0].numel())

    trial = copy.deepcopy(network).eval()
    for layer in trial.modules():
        layer.register_forward_hook(look)
    trial(torch.zeros(1, *shape))
    # Four bytes a number. The factors put it at three to five times what torch allocates, so that nobody runs out of
    # memory (a test measures it).
    return 4 * batch_size * (4 * sum(outputs) + 2 * max(patches))


def memory_of(machine: Machine) -> int:
    """Return how many bytes of memory the device has, or on a CPU how many this process may take of it."""
    if machine.device == "cuda":
        # Of all and not of what is free: see `MEMORY`.
        return int(torch.cuda.mem_get_info()[1])
    return usable_memory() or UNKNOWN_MEMORY
