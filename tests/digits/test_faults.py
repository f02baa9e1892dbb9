"""Killed, out of disk or memory, diverging, damaged: what was saved stays good, and what happened is said in one line."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from digits.killing import Killer
from digits.small_runs import (
    EVERYTHING,
    NETWORK,
    Notes,
    assert_same_end,
    metrics,
    resumed,
    small_digits,
    stopped,
    trained,
    write_network,
)
from handgrad.digits import run
from handgrad.digits.study import study
from handgrad.digits.training import checks
from handgrad.digits.training.recipe import Augmentation, Averaging, Optimizer, Recipe, Schedule
from handgrad.errors import DamagedRunError, DiskError, DivergedError, HandgradError, UsageError
from handgrad.runs import newest_checkpoint


@pytest.fixture(scope="module")
def kill() -> Iterator[Killer]:
    killer = Killer()
    yield killer
    killer.close()


def assert_resumes(out: Path, unbroken: Path) -> bool:
    """Resume what a killed process left in *out*, which must end as never killed; return whether there was a run at all."""
    folders = list(out.iterdir()) if out.is_dir() else []
    if not folders or not (folders[0] / "environment.json").exists():
        assert not any(path for folder in folders for path in folder.rglob("*.safetensors")), "trained, and yet no run"
        return False
    (folder,) = folders
    before = metrics(folder) if (folder / "metrics.jsonl").exists() else []
    resumed(folder)
    assert before == metrics(folder)[: len(before)], "a complete epoch was lost or changed"
    assert_same_end(folder, unbroken)
    assert not list(folder.rglob(".writing-*")), "half-written files were left"
    return True


def test_killed_at_calls_of_the_file_layer_a_run_resumes_to_the_same_bytes(
    recipe: Recipe, unbroken: Path, kill: Killer, tmp_path: Path
) -> None:
    assert sum(killed_at_each(range(3, 200, 19), recipe, unbroken, kill, tmp_path)) >= 3


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_killed_at_every_single_call_of_the_file_layer_a_run_resumes_to_the_same_bytes(
    recipe: Recipe, unbroken: Path, kill: Killer, tmp_path: Path
) -> None:
    resumes = killed_at_each(range(1, 300), recipe, unbroken, kill, tmp_path)
    assert len(resumes) > 80 and sum(resumes) > 60


def killed_at_each(calls: range, recipe: Recipe, unbroken: Path, kill: Killer, place: Path) -> list[bool]:
    """Kill one run at each of *calls* until one is past the last; return whether each left a run to resume."""
    resumes = []
    for call in calls:
        out = place / f"call-{call}"
        status = kill(recipe.network, out, call=call)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        resumes.append(assert_resumes(out, unbroken))
        shutil.rmtree(out, ignore_errors=True)
    else:
        raise AssertionError("no run got to its end: the calls are not counted")
    return resumes


def test_killed_a_few_times_at_random_a_run_resumes_to_the_same_bytes(
    recipe: Recipe, unbroken: Path, kill: Killer, tmp_path: Path
) -> None:
    killed_at_random(6, recipe, unbroken, kill, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_killed_fifty_times_at_random_a_run_resumes_to_the_same_bytes(
    recipe: Recipe, unbroken: Path, kill: Killer, tmp_path: Path
) -> None:
    assert killed_at_random(50, recipe, unbroken, kill, tmp_path) >= 20


def killed_at_random(times: int, recipe: Recipe, unbroken: Path, kill: Killer, place: Path) -> int:
    """Kill *times* runs at random instants of their lives; return how many left something to resume."""
    assert kill(recipe.network, place / "imports") == 0
    began = time.perf_counter()
    assert kill(recipe.network, place / "whole") == 0
    whole = time.perf_counter() - began
    assert_same_end(next((place / "whole").iterdir()), unbroken)
    chosen = random.Random(20260101)
    resumes = 0
    for number in range(times):
        out = place / f"kill-{number}"
        if kill(recipe.network, out, after=chosen.uniform(0.2, 1.0) * whole) == -signal.SIGKILL:
            resumes += assert_resumes(out, unbroken)
    return resumes


def test_a_chain_of_kills_also_while_resuming_ends_as_never_killed(
    recipe: Recipe, unbroken: Path, kill: Killer, tmp_path: Path
) -> None:
    chosen = random.Random(7)
    assert kill(recipe.network, tmp_path, call=40) == -signal.SIGKILL
    (folder,) = tmp_path.iterdir()
    kills = [kill(recipe.network, folder, call=chosen.randrange(2, 24)) for _ in range(8)]
    assert kills.count(-signal.SIGKILL) >= 4
    assert_resumes(tmp_path, unbroken)


class At(run.Silent):
    """Does something once the given epoch is saved."""

    def __init__(self, number: int, action: Callable[[], object]) -> None:
        self.number, self.action = number, action

    def epoch(self, score: Any, evaluated_on: str) -> None:
        if score.epoch == self.number:
            self.action()


def test_a_disk_that_fills_up_stops_the_training_and_keeps_the_last_checkpoint(
    recipe: Recipe, unbroken: Path, tiny_disk: Path
) -> None:
    ballast = tiny_disk / "ballast"

    def fill() -> None:
        with ballast.open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(bytes(4096))
                except OSError:
                    return

    with pytest.raises(DiskError, match=r"No space left on device – [\d,]+ bytes needed, \d+ bytes free – make room"):
        trained(recipe, tiny_disk / "runs", holdout=40, watcher=At(2, fill))
    ballast.unlink()
    (folder,) = (tiny_disk / "runs").iterdir()
    assert not (folder / "summary.json").exists()
    assert len(metrics(folder)) == 2
    assert_same_end(resumed(folder), unbroken)


def test_a_disk_too_small_from_the_start_is_refused_before_the_first_epoch(recipe: Recipe, tiny_disk: Path) -> None:
    (tiny_disk / "ballast").write_bytes(bytes(1_040_000))
    epochs: list[object] = []
    with pytest.raises(DiskError, match="No space left on device"):
        trained(recipe, tiny_disk / "runs", watcher=At(1, lambda: epochs.append(1)))
    assert not epochs


def test_a_disk_that_becomes_read_only_stops_the_training(recipe: Recipe, unbroken: Path, read_only: Path) -> None:
    out = read_only.parent / "runs"

    def checkpoints() -> str:
        return str(next(out.iterdir()) / "checkpoint")

    def forbid() -> None:
        subprocess.run(["mount", "--bind", checkpoints(), checkpoints()], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", checkpoints()], check=True)

    try:
        with pytest.raises(DiskError, match="Read-only file system"):
            trained(recipe, out, holdout=40, watcher=At(1, forbid))
        (folder,) = out.iterdir()
        with pytest.raises(DiskError, match="Read-only file system"):
            resumed(folder)
    finally:
        subprocess.run(["umount", "--lazy", checkpoints()], check=True)
    assert_same_end(resumed(folder), unbroken)


def test_a_folder_renamed_while_training_stops_it_and_nothing_is_called_saved(
    recipe: Recipe, unbroken: Path, tmp_path: Path
) -> None:
    out, elsewhere = tmp_path / "runs", tmp_path / "elsewhere"
    with pytest.raises(DiskError, match=r"No such file or directory – the folder is gone"):
        trained(recipe, out, holdout=40, watcher=At(1, lambda: out.rename(elsewhere)))
    assert not out.exists()
    (folder,) = elsewhere.iterdir()
    assert_same_end(resumed(folder), unbroken)


def test_a_folder_deleted_while_training_stops_it(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="the folder is gone"):
        trained(recipe, tmp_path / "runs", watcher=At(1, lambda: shutil.rmtree(tmp_path / "runs")))


def plain(network: str, rate: float, name: str = "sgd") -> Recipe:
    return replace(
        EVERYTHING,
        network=network,
        optimizer=Optimizer(name, rate, momentum=0),  # type: ignore[arg-type]
        averaging=Averaging(),
        schedule=Schedule(),
        augmentation=Augmentation(),
    )


def test_a_learning_rate_of_a_million_stops_within_steps_and_is_recorded(tmp_path: Path) -> None:
    network = write_network(tmp_path)
    with pytest.raises(DivergedError) as caught:
        trained(plain(network, 1e6), tmp_path / "runs")
    (folder,) = (tmp_path / "runs").iterdir()
    assert "no longer finite – epoch 1, step" in str(caught.value)
    assert str(caught.value).endswith(f"lower optimizer.learning_rate; the last good state is in {folder}")
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["status"], summary["epochs"]) == ("diverged", 0)
    checkpoint = newest_checkpoint(folder / "checkpoint", folder.name)
    assert checkpoint is not None and (checkpoint.epoch, checkpoint.step) == (0, 0)
    with pytest.raises(DivergedError, match=r"ended so, start a new run with a lower learning rate"):
        resumed(folder)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "muon"])
@pytest.mark.parametrize("value", ["inf", "nan"])
def test_a_gradient_that_is_not_finite_stops_at_once_though_the_loss_is(name: str, value: str, tmp_path: Path) -> None:
    hook = f"\n        self[-1].bias.register_hook(lambda gradient: gradient * float('{value}'))\n"
    with pytest.raises(DivergedError, match="the weights are no longer finite – epoch 1, step 1,"):
        trained(plain(write_network(tmp_path, NETWORK + hook), 0.01, name), tmp_path / "runs")


def test_an_optimizer_that_overflows_quietly_never_becomes_a_checkpoint(tmp_path: Path) -> None:
    """Adam squares a gradient of 1e25 to infinity, which then freezes the weight: loss and weights stay finite."""
    hook = "\n        self[-1].bias.register_hook(lambda gradient: gradient * 0 + 1e25)\n"
    with pytest.raises(DivergedError, match=r"optimizer\.\d+\.exp_avg_sq is no longer finite"):
        trained(plain(write_network(tmp_path, NETWORK + hook), 0.01, "adam"), tmp_path / "runs")
    (folder,) = (tmp_path / "runs").iterdir()
    assert [path.name[:12] for path in (folder / "checkpoint").iterdir()] == ["000000-00000"]


def test_an_evaluation_that_is_not_finite_is_a_divergence(tmp_path: Path) -> None:
    forward = """
    def forward(self, images):
        logits = super().forward(images)
        return logits if self.training else logits * float("nan")
