"""Every run below a folder, with its state and the line that resumes it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError, safe_open

from handgrad.errors import DamagedRunError, HandgradError
from handgrad.runs import RunFolder
from handgrad.runs.checkpoints import sorted_checkpoints, verified
from handgrad.runs.find import run_paths
from handgrad.runs.folder import MODEL
from handgrad.runs.read import Run, read_run
from handgrad.runs.record import LastEpoch
from handgrad.runs.sweep import PLAN, TRIALS
from handgrad.toml_records import flat


@dataclass(frozen=True)
class Listed:
    """One run folder in a list. *epochs* are complete of *planned*; *last* is the last epoch of a complete run on the test set.

    ``resume`` is the command that continues an unfinished run, ``reason`` why a run is damaged or diverged. ``trial`` is the
    number of the sweep's trial that a run belongs to, None elsewhere; ``settings`` are its recipe's values by dotted key.
    """

    path: str
    state: Literal["complete", "diverged", "unfinished", "damaged"]
    recipe: str | None = None
    network: str | None = None
    dataset: str | None = None
    seed: int | None = None
    epochs: int | None = None
    planned: int | None = None
    last: LastEpoch | None = None
    resume: str | None = None
    reason: str | None = None
    trial: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        table, last = asdict(self), self.last
        del table["last"], table["settings"]
        figures = {"correct": last.correct, "total": last.total, "accuracy": last.accuracy} if last else None
        return table | {"last_epoch": figures}


def list_runs(root: Path) -> Iterator[Listed]:
    """Yield what stands in every run folder at or below *root*, by path; a damaged one says why."""
    for path in run_paths(root):
        try:
            yield listed(read_run(path))
        except HandgradError as error:
            yield Listed(str(path), "damaged", reason=str(error))


def listed(run: Run) -> Listed:
    """Return the entry of *run*; raises `DamagedRunError` when its model or every checkpoint is damaged."""
    resume = None
    if run.state == "unfinished":
        check_checkpoints(run)
        resume = f"handgrad train --resume {shlex.quote(str(run.path))}"
    if run.state == "complete":
        check_model(run)
    return Listed(
        path=str(run.path),
        state=run.state,
        recipe=run.title,
        network=run.network,
        dataset=run.dataset,
        seed=run.seed,
        epochs=len(run.epochs),
        planned=run.planned,
        last=run.result.last_epoch if run.result else None,
        resume=resume,
        reason=run.reason or None,
        trial=trial_of(run.path),
        settings=flat(dict(run.recipe)),
    )


def trial_of(path: Path) -> int | None:
    """Return the number of the sweep's trial that the run folder *path* lies in, None where it lies in none."""
    place = path.resolve().parent
    in_sweep = place.parent.name == TRIALS and (place.parents[1] / PLAN).is_file()
    return int(place.name) if in_sweep and place.name.isdigit() else None


def check_checkpoints(run: Run) -> None:
    """Raise `DamagedRunError` when checkpoints of *run* are there and none verifies; unlike resuming, change nothing."""
    faults = []
    for path in sorted_checkpoints(RunFolder(run.path).checkpoints):
        try:
            verified(path, run.name)
        except DamagedRunError as error:
            faults.append(str(error))
        else:
            return
    if faults:
        raise DamagedRunError(f"{run.path}: {'; '.join(faults)} – no checkpoint is whole, start a new run")


def check_model(run: Run) -> None:
    """Raise `DamagedRunError` when the weights of a complete run are not there or cut short."""
    try:
        with safe_open(run.path / MODEL, framework="numpy") as file:
            file.metadata()
    except (OSError, SafetensorError) as error:
        raise DamagedRunError(f"{run.path / MODEL} cannot be read: {error} – train again") from error
