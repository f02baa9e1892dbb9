"""What a training printed, epoch by epoch: read from pasted text, the outputs of a notebook, or a table in CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from handgrad.errors import UsageError
from handgrad.judge.handed_in.cells import read_cells
from handgrad.judge.handed_in.claims import TEST_IMAGES, counts_of_line
from handgrad.judge.handed_in.records import NotTakenError
from handgrad.runs.read import Run

SERIES = ("test accuracy", "training accuracy", "test loss", "training loss")
"""What a log may give for each epoch: accuracies in percent, losses as means over images."""
MOST_BYTES = 20_000_000
MOST_EPOCHS = 10_000

TESTED = re.compile(r"\b(?:test|val)", re.IGNORECASE)
ACCURACY = re.compile(
    r"(?<![a-z])(?P<test>(?:test|val\w*?)[ _-]*)?(?:(?:training|train)[ _-]*)?acc(?:uracy)?\w*\s*[:=]\s*"
    r"(?P<value>\d+(?:\.\d+)?)",
    re.IGNORECASE,
)
LOSS = re.compile(
    r"(?<![a-z])(?P<kind>(?:test|val\w*?|train\w*?|average|avg\.?)[ _-]+)?(?:set[: ]+)?(?:average |avg\.? )?loss\s*[:=]\s*"
    r"(?P<value>\d+(?:\.\d+)?(?:e-?\d+)?)",
    re.IGNORECASE,
)
KERAS = re.compile(r"\bval_\w+\s*:", re.IGNORECASE)
"""A line that has both figures of an epoch: then a bare loss is the mean of the epoch and no batch's."""


@dataclass(frozen=True)
class Trace:
    """The printed figures: for each of `SERIES` that the log has, the value by epoch, counted from 1."""

    source: str
    series: Mapping[str, Mapping[int, float]]

    @property
    def epochs(self) -> int:
        """Return the last epoch of which anything is known."""
        return max((epoch for values in self.series.values() for epoch in values), default=0)

    @property
    def figures(self) -> int:
        """Return how many figures there are."""
        return sum(len(values) for values in self.series.values())


@dataclass
class _Reading:
    """What was read so far; an epoch ends with its test figures, and training figures before them belong to it."""

    series: dict[str, dict[int, float]] = field(default_factory=lambda: {name: {} for name in SERIES})
    epoch: int = 1
    waiting: dict[str, float] = field(default_factory=dict)

    def close(self, found: Mapping[str, float]) -> None:
        """End an epoch with its test figures *found*."""
        for name, value in (self.waiting | dict(found)).items():
            self.series[name][self.epoch] = value
        self.epoch, self.waiting = self.epoch + 1, {}


