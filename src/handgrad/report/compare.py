"""Several runs side by side: what they were, what they reached, what sets them apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from handgrad.errors import UsageError, counted
from handgrad.report.numbers import number
from handgrad.report.run_cells import HEAD, failures, run_cells, run_json
from handgrad.report.setup import recipe_values
from handgrad.runs.find import run_paths
from handgrad.runs.read import Run, read_run
from handgrad.runs.sweep import PLAN, TRIALS
from handgrad.score import spread_of_accuracies
from handgrad.shown.record import Shown
from handgrad.shown.view import Curve, View
from handgrad.text import aligned, one_line
from handgrad.toml_records import flat

SHOWN = ("recipe", "network", "parameters", "seed", "last epoch", "95 % interval", "s/epoch")
"""The columns that a terminal of 100 letters has room for."""
MOST_DIFFERENCES = 4
RIGHT = ("parameters", "seed", "epochs", "last epoch", "s/epoch")


@dataclass(frozen=True)
class Group:
    """Runs that differ in nothing but their seed, under the name that tells them from the other groups."""

    label: str
    runs: tuple[Run, ...]

    @property
    def counted(self) -> tuple[Run, ...]:
        """One run with a result for each seed: a second run of a seed is no second, independent figure."""
        return tuple({run.seed: run for run in reversed(self.runs) if run.result is not None}.values())[::-1]

    @property
    def repeated(self) -> tuple[Run, ...]:
        """Runs with a result whose seed is counted already."""
        return tuple(run for run in self.runs if run.result is not None and run not in self.counted)

    def as_json(self) -> dict[str, Any]:
        """Return mean and spread of the last epochs' accuracies (percent); runs without a result are listed as failed."""
        accuracies = [run.result.last_epoch.accuracy for run in self.counted if run.result]
        figures = asdict(spread_of_accuracies(accuracies)) if accuracies else {"n": 0}
        failed = [{"seed": run.seed, "run": run.name, "state": run.state} for run in self.runs if run.result is None]
        seeds = [run.seed for run in self.counted]
        return {"recipe": self.label, "seeds": seeds, "accuracies": accuracies} | figures | {"failed": failed}


@dataclass(frozen=True, repr=False)
class Comparison(Shown):
    """Runs in groups, notes on what makes a comparison unfair, and the recipe values in which the groups differ."""

    groups: tuple[Group, ...]
    notes: tuple[str, ...]
    differences: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def runs(self) -> list[tuple[str, Run]]:
        """Every run with the label of its group."""
        return [(group.label, run) for group in self.groups for run in group.runs]

    def view(self) -> View:
        """Return a row for each run, the mean of every group of several, what differs, and the curves."""
        means = [group_cells(group) for group in self.groups if len(group.runs) > 1]
        lines = [f"{cells[0]}: mean {cells[2]}, sd {cells[3]}, 95 % interval of the mean {cells[5]}" for cells in means]
        lines += [f"{key}: {' · '.join(values)}" for key, values in self.differences[:MOST_DIFFERENCES]]
        left = len(self.differences) - MOST_DIFFERENCES
        lines += [f"and {left} more values differ"] if left > 0 else []
        cells = [run_cells(label, run) for label, run in self.runs]
        kept = [HEAD.index(name) for name in SHOWN]
        place = HEAD.index("network")
        # Without the folders of its file, for which there is no room.
        short = [[*row[:place], row[place].replace("\\", "/").rpartition("/")[2], *row[place + 1 :]] for row in cells]
        curves = [
            Curve(
                f"{label}, seed {run.seed}",
                [each.epoch for each in run.epochs],
                [each.evaluation.accuracy for each in run.epochs],
            )
            for label, run in self.runs
        ]
        return View(
            title=f"{counted(len(self.runs), 'run')} side by side",
            lines=(*lines, *self.notes),
            head=SHOWN,
            rows=tuple(tuple(row[at] for at in kept) for row in short),
            curves=tuple(curves),
            x_name="epoch",
            y_name="accuracy in %",
            columns={name: [row[place] for row in cells] for place, name in enumerate(HEAD)},
        )

    def as_json(self) -> dict[str, Any]:
        """Return the comparison as plain values."""
        return {
            "runs": [run_json(label, run) for label, run in self.runs],
            "groups": [group.as_json() for group in self.groups],
            "differences": {key: list(values) for key, values in self.differences},
            "notes": list(self.notes),
        }


def compare(paths: Sequence[Path]) -> Comparison:
    """Return the runs in *paths* side by side; the folder of a study stands for its runs, that of a sweep for its trials.

    Raises `UsageError` for fewer than two runs or one named twice, and what `read_run` raises.
    """
    paths = [run for path in paths for run in _runs_at(path)]
    if len({path.resolve() for path in paths}) != len(paths):
        raise UsageError("a run is named twice – name each run once")
    if len(paths) < 2:
        raise UsageError("one run – compare needs at least two; `handgrad report RUN` shows one")
    groups = grouped([read_run(path, pictures=False) for path in paths])
    found = notes([run for group in groups for run in group.runs])
    found += [
        f"{run.name} repeats seed {run.seed} of {group.label}; the mean counts each seed once."
        for group in groups
        for run in group.repeated
    ]
    return Comparison(groups, tuple(found), differences(groups))


