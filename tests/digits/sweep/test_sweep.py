"""A sweep: it never reads the test set while it chooses, goes on as if it had not been stopped, and drops no trial."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digits.idx_folders import digit_arrays, write_folder
from digits.small_runs import write_network
from handgrad.cluster.engine import Standing, StoppedError
from handgrad.digits import study as study_module
from handgrad.digits.sweep import sweep as module
from handgrad.digits.sweep.sweep import Look, resume_sweep, sweep
from handgrad.errors import InterruptedRunError, UsageError
from handgrad.report.compare import compare
from handgrad.report.listing import list_runs
from handgrad.report.sweep_page import sweep_page, write_sweep_page
from handgrad.report.where import chosen, names_in, parse_where
from handgrad.runs.sweep import Sweep, Trial, best_of, flattery, pairs, read_sweep


class Inline:
    """An engine that runs every task in this process."""

    width, shared = 2, True

    def standing(self, left: int) -> Standing:
        return Standing(left, min(left, self.width), self.width)

    def run(
        self, function: Callable[[Any], Any], tasks: Sequence[Any], stop: Callable[[], bool]
    ) -> Iterator[tuple[int, Any]]:
        for place, task in enumerate(tasks):
            if stop():
                raise StoppedError
            yield place, function(task)

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def opened(*_: Any) -> Iterator[Inline]:
        yield Inline()

    monkeypatch.setattr(module, "open_engine", opened)
    monkeypatch.setattr(study_module, "open_engine", opened)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "data", digit_arrays(200, 60), ending="")
    write_network(tmp_path)
    (tmp_path / "small.toml").write_text('network = "net.py:Net"\nepochs = 1\nbatch_size = 64\n')
    return tmp_path


OVER = ("optimizer.learning_rate=log:0.003..0.3", "batch_size=32,64")


def swept(out: str, **changes: Any) -> Sweep:
    settings: dict[str, Any] = {
        "trials": 3,
        "seeds": (0, 1),
        "final_seeds": 1,
        "holdout": 40,
        "jobs": 2,
        "data": "data",
    }
    return sweep("small.toml", over=OVER, out=out, **(settings | changes))


def test_trials_never_read_the_test_set_and_the_choice_is_trained_with_new_seeds(place: Path) -> None:
    found = swept("sweep")
    assert [trial.state for trial in found.trials] == ["complete"] * 3
    runs = sorted((place / "sweep/trials").glob("*/*/summary.json"))
    assert len(runs) == 6
    for path in runs:
        summary = json.loads(path.read_text())
        assert summary["last_epoch"]["total"] == 40 and summary["dataset"].endswith("-40-held-out")
    best = found.chosen
    assert best is not None and best.mean == max(trial.mean or 0 for trial in found.trials)
    assert found.final is not None and found.final["seeds"] == (2,) and found.final["dataset"].startswith("idx-")
    (final,) = (place / "sweep/chosen").glob("*/*/*/summary.json")
    summary = json.loads(final.read_text())
    assert summary["last_epoch"]["total"] == 60 and summary["best_epoch"]["selected_on"].startswith("nothing")
    assert read_sweep(place / "sweep").trials == found.trials
    page = write_sweep_page(place / "sweep").read_text()
    assert "The test set was out of reach" in page and "with 1 seed that no trial had" in page
    listed = list(list_runs(place / "sweep"))
    assert sorted(str(run.trial) for run in listed) == ["0", "0", "1", "1", "2", "2", "None"]
    where = f"trial={best.number} and batch_size={best.settings['batch_size']}"
    found_runs = chosen(listed, parse_where(where, names_in(listed)), "-accuracy")
    assert [run.last.accuracy for run in found_runs if run.last] == sorted(best.accuracies, reverse=True)
    compared = compare([place / "sweep"])
    assert len(compared.groups) == 3
    assert all("optimizer.learning_rate=" in group.label for group in compared.groups)


def test_a_sweep_that_is_stopped_goes_on_as_if_it_had_not_been(place: Path) -> None:
    whole = swept("whole")
    polls = iter([False] * 3 + [True] * 100)
    with pytest.raises(
        InterruptedRunError, match="1 of 3 trials done – continue with: handgrad sweep --resume stopped"
    ):
        swept("stopped", look=Look(stop=lambda: next(polls)))
    found = resume_sweep("stopped", trials=3)
    assert [replace(trial, seconds_training=None) for trial in found.trials] == [
        replace(trial, seconds_training=None) for trial in whole.trials
    ]
    assert found.best == whole.best
    more = resume_sweep("stopped", trials=4)
    assert len(more.trials) == 4 and more.trials[:3] == found.trials


def test_settings_that_do_not_fit_and_seeds_that_diverge_are_listed(place: Path) -> None:
    found = sweep(
        "small.toml",
        over=["optimizer.learning_rate=1e8,0.01", "batch_size=1,64"],
        trials=4,
        sampler="grid",
        out="sweep",
        holdout=40,
        final_seeds=0,
        data="data",
        jobs=1,
    )
    states = {
        (trial.settings["optimizer.learning_rate"], trial.settings["batch_size"]): trial for trial in found.trials
    }
    assert len(states) == 4
    assert states[0.01, 64].state == "complete" and found.best == states[0.01, 64].number
    assert states[1e8, 64].state == "failed" and "no longer finite" in states[1e8, 64].failed[0].reason
    assert states[0.01, 1].state == "failed" and "batch_size is 1 " in states[0.01, 1].reason
    assert "batch_size is 1 " in sweep_page(found)


def test_a_pruner_gives_up_after_some_seeds_and_says_so(place: Path) -> None:
    found = swept("sweep", trials=12, seeds=(0, 1, 2), final_seeds=0, prune=True, sampler="random")
    pruned = [trial for trial in found.trials if trial.state == "pruned"]
    assert all(len(trial.accuracies) < 3 for trial in pruned)
    assert all(len(trial.accuracies) == 3 for trial in found.trials if trial.state == "complete")
    assert found.pruned_early and "given up" in sweep_page(found)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"sampler": "grid"}, "needs lists"),
        ({"sampler": "best"}, '"best" is not known'),
        ({"trials": 0}, "1 to 10,000 trials"),
        ({"seeds": (1, 1)}, "different seeds"),
        ({"holdout": 200}, "choose 1 to 199"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_kept(
    place: Path, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        swept("sweep", **changes)
    assert not (place / "sweep/sweep-plan.json").exists()


def trial(number: int, *accuracies: float) -> Trial:
    return Trial(number, {}, "complete", tuple(range(len(accuracies))), accuracies, (), 10, 1.0)


def test_the_flattery_of_the_best_of_equal_trials_is_what_a_simulation_finds() -> None:
    """Forty trials that are all as good: the best looks better than it is by about the figure that is told."""
    rng = np.random.default_rng(0)
    told, true = [], []
    for _ in range(200):
        values = rng.normal(99.0, 0.1, (40, 3))
        trials = [trial(number, *map(float, row)) for number, row in enumerate(values)]
        told.append(flattery(trials, 5000) or 0.0)
        true.append(float(values.mean(1).max()) - 99.0)
    assert np.mean(told) == pytest.approx(np.mean(true), rel=0.03)
    one_seed = flattery([trial(number, 99.0) for number in range(40)], 5000)
    assert one_seed == pytest.approx(2.16 * 0.1407, rel=0.01)  # binomial: sqrt(0.99 · 0.01 / 5000) = 0.1407 points
    assert flattery([trial(0, 99.0)], 5000) is None


def test_the_chosen_trial_is_compared_on_common_seeds() -> None:
    trials = [trial(0, 99.0, 99.2), trial(1, 99.5, 99.6), trial(2, 99.4)]
    best = best_of(trials)
    assert best is trials[1]
    found = pairs(best, trials)
    assert [(pair.other, pair.seeds) for pair in found] == [(2, 1), (0, 2)]
    assert found[0].interval95 is None and found[1].difference == pytest.approx(0.45)
