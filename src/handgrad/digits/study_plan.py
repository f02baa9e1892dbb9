"""What a study is about to do, kept in its folder, so that it can go on after whatever ended it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import parse_recipe, recipe_text
from handgrad.digits.workers import Task
from handgrad.errors import UsageError
from handgrad.runs.environment import FORMAT, Machine
from handgrad.runs.folder import RunFolder
from handgrad.runs.record import Stored
from handgrad.runs.stored import read_stored

PLAN = "plan.json"


@dataclass(frozen=True)
class StudyPlan(Stored):
    """Everything that decides the runs of a study, as ``plan.json`` holds it."""

    format: int
    recipe: str
    """The text of the recipe."""
    seeds: tuple[int, ...]
    data: str | None
    data_sha256: str
    holdout: int
    machine: Machine
    jobs: int
    download: bool
    hidden: int = 0
    """With a sweep: so many training images replace the test set."""

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return asdict(self)

    def parsed(self) -> Recipe:
        """Return the recipe."""
        return parse_recipe(self.recipe, PLAN)

    def tasks(self, out: Path) -> list[Task]:
        """Return a task per seed; their runs lie in *out*."""
        recipe = self.parsed()
        return [
            Task(
                recipe,
                self.data,
                seed,
                self.holdout,
                str(out),
                self.machine,
                self.download,
                data_sha256=self.data_sha256,
                hidden=self.hidden,
            )
            for seed in self.seeds
        ]


def make_plan(recipe: Recipe, **settings: Any) -> StudyPlan:
    """Return the plan of a study of *recipe*; *settings* are the other fields."""
    return StudyPlan(FORMAT, recipe_text(recipe), **settings)


def read_plan(folder: RunFolder) -> StudyPlan:
    """Return the plan in the folder of a study; raises `UsageError` where it is none, `DamagedRunError` where it is damaged."""
    if not (folder.path / PLAN).is_file():
        raise UsageError(
            f"{folder.path} is not a study that can be continued – found no {PLAN} in it – name the folder of a study"
        )
    return read_stored(StudyPlan, folder.read_json(PLAN), str(folder.path / PLAN))
