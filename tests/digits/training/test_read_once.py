"""A recipe that reads the test set once: nothing before the end may depend on it or show it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from digits.small_runs import EVERYTHING, small_digits, write_network
from handgrad.digits import run
from handgrad.report.page import write_report
from handgrad.runs.read import read_run
from handgrad.runs.record import NOT_SELECTED, RunSummary


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> RunSummary:
    folder = tmp_path_factory.mktemp("once")
    recipe = replace(EVERYTHING, network=write_network(folder), test="once")
    return run.train(recipe, data=small_digits(), out=folder / "runs", precision="fp32", threads=1)


def test_the_epochs_answer_for_training_images_and_the_headline_for_the_test_set(done: RunSummary) -> None:
    found = read_run(Path(done.path))
    dataset = small_digits()
    assert {epoch.evaluation.total for epoch in found.epochs} == {len(dataset.train_labels)}  # fewer than a thousand
    assert found.evaluated_on.words == "sample of the training images"
    assert done.last_epoch.total == len(dataset.test_labels)
    assert done.best_epoch.selected_on == NOT_SELECTED
    assert (done.best_epoch.epoch, done.best_epoch.correct) == (done.epochs, done.last_epoch.correct)


def test_another_test_set_changes_the_last_figure_and_nothing_else(done: RunSummary, tmp_path: Path) -> None:
    dataset = small_digits()
    other = replace(dataset, test_labels=torch.zeros_like(dataset.test_labels))
    recipe = replace(EVERYTHING, network=write_network(tmp_path), test="once")
    again = run.train(recipe, data=other, out=tmp_path / "runs", precision="fp32", threads=1)
    mine, theirs = (read_run(Path(each.path)) for each in (again, done))
    assert [epoch.evaluation for epoch in mine.epochs] == [epoch.evaluation for epoch in theirs.epochs]
    weights, before = (load_file(Path(each.path) / "model.safetensors") for each in (again, done))
    assert all(torch.equal(weights[name], before[name]) for name in before)
    assert again.last_epoch.correct != done.last_epoch.correct


def test_the_page_says_that_it_was_read_once(done: RunSummary) -> None:
    page = write_report(Path(done.path)).read_text(encoding="utf-8")
    assert "The test set was read once, after the last epoch" in page
    assert "selected on the" not in page
    assert "The sample of the training images is read after each epoch" in page
