"""A run stopped anywhere and resumed is the run that was never stopped; and the bugs that would break this are caught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from digits.small_runs import (
    EVERYTHING,
    POLLS,
    STEPS,
    Notes,
    assert_same_end,
    metrics,
    resumed,
    small_digits,
    stopped,
    stopped_again,
    trained,
    with_network,
)
from handgrad.digits import run
from handgrad.digits.training import loop as train
from handgrad.digits.training import state
from handgrad.digits.training.meter import Meter
from handgrad.digits.training.recipe import Augmentation, Averaging, Optimizer, Recipe, Schedule
from handgrad.digits.training.schedule import rate_factor
from handgrad.errors import DamagedRunError, UsageError

PLAIN = replace(
    EVERYTHING, averaging=Averaging(), augmentation=Augmentation(), schedule=Schedule(), dropout=None, label_smoothing=0
)
VARIANTS: dict[str, Recipe] = {
    "sgd without momentum": replace(PLAIN, optimizer=Optimizer("sgd", 0.1, momentum=0)),
    "sgd with momentum": replace(PLAIN, optimizer=Optimizer("sgd", 0.1, weight_decay=1e-3)),
    "nesterov": replace(PLAIN, optimizer=Optimizer("sgd", 0.1, nesterov=True)),
    "adam": replace(PLAIN, optimizer=Optimizer("adam", 0.02)),
    "adamw": replace(PLAIN, optimizer=Optimizer("adamw", 0.02, weight_decay=0.1)),
    "muon": replace(PLAIN, optimizer=Optimizer("muon", 0.05, nesterov=True, weight_decay=0.1)),
    "averaging": replace(PLAIN, averaging=Averaging(0.9)),
    "step": replace(PLAIN, schedule=Schedule("step", every=1, factor=0.5)),
    "one-cycle": replace(PLAIN, schedule=Schedule("one-cycle", shape="linear")),
    "cosine": replace(PLAIN, schedule=Schedule("cosine")),
    "dropout": replace(PLAIN, dropout=0.4),
    "augmentation": replace(PLAIN, augmentation=Augmentation(rotation=10, shift=2, scale=0.1, shear=10)),
    "drop_last": replace(PLAIN, drop_last=True),
    "a shipped network": replace(EVERYTHING, network="stem-16k"),
    "channels last, momentum": replace(PLAIN, network="gap10-17k", optimizer=Optimizer("sgd", 0.1)),
}


# With 40 of the 200 images held out an epoch has three steps: one poll before the first, 3 × (3 + 1) after.
HELD_OUT_POLLS = 13


@pytest.mark.parametrize("poll", range(1, HELD_OUT_POLLS))
def test_a_run_stopped_at_any_step_and_resumed_is_the_run_never_stopped(
    poll: int, recipe: Recipe, unbroken: Path, tmp_path: Path
) -> None:
    folder = stopped(recipe, tmp_path, poll, holdout=40)
    assert not (folder / "summary.json").exists()
    assert_same_end(resumed(folder), unbroken)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_kind_of_recipe_resumes_to_the_same_bytes(variant: str, tmp_path: Path) -> None:
    recipe = with_network(VARIANTS[variant], tmp_path)
    expected = Path(trained(recipe, tmp_path / "unbroken").path)
    steps = STEPS - (variant == "drop_last")
    within, last_step, boundary = steps + 4, 2 * steps + 2, steps + 2
    for poll in (within, last_step, boundary):
        assert_same_end(resumed(stopped(recipe, tmp_path / f"at-{poll}", poll)), expected)


def test_a_run_stopped_after_every_single_step_ends_as_if_never_stopped(
    recipe: Recipe, unbroken: Path, tmp_path: Path
) -> None:
    folder = stopped(recipe, tmp_path, 1, holdout=40)
    resumes = 0
    while True:
        try:
            stopped_again(folder, 2)
        except AssertionError:
            break
        resumes += 1
    assert resumes >= 8
    assert_same_end(folder, unbroken)


def test_a_second_stop_in_the_same_epoch_and_at_its_end_changes_nothing(
    recipe: Recipe, unbroken: Path, tmp_path: Path
) -> None:
    folder = stopped(recipe, tmp_path, 6, holdout=40)
    stopped_again(folder, 2)
    stopped_again(folder, 3)
    assert_same_end(resumed(folder), unbroken)


def test_two_runs_with_different_seeds_do_not_pass_for_the_same(recipe: Recipe, unbroken: Path, tmp_path: Path) -> None:
    other = Path(trained(recipe, tmp_path, holdout=40, seed=6).path)
    with pytest.raises(AssertionError, match="differs"):
        assert_same_end(other, unbroken)


def forget_norms(restored: train.State) -> None:
    for module in restored.network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()


def forget_optimizer(restored: train.State) -> None:
    restored.optimizer.state.clear()


def forget_average(restored: train.State) -> None:
    assert restored.average is not None
    restored.average.load_state_dict(restored.network.state_dict())


def forget_meter(restored: train.State) -> None:
    restored.meter = Meter(torch.device("cpu"))


def skip_an_epoch_at_its_boundary(restored: train.State) -> None:
    restored.epoch += restored.step == 0


def repeat_a_step(restored: train.State) -> None:
    restored.step = max(0, restored.step - 1)


# Each with a stop at which it must be caught: the meter matters only within an epoch, the boundary only on it.
WITHIN, BOUNDARY = 7, 9
FORGETTING: dict[str, tuple[Callable[[train.State], None], int]] = {
    "BatchNorm statistics left out": (forget_norms, BOUNDARY),
    "optimizer state left out": (forget_optimizer, BOUNDARY),
    "average weights left out": (forget_average, BOUNDARY),
    "running loss and accuracy left out": (forget_meter, WITHIN),
    "an epoch skipped on the boundary": (skip_an_epoch_at_its_boundary, BOUNDARY),
    "a step taken twice": (repeat_a_step, WITHIN),
}


def assert_caught(folder: Path, unbroken: Path) -> None:
    with pytest.raises(AssertionError):
        assert_same_end(folder, unbroken)


@pytest.mark.parametrize("bug", FORGETTING)
def test_a_planted_restore_that_forgets_something_is_caught(
    bug: str, recipe: Recipe, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget, poll = FORGETTING[bug]
    folder = stopped(recipe, tmp_path, poll, holdout=40)

    def forgetful(into: train.State, data: bytes, counters: dict[str, Any]) -> dict[str, torch.Tensor]:
        best = state.restore(into, data, counters)
        forget(into)
        return best

    monkeypatch.setattr(run, "restore", forgetful)
    assert_caught(resumed(folder), unbroken)


def test_a_planted_loss_of_the_schedule_position_is_caught(
    recipe: Recipe, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stopped(recipe, tmp_path, BOUNDARY, holdout=40)
    monkeypatch.setattr(train, "rate_factor", lambda schedule, step, *rest: rate_factor(schedule, step - 6, *rest))
    assert_caught(resumed(folder), unbroken)


@pytest.mark.parametrize("part", [1, 2])
def test_a_planted_generator_that_is_right_only_in_the_first_epoch_is_caught(
    part: int, recipe: Recipe, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A position counted from the resumption is right in the first epoch and at its beginning: so stop later."""
    folder = stopped(recipe, tmp_path, WITHIN, holdout=40)
    key = train.key
    monkeypatch.setattr(train, "key", lambda *parts: key(*(0 if place == part else p for place, p in enumerate(parts))))
    assert_caught(resumed(folder), unbroken)


