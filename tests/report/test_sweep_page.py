"""What the page of a sweep says, of a record written by hand: which trial is best, which none beats, what was judged on."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from handgrad.report.sweep_page import every_trial, importances, paired, paretos, scatter, sentences, sweep_page
from handgrad.runs.sweep import FailedTrialSeed, Over, Paired, Sweep, Trial

RATE, WIDTHS = Over("rate", "log", low=0.01, high=1.0), Over("width", "list", values=(8, 16, 32))


def trial(number: int, mean: float, parameters: int, seconds: float, *, rate: float, width: int) -> Trial:
    return Trial(
        number=number, settings={"rate": rate, "width": width}, state="complete", seeds=(0, 1),
        accuracies=(mean - 0.1, mean + 0.1), failed=(), parameters=parameters, seconds_training=seconds,
    )  # fmt: skip


TRIALS = (
    trial(0, 98.0, 5_000, 10.0, rate=0.01, width=8),
    trial(1, 99.0, 9_000, 30.0, rate=0.1, width=16),
    trial(2, 98.5, 12_000, 20.0, rate=1.0, width=32),  # larger than 1 and worse: beaten in size, not in time
    trial(3, 97.0, 20_000, 40.0, rate=0.3, width=8),  # beaten in both
)
PRUNED = replace(TRIALS[0], number=4, state="pruned", accuracies=(99.9,), reason="below the median")
FAILED = replace(
    TRIALS[0], number=5, state="failed", accuracies=(), failed=(FailedTrialSeed(1, "diverged"),), parameters=None,
    seconds_training=None,
)  # fmt: skip
FINAL = {"n": 5, "mean": 98.9, "interval95": [98.7, 99.1]}
SWEEP = Sweep(
    recipe="quick", path="sweep", over=(RATE, WIDTHS), sampler="tpe", seed=7, pruned_early=True, holdout=5000,
    seeds=(0, 1), trials=(*TRIALS, PRUNED, FAILED), best=1, importances={"width": 0.2, "rate": 0.8},
    paired=(Paired(2, 2, 0.5, (0.1, 0.9)), Paired(0, 2, 1.0, None)), flattery=0.07, final=FINAL,
)  # fmt: skip


def cells(html: object) -> list[list[str]]:
    """The rows of a table, without their markup."""
    rows = re.findall(r"<tr>(.*?)</tr>", str(html), re.DOTALL)
    return [[re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)] for row in rows]


def points(polyline: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in polyline.split())]


def test_the_sentences_tell_what_was_judged_on_and_how_many_were_equal() -> None:
    said = " ".join(sentences(SWEEP))
    assert "trained with 2 seeds on all but 5,000 training images, and was judged by those" in said
    assert "(4 complete, 1 pruned, 1 failed; sampler tpe, seed 7)" in said
    assert "Chosen: trial 1 (rate=0.1, width=16), 99.000 % on the hold-out." in said
    # Chance alone chooses among those that count: a pruned trial cannot be the best.
    assert (
        "Were all 4 settings equally good, the best of them would by chance alone look about 0.07 points better" in said
    )
    assert "with 5 seeds that no trial had, and the test set read once each: mean 98.900 %" in said
    assert "95 % interval of the mean 98.700 to 99.100 %" in said
    assert "None" not in said and "No trial finished" in " ".join(sentences(replace(SWEEP, best=None)))


def test_every_trial_is_listed_the_best_first_and_those_without_all_seeds_last() -> None:
    head, *rows = cells(every_trial(SWEEP))
    assert [row[0] for row in rows] == ["1", "2", "0", "3", "4", "5"]
    assert head[4:] == ["mean, hold-out", "each seed", "parameters", "seconds", "why"]
    assert rows[0][4:8] == ["99.000 %", "98.90, 99.10", "9,000", "30.0"]
    assert rows[-1][4:] == ["–", "–", "–", "–", "seed 1: diverged"]
    assert rows[-2][-1] == "below the median"


def test_what_matters_most_stands_first_in_percent() -> None:
    assert cells(importances(SWEEP))[1:] == [["rate", "80 %"], ["width", "20 %"]]
    assert importances(replace(SWEEP, importances={})) is None


def test_an_advantage_of_the_chosen_one_is_above_zero() -> None:
    assert cells(paired(SWEEP))[1:] == [
        ["over trial 2", "+0.500", "+0.100 to +0.900", "2"],
        ["over trial 0", "+1.000", "–", "2"],
    ]


@pytest.mark.parametrize(("label", "front"), [("parameters", [0, 1]), ("seconds of training", [0, 2, 1])])
def test_the_line_joins_those_that_no_other_beats_in_both(label: str, front: list[int]) -> None:
    cost = (lambda each: float(each.parameters)) if label == "parameters" else (lambda each: each.seconds_training)
    beaten = {
        one.number
        for one in TRIALS
        if any(
            other is not one and cost(other) <= cost(one) and (other.mean or 0) >= (one.mean or 0) for other in TRIALS
        )
    }
    assert [each.number for each in sorted(TRIALS, key=cost) if each.number not in beaten] == front
    drawing = str(scatter(TRIALS, label, cost, best=1))
    dots = {
        int(number): (float(x), float(y))
        for x, y, number in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"[^>]*><title>trial (\d+):', drawing)
    }
    (line,) = re.findall(r'<polyline points="([^"]*)"', drawing)
    assert points(line) == [dots[number] for number in front]
    (ring,) = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="7"', drawing)
    assert tuple(map(float, ring)) == dots[1]
    # Further right costs more, further up is better.
    ordered = sorted(TRIALS, key=cost)
    assert all(dots[one.number][0] < dots[other.number][0] for one, other in pairwise(ordered))
    assert dots[1][1] == min(y for _, y in dots.values()) and dots[3][1] == max(y for _, y in dots.values())
    assert re.findall(r"<figcaption>(.*?)</figcaption>", drawing) == [f"Accuracy (%) against {label}"]
    assert f"Accuracy on the hold-out against {label}, 4 trials" in drawing


def test_no_chart_of_trials_speaks_of_the_test_set() -> None:
    """Trials were judged by the hold-out; the test set is named where it is said to be out of reach, or read at the end."""
    page = sweep_page(SWEEP)
    assert (
        "Accuracy on the hold-out against parameters" in page and "A line per trial; the chosen one stands out" in page
    )
    assert len(re.findall("test", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL), re.IGNORECASE)) == 2
    assert paretos(replace(SWEEP, trials=TRIALS[:1])) is None


def test_the_chosen_line_lies_on_top_and_each_goes_through_its_settings() -> None:
    page = sweep_page(SWEEP)
    lines = re.findall(r'<polyline points="([^"]*)" class="curve (s\d)"[^>]*><title>trial (\d+): ([^<]*)</title>', page)
    assert [number for _, _, number, _ in lines] == ["3", "0", "2", "1"]
    assert [look for _, look, _, _ in lines] == ["s0", "s0", "s0", "s1"]
    through = {number: [250 - y for _, y in points(line)] for line, _, number, _ in lines}
    # A tenth lies halfway from a hundredth to one on a logarithmic axis; 16 is the middle one of three widths.
    assert through["1"] == pytest.approx([110, 110, 220], abs=0.11)
    assert through["0"] == pytest.approx([0, 0, 110], abs=0.11)
    assert lines[-1][3] == "rate=0.1, width=16: 99.000 %"
