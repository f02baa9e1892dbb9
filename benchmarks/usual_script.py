"""An epoch here against an epoch of the usual script: same network, recipe, data and machine, in one run, as a ratio.

The usual script is the one that people write first: a ``Dataset`` that turns an image at a time into a PIL image, rotates it
and makes it a float tensor, a ``DataLoader``, fp32 in the default layout, ``loss.item()`` and ``tqdm`` at every step. The lean
script is the same but for the preparation of an image, which makes the fewest calls that do it.

    python benchmarks/usual_script.py [--networks a,b] [--rounds 3] [--images 60000] [--json FILE]

Each side of each round runs in a process of its own, as all would be run: ours sets options of the C library's allocator that
would make the others faster as well. They take turns; each takes ten steps before the clock starts. The table gives the
median of the rounds and their spread. The probe that chooses precision and threads runs once a training, about a second, and
is not in the epoch.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from given import MEAN, STANDARD_DEVIATION, Bytes
from handgrad.digits.data.load import load_dataset
from handgrad.digits.networks.load import load_network
from handgrad.digits.training.device import choose_machine, device_of, using
from handgrad.digits.training.loop import Images, begin, train
from handgrad.digits.training.recipe import Augmentation, Recipe
from handgrad.digits.training.recipe_file import load_recipe
from handgrad.runs.environment import Machine
from one_by_one import Digits
from peers import PUBLISHED, spread

ROTATION = 5.0
WARM_UP = 10
SIDES = ("ours", "usual", "lean")


class Lean(Digits):
    """The same with the fewest calls an image, as someone who has measured would write it: 5.1 ms for 128 images, not 9.0."""

    def __init__(self, images: Bytes, labels: Bytes, rotation: float = 0.0) -> None:
        super().__init__(images, labels, rotation)
        self.bytes, self.numbers = images, labels.tolist()

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.bytes[index])
        if self.rotation:
            image = image.rotate(float(torch.empty(1).uniform_(-self.rotation, self.rotation)))
        tensor = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(1, 28, 28).float().div(255)
        return tensor.sub(MEAN).div(STANDARD_DEVIATION), self.numbers[index]


SCRIPTS: dict[str, type[Digits]] = {"usual": Digits, "lean": Lean}


def usual_epoch(network: nn.Module, recipe: Recipe, data: Digits) -> float:
    """Return the seconds of one epoch of the usual script with SGD and momentum."""
    loader = DataLoader(data, batch_size=recipe.batch_size, shuffle=True, drop_last=recipe.drop_last)
    rate, momentum = recipe.optimizer.learning_rate, recipe.optimizer.momentum
    optimizer = torch.optim.SGD(network.parameters(), lr=rate, momentum=momentum)
    network.train()
    began, correct, seen = time.perf_counter(), 0, 0
    with tqdm(loader, disable=True) as bar:
        for inputs, targets in bar:
            optimizer.zero_grad()
            output = F.log_softmax(network(inputs), dim=1)
            loss = F.nll_loss(output, targets)
            loss.backward()
            optimizer.step()
            correct += int(output.argmax(dim=1).eq(targets).sum().item())
            seen += len(targets)
            bar.set_description(f"loss={loss.item():.4f} accuracy={100 * correct / seen:.2f}")
    return time.perf_counter() - began


def our_epoch(recipe: Recipe, images: Tensor, labels: Tensor, machine: Machine) -> float:
    """Return the seconds of one epoch of ours, from the shuffling to the last step."""
    state = begin(lambda: load_network(recipe.network), recipe, 0, device_of(machine))
    training, few = Images(images, labels), Images(images[:100], labels[:100])
    with using(machine):
        began = time.perf_counter()
        (score,) = train(state, replace(recipe, epochs=1), 0, training, few, bf16=machine.precision == "bf16")
        return time.perf_counter() - began - score.seconds_evaluating


def one_side(side: str, name: str, images: Tensor, labels: Tensor) -> dict[str, Any]:
    """Return the seconds of one epoch on one side (`ours`, `usual` or `lean`), and what the machine was set to."""
    recipe = load_recipe(PUBLISHED[name])
    recipe = replace(
        recipe, augmentation=Augmentation(rotation=ROTATION), schedule=replace(recipe.schedule, name="constant")
    )
    few = slice(WARM_UP * recipe.batch_size)
    if side in SCRIPTS:
        prepared = SCRIPTS[side]
        pixels, numbers = images.numpy(), labels.numpy()
        usual_epoch(load_network(recipe.network), recipe, prepared(pixels[few], numbers[few], ROTATION))
        return {"seconds": usual_epoch(load_network(recipe.network), recipe, prepared(pixels, numbers, ROTATION))}
    machine = choose_machine(load_network(recipe.network), recipe.batch_size)
    our_epoch(recipe, images[few], labels[few], machine)
    chosen = f"{machine.precision}, {machine.threads} threads"
    return {"seconds": our_epoch(recipe, images, labels, machine), "chosen": chosen}


def in_a_process(side: str, name: str, images: int, data: Path | None) -> dict[str, Any]:
    """Run `one_side` in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--networks", name, "--images", str(images)]
    command += ["--data", str(data)] if data else []
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(name: str, images: int, data: Path | None, rounds: int) -> dict[str, Any]:
    """Return the times of every round for network *name*: ours and both scripts', in turn."""
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    chosen = set()
    for _ in range(rounds):
        for side in SIDES:
            result = in_a_process(side, name, images, data)
            seconds[side].append(result["seconds"])
            chosen |= {result["chosen"]} if "chosen" in result else set()
    ratios = {
        side: [slow / fast for slow, fast in zip(seconds[side], seconds["ours"], strict=True)] for side in SCRIPTS
    }
    return {
        "network": name,
        "batch_size": load_recipe(PUBLISHED[name]).batch_size,
        "chosen": "; ".join(sorted(chosen)),
        "seconds": seconds,
        "ratio": {side: spread(of) for side, of in ratios.items()},
    }


