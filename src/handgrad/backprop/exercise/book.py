"""A task and its key as workbooks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from handgrad.backprop.exercise.answers_sheet import answers_sheet
from handgrad.backprop.exercise.key_sheets import data_sheet, mistakes_sheet
from handgrad.backprop.exercise.layout import Places
from handgrad.backprop.exercise.marking_sheet import marking_sheet
from handgrad.backprop.exercise.task import Exercise, make_exercise
from handgrad.backprop.exercise.task_sheet import task_sheet
from handgrad.backprop.network.network import Network
from handgrad.backprop.presets import load_network
from handgrad.backprop.workbook.file import write_plan
from handgrad.backprop.workbook.plan import Plan
from handgrad.errors import UsageError
from handgrad.files import check_free


@dataclass(frozen=True)
class WrittenExercise:
    """A task and the files it was written to; ``key`` is None where no key was wanted."""

    exercise: Exercise
    task: Path
    key: Path | None


def practice_plan(exercise: Exercise) -> Plan:
    """Return a task that marks itself: the sheets Task and Answers, and the hidden sheet Marking."""
    places = Places(exercise, practice=True)
    return Plan(_title(exercise, "practice"), (task_sheet(places), answers_sheet(places), marking_sheet(places)))


def exam_plan(exercise: Exercise) -> Plan:
    """Return a task that knows no answer: the sheets Task and Answers, whose formulas only repeat cells and count
    numbers.
    """
    places = Places(exercise, practice=False)
    return Plan(_title(exercise, "test"), (task_sheet(places), answers_sheet(places)))


def key_plan(exercise: Exercise, *, test: bool) -> Plan:
    """Return the teacher's copy: every answer in the cell where the task has its blank, the mistakes, and both as data."""
    places = Places(exercise, practice=not test, key=True)
    sheets = (task_sheet(places), answers_sheet(places), mistakes_sheet(places), data_sheet(places))
    return Plan(_title(exercise, "key"), sheets)


def write_exercise(
    network: str | Path | Network,
    out: str | Path,
    *,
    seed: int = 0,
    test: bool = False,
    key: str | Path | None = None,
    overwrite: bool = False,
    prefix: str = "",
) -> WrittenExercise:
    """Write a task for a network of this shape, with numbers drawn from the seed, and where asked for its key.

    ``network`` is a preset, a TOML file or a description. A practice book marks itself; a ``test`` holds no answers, and its
    key is always written: to ``key``, or beside it (``task.xlsx`` → ``task-key.xlsx``).

    Raises :class:`UsageError` for what :func:`make_exercise` refuses, for a file that exists (unless ``overwrite``) and where
    task and key would be one file, before anything is written; :class:`DiskError` where the disk refuses.
    """
    task = Path(out)
    keyed = _key_path(task, test=test, key=None if key is None else Path(key))
    check_free(*(path for path in (task, keyed) if path is not None), overwrite=overwrite)
    described = network if isinstance(network, Network) else load_network(network)
    exercise = make_exercise(described, seed, prefix)
    # The key first: a test without its key would be of no use.
    if keyed is not None:
        write_plan(key_plan(exercise, test=test), keyed, overwrite=overwrite)
    write_plan(exam_plan(exercise) if test else practice_plan(exercise), task, overwrite=overwrite)
    return WrittenExercise(exercise, task, keyed)


def _key_path(task: Path, *, test: bool, key: Path | None) -> Path | None:
    """Return where the key goes, if anywhere; raises :class:`UsageError` where it would be the task itself."""
    if key is None:
        return task.with_name(f"{task.stem}-key{task.suffix}") if test else None
    if key.resolve() == task.resolve():
        raise UsageError(f"{key} would be both the task and its key – choose different names")
    return key


def _title(exercise: Exercise, kind: str) -> str:
    return f"Backpropagation by hand: {kind} {exercise.identifier}"
