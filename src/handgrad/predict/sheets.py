"""A filled-in sheet answered: how many of somebody's own digits a network reads, with its interval, and which it does not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import UsageError
from handgrad.files import write_whole
from handgrad.html.document import document
from handgrad.html.markup import Markup, joined, tag
from handgrad.photograph.read import read_picture
from handgrad.photograph.sheet_read import Sheet, read_sheet
from handgrad.predict.network import TrainedNetwork
from handgrad.report.digit_images import bars, picture
from handgrad.score import percent, wilson_interval
from handgrad.text import one_line, quoted


@dataclass(frozen=True, eq=False)
class AnsweredSheet:
    """A sheet that was read, the probabilities ``[n, 10]`` of its digits, and whose network answered."""

    path: Path
    sheet: Sheet
    probabilities: NDArray[np.float64]
    network: str

    @property
    def answers(self) -> NDArray[np.int64]:
        """The answers, in the order of the boxes."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    @property
    def wrong(self) -> list[int]:
        """Which of the digits were answered wrongly."""
        return [int(at) for at in np.flatnonzero(self.answers != self.sheet.rows)]

    @property
    def correct(self) -> int:
        """How many were answered right."""
        return len(self.answers) - len(self.wrong)

    @property
    def lines(self) -> list[str]:
        """What is printed."""
        low, high = wilson_interval(self.correct, len(self.answers))
        total = len(self.answers)
        first = (
            f"{one_line(self.path.name)}: {percent(self.correct, total)} of this handwriting ({self.correct} of {total}; "
            f"95 % interval {low:.1f} to {high:.1f} %)"
        )
        empty = [] if total == 100 else [f"  {100 - total} boxes are empty and do not count"]
        return [first, *empty, *(f"  {self.words(at)}" for at in self.wrong)]

    def words(self, at: int) -> str:
        """Return one answer in words."""
        row, column = int(self.sheet.rows[at]), int(self.sheet.columns[at])
        answer = int(self.answers[at])
        share = int(1000 * self.probabilities[at, answer]) / 10
        return f"row {row}, column {column + 1}: answered {answer} ({share:.1f} %)"

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        low, high = wilson_interval(self.correct, len(self.answers))
        boxes = [
            {"row": int(row), "column": int(column) + 1, "answer": int(answer), "probabilities": chances.tolist()}
            for row, column, answer, chances in zip(
                self.sheet.rows, self.sheet.columns, self.answers, self.probabilities, strict=True
            )
        ]
        return {
            "file": str(self.path), "network": self.network, "correct": self.correct, "total": len(boxes),
            "interval95": [low, high], "boxes": boxes,
        }  # fmt: skip


def answer_sheet(network: TrainedNetwork, path: Path) -> AnsweredSheet:
    """Return the sheet on the picture *path*, answered; raises `UsageError` where it cannot be read as a sheet."""
    network.check_photographs()
    grey = read_picture(path)
    try:
        sheet = read_sheet(grey)
    except UsageError as error:
        raise UsageError(f"{quoted(path.name)}: {error}") from error
    return AnsweredSheet(path, sheet, network.answer(sheet.images).probabilities, network.name)


def write_sheet_page(answered: AnsweredSheet, path: Path) -> Path:
    """Write a page with the figure and every mistake as a picture, and return its path."""
    first, *_ = answered.lines
    mistakes = [mistake(answered, at) for at in answered.wrong]
    words = "Every digit was read correctly." if not mistakes else "Read wrong:"
    row = tag("div", *mistakes, style="display:flex; flex-wrap:wrap; gap:1.5rem")
    body = joined(tag("h1", f"A handwriting read by {answered.network}"), tag("p", first), tag("p", words), row)
    return write_whole(path, document("A handwriting read", body).encode("utf-8"))


def mistake(answered: AnsweredSheet, at: int) -> Markup:
    """Return one digit as the network saw it, and the ten probabilities."""
    words = answered.words(at)
    meant = int(answered.sheet.rows[at])
    return tag(
        "figure",
        picture(answered.sheet.images[at], words),
        bars(answered.probabilities[at].tolist(), meant),
        tag("figcaption", f"meant {meant}; {words}"),
    )
