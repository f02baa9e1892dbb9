"""The figures of a training, as it makes them, as its run folder keeps them, and as ``--json`` prints them: one class each.

Nothing here reads files; `handgrad.runs.stored` turns what a file holds back into these records.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, ClassVar

from handgrad.score import wilson_interval

NOT_SELECTED = "nothing: the test set was read once"


class EvaluatedOn(Enum):
    """What a network was evaluated on; the value is how files write it."""

    TEST = "test"
    HOLDOUT = "holdout"
    TRAINING = "training"
    """Some of the images that it was trained on: that training works, and nothing about images never seen."""

    @property
    def words(self) -> str:
        """Return how a sentence calls it."""
        return _WORDS[self]


_WORDS = {
    EvaluatedOn.TEST: "test set",
    EvaluatedOn.HOLDOUT: "hold-out",
    EvaluatedOn.TRAINING: "sample of the training images",
}
_SELECTED_ON = {EvaluatedOn.TEST: "test set", EvaluatedOn.HOLDOUT: "holdout", None: NOT_SELECTED}


def chosen_on(selected_on: str) -> EvaluatedOn | None:
    """Return what a figure was chosen on, by what a record's ``selected_on`` says; None where nothing was chosen."""
    return next(on for on, text in _SELECTED_ON.items() if text == selected_on)


def evaluated_each_epoch(holdout: int, test: str) -> EvaluatedOn:
    """Return what every epoch of a run is evaluated on, by its *holdout* images and the *test* of its recipe."""
    if holdout:
        return EvaluatedOn.HOLDOUT
    return EvaluatedOn.TRAINING if test == "once" else EvaluatedOn.TEST


class Stored:
    """A record that a file of the run folder holds: checked when read, with finite numbers; unknown keys are passed over.

    The opposite of `handgrad.toml_records.Strict`: nobody types these files, and a later version may write more into them.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"allow_inf_nan": False}


class Counted:
    """How many of how many images were right."""

    correct: int
    total: int

    def __post_init__(self) -> None:
        # No image is no accuracy, rather than 0 %.
        if not 0 <= self.correct <= self.total or self.total == 0:
            raise ValueError(f"{self.correct} of {self.total} is not a count")

    @property
    def accuracy(self) -> float:
        """Return the part that was right, in percent."""
        return 100 * self.correct / self.total


@dataclass(frozen=True)
class Score(Counted, Stored):
    """Loss (mean over images) and counts of one pass over a set of images."""

    loss: float
    correct: int
    total: int

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values, the accuracy with it."""
        return asdict(self) | {"accuracy": self.accuracy}


@dataclass(frozen=True)
class EpochScore(Stored):
    """One epoch, a line of ``metrics.jsonl``: training figures over the images seen while learning, the others after it."""

    epoch: int
    """Counted from 1."""
    learning_rate: float
    """At the last step."""
    training: Score
    evaluation: Score
    seconds_training: float
    seconds_evaluating: float

    def as_json(self, evaluated_on: EvaluatedOn) -> dict[str, Any]:
        """Return the record as plain values."""
        table = asdict(self)
        table["training"] = self.training.as_json()
        table["evaluation"] = {"on": evaluated_on.value} | self.evaluation.as_json()
        return table


@dataclass(frozen=True)
class LastEpoch(Counted, Stored):
    """The headline: the network as the last epoch left it, on the test set."""

    correct: int
    total: int

    @property
    def interval95(self) -> tuple[float, float]:
        """Return the 95 % Wilson interval of the accuracy, in percent."""
        return wilson_interval(self.correct, self.total)

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return asdict(self) | {"accuracy": self.accuracy, "interval95": list(self.interval95)}


@dataclass(frozen=True)
class BestEpoch(Counted, Stored):
    """The epoch that looked best, on the test set. ``selected_on`` says what it was chosen by: "test set" or "holdout".

    Where the test set was read only once it is the last epoch, and ``selected_on`` is `NOT_SELECTED`.
    """

    epoch: int
    correct: int
    total: int
    selected_on: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.selected_on not in _SELECTED_ON.values():
            raise ValueError(f"selected_on is {self.selected_on!r:.40} – known: {', '.join(_SELECTED_ON.values())}")

    @classmethod
    def chosen(cls, epoch: int, score: Score, chosen_on: EvaluatedOn | None) -> BestEpoch:
        """Return the record of *epoch* with its *score* on the test set; *chosen_on* is None where nothing was chosen."""
        return cls(epoch, score.correct, score.total, _SELECTED_ON[chosen_on])

    @property
    def chosen_on(self) -> EvaluatedOn | None:
        """Return what the epoch was chosen on; None where it is the last one because the test set was read once."""
        return chosen_on(self.selected_on)

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        table = asdict(self)
        return table | {"accuracy": self.accuracy, "selected_on": table.pop("selected_on")}


@dataclass(frozen=True)
class RunSummary(Stored):
    """One finished training, ``summary.json``. ``path`` is the folder, ``seconds_training`` excludes evaluation and saving."""

    status: str
    """"complete"."""
    run: str
    path: str
    recipe: str
    network: str
    parameters: int
    dataset: str
    seed: int
    epochs: int
    holdout: int
    last_epoch: LastEpoch
    best_epoch: BestEpoch
    seconds_training: float
    seconds_evaluating: float
    device: str
    precision: str
    threads: int
    test: Score
    """The last epoch on the test set, with its loss."""

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        last, best, test = self.last_epoch.as_json(), self.best_epoch.as_json(), self.test.as_json()
        return asdict(self) | {"last_epoch": last, "best_epoch": best, "test": test}


@dataclass(frozen=True)
class DivergedRun(Stored):
    """A training that ended without finite numbers, ``summary.json`` of such a run. ``epochs`` were complete."""

    status: str
    """"diverged"."""
    run: str
    recipe: str
    seed: int
    reason: str
    epochs: int

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return asdict(self)
