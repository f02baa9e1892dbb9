"""A study over seeds against its runs, and its promise to drop none."""

from __future__ import annotations

import json
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from digits.idx_folders import write_folder
from handgrad.digits.data.dataset import Dataset
from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.run import train
from handgrad.digits.study import study
from handgrad.digits.training.recipe import Optimizer, Recipe
from handgrad.errors import UsageError

RECIPE = Recipe(network="stem-16k", name="tiny", epochs=1, batch_size=50, optimizer=Optimizer("adam", 0.01))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    arrays: dict[str, object] = {}
    for stem, count, seed in (("train", 400, 1), ("t10k", 120, 2)):
        arrays[f"{stem}-images"], arrays[f"{stem}-labels"] = draw_digits(count, seed=seed)
    return write_folder(tmp_path_factory.mktemp("idx"), arrays)


def test_a_study_is_the_same_runs_one_by_one_and_their_spread(folder: Path, tmp_path: Path) -> None:
    found = study(RECIPE, seeds=[3, 1], data=folder, out=tmp_path, precision="fp32", jobs=1)
    alone = [
        train(RECIPE, data=folder, seed=seed, out=tmp_path, precision="fp32", threads=found.threads) for seed in (3, 1)
    ]
    assert found.seeds == (3, 1)
    assert found.accuracies == tuple(run.last_epoch.accuracy for run in alone)
    assert found.mean == pytest.approx(statistics.fmean(found.accuracies))
    assert found.sd == pytest.approx(statistics.stdev(found.accuracies))
    assert found.lowest == min(found.accuracies)
    assert found.failed == ()
    kept = json.loads((Path(found.path) / "study.json").read_text())
    assert kept | json.loads(json.dumps(found.as_json())) == kept
    assert len(found.runs) == 2 and all((Path(found.path) / run / "summary.json").exists() for run in found.runs)


def test_two_processes_find_what_one_finds(folder: Path, tmp_path: Path) -> None:
    together = study(RECIPE, seeds=[0, 1], data=folder, out=tmp_path, precision="fp32", jobs=2)
    alone = [train(RECIPE, data=folder, seed=seed, out=tmp_path, precision="fp32", threads=1) for seed in (0, 1)]
    assert together.accuracies == tuple(run.last_epoch.accuracy for run in alone)
    assert (together.jobs, together.threads) == (2, 1)


def test_seeds_that_diverge_are_listed_and_not_averaged_away(folder: Path, tmp_path: Path) -> None:
    wild = replace(RECIPE, optimizer=Optimizer("sgd", 1e9))
    found = study(wild, seeds=[0, 1], data=folder, out=tmp_path, precision="fp32", jobs=1)
    assert (found.n, found.mean, found.lowest, found.interval95) == (0, None, None, None)
    assert [failed.seed for failed in found.failed] == [0, 1]
    assert all("epoch 1, step" in failed.reason for failed in found.failed)


@pytest.mark.parametrize("seeds", [[], [1, 1], list(range(1001))])
def test_seeds_must_be_different_and_not_too_many(seeds: list[int], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="1 to 1000 different seeds"):
        study(RECIPE, seeds=seeds, out=tmp_path)


def test_with_a_hold_out_the_best_epoch_is_chosen_there(tmp_path: Path) -> None:
    dataset = small_dataset()
    recipe = replace(RECIPE, epochs=3)
    found = train(recipe, data=dataset, out=tmp_path, holdout=100, precision="fp32", threads=1)
    lines = [json.loads(line) for line in (Path(found.path) / "metrics.jsonl").read_text().splitlines()]
    on_holdout = [line["evaluation"]["correct"] for line in lines]
    assert {line["evaluation"]["on"] for line in lines} == {"holdout"}
    assert {line["evaluation"]["total"] for line in lines} == {100}
    assert {line["training"]["total"] for line in lines} == {300}
    assert found.best_epoch.epoch == 1 + on_holdout.index(max(on_holdout))
    assert found.best_epoch.selected_on == "holdout"
    assert found.best_epoch.total == found.last_epoch.total == 120
    if found.best_epoch.epoch == found.epochs:
        assert found.best_epoch.correct == found.last_epoch.correct


def small_dataset() -> Dataset:
    train_images, train_labels = (torch.as_tensor(values) for values in draw_digits(400, seed=1))
    test_images, test_labels = (torch.as_tensor(values) for values in draw_digits(120, seed=2))
    return Dataset("small", "0" * 64, train_images, train_labels.long(), test_images, test_labels.long())
