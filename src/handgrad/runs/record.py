"""What a training and a study return: plain frozen records, the same that ``--json`` prints."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from handgrad.score import wilson_interval

NOT_SELECTED = "nothing: the test set was read once"


@dataclass(frozen=True)
class LastEpoch:
    """The headline: the network as the last epoch left it, on the test set. Percent; the interval is Wilson's."""

    correct: int
    total: int
    accuracy: float
    interval95: tuple[float, float]


@dataclass(frozen=True)
class BestEpoch:
    """The epoch that looked best, on the test set. ``selected_on`` says what it was chosen by: "test set" or "holdout".

    Where the test set was read only once it is the last epoch, and ``selected_on`` is `NOT_SELECTED`.
    """

    epoch: int
    correct: int
    total: int
    accuracy: float
    selected_on: str


@dataclass(frozen=True)
class RunSummary:
    """One finished training. ``path`` is the run folder, ``seconds_training`` excludes evaluation and saving."""

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

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return asdict(self)


def last_epoch(score: Score) -> LastEpoch:
    """Return the headline of *score*."""
    interval = wilson_interval(score.correct, score.total)
    return LastEpoch(score.correct, score.total, 100 * score.correct / score.total, interval)


def best_epoch(epoch: int, score: Score, selected_on: str) -> BestEpoch:
    """Return the record of a chosen *epoch* with its *score* on the test set."""
    return BestEpoch(epoch, score.correct, score.total, 100 * score.correct / score.total, selected_on)


def summary_from(table: dict[str, Any]) -> RunSummary:
    """Return the record of a complete run from its ``summary.json``; raises KeyError or TypeError when parts are missing."""
    last = LastEpoch(**table["last_epoch"] | {"interval95": tuple(table["last_epoch"]["interval95"])})
    known = {name: table[name] for name in RunSummary.__dataclass_fields__}
    return RunSummary(**known | {"last_epoch": last, "best_epoch": BestEpoch(**table["best_epoch"])})


def epoch_table(score: EpochScore, evaluated_on: str) -> dict[str, Any]:
    """Return one line of ``metrics.jsonl``."""
    return {
        "epoch": score.epoch,
        "learning_rate": score.learning_rate,
        "training": score_table(score.training),
        "evaluation": {"on": evaluated_on} | score_table(score.evaluation),
        "seconds_training": round(score.seconds_training, 4),
        "seconds_evaluating": round(score.seconds_evaluating, 4),
    }


def score_table(score: Score) -> dict[str, Any]:
    """Return loss, counts and accuracy in percent as plain values."""
    accuracy = 100 * score.correct / score.total
    return {"loss": score.loss, "correct": score.correct, "total": score.total, "accuracy": accuracy}


@dataclass(frozen=True)
class Score:
    """Loss (mean over images) and counts of one pass over a set of images."""

    loss: float
    correct: int
    total: int


@dataclass(frozen=True)
class EpochScore:
    """One epoch: training figures over the images really seen while learning, evaluation figures after it."""

    epoch: int
    training: Score
    evaluation: Score
    learning_rate: float
    """At the last step."""
    seconds_training: float
    seconds_evaluating: float
