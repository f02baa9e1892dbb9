"""Where a training step spends its time, and what layers taken together save, in fp32 and in bf16.

    python benchmarks/steps.py [--rounds 7] [--networks squeeze-16k,…] [--json FILE]

Each network takes forward and backward passes of random images with the batch size of its recipe: with its layers one after the
other and with those that can be taken together as one operation, in turns. A ratio above one means that taking them together
is faster. The shares are those of torch's profiler, in fp32 with the layers taken together. `benchmarks/speed.py` makes the
table of docs/speed.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from handgrad.allowance import usable_cores
from handgrad.digits.networks import fused
from handgrad.digits.networks.fused import multiplies_bf16
from handgrad.digits.networks.load import load_network
from handgrad.digits.training.device import probe_step, timed
from handgrad.digits.training.recipe_file import load_recipe
from handgrad.system import keep_freed_memory
from machine import describe_machine
from peers import PUBLISHED

STEPS = 8
"""Steps that one time is the mean of: one step of 10 ms is too short for the clock of a shared machine."""
PARTS = {
    "convolution": ("convolution", "aten::mm", "aten::addmm"),
    "BatchNorm": ("batch_norm",),
    "ReLU": ("relu", "threshold", "clamp_min"),
    "pool": ("pool",),
    "dropout": ("random_", "aten::ge", "bernoulli", "dropout"),
}
"""What in the name of an operation of torch says to which kind of layer it belongs."""


def seconds_of(step: Callable[[], None]) -> float:
    """Return the seconds of a step, the mean of `STEPS`."""

    def several() -> None:
        for _ in range(STEPS):
            step()

    return timed(several) / STEPS


def shares(step: Callable[[], None]) -> dict[str, float]:
    """Return the part of the time that each kind of operation takes, by torch's profiler; *rest* is what has no kind."""
    step()
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        for _ in range(STEPS):
            step()
    found = dict.fromkeys((*PARTS, "rest"), 0.0)
    for event in profiled.key_averages():
        kind = next((kind for kind, words in PARTS.items() if any(word in event.key for word in words)), "rest")
        found[kind] += event.self_cpu_time_total
    whole = sum(found.values())
    return {kind: round(time / whole, 4) for kind, time in found.items()}


def measure(name: str, rounds: int) -> dict[str, Any]:
    """Return the seconds of a step of one network, by precision and way, and where they go."""
    network, size = load_network(name), load_recipe(PUBLISHED[name]).batch_size
    seconds: dict[str, dict[str, list[float]]] = {}
    for precision in ("fp32", "bf16"):
        steps = {
            way: probe_step(network, size, precision == "bf16", together=way == "together")
            for way in ("alone", "together")
        }
        for step in steps.values():
            seconds_of(step)
        times: dict[str, list[float]] = {way: [] for way in steps}
        for _ in range(rounds):
            for way, step in steps.items():
                times[way].append(seconds_of(step))
        seconds[precision] = times
    return {
        "network": name,
        "batch_size": size,
        "seconds_a_step": seconds,
        "shares": shares(probe_step(network, size, bf16=False)),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--networks", default=",".join(PUBLISHED))
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "steps.json")
    given = parser.parse_args()
    # Layers are taken together also in bf16 without AMX, where the program does not: the table shows why.
    fused.multiplies_bf16 = lambda: True
    keep_freed_memory()
    torch.set_num_threads(usable_cores())
    rows = []
    for name in given.networks.split(","):
        row = measure(name, given.rounds)
        rows.append(row)
        for precision, times in row["seconds_a_step"].items():
            alone, together = (statistics.median(times[way]) for way in ("alone", "together"))
            print(f"{name:15} {precision}: {1e3 * alone:.1f} ms alone, {1e3 * together:.1f} ms together", flush=True)
        print(" " * 16 + ", ".join(f"{kind} {100 * part:.0f} %" for kind, part in row["shares"].items()), flush=True)
    machine = {**describe_machine("torch"), "threads": usable_cores(), "amx_bf16": multiplies_bf16()}
    record = {"machine": machine, "rounds": given.rounds, "steps": STEPS, "networks": rows}
    given.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
