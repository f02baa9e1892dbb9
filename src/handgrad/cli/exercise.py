"""``handgrad backprop NETWORK --exercise``: a task for a learner, and its key for the teacher."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handgrad.errors import UsageError

if TYPE_CHECKING:
    from handgrad.backprop import Network
    from handgrad.backprop.exercise import WrittenExercise

TASK = Path("task.xlsx")


@dataclass(frozen=True)
class TaskWanted:
    """What was said about a task on the command line."""

    exercise: bool
    test: bool
    seed: int | None
    key: Path | None

    def refuse_alone(self) -> None:
        """Raise `UsageError` for an option about a task where no task was asked for."""
        given = {"--test": self.test, "--seed": self.seed is not None, "--key": self.key is not None}
        for option, is_given in given.items():
            if is_given:
                raise UsageError(f"{option} is about a task – found no --exercise – add --exercise")


def refuse_beside_task(given: Mapping[str, object]) -> None:
    """Raise `UsageError` for an option that says nothing about a task, or would give its answers away."""
    for option, value in given.items():
        if value not in (None, False):
            why = "its numbers come from --seed" if option in ("--weights", "--learning-rate") else "it is one step"
            if option in ("--explain", "--pictures", "--csv"):
                why = "they change the network's own numbers"
            raise UsageError(f"{option} does not go with --exercise ({why}) – leave one of the two out")


def write_task(network: Network, out: Path | None, wanted: TaskWanted, overwrite: bool, *, as_json: bool) -> None:
    """Write the task and its key, and say where they are."""
    from handgrad.backprop.exercise import write_exercise

    done = write_exercise(
        network,
        out or TASK,
        seed=wanted.seed or 0,
        test=wanted.test,
        key=wanted.key,
        overwrite=overwrite,
        prefix="--",
    )
    print(json.dumps(_record(done, wanted.test)) if as_json else "\n".join(_describe(done, wanted.test)))


def _record(done: WrittenExercise, test: bool) -> dict[str, object]:
    """Return what was written as data; no answers."""
    return {
        "task": done.exercise.identifier,
        "kind": "test" if test else "practice",
        "seed": done.exercise.seed,
        "blanks": len(done.exercise.questions),
        "file": str(done.task),
        "key": None if done.key is None else str(done.key),
    }


def _describe(done: WrittenExercise, test: bool) -> list[str]:
    """Return what was written as lines for people."""
    exercise = done.exercise
    lines = [f"{exercise.identifier}: {len(exercise.questions)} answers to find, seed {exercise.seed}"]
    if test:
        lines.append(f"{done.task}: a test; it holds no answers.")
    else:
        lines.append(f"{done.task}: for practice; it marks itself. Open the sheet Task first.")
    if done.key is not None:
        lines.append(f"{done.key}: the key, for the teacher only.")
    return lines