"""
    with pytest.raises(DivergedError, match="the loss on the test images is not finite after epoch 1 – lower"):
        trained(plain(write_network(tmp_path, NETWORK + forward), 0.01), tmp_path / "runs")


def test_a_study_lists_a_seed_that_diverged_and_leaves_it_out_of_no_count(tmp_path: Path) -> None:
    from digits.idx_folders import digit_arrays, write_folder

    data = write_folder(tmp_path / "data", digit_arrays(200, 60))
    found = study(plain(write_network(tmp_path), 1e6), seeds=[3, 4], data=data, out=tmp_path / "runs", jobs=1)
    assert found.n == 0 and found.mean is None
    assert [(failed.seed, failed.status) for failed in found.failed] == [(3, 7), (4, 7)]
    assert all("no longer finite" in failed.reason for failed in found.failed)


def test_a_study_refuses_before_it_begins_what_every_seed_would_refuse(tmp_path: Path) -> None:
    from digits.idx_folders import digit_arrays, write_folder

    data, network = write_folder(tmp_path / "data", digit_arrays(65, 20)), write_network(tmp_path)
    for changes, holdout, word in (
        ({}, 65, "holdout 65"),
        ({"drop_last": True, "batch_size": 80}, 0, "nothing is left"),
    ):
        with pytest.raises(UsageError, match=word):
            study(
                replace(plain(network, 0.1), **changes), seeds=[1, 2], data=data, holdout=holdout, out=tmp_path / "runs"
            )
    with pytest.raises(UsageError, match="a seed must be a whole number from 0"):
        study(plain(network, 0.1), seeds=[-1], data=data, out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"
        ),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:73] . DefaultCPUAllocator: not enough memory: you tried to allocate"
        ),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    ],
)
def test_no_memory_is_told_with_batch_size_and_advice(
    error: Exception, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **named: Any) -> None:
        raise error

    monkeypatch.setattr(run, "train_epochs", fail)
    advice = "try --set batch_size=32, or end other programs"
    for limit, bound in ((None, ""), (2 << 30, ", and a limit of 2,048 MiB is set on this process")):
        monkeypatch.setattr(checks, "memory_limit", lambda limit=limit: limit)
        with pytest.raises(HandgradError) as caught:
            trained(recipe, tmp_path)
        assert str(caught.value) == f"out of memory – batch_size is 64{bound} – {advice}"
        assert caught.value.status == 1


def test_a_network_that_really_asks_for_too_much_memory_is_told_so(tmp_path: Path) -> None:
    forward = """
    def forward(self, images):
        import torch
        return super().forward(images) + (torch.empty(1 << 55).sum() if self.training else 0)
