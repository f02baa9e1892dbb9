"""Where a training runs and how: device, threads, precision. They follow from network, recipe and processor, by rules.

No clock decides: the same command gives the same result on the same machine, whatever else is running. ``precision="probe"``
is for who wants the timing anyway.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from handgrad.allowance import usable_cores
from handgrad.digits.networks.dropout import quicken_dropout
from handgrad.digits.networks.fused import fuse, multiplies_bf16
from handgrad.digits.networks.published import channels_last
from handgrad.errors import MissingError, UsageError, counted
from handgrad.runs.environment import Machine
from handgrad.runs.kind import DIGITS, DataKind
from handgrad.system import keep_freed_memory

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "fp32", "bf16", "probe")
# The median of four has two steps to disagree with; more would make every probed start longer.
PROBE_STEPS = 4
WORTH = 1.15
"""How many times faster bf16, or one thread, must be in the probe to be chosen: less could be noise."""
WORK_A_THREAD = 10_000_000
"""Multiply-adds of a step's forward pass for which one more thread pays. At a third of it two threads of our networks wait
for each other longer than they compute (two cores of an EPYC, batches of 128; narrow-5k, 33 million a step, gains a little)."""
WORK_FOR_BF16 = 500_000
"""Multiply-adds per image from which bf16 can pay: it saves time in convolutions and products alone, and every operation
between them converts. Measured with AMX: 1.6 to 3.3 times for networks of 1 to 5 million, docs/speed.md."""


def device_of(machine: Machine) -> torch.device:
    """Return the device of *machine* as torch names it."""
    return torch.device(machine.device)


def choose_device(name: str) -> str:
    """Return "cpu" or "cuda" for *name*; raise `MissingError` when CUDA is asked for and not there."""
    if name not in DEVICES:
        raise UsageError(f'--device "{name}" – choose one of {", ".join(DEVICES)}')
    if name == "cuda" and not torch.cuda.is_available():
        # Not quietly the CPU: who asks for CUDA would wait for hours before looking.
        raise MissingError("no CUDA device – this torch finds none, use --device cpu or install a CUDA build of torch")
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name


def choose_machine(
    network: nn.Module,
    batch_size: int,
    *,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    data: DataKind = DIGITS,
) -> Machine:
    """Return the machine for *network*: what is left open follows from network, data, batch size and processor.

    Precision: bf16 on CUDA, and on a processor that multiplies matrices in it (AMX) where the network has enough to
    multiply. Threads: one for each `WORK_A_THREAD` of a step, at most the usable cores. With *precision* "probe" both are
    timed instead, a few training steps of a copy (about a second). Leaves torch's thread count, its random state and
    *network* as they were.
    """
    if precision not in PRECISIONS:
        raise UsageError(f'--precision "{precision}" – choose one of {", ".join(PRECISIONS)}')
    kind = choose_device(device)
    if kind == "cuda":
        # The threads are those of torch: on CUDA they only prepare, and no figure hangs on them.
        return Machine(kind, precision if precision in ("fp32", "bf16") else "bf16", torch.get_num_threads())
    if precision == "probe":
        return _timed_machine(network, batch_size, threads, data)
    # Counting runs the network once; where both are given nobody asks for it.
    work = multiply_adds(network, data) if precision == "auto" or threads is None else 0
    if precision == "auto":
        precision = "bf16" if work >= WORK_FOR_BF16 and multiplies_bf16() else "fp32"
    if threads is None:
        # Never 0: a tiny network still needs the thread that computes it.
        threads = max(1, min(usable_cores(), batch_size * work // WORK_A_THREAD))
    return Machine(kind, precision, threads)


def in_words(machine: Machine) -> str:
    """Return *machine* as the first line of a training says it."""
    threads = f", {counted(machine.threads, 'thread')}" if machine.device == "cpu" else ""
    return f"{machine.device}, {machine.precision}{threads}"


def multiply_adds(network: nn.Module, kind: DataKind = DIGITS) -> int:
    """Return the multiply-adds of convolutions and products that *network* makes of one image; it stays as it was."""
    training = network.training
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]), FlopCounterMode(display=False) as counter:
            # In eval mode no statistics move; a network that moves something there would do so in any look at it.
            network.eval()(torch.zeros(1, *kind.shape))
    finally:
        network.train(training)
    # torch counts a multiplication and an addition as two.
    return int(counter.get_total_flops()) // 2


def _timed_machine(network: nn.Module, batch_size: int, threads: int | None, kind: DataKind) -> Machine:
    """Return the machine whose steps are fastest now: bf16, or a single thread, where that is clearly faster."""
    before = torch.get_num_threads()
    most = threads or usable_cores()
    keep_freed_memory()  # as in the training itself: fresh pages cost fp32, which moves twice the bytes, more than bf16
    try:
        with torch.random.fork_rng(devices=[]):
            times = [probe(network, batch_size, most, bf16, kind=kind) for bf16 in (False, True)]
            precision = "bf16" if times[0] > WORTH * times[1] else "fp32"
            if threads is None and most > 1:
                one, all_cores = (
                    probe(network, batch_size, count, precision == "bf16", kind=kind) for count in (1, most)
                )
                most = 1 if all_cores > WORTH * one else most
    finally:
        torch.set_num_threads(before)
    return Machine("cpu", precision, most)


def probe(network: nn.Module, batch_size: int, threads: int, bf16: bool, *, kind: DataKind = DIGITS) -> float:
    """Return the median seconds of a training step of a copy of *network* on random images."""
    torch.set_num_threads(threads)
    step = probe_step(network, batch_size, bf16, kind=kind)
    # The first step pays for caches and for kernels chosen by trying; it is thrown away.
    step()
    return statistics.median(timed(step) for _ in range(PROBE_STEPS))


def probe_step(
    network: nn.Module, batch_size: int, bf16: bool, *, kind: DataKind = DIGITS, together: bool = True
) -> Callable[[], None]:
    """Return a function that runs a copy of *network* forward and backward once, on random images.

    *together*: whether its layers are taken together where they can be, as a training does.
    """
    trial = channels_last(copy.deepcopy(network)).train()
    quicken_dropout(trial)
    if together:
        fuse(trial)
    images = torch.randn(batch_size, *kind.shape).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(kind.count, (batch_size,))

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = trial(images)
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
