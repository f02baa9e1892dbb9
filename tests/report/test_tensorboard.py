"""TensorBoard reads back from the events what the run folder says."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from handgrad.errors import MissingError, UsageError
from handgrad.report.tensorboard import RATES, check_tensorboard, write_events
from handgrad.runs.read import read_run
from report.run_folders import make_run

BEGAN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC).timestamp()


def events(folder: Path) -> EventAccumulator:
    """Write and load the events of the run in *folder*."""
    accumulator = EventAccumulator(str(write_events(folder).parent), size_guidance={"scalars": 0})
    accumulator.Reload()
    return accumulator


def test_the_events_are_the_figures_of_the_folder(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    run, found = read_run(folder), events(folder)
    names = ["accuracy/test", "accuracy/training", "learning_rate", "loss/test", "loss/training"]
    assert sorted(found.Tags()["scalars"]) == names
    for tag, expected in {
        "accuracy/test": [epoch.evaluation.accuracy for epoch in run.epochs],
        "accuracy/training": [epoch.training.accuracy for epoch in run.epochs],
        "loss/test": [epoch.evaluation.loss for epoch in run.epochs],
        "loss/training": [epoch.training.loss for epoch in run.epochs],
    }.items():
        assert [event.step for event in found.Scalars(tag)] == [1, 2, 3, 4]
        assert [event.value for event in found.Scalars(tag)] == pytest.approx(expected)
    rates = found.Scalars("learning_rate")
    assert run.evidence is not None
    assert [event.step for event in rates] == list(range(1, 81))
    assert [event.value for event in rates] == pytest.approx(run.evidence.learning_rates.tolist())


def test_wall_times_follow_the_durations(tmp_path: Path) -> None:
    found = events(make_run(tmp_path))
    # Epoch n trains 2 + n seconds and is evaluated in 0.25.
    assert [event.wall_time - BEGAN for event in found.Scalars("accuracy/test")] == pytest.approx(
        [3.25, 7.5, 12.75, 19.0]
    )
    rates = [event.wall_time for event in found.Scalars("learning_rate")]
    assert rates == sorted(rates)
    assert rates[-1] - BEGAN == pytest.approx(19.0)


def test_a_long_run_is_thinned_to_its_first_and_last_rate(tmp_path: Path) -> None:
    found = events(make_run(tmp_path, epochs=30)).Scalars("learning_rate")
    assert len(found) == RATES
    assert (found[0].step, found[-1].step) == (1, 600)


def test_a_run_with_a_hold_out_says_so_in_its_tags(tmp_path: Path) -> None:
    assert "accuracy/holdout" in events(make_run(tmp_path, holdout=200)).Tags()["scalars"]


def test_events_written_again_do_not_double(tmp_path: Path) -> None:
    folder = make_run(tmp_path, state="unfinished", done=2)
    write_events(folder)
    assert len(events(folder).Scalars("accuracy/test")) == 2
    assert len(list((folder / "tensorboard").iterdir())) == 1
    assert [event.step for event in events(folder).Scalars("learning_rate")] == [20, 40]


def test_before_the_first_epoch_there_is_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no complete epoch"):
        write_events(make_run(tmp_path, state="unfinished", done=0))


def test_where_tensorboard_is_missing_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    check_tensorboard()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match=r'pip install "handgrad\[tensorboard\]"'):
        check_tensorboard()
