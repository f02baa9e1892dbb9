"""A run folder as plain data: read and checked once, so that whatever shows it can rely on it."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from handgrad.errors import DamagedRunError
from handgrad.runs import RunFolder, open_run
from handgrad.runs.evidence import Evidence, read_evidence
from handgrad.runs.folder import ENVIRONMENT, EVIDENCE, LAYERS, METRICS, RECIPE, SUMMARY

State = Literal["complete", "diverged", "unfinished"]


@dataclass(frozen=True)
class Count:
    """One pass over a set of images: mean loss, and how many of how many were right."""

    loss: float
    correct: int
    total: int

    @property
    def accuracy(self) -> float:
        """In percent."""
        return 100 * self.correct / self.total


@dataclass(frozen=True)
class Epoch:
    """One line of ``metrics.jsonl``. ``learning_rate`` is that of the last step."""

    number: int
    learning_rate: float
    training: Count
    evaluation: Count
    seconds_training: float
    seconds_evaluating: float


@dataclass(frozen=True)
class Result:
    """How a complete run ended, on the test set: the last epoch with its Wilson interval (percent), and the best one.

    ``selected_on`` says what the best epoch was chosen by: "test set", "hold-out", or "" where the last epoch is it because
    the test set was read only then.
    """

    last: Count
    interval95: tuple[float, float]
    best_number: int
    best_correct: int
    best_total: int
    selected_on: str
    parameters: int
    seconds_training: float
    seconds_evaluating: float


@dataclass(frozen=True)
class Run:
    """Everything a report shows of one run folder.

    ``recipe`` is the nested table of ``recipe.toml``, ``environment`` that of ``environment.json``; ``result`` and
    ``evidence`` are there when the run is complete, ``reason`` when it diverged, ``layers`` when it was written.
    """

    path: Path
    name: str
    state: State
    recipe: dict[str, Any]
    environment: dict[str, Any]
    epochs: tuple[Epoch, ...]
    evaluated_on: str
    """What every epoch was evaluated on: "test set" or "hold-out"."""
    dataset: str
    seed: int
    holdout: int
    result: Result | None
    reason: str
    layers: dict[str, Any] | None
    evidence: Evidence | None

    @property
    def title(self) -> str:
        """The name of the recipe."""
        return str(self.recipe["name"])

    @property
    def network(self) -> str:
        """The network's name, or ``file.py:Class``."""
        return str(self.recipe["network"])

    @property
    def planned(self) -> int:
        """How many epochs the recipe asks for."""
        return int(self.recipe["epochs"])

    @property
    def parameters(self) -> int | None:
        """How many parameters the network has, None where no file says so."""
        if self.result is not None:
            return self.result.parameters
        return None if self.layers is None else int(self.layers["total_parameters"])

    @property
    def seconds_an_epoch(self) -> float | None:
        """The mean time that an epoch trained, evaluation left out; None before the first epoch."""
        if not self.epochs:
            return None
        return sum(epoch.seconds_training for epoch in self.epochs) / len(self.epochs)


def read_run(path: Path, *, pictures: bool = True) -> Run:
    """Return the run in the folder *path*; without *pictures*, the evidence of a complete run is left unread.

    Raises `UsageError` when it is no run folder, `DamagedRunError` with file and reason when something in it does not
    read back, does not fit together, or belongs to another run.
    """
    folder = open_run(path)
    try:
        return assemble(folder, pictures)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise DamagedRunError(f"{path}: {what} – the run cannot be shown, its files were changed or damaged") from error