def main() -> None:
    """Measure, print the table, write the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default=",".join(PUBLISHED))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--data", type=Path, default=os.environ.get("HANDGRAD_DATA"))
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "usual_script.json")
    parser.add_argument("--side", choices=SIDES, help="one side alone, as the script calls itself")
    given = parser.parse_args()
    dataset = load_dataset(Path(given.data) if given.data else None)
    images, labels = dataset.train_images[: given.images], dataset.train_labels[: given.images]
    if given.side:
        print(json.dumps(one_side(given.side, given.networks, images, labels)))
        return
    print(
        f"one epoch of {len(labels):,} images of dataset: {dataset.name}, rotation of up to {ROTATION:g} degrees, seconds"
    )
    head = "".join(f" {side:>7} {'ratio':>6} {'spread':13}" for side in SCRIPTS)
    print(f"{'network':15} {'ours':>7}{head} chosen here")
    rows = []
    for name in given.networks.split(","):
        row = measure(name, given.images, given.data, given.rounds)
        rows.append(row)
        line = f"{name:15} {median(row['seconds']['ours']):7.2f}"
        for side, ratio in row["ratio"].items():
            between = f"{ratio['lowest']:.2f} to {ratio['highest']:.2f}"
            line += f" {median(row['seconds'][side]):7.2f} {ratio['median']:6.2f} {between:13}"
        print(f"{line} {row['chosen']}", flush=True)
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    machine = {"platform": platform.platform(), "cores": os.cpu_count(), "isa": torch.backends.cpu.get_cpu_capability()}
    given.json.parent.mkdir(exist_ok=True)
    record = {
        "dataset": dataset.name,
        "images": len(labels),
        "rounds": given.rounds,
        "versions": versions,
        "machine": machine,
    }
    given.json.write_text(json.dumps(record | {"networks": rows}, indent=2) + "\n")
    print(f"written: {given.json}")


if __name__ == "__main__":
    main()
