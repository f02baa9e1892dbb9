"""What is read: good files of every kind, made once, and for each kind the command that reads it."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

NETWORK = """
from torch import nn
class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 2, 5, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(72, 10))
"""
RECIPE = """
network = "net.py:Net"
epochs = 1
batch_size = 20
note = "for damage"
augmentation = { rotation = 5, shift = 1 }
"""


@dataclass(frozen=True)
class Target:
    """A kind of file: its good examples, and what reads one, given its path, in a folder that is its own."""

    name: str
    files: tuple[Path, ...]
    read: Callable[[Path], Any]
    together: bool = False
    """Whether the files around it are read too (a data set, a run folder): they are copied along."""


def make_targets(place: Path) -> list[Target]:
    """Make good files of every kind below *place* and return the targets."""
    import handgrad.errors
    from handgrad.backprop import preset_names
    from handgrad.digits.training.recipe_file import load_recipe, shipped_recipes
    from handgrad.judge.network.assignment_file import load_assignment, shipped_assignments

    package = Path(handgrad.errors.__file__).parent
    found = {path.stem: path for path in package.rglob("*.toml")}
    networks = tuple(found[name] for name in preset_names())
    recipes = tuple(found[name] for name in shipped_recipes())
    assignments = tuple(found[name] for name in shipped_assignments())
    data, run = _data(place / "data"), _run(place)
    books, keys = _workbooks(place / "books")
    return [
        Target("network", networks, _command("backprop", "{}", "--steps", "2", "--json")),
        Target("recipe", recipes, lambda path: load_recipe(str(path))),
        Target("override", recipes, _override),
        Target("assignment", assignments, lambda path: load_assignment(path)),
        Target("data", tuple(sorted(data.iterdir())), _data_set, together=True),
        Target("run, listed", tuple(_files(run)), lambda path: _command("runs", "{}", "--json")(path.parent), True),
        Target("run, report", tuple(_files(run)), _report, together=True),
        Target("run, resumed", tuple(_files(run)), _resume, together=True),
        Target("workbook", books, _command("judge", "{}", "--json")),
        Target("notebook", (_notebook(place / "notebook.ipynb"),), _notebook_read),
        Target("key", keys, lambda path: _command("judge", str(books[1]), "--json", "--key", "{}")(path)),
    ]


def _command(*words: str) -> Callable[[Path], int]:
    """Return what runs a command of the program on a path, and throws away what it prints."""

    def run(path: Path) -> int:
        from handgrad.cli import run as command

        with contextlib.redirect_stdout(io.StringIO()):
            return command([word.format(path) for word in words])

    return run


def _override(path: Path) -> None:
    """Read each line of the file as a ``--set``."""
    from handgrad.digits.training.recipe_file import load_recipe
    from handgrad.errors import HandgradError

    for line in path.read_text("utf-8", "replace").splitlines()[:20]:
        with contextlib.suppress(HandgradError):
            load_recipe("quick", [line.replace(" = ", "=")])


def _notebook_read(path: Path) -> None:
    """Take the network out of a notebook and what it tells of its training, as the judge does before anything is run."""
    from handgrad.judge.handed_in.cells import prose_of
    from handgrad.judge.handed_in.records import NotTakenError
    from handgrad.judge.handed_in.take import take, told_in

    told = told_in(path.parent, path)
    # It catches all, so that nothing is decided by it; a fault that it has caught is one all the same.
    if told.get("fault", "NotTakenError") != "NotTakenError":
        raise AssertionError(f"told_in has met {told['fault']}")
    prose_of(path)
    with contextlib.suppress(NotTakenError):
        take(path.parent, path)


def _data_set(path: Path) -> int:
    return _command("data", "--data", "{}", "--json")(path.parent)


def _report(path: Path) -> None:
    from handgrad.report.page import run_page
    from handgrad.runs.read import read_run

    run_page(read_run(_run_folder(path)))


def _resume(path: Path) -> None:
    from handgrad.digits.run import resume

    folder = _run_folder(path)
    # What a complete run is resumed from is looked at only where the end is missing.
    (folder / "summary.json").unlink(missing_ok=True)
    resume(folder)


def _run_folder(path: Path) -> Path:
    return path.parent.parent if path.parent.name == "checkpoint" else path.parent


def _files(run: Path) -> list[Path]:
    kept = (".json", ".jsonl", ".toml", ".safetensors")
    return [path for path in sorted(run.rglob("*")) if path.suffix in kept and "plots" not in path.parts]


def _data(place: Path) -> Path:
    """Write eighty digits as IDX files, two of them packed."""
    place.mkdir()
    rng = np.random.default_rng(0)
    for stem, count in (("train", 60), ("t10k", 20)):
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        packed = gzip.compress(struct.pack(">4I", 0x803, count, 28, 28) + images.tobytes(), mtime=0)
        (place / f"{stem}-images-idx3-ubyte.gz").write_bytes(packed)
        (place / f"{stem}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, count) + labels.tobytes())
    return place


def _notebook(path: Path) -> Path:
    """Write a notebook with a network, a training, what it printed and a sentence about it."""
    training = "import torch\nmodel = Net()\nopt = torch.optim.SGD(model.parameters(), lr=0.1)\n%time 1\n"
    printed = [{"output_type": "stream", "name": "stdout", "text": ["epoch 1: accuracy 97.5 %\n"]}]
    shared: dict[str, Any] = {"cell_type": "code", "metadata": {}}
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Work sheet 3\n", "It has 730 parameters."]},
        shared | {"execution_count": 1, "source": NETWORK.splitlines(keepends=True), "outputs": []},
        shared | {"execution_count": 2, "source": training + "for epoch in range(3): opt.step()", "outputs": printed},
    ]
    about = {"kernelspec": {"name": "python3", "language": "python"}, "language_info": {"name": "python"}}
    path.write_text(json.dumps({"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}))
    return path


def _run(place: Path) -> Path:
    """Train a network of a few hundred weights for an epoch and return its run folder."""
    from handgrad.digits.run import train

    (place / "net.py").write_text(NETWORK)
    (place / "small.toml").write_text(RECIPE.replace("net.py", str(place / "net.py")))
    options: dict[str, Any] = {"precision": "fp32", "threads": 1}
    train(str(place / "small.toml"), data=place / "data", out=place / "runs", **options)
    return next((place / "runs").iterdir())


def _workbooks(place: Path) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Write a workbook, a task and its key."""
    from handgrad.backprop import load_network
    from handgrad.backprop.exercise import write_exercise
    from handgrad.backprop.workbook import write_workbook

    place.mkdir()
    book = write_workbook(load_network("classic"), place / "book.xlsx", steps=2)
    done = write_exercise("classic", place / "task.xlsx", seed=1, key=place / "key.xlsx")
    return (book, done.task), (place / "key.xlsx",)