"""
    with pytest.raises(HandgradError, match="out of memory – batch_size is 64"):
        trained(plain(write_network(tmp_path, NETWORK + forward), 0.1), tmp_path / "runs")


def test_a_last_batch_of_one_image_is_refused_where_batchnorm_cannot_learn_from_it(tmp_path: Path) -> None:
    flat = NETWORK.replace("nn.Flatten(), nn.Linear", "nn.Flatten(), nn.BatchNorm1d(6), nn.Linear")
    recipe = plain(write_network(tmp_path, flat), 0.1)
    with pytest.raises(UsageError) as caught:
        trained(recipe, tmp_path / "runs", data=small_digits(129))
    assert str(caught.value) == (
        "the last batch of an epoch has 1 of 129 images, and BatchNorm cannot learn from one – "
        "choose another batch_size or set drop_last=true"
    )
    assert not (tmp_path / "runs").exists()
    trained(replace(recipe, drop_last=True, epochs=1), tmp_path / "runs", data=small_digits(129))
    trained(replace(recipe, batch_size=50, epochs=1), tmp_path / "runs", data=small_digits(129))


def test_a_last_batch_of_one_image_is_learned_from_where_that_is_possible(tmp_path: Path) -> None:
    recipe = replace(plain(write_network(tmp_path), 0.1), epochs=1)
    trained(recipe, tmp_path / "runs", data=small_digits(129))
    (folder,) = (tmp_path / "runs").iterdir()
    assert metrics(folder)[0]["training"]["total"] == 129


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "from torch import nn\nNet = lambda: nn.Sequential(nn.Flatten(), nn.AdaptiveAvgPool1d(10))",
            "no parameters that learn",
        ),
        (
            NETWORK + "\n    def forward(self, images):\n        return super().forward(images).detach()\n",
            "cannot be trained: RuntimeError: element 0 of tensors does not require grad",
        ),
        (
            NETWORK + "\n    def forward(self, images):\n        return super().forward(images)[:, :9]\n",
            r"returns \[128, 9\] – 10 classes are needed",
        ),
    ],
)
def test_a_network_that_cannot_be_trained_is_refused_before_a_folder_is_made(
    source: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        trained(plain(write_network(tmp_path, source), 0.1), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_damaged_newest_checkpoint_is_named_to_the_user_and_the_one_before_used(
    recipe: Recipe, unbroken: Path, tmp_path: Path
) -> None:
    folder = stopped(recipe, tmp_path, 7, holdout=40)
    newest = sorted((folder / "checkpoint").iterdir())[-1]
    newest.write_bytes(newest.read_bytes()[:-1])
    notes = Notes()
    run.resume(folder, data=small_digits(), watcher=notes)
    assert notes.lines[0].startswith(f"checkpoint/{newest.name} is damaged: its ")
    assert notes.lines[0].endswith("bytes do not match the hash in its name – passed over")
    assert notes.lines[1].startswith("continuing after epoch 1, step 0, from checkpoint/000001-00000-")
    assert_same_end(folder, unbroken)


def test_checkpoints_swapped_between_runs_are_refused(recipe: Recipe, tmp_path: Path) -> None:
    one, two = (stopped(recipe, tmp_path / str(seed), 6, seed=seed) for seed in (1, 2))
    shutil.rmtree(one / "checkpoint")
    shutil.copytree(two / "checkpoint", one / "checkpoint")
    with pytest.raises(DamagedRunError, match=rf"belongs to run {two.name}, not to {one.name}.*no checkpoint is whole"):
        resumed(one)


@pytest.mark.parametrize("name", ["environment.json", "recipe.toml"])
def test_no_cut_and_no_flipped_bit_of_an_unfinished_run_changes_how_it_ends(
    name: str, recipe: Recipe, unbroken: Path, tmp_path: Path
) -> None:
    folder = stopped(recipe, tmp_path, 10, holdout=40)
    path = folder / name
    whole = path.read_bytes()
    chosen = random.Random(1)
    kept = tmp_path / "kept"
    shutil.copytree(folder, kept)
    ended = 0
    for _ in range(40):
        place = chosen.randrange(len(whole))
        flipped = whole[:place] + bytes([whole[place] ^ 1 << chosen.randrange(8)]) + whole[place + 1 :]
        path.write_bytes(chosen.choice([flipped, whole[:place]]))
        try:
            resumed(folder)
        except (DamagedRunError, UsageError) as error:
            assert name in str(error) or "recipe changed since epoch 2" in str(error)
            continue
        ended += 1
        assert_same_end(folder, unbroken)
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
    assert ended < 10


def test_damaged_metrics_are_written_again_from_the_checkpoint(recipe: Recipe, unbroken: Path, tmp_path: Path) -> None:
    folder = stopped(recipe, tmp_path, 10, holdout=40)
    (folder / "metrics.jsonl").write_bytes(b'{"epoch": 1, "los\xff')
    assert_same_end(resumed(folder), unbroken)


def test_a_run_of_a_future_version_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    folder = stopped(recipe, tmp_path, 6)
    table = json.loads((folder / "environment.json").read_text())
    del table["content_sha256"]
    (folder / "environment.json").write_text(json.dumps(table | {"format": 2}))
    with pytest.raises(DamagedRunError, match=r"environment.json has format 2, this version of handgrad reads 1"):
        resumed(folder)


def test_no_duration_comes_from_the_clock_on_the_wall(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(10**9, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(seconds)))
    summary = trained(recipe, tmp_path)
    assert 0 < summary.seconds_training < 3600 and summary.seconds_evaluating >= 0
    lines = [json.loads(line) for line in (Path(summary.path) / "metrics.jsonl").read_text().splitlines()]
    assert all(line["seconds_training"] >= 0 and line["seconds_evaluating"] >= 0 for line in lines)
