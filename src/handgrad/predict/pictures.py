"""Photographs answered: each digit with how sure it is, as a record that is printed, written as JSON and explained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import HandgradError, counted
from handgrad.photograph.digits import Picture
from handgrad.predict.margin import Margin
from handgrad.predict.network import TrainedNetwork
from handgrad.text import one_line


@dataclass(frozen=True, eq=False)
class AnsweredPicture:
    """A picture, what was seen on it, and the probabilities ``[n, 10]`` of its digits; or the error of one that is none."""

    path: Path
    seen: Picture | None
    probabilities: NDArray[np.float64]
    margin: float
    error: HandgradError | None = None

    @property
    def lines(self) -> list[str]:
        """What is printed: the digits, then each with its share and the runner-up."""
        if self.seen is None:
            return []
        if self.seen.reason:
            return [f"{one_line(self.path.name)}: no digit – {self.seen.reason}"]
        assert self.seen.ink is not None
        answers = [str(digit.answer) if digit.sure else "?" for digit in self.digits]
        found = counted(len(answers), "digit")
        head = f"{one_line(self.path.name)}: {' '.join(answers)}  ({found}, {self.seen.ink.polarity} writing)"
        return [head, *(f"  {digit.words}" for digit in self.digits)]

    @property
    def digits(self) -> list[AnsweredDigit]:
        """Each digit's answer."""
        return [AnsweredDigit(chances, self.margin) for chances in self.probabilities]

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        record: dict[str, Any] = {"file": str(self.path), "digits": []}
        if self.seen is None:
            return record | {"error": str(self.error)}
        record |= {"reason": self.seen.reason, "polarity": self.seen.ink.polarity if self.seen.ink else None}
        for seen, digit in zip(self.seen.digits, self.digits, strict=True):
            fitted = seen.fitted
            record["digits"].append(
                {
                    "digit": digit.answer, "sure": digit.sure, "probability": digit.share, "second": digit.second,
                    "second_probability": float(digit.probabilities[digit.second]),
                    "probabilities": digit.probabilities.tolist(), "box": list(seen.box),
                    "stroke_width": fitted.width, "stroke_changed_to": fitted.changed_to,
                }
            )  # fmt: skip
        return record


@dataclass(frozen=True, eq=False)
class AnsweredDigit:
    """The ten probabilities of one digit, and whether the first lies far enough before the second."""

    probabilities: NDArray[np.float64]
    margin: float

    @property
    def answer(self) -> int:
        """The digit with the highest probability."""
        return int(self.probabilities.argmax())

    @property
    def second(self) -> int:
        """The runner-up."""
        return int(np.argsort(self.probabilities)[-2])

    @property
    def share(self) -> float:
        """The probability of the answer."""
        return float(self.probabilities[self.answer])

    @property
    def sure(self) -> bool:
        """Whether the margin holds."""
        return self.share - float(self.probabilities[self.second]) >= self.margin

    @property
    def words(self) -> str:
        """The answer in a line; shares are rounded down."""
        first, second = (int(1000 * self.probabilities[digit]) / 10 for digit in (self.answer, self.second))
        if self.sure:
            return f"{self.answer}  {first:.1f} %, then {self.second} {second:.1f} %"
        return f"not sure: {self.answer} {first:.1f} % or {self.second} {second:.1f} %"


def answer_pictures(
    network: TrainedNetwork, paths: list[Path], margin: Margin, polarity: str | None = None
) -> list[AnsweredPicture]:
    """Return each picture answered; one that cannot be read carries its error, and the others are still answered."""
    found = []
    for path in paths:
        try:
            seen = network.look(path, polarity=polarity)
        except HandgradError as error:
            found.append(AnsweredPicture(path, None, np.zeros((0, 10)), margin.least, error))
            continue
        found.append(AnsweredPicture(path, seen, network.answer(seen.images).probabilities, margin.least))
    return found
