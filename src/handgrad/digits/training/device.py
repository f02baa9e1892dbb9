"""Where a training runs and how: device, threads, precision. Chosen by a short probe, recorded, never assumed."""

from __future__ import annotations

import copy
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from handgrad.digits.networks.dropout import quicken_dropout
from handgrad.digits.networks.fused import fuse
from handgrad.digits.networks.published import channels_last
from handgrad.errors import MissingError, UsageError
from handgrad.runs.environment import Machine
from handgrad.system import keep_freed_memory

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "fp32", "bf16")
PROBE_STEPS = 4
WORTH = 1.15
"""How many times faster bf16, or one thread, must be in the probe to be chosen: less could be noise."""


def device_of(machine: Machine) -> torch.device:
    """Return the device of *machine* as torch names it."""
    return torch.device(machine.device)


def choose_device(name: str) -> str:
    """Return "cpu" or "cuda" for *name*; raise `MissingError` when CUDA is asked for and not there."""
    if name not in DEVICES:
        raise UsageError(f'--device "{name}" – choose one of {", ".join(DEVICES)}')
    if name == "cuda" and not torch.cuda.is_available():
        raise MissingError("no CUDA device – this torch finds none, use --device cpu or install a CUDA build of torch")
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name


def choose_machine(
    network: nn.Module, batch_size: int, *, device: str = "auto", precision: str = "auto", threads: int | None = None
) -> Machine:
    """Return the machine for *network*, timing a few training steps of a copy for whatever is left open (about a second).

    Precision: bf16 where it is clearly faster than fp32. Threads: all usable cores, or one where that is faster. Leaves
    torch's thread count, its random state and *network* as they were.
    """
    if precision not in PRECISIONS:
        raise UsageError(f'--precision "{precision}" – choose one of {", ".join(PRECISIONS)}')
    kind = choose_device(device)
    if kind == "cuda":
        return Machine(kind, "bf16" if precision == "auto" else precision, torch.get_num_threads())
    before = torch.get_num_threads()
    most = threads or usable_cores()
    keep_freed_memory()  # as in the training itself: fresh pages cost fp32, which moves twice the bytes, more than bf16
    try:
        with torch.random.fork_rng(devices=[]):
            if precision == "auto":
                times = [probe(network, batch_size, most, bf16) for bf16 in (False, True)]
                precision = "bf16" if times[0] > WORTH * times[1] else "fp32"
            if threads is None and most > 1:
                one, all_cores = (probe(network, batch_size, count, precision == "bf16") for count in (1, most))
                most = 1 if all_cores > WORTH * one else most
    finally:
        torch.set_num_threads(before)
    return Machine(kind, precision, most)


def usable_cores() -> int:
    """Return how many cores this process may use, which in a container can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def probe(network: nn.Module, batch_size: int, threads: int, bf16: bool) -> float:
    """Return the median seconds of a training step of a copy of *network* on random images."""
    torch.set_num_threads(threads)
    trial = channels_last(copy.deepcopy(network)).train()
    quicken_dropout(trial)
    fuse(trial)
    images = torch.randn(batch_size, 1, 28, 28).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(10, (batch_size,))
    step = probe_step(trial, images, labels, bf16)
    step()
    return statistics.median(timed(step) for _ in range(PROBE_STEPS))


def probe_step(network: nn.Module, images: Tensor, labels: Tensor, bf16: bool) -> Callable[[], None]:
    """Return a function that runs forward and backward once."""

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = network(images)
        F.cross_entropy(logits.float(), labels).backward()

    return step


def timed(step: Callable[[], None]) -> float:
    """Return the seconds that *step* takes."""
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


@contextmanager
def using(machine: Machine) -> Iterator[None]:
    """Run with the threads of *machine*, keeping torch's settings as they were afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(machine.threads)
    if machine.device == "cpu":
        keep_freed_memory()
    try:
        yield
    finally:
        torch.set_num_threads(before)
