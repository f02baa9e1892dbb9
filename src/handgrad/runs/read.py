"""A run folder as plain data: read and checked once, so that whatever shows it can rely on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from handgrad.errors import DamagedRunError, UsageError, counted
from handgrad.runs import RunFolder, open_run
from handgrad.runs.environment import Environment
from handgrad.runs.evidence import Evidence, read_evidence
from handgrad.runs.folder import ENVIRONMENT, EVIDENCE, LAYERS, METRICS, RECIPE, SUMMARY
from handgrad.runs.kind import DIGITS, DataKind
from handgrad.runs.layers import LayerTable
from handgrad.runs.record import DivergedRun, EpochScore, EvaluatedOn, RunSummary, evaluated_each_epoch
from handgrad.runs.stored import read_stored
from handgrad.toml_records import read_table

State = Literal["complete", "diverged", "unfinished"]


@dataclass(frozen=True)
class Run:
    """Everything a report shows of one run folder.

    ``recipe`` is the nested table of ``recipe.toml``; ``result`` and ``evidence`` are there when the run is complete,
    ``reason`` when it diverged, ``layers`` when it was written.
    """

    path: Path
    state: State
    recipe: dict[str, Any]
    environment: Environment
    epochs: tuple[EpochScore, ...]
    evaluated_on: EvaluatedOn
    """What every epoch was evaluated on."""
    result: RunSummary | None
    reason: str
    layers: LayerTable | None
    evidence: Evidence | None

    @property
    def name(self) -> str:
        """Return the name that the run began with, whatever its folder is called now."""
        return self.environment.run

    @property
    def title(self) -> str:
        """Return the name of the recipe."""
        return str(self.recipe["name"])

    @property
    def network(self) -> str:
        """Return the network's name, or ``file.py:Class``."""
        return str(self.recipe["network"])

    @property
    def planned(self) -> int:
        """Return how many epochs the recipe asks for."""
        return int(self.recipe["epochs"])

    @property
    def dataset(self) -> str:
        """Return the name of the dataset."""
        return self.environment.dataset

    @property
    def kind(self) -> DataKind:
        """Return the shape of the images and the classes."""
        return self.environment.kind or DIGITS

    @property
    def seed(self) -> int:
        """Return the seed."""
        return self.environment.seed

    @property
    def holdout(self) -> int:
        """Return how many training images were kept apart."""
        return self.environment.holdout

    @property
    def parameters(self) -> int | None:
        """Return how many parameters the network has, None where no file says so."""
        if self.result is not None:
            return self.result.parameters
        return None if self.layers is None else self.layers.total_parameters

    @property
    def seconds_an_epoch(self) -> float | None:
        """Return the mean time that an epoch trained, evaluation left out; None before the first epoch."""
        if not self.epochs:
            return None
        return sum(epoch.seconds_training for epoch in self.epochs) / len(self.epochs)


def read_run(path: Path, *, pictures: bool = True) -> Run:
    """Return the run in the folder *path*; without *pictures*, the evidence of a complete run is left unread.

    Raises `UsageError` when it is not a run folder, `DamagedRunError` with file and reason when something in it does not
    read back, does not fit together, or belongs to another run.
    """
    folder = open_run(path)
    try:
        return _assemble(folder, pictures)
    except ValueError as error:
        raise DamagedRunError(
            f"{path}: {error} – the run cannot be shown, its files were changed or damaged"
        ) from error


def read_environment(folder: RunFolder) -> Environment:
    """Return what the run in *folder* was made with; raises `DamagedRunError`."""
    return read_stored(Environment, folder.read_json(ENVIRONMENT), str(folder.path / ENVIRONMENT))


def read_end(folder: RunFolder) -> RunSummary | DivergedRun | None:
    """Return how the run in *folder* ended, None while it has not; raises `DamagedRunError`."""
    if not folder.complete:
        return None
    table = folder.read_json(SUMMARY)
    place = str(folder.path / SUMMARY)
    if isinstance(table, dict) and table.get("status") == "diverged":
        return read_stored(DivergedRun, table, place)
    return read_stored(RunSummary, table, place)


def read_epochs(folder: RunFolder) -> tuple[EpochScore, ...]:
    """Return the epochs that ``metrics.jsonl`` holds, in order; raises `DamagedRunError`."""
    place = str(folder.path / METRICS)
    epochs = tuple(read_stored(EpochScore, table, place) for table in folder.metrics())
    # A line that was lost or doubled would shift every curve.
    if [epoch.epoch for epoch in epochs] != list(range(1, len(epochs) + 1)):
        raise DamagedRunError(f"{place} does not count its epochs 1, 2, 3, … – resume the run to write it again")
    return epochs


def _assemble(folder: RunFolder, pictures: bool) -> Run:
    """Return the run; what does not fit together raises ValueError."""
    environment, recipe, epochs = read_environment(folder), _read_recipe(folder), read_epochs(folder)
    end = read_end(folder)
    if end is not None and end.run != environment.run:
        raise ValueError(f"{SUMMARY} belongs to run {end.run}, not to {environment.run}")
    result = end if isinstance(end, RunSummary) else None
    if result is not None and len(epochs) != recipe["epochs"]:
        raise ValueError(f"{METRICS} has {counted(len(epochs), 'epoch')}, a complete run has {recipe['epochs']}")
    evidence = None
    if result is not None and pictures:
        evidence = read_evidence(folder.path / EVIDENCE, environment.run, environment.kind or DIGITS)
        # Two files that were written one after the other must tell the same: one of them may come from another run.
        evidence.check(result.last_epoch.correct, result.last_epoch.total)
    return Run(
        path=folder.path,
        state="unfinished" if end is None else "complete" if result is not None else "diverged",
        recipe=recipe,
        environment=environment,
        epochs=epochs,
        evaluated_on=evaluated_each_epoch(environment.holdout, str(recipe.get("test", ""))),
        result=result,
        reason=end.reason if isinstance(end, DivergedRun) else "",
        layers=_read_layers(folder),
        evidence=evidence,
    )


def _read_recipe(folder: RunFolder) -> dict[str, Any]:
    """Return the recipe's table, with the keys that every page names."""
    try:
        table = read_table(folder.read(RECIPE), RECIPE)
    except UsageError as error:
        raise ValueError(str(error)) from error
    for key, kind in (("name", str), ("network", str), ("epochs", int), ("batch_size", int)):
        if key not in table:
            raise ValueError(f"{RECIPE} lacks {key}")
        # `type`, because True is an int.
        if type(table[key]) is not kind or (kind is int and table[key] < 1):
            raise ValueError(f"{RECIPE}: {key} is {table[key]!r:.40}")
    return table


def _read_layers(folder: RunFolder) -> LayerTable | None:
    """Return the layer table, None where the run has none."""
    if not (folder.path / LAYERS).exists():
        return None
    return read_stored(LayerTable, folder.read_json(LAYERS), str(folder.path / LAYERS))