def test_a_planted_misalignment_of_the_second_resume_is_caught(
    recipe: Recipe, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restores = 0

    def drifting(into: train.State, data: bytes, counters: dict[str, Any]) -> dict[str, torch.Tensor]:
        nonlocal restores
        restores += 1
        best = state.restore(into, data, counters)
        into.step += restores - 1
        return best

    monkeypatch.setattr(run, "restore", drifting)
    assert_same_end(resumed(stopped(recipe, tmp_path / "once", 6, holdout=40)), unbroken)
    restores = 0
    folder = stopped(recipe, tmp_path / "twice", 6, holdout=40)
    stopped_again(folder, 2)
    assert_caught(resumed(folder), unbroken)


def test_a_planted_loss_of_the_best_weights_is_caught(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A rate that wrecks the network later makes the first epochs the best, so that the best weights are old ones.
    rising = Schedule("one-cycle", warmup=0.9, start=0.0, shape="linear")
    falling = replace(recipe, averaging=Averaging(), optimizer=Optimizer("sgd", 10.0, momentum=0), schedule=rising)
    unbroken = Path(trained(falling, tmp_path / "unbroken", holdout=40).path)
    best = max(metrics(unbroken), key=lambda line: line["evaluation"]["correct"])["epoch"]
    assert best < 3, "the plan of this test needs a best epoch before the last"
    folder = stopped(falling, tmp_path / "stopped", BOUNDARY, holdout=40)

    def forgetful(*arguments: Any) -> dict[str, torch.Tensor]:
        state.restore(*arguments)
        return {}

    monkeypatch.setattr(run, "restore", forgetful)
    with pytest.raises(DamagedRunError, match="lacks the weights of the epoch best on the hold-out"):
        resumed(folder)


def test_a_run_killed_before_its_first_checkpoint_begins_anew(recipe: Recipe, unbroken: Path, tmp_path: Path) -> None:
    folder = stopped(recipe, tmp_path, 1, holdout=40)
    for path in (folder / "checkpoint").iterdir():
        path.unlink()
    notes = Notes()
    run.resume(folder, data=small_digits(), watcher=notes)
    assert notes.lines == ["no checkpoint yet – training begins again"]
    assert_same_end(folder, unbroken)


def test_a_finished_run_is_returned_as_it_is_and_says_so(unbroken: Path) -> None:
    before = {path: path.read_bytes() for path in unbroken.rglob("*") if path.is_file() and path.name != "lock"}
    notes = Notes()
    summary = run.resume(unbroken, watcher=notes)
    assert summary.status == "complete" and summary.path == str(unbroken)
    assert notes.lines == [f"already complete (3 epochs): {unbroken}"]
    assert before == {path: path.read_bytes() for path in before}


def test_a_run_folder_that_was_moved_and_renamed_goes_on(recipe: Recipe, unbroken: Path, tmp_path: Path) -> None:
    folder = stopped(recipe, tmp_path / "first", 7, holdout=40)
    moved = tmp_path / "mon été – 2 (copie)" / "a run"
    moved.parent.mkdir()
    folder.rename(moved)
    summary = run.resume(moved, data=small_digits())
    assert summary.path == str(moved)
    assert_same_end(moved, unbroken)
    moved.rename(tmp_path / "again")
    assert run.resume(tmp_path / "again").path == str(tmp_path / "again")


def test_an_edited_recipe_is_refused_with_what_changed_and_since_when(recipe: Recipe, tmp_path: Path) -> None:
    folder = stopped(recipe, tmp_path, 6, holdout=40)
    text = (folder / "recipe.toml").read_text()
    (folder / "recipe.toml").write_text(text.replace("learning_rate = 0.02", "learning_rate = 0.04"))
    with pytest.raises(UsageError) as caught:
        resumed(folder)
    assert str(caught.value) == (
        "recipe changed since epoch 1: optimizer.learning_rate 0.02 → 0.04 – start a new run or restore the recipe"
    )
    (folder / "recipe.toml").write_text(text)
    resumed(folder)


def test_other_data_is_refused_and_the_first_data_named(recipe: Recipe, tmp_path: Path) -> None:
    folder = stopped(recipe, tmp_path, 6)
    with pytest.raises(UsageError, match=r"data changed: the run began with small 0+ ?, found small 0+.*--data"):
        run.resume(folder, data=small_digits(210))


def test_a_network_file_that_changed_or_went_is_refused(tmp_path: Path) -> None:
    recipe = with_network(EVERYTHING, tmp_path)
    folder = stopped(recipe, tmp_path / "out", 6)
    source = tmp_path / "net.py"
    kept = source.read_text()
    source.write_text(kept.replace("Dropout(0.1)", "Dropout(0.2)"))
    with pytest.raises(
        UsageError, match=r"net.py:Net changed since the run began – start a new run or restore it from"
    ):
        resumed(folder)
    source.unlink()
    with pytest.raises(UsageError, match=r"net.py cannot be read: No such file or directory – resume from the folder"):
        resumed(folder)
    source.write_text(kept)
    resumed(folder)


def test_the_number_of_polls_that_the_stops_above_rely_on(recipe: Recipe, tmp_path: Path) -> None:
    asked = 0

    def never() -> bool:
        nonlocal asked
        asked += 1
        return False

    trained(recipe, tmp_path / "all", stop=never)
    assert asked == POLLS
    asked = 0
    trained(recipe, tmp_path / "held", stop=never, holdout=40)
    assert asked == HELD_OUT_POLLS