def read_trace(path: Path) -> Trace:
    """Return what the log in the file *path* says: a notebook's outputs, a table (``.csv``, ``.tsv``), else text.

    Raises `UsageError` where it cannot be read or has no test accuracy of any epoch.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise UsageError(f"{path} has {size:,} bytes – at most {MOST_BYTES:,} are read, shorten it")
        if path.suffix.lower() == ".ipynb":
            text = "\n".join(cell.printed for cell in read_cells(path))
        else:
            text = path.read_bytes().decode("utf-8-sig", "replace")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror} – name the file of a log") from error
    except NotTakenError as error:
        raise UsageError(f"{path}: {error}") from error
    table = path.suffix.lower() in (".csv", ".tsv")
    series = _from_table(text, path) if table else _from_lines(text)
    series = {name: values for name, values in series.items() if values}
    if not series.get("test accuracy"):
        wanted = (
            "a column such as test_accuracy, test_correct or val_accuracy"
            if table
            else "lines such as Accuracy: 9908/10000, Test Accuracy: 99.08% or val_accuracy: 0.9908"
        )
        raise UsageError(f"{path}: no test accuracy of any epoch was found in it – it needs {wanted}")
    return Trace(path.name, series)


def traced(run: Run) -> Trace:
    """Return the same series of one of our own runs."""
    return Trace(
        run.name,
        {
            "test accuracy": {each.epoch: each.evaluation.accuracy for each in run.epochs},
            "training accuracy": {each.epoch: each.training.accuracy for each in run.epochs},
            "test loss": {each.epoch: each.evaluation.loss for each in run.epochs},
            "training loss": {each.epoch: each.training.loss for each in run.epochs},
        },
    )


def _from_lines(text: str) -> dict[str, dict[int, float]]:
    """Return the series of a log; a progress bar, which overwrites its line, counts with what it showed last."""
    reading = _Reading()
    for line in text.splitlines():
        found = _figures_of(line)
        test = {name: value for name, value in found.items() if name.startswith("test")}
        # Training figures stand before the test's in every usual log; what comes twice within an epoch counts with the
        # last.
        reading.waiting |= {name: value for name, value in found.items() if name not in test}
        if "test accuracy" in test and reading.epoch <= MOST_EPOCHS:
            reading.close(test)
        else:
            reading.waiting |= test
    return reading.series


def _figures_of(line: str) -> dict[str, float]:
    """Return the figures in one line, by series."""
    found: dict[str, float] = {}
    counts = counts_of_line(line)
    tested = bool(counts or TESTED.search(line))
    both = bool(KERAS.search(line))
    for match in ACCURACY.finditer(line):
        of_test = bool(match["test"]) or (tested and not both)
        found["test accuracy" if of_test else "training accuracy"] = _percent(float(match["value"]))
    if counts:
        # A count is exact, and wins over the percentage rounded beside it.
        found["test accuracy"] = 100 * counts[-1] / TEST_IMAGES
    for match in LOSS.finditer(line):
        kind = (match["kind"] or "").lower()
        if kind.startswith(("test", "val")) or (tested and not both and not kind.startswith("train")):
            found["test loss"] = float(match["value"])
        elif kind.startswith("train") or both:
            # A bare loss in a progress bar is that of the last batch: it says little of an epoch and is left out.
            found["training loss"] = float(match["value"])
    return found


def _percent(value: float) -> float:
    """Return an accuracy in percent, whether it was printed as a share or in percent."""
    return 100 * value if value <= 1 else value


def _from_table(text: str, path: Path) -> dict[str, dict[int, float]]:
    """Return the series of a table with a head; epochs by a column of that name, else by the rows."""
    first_line = text.partition("\n")[0]
    separator = max(",;\t", key=first_line.count)
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator) if any(cell.strip() for cell in row)]
    if not rows:
        raise UsageError(f"{path} is empty – a table needs column headings and one row per epoch")
    head = [cell.strip().lower() for cell in rows[0]]
    places = {name: place for place, cell in enumerate(head) if (name := _series_of(cell, head))}
    at = next((place for place, cell in enumerate(head) if cell.startswith("epoch")), None)
    series: dict[str, dict[int, float]] = {name: {} for name in SERIES}
    first = _number(rows[1], at) if at is not None and len(rows) > 1 else None
    # Logs count epochs from 0 as often as from 1.
    offset = 1 if first == 0 else 0
    for number, row in enumerate(rows[1:], start=1):
        epoch = number if at is None else _number(row, at)
        for name, place in places.items():
            value = _number(row, place)
            if epoch is not None and value is not None and 1 <= int(epoch) + offset <= MOST_EPOCHS:
                series[name][int(epoch) + offset] = value
    for name in SERIES[:2]:
        values = series[name]
        factor = 100 if values and max(values.values()) <= 1 else 1
        counted = values and max(values.values()) > 100
        series[name] = {
            epoch: (100 * value / TEST_IMAGES if counted else factor * value) for epoch, value in values.items()
        }
    return series


def _series_of(cell: str, head: list[str]) -> str:
    """Return which of `SERIES` a column is by its head, "" where it is none."""
    kind = "loss" if "loss" in cell else "accuracy" if re.search(r"acc|correct", cell) else ""
    if not kind:
        return ""
    if TESTED.search(cell):
        return f"test {kind}"
    # Beside a column of the test set, a column without a message is that of the training, as Keras writes it.
    trained = "train" in cell or any(TESTED.search(other) for other in head)
    return f"training {kind}" if trained else f"test {kind}"


def _number(row: list[str], place: int | None) -> float | None:
    """Return the number in a cell, also with a decimal comma or a percent sign; None where there is none."""
    if place is None or place >= len(row):
        return None
    try:
        return float(row[place].strip().rstrip("%").strip().replace(",", "."))
    except ValueError:
        return None
