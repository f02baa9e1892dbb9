"""Trainings of a few dozen steps, stopped where a test wants, and the comparison of two that must have ended alike."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from handgrad.digits import run
from handgrad.digits.data.dataset import Dataset
from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.training.recipe import Augmentation, Averaging, Optimizer, Recipe, Schedule
from handgrad.errors import InterruptedRunError
from handgrad.runs.record import RunSummary

SEED = 5
STEPS, EPOCHS = 4, 3
"""Of `EVERYTHING` on `small_digits`: 200 images in batches of 64, the last of 8 images."""
POLLS = 1 + EPOCHS * (STEPS + 1)
"""How often such a run asks whether to stop: before the first step, after every step, after every epoch."""

NETWORK = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 4, 5, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.1),
            nn.Conv2d(4, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 10),
        )
"""

EVERYTHING = Recipe(
    network="net.py:Net",
    name="everything",
    epochs=EPOCHS,
    batch_size=64,
    dropout=0.1,
    label_smoothing=0.05,
    optimizer=Optimizer("adam", 0.02),
    schedule=Schedule("one-cycle"),
    augmentation=Augmentation(rotation=5, shift=1, scale=0.05, shear=5),
    averaging=Averaging(0.9),
)


def write_network(folder: Path, source: str = NETWORK) -> str:
    """Write *source* to ``net.py`` in *folder* and return the name that a recipe gives its network."""
    (folder / "net.py").write_text(source)
    return f"{folder / 'net.py'}:Net"


@functools.cache
def small_digits(train: int = 200, test: int = 60) -> Dataset:
    """Return a few drawn digits."""
    images, labels = draw_digits(train, seed=1)
    test_images, test_labels = draw_digits(test, seed=2)
    tensors = [torch.from_numpy(values.copy()) for values in (images, labels, test_images, test_labels)]
    return Dataset("small", f"{train:064d}", tensors[0], tensors[1].long(), tensors[2], tensors[3].long())


class StopAt:
    """Asks a run to stop the *poll*-th time that it wants to know, counted from 1; 0 never does."""

    def __init__(self, poll: int) -> None:
        self.poll, self.asked = poll, 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.asked == self.poll


class Notes(run.Silent):
    """Keeps what a run tells its watcher."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


def trained(recipe: Recipe, out: Path, **changes: Any) -> RunSummary:
    """Train *recipe* on small digits, on one thread in fp32, as every run here."""
    settings: dict[str, Any] = {"data": small_digits(), "seed": SEED, "threads": 1, "precision": "fp32"}
    return run.train(recipe, out=out, **(settings | changes))


def stopped(recipe: Recipe, out: Path, poll: int, **changes: Any) -> Path:
    """Train *recipe* until it asks for the *poll*-th time whether to stop; return its folder."""
    return interrupted(lambda: trained(recipe, out, stop=StopAt(poll), **changes), out)


def stopped_again(folder: Path, poll: int, data: Dataset | None = None) -> None:
    """Resume the run in *folder* and stop it once more."""
    interrupted(lambda: run.resume(folder, data=data or small_digits(), stop=StopAt(poll)), folder.parent)


def interrupted(action: Callable[[], RunSummary], out: Path) -> Path:
    """Run *action*, which must be interrupted, and return the one run folder in *out*."""
    try:
        action()
    except InterruptedRunError:
        (folder,) = out.iterdir()
        return folder
    raise AssertionError("the run was not stopped")


def resumed(folder: Path, data: Dataset | None = None) -> Path:
    """Resume the run in *folder* to its end and return the folder."""
    run.resume(folder, data=data or small_digits())
    return folder


def assert_same_end(found: Path, expected: Path) -> None:
    """Fail unless two finished runs have the same weights, byte for byte, and the same record but for times and names."""
    for name in ("model.safetensors", "evidence.safetensors"):
        ours, theirs = load_file(found / name), load_file(expected / name)
        assert ours.keys() == theirs.keys()
        for key, value in theirs.items():
            assert raw(ours[key]) == raw(value), f"{key} in {name} differs"
    assert metrics(found) == metrics(expected)
    assert outcome(found) == outcome(expected)


def raw(value: torch.Tensor) -> bytes:
    """Return the bytes of a tensor."""
    return value.contiguous().numpy().tobytes()


def metrics(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of ``metrics.jsonl`` without seconds."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if not key.startswith("seconds")} for line in lines]


def outcome(folder: Path) -> dict[str, Any]:
    """Return ``summary.json`` without names, seconds and hashes."""
    table = json.loads((folder / "summary.json").read_text())
    mine = ("run", "path", "seconds_training", "seconds_evaluating", "files", "content_sha256")
    return {key: value for key, value in table.items() if key not in mine}


def with_network(recipe: Recipe, folder: Path) -> Recipe:
    """Return *recipe* with the small network, written to *folder*, unless it names a shipped one."""
    return replace(recipe, network=write_network(folder)) if recipe.network == "net.py:Net" else recipe
