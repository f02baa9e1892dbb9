"""What is printed of a study: its figures are those of the list that stands beside them."""

from __future__ import annotations

import re
import statistics
from dataclasses import replace

import pytest

from handgrad.cli.study import print_study
from handgrad.digits.population.probe import TrainingPlan
from handgrad.digits.study_record import Study
from handgrad.runs.record import NOT_SELECTED
from handgrad.score import spread_of_accuracies

ACCURACIES = (99.10, 98.40, 99.30)
SPREAD = spread_of_accuracies(ACCURACIES)
FOUND = Study(
    recipe="quick", network="squeeze-16k", parameters=16_452, dataset="mnist", epochs=4, n=3, seeds=(0, 1, 2),
    accuracies=ACCURACIES, mean=SPREAD.mean, sd=SPREAD.sd, lowest=min(ACCURACIES), interval95=SPREAD.interval95,
    failed=(), selected=(99.2, 98.8, 99.3), selected_on="test set", seconds_training=(1.0, 2.0, 3.0), device="cpu",
    precision="fp32", threads=1, jobs=2, plan=TrainingPlan(0, "one by one", 1), path="runs/study", runs=("a", "b", "c"),
)  # fmt: skip


def test_mean_spread_lowest_and_interval_are_those_of_the_accuracies_shown(capsys: pytest.CaptureFixture[str]) -> None:
    print_study(FOUND)
    said = capsys.readouterr().out
    (listed,) = re.findall(r"last epoch \(4\), 3 seeds: (.*) %", said)
    values = [float(value) for value in listed.split(", ")]
    assert values == list(ACCURACIES)
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    assert f"mean {mean:.3f} %, standard deviation {deviation:.3f}, lowest {min(values):.2f} %" in said
    half = 4.3027 * deviation / 3**0.5  # Student's t for two degrees of freedom, from a table
    assert f"95 % interval of the mean over seeds: {mean - half:.3f} to {min(100, mean + half):.3f} %" in said
    assert (
        f"mean of each run's best epoch: {statistics.fmean((99.2, 98.8, 99.3)):.3f} % – selected on the test set"
        in said
    )


def test_a_best_epoch_is_told_with_what_chose_it_or_not_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    print_study(replace(FOUND, selected_on="holdout"))
    assert "selected on the hold-out" in capsys.readouterr().out
    print_study(replace(FOUND, selected=(), selected_on=NOT_SELECTED))
    said = capsys.readouterr().out
    assert "the test set was read once per seed, after the last epoch" in said and "best epoch" not in said