def _runs_at(path: Path) -> list[Path]:
    """Return the run folders that *path* stands for; itself where it holds none, so that the reader says what is wrong."""
    # The runs of a sweep's chosen setting are read on other images than its trials: they are named apart, sweep/chosen.
    within = path / TRIALS if (path / PLAN).is_file() else path
    return list(run_paths(within)) or [path]


def grouped(runs: Sequence[Run]) -> tuple[Group, ...]:
    """Return *runs* in groups of equal recipe, network, data and hold-out, in the order in which each first comes."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(identity(run), []).append(run)
    groups = list(found.values())
    labels = []
    for group in groups:
        namesakes = [other[0] for other in groups if other[0].title == group[0].title]
        labels.append(label(group[0], namesakes))
    ordered = [tuple(sorted(group, key=lambda run: run.seed)) for group in groups]
    # Two groups may still look alike, as when two files of one name hold different networks.
    seen: dict[str, int] = {}
    for place, name in enumerate(labels):
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            labels[place] = f"{name} ({seen[name]})"
    return tuple(Group(name, group) for name, group in zip(labels, ordered, strict=True))


def identity(run: Run) -> str:
    """Return what two runs have in common that differ only in their seed."""
    source = run.path / "network.py"
    network = hashlib.sha256(source.read_bytes()).hexdigest() if source.is_file() else run.network
    recipe = {key: value for key, value in run.recipe.items() if key not in ("name", "note", "network")}
    parts = [recipe, network, run.environment.dataset_sha256, run.holdout]
    return json.dumps(parts, sort_keys=True, default=str)


def label(run: Run, namesakes: Sequence[Run]) -> str:
    """Return the recipe's name, and what sets *run* apart from others of that name."""
    own, details = flat(run.recipe), []
    for key, value in own.items():
        if key not in ("name", "note") and any(flat(other.recipe).get(key) != value for other in namesakes):
            details.append(f"{key}={number(value)}")
    if any(other.dataset != run.dataset for other in namesakes):
        details.append(f"dataset {run.dataset}")
    if any(other.holdout != run.holdout for other in namesakes):
        details.append(f"hold-out {run.holdout:,}" if run.holdout else "no hold-out")
    return ", ".join([run.title, *details])


def notes(runs: Sequence[Run]) -> list[str]:
    """Return what a reader must know before comparing the figures of *runs*."""
    found = []
    datasets = {run.environment.dataset_sha256: run.dataset for run in runs}
    if len(datasets) > 1:
        names = sorted({f"{name} ({sha[:12]})" for sha, name in datasets.items()})
        found.append(
            f"These runs used different datasets: {', '.join(names)}. Their accuracies cannot be compared with one another."
        )
    if "drawn" in datasets.values():
        found.append("dataset: drawn – digits that the program drew itself; the figures say nothing about handwriting.")
    if len({run.holdout for run in runs}) > 1:
        found.append(
            "Hold-outs differ: the runs trained on different numbers of images, "
            "and their curves were measured on different images."
        )
    made = [run.environment for run in runs]
    if len({(each.device_name, each.platform, each.machine) for each in made}) > 1:
        found.append("Devices, precisions or threads differ: the seconds per epoch cannot be compared.")
    found += [
        f"{run.name} {'diverged' if run.state == 'diverged' else 'is not finished'}: "
        f"{len(run.epochs)} of {counted(run.planned, 'epoch')}. It has no result and no mean includes it."
        for run in runs
        if run.result is None
    ]
    return found


def differences(groups: Sequence[Group]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return every recipe value in which *groups* differ, with the value in each."""
    tables = [{key: value for key, value, _, _ in recipe_values(group.runs[0].recipe)} for group in groups]
    tables = [{"network": group.runs[0].network} | table for group, table in zip(groups, tables, strict=True)]
    keys = list(dict.fromkeys(key for table in tables for key in table))
    rows = [(key, [table.get(key) for table in tables]) for key in keys]
    return tuple(
        (key, tuple("–" if value is None else number(value) for value in values))
        for key, values in rows
        if any(value != values[0] for value in values)
    )


def group_cells(group: Group) -> list[str]:
    """Return one group as n, mean, standard deviation, lowest, interval of the mean, and what failed."""
    table = group.as_json()
    if not table["n"]:
        return [group.label, "0", "–", "–", "–", "–", failures(table)]
    several = table["n"] > 1
    return [
        group.label,
        str(table["n"]),
        f"{table['mean']:.3f} %",
        f"{table['sd']:.3f}" if several else "–",
        f"{table['lowest']:.2f} %",
        f"{table['interval95'][0]:.3f} to {table['interval95'][1]:.3f} %" if several else "–",
        failures(table),
    ]


GROUP_HEAD = ("recipe", "n", "mean", "sd", "lowest", "95 % interval of the mean", "without result")


def text_lines(comparison: Comparison) -> list[str]:
    """Return the comparison for a terminal."""
    lines = aligned(HEAD, [run_cells(label, run) for label, run in comparison.runs], RIGHT)
    if any(len(group.runs) > 1 for group in comparison.groups):
        rows = [group_cells(group) for group in comparison.groups]
        lines += ["", *aligned(GROUP_HEAD, rows, GROUP_HEAD[1:5])]
    if comparison.differences:
        head = ["differs", *(group.label for group in comparison.groups)]
        lines += ["", *aligned(head, [[key, *values] for key, values in comparison.differences])]
    return lines + [one_line(f"note: {note}", None) for note in comparison.notes]
