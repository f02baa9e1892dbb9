"""What an assignment says of points and of the platform that shows them: the tables ``[points]`` and ``[gradescope]``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from handgrad.toml_records import Strict, within

# A scale that no course has; a typing mistake is refused before a class is graded with it.
MOST_POINTS = 10_000


@dataclass(frozen=True)
class AccuracyStep(Strict):
    """Points for an accuracy of *at_least* percent, reached when and as often as the assignment asks."""

    at_least: float
    """Percent."""
    points: float
    """What this step is worth; the highest step reached counts."""

    def __post_init__(self) -> None:
        within("at_least", self.at_least, 0, 100, open_low=True)
        within("points", self.points, 0, MOST_POINTS, open_low=True)


@dataclass(frozen=True)
class BonusStep(Strict):
    """Points on top for *fewer_than* so many parameters, where everything that is asked is met."""

    fewer_than: int
    """Parameters."""
    points: float
    """What this step adds; the highest step reached counts."""

    def __post_init__(self) -> None:
        within("fewer_than", self.fewer_than, 1, 10**9)
        within("points", self.points, 0, MOST_POINTS, open_low=True)


@dataclass(frozen=True)
class PointsTable(Strict):
    """What each condition is worth where it is met; the highest step reached counts, and none below it."""

    conditions: dict[str, float] = field(default_factory=dict)
    """The points of a condition under its name, as in `parameters = 2`; a verdict lists the names."""
    accuracy: list[AccuracyStep] = field(default_factory=list)
    bonus: list[BonusStep] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, points in self.conditions.items():
            within(f"conditions.{name[:40]}", points, 0, MOST_POINTS, open_low=True)
        if self.accuracy and "accuracy" in self.conditions:
            raise ValueError("accuracy has steps and is also in conditions – keep one")

    @property
    def any(self) -> bool:
        """Whether points are given at all."""
        return bool(self.conditions or self.accuracy)

    @property
    def most(self) -> float:
        """The points for everything, bonus left out."""
        return sum(self.conditions.values()) + max((step.points for step in self.accuracy), default=0)


@dataclass(frozen=True)
class ClaimCounts(Strict):
    """Whether what the author says of the training counts; left out, it is shown beside what was found and nothing more."""

    counts: Literal["no", "possible", "likely"] = "no"
    """What a training here must make of the claim for the condition `claim` to be met; no sets no condition."""
    required: bool = False
    """Whether something must be claimed at all: accuracies in a notebook's outputs, a README or a log."""

    def __post_init__(self) -> None:
        if self.required and self.counts == "no":
            raise ValueError('required goes with counts = "possible" or "likely" – add it, or leave required out')


@dataclass(frozen=True)
class Gradescope(Strict):
    """How a verdict is shown on Gradescope."""

    accuracy: Literal["visible", "after_due_date", "after_published", "hidden"] = "visible"
    """When learners see the accuracy and its points; the conditions that need no training are seen at once."""
    attempts_a_day: int = 0
    """How many hand-ins of one learner are judged within 24 hours; 0 sets no limit."""
    leaderboard: bool = True
    """Whether parameters and accuracy are shown in a ranking of all learners."""

    def __post_init__(self) -> None:
        within("attempts_a_day", self.attempts_a_day, 0, 1000)