def assemble(folder: RunFolder, pictures: bool) -> Run:
    """Return the run; whatever is missing or of the wrong kind raises KeyError, TypeError or ValueError."""
    environment, recipe = mapping(folder.read_json(ENVIRONMENT), ENVIRONMENT), read_recipe(folder)
    name = str(environment["run"])
    epochs = tuple(epoch_from(table) for table in folder.metrics())
    if [epoch.number for epoch in epochs] != list(range(1, len(epochs) + 1)):
        raise ValueError(f"{METRICS} does not count its epochs 1, 2, 3, …")
    ended = folder.complete
    summary = mapping(folder.read_json(SUMMARY), SUMMARY) if ended else {}
    state: State = "unfinished" if not ended else "diverged" if summary["status"] == "diverged" else "complete"
    if ended and summary["run"] != name:
        raise ValueError(f"{SUMMARY} belongs to run {summary['run']}, not to {name}")
    result = result_from(summary) if state == "complete" else None
    if result is not None and len(epochs) != int(recipe["epochs"]):
        raise ValueError(f"{METRICS} has {len(epochs)} epochs, a complete run has {recipe['epochs']}")
    evidence = None
    if result is not None and pictures:
        evidence = read_evidence(folder.path / EVIDENCE, name)
        evidence.check(result.last.correct, result.last.total)
    holdout = int(environment["holdout"])
    return Run(
        path=folder.path,
        name=name,
        state=state,
        recipe=recipe,
        environment=environment,
        epochs=epochs,
        evaluated_on=evaluated_on(holdout, recipe),
        dataset=str(environment["dataset"]),
        seed=int(environment["seed"]),
        holdout=holdout,
        result=result,
        reason=str(summary["reason"]) if state == "diverged" else "",
        layers=read_layers(folder),
        evidence=evidence,
    )


def evaluated_on(holdout: int, recipe: Mapping[str, Any]) -> str:
    """Return what every epoch of the run was evaluated on, as it is called in a sentence."""
    if holdout:
        return "hold-out"
    return "sample of the training images" if recipe.get("test") == "once" else "test set"


def read_recipe(folder: RunFolder) -> dict[str, Any]:
    """Return the recipe's table, with the keys that every page names."""
    try:
        table = tomllib.loads(folder.read(RECIPE))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{RECIPE} is no TOML: {error}") from error
    for key in ("name", "network", "epochs", "batch_size"):
        if key not in table:
            raise ValueError(f"{RECIPE} lacks {key}")
    return table


def read_layers(folder: RunFolder) -> dict[str, Any] | None:
    """Return the layer table, None where the run has none."""
    if not (folder.path / LAYERS).exists():
        return None
    table = mapping(folder.read_json(LAYERS), LAYERS)
    for row in table["rows"]:
        str(row["layer"]), list(row["output"]), int(row["parameters"])
    int(table["total_parameters"])
    return table


def epoch_from(table: Any) -> Epoch:
    """Return one epoch's figures."""
    return Epoch(
        number=int(table["epoch"]),
        learning_rate=finite(table["learning_rate"]),
        training=count_from(table["training"]),
        evaluation=count_from(table["evaluation"]),
        seconds_training=finite(table["seconds_training"]),
        seconds_evaluating=finite(table["seconds_evaluating"]),
    )


def result_from(summary: Mapping[str, Any]) -> Result:
    """Return how a complete run ended."""
    last, best = summary["last_epoch"], summary["best_epoch"]
    low, high = last["interval95"]
    return Result(
        last=count_from({"loss": summary["test"]["loss"], "correct": last["correct"], "total": last["total"]}),
        interval95=(finite(low), finite(high)),
        best_number=int(best["epoch"]),
        best_correct=count_from({"loss": 0, "correct": best["correct"], "total": best["total"]}).correct,
        best_total=int(best["total"]),
        selected_on={"holdout": "hold-out", "test set": "test set"}.get(best["selected_on"], ""),
        parameters=int(summary["parameters"]),
        seconds_training=finite(summary["seconds_training"]),
        seconds_evaluating=finite(summary["seconds_evaluating"]),
    )


def count_from(table: Mapping[str, Any]) -> Count:
    """Return loss and counts; raise ValueError when the counts cannot be."""
    correct, total = int(table["correct"]), int(table["total"])
    if not 0 <= correct <= total or total == 0:
        raise ValueError(f"{correct} of {total} is no count")
    return Count(finite(table["loss"]), correct, total)


def finite(value: Any) -> float:
    """Return *value* as a float; raise ValueError when it is no finite number."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is no finite number")
    return number


def mapping(value: Any, name: str) -> dict[str, Any]:
    """Return *value* when it is a JSON object; raise ValueError naming the file otherwise."""
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no JSON object but {json.dumps(value)[:40]}")
    return value
