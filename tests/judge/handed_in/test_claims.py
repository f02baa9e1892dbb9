# ruff: noqa: E501 (lines of logs keep their length)
"""What an author says of a training is read from outputs, READMEs and logs in many forms, and nothing else is taken for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from handgrad.judge.handed_in.cells import read_cells
from handgrad.judge.handed_in.claims import Claims, claims_in, counts_in, last_run, parameters_in
from handgrad.judge.handed_in.take import told_in

LOGS: dict[str, tuple[str, tuple[int, ...]]] = {
    "counts of the test images": (
        "Test set: Average loss: 2.3010, Accuracy: 980/10000 (9.80%)\nTest set: Average loss: 0.0430, Accuracy: 9,882/10,000 (99%)\n",
        (980, 9882),
    ),
    "tqdm before each count": (
        "loss=0.0183 batch_id=1874: 100%|██████████| 1875/1875 [00:23<00:00, 80.22it/s]\n  0%|          | 0/1875 [00:00<?, ?it/s]\n"
        "Test set: Average loss: 0.04, Accuracy: 9914/10000 (99.14%)\n",
        (9914,),
    ),
    "tqdm's own accuracy is that of the training": (
        "EPOCH: 3\nLoss=0.05 Batch_id=468 Accuracy=99.11: 100%|██████████| 469/469 [00:21<00:00, 22.04it/s]\n",
        (),
    ),
    "percent": ("Epoch 1 | Train Acc: 97.50 % | Test Acc: 98.31 %\nEpoch 2 | Train Acc: 98.50 % | Test Acc: 98.92 %\n", (9831, 9892)),
    "fractions": ("loss: 0.1 - accuracy: 0.97 - val_loss: 0.05 - val_accuracy: 0.9841\n", (9841,)),
    "validation in words": ("Val Loss: 0.0241, Validation Accuracy: 0.9930\n", (9930,)),
    "key and value": ("{'epoch': 4, 'train_acc': 99.9, 'test_acc': 99.21}\n", (9921,)),
    "a table of Lightning's": ("│       test_acc        │    0.98760    │\n", (9876,)),
    "a sentence": ("Test Accuracy of the model on the 10000 test images: 98.97 %\n", (9897,)),
    "another sentence": ("Accuracy of the network on the 10000 test images: 99.12 %\n", (9912,)),
    "the best is no epoch more": ("Test accuracy: 99.31%\nTest accuracy: 99.38%\nBest test accuracy: 99.38% in epoch 2\n", (9931, 9938)),
    "what is to be reached": ("Target: 99.4% test accuracy\nThe test accuracy must be at least 99.40\n", ()),
    "whole percents say too little": ("Test accuracy: 98 %\n", ()),
    "counts of other images": ("Accuracy: 58764/60000 (97.94%)\n", ()),
    "training alone": ("Train Accuracy: 99.61%\nTraining accuracy 0.9961\n", ()),
}  # fmt: skip


@pytest.mark.parametrize("name", LOGS)
def test_right_answers_are_read_from(name: str) -> None:
    text, counts = LOGS[name]
    assert counts_in(text) == counts


TOTALS: dict[str, tuple[str, list[int]]] = {
    "torchsummary": (
        "            Conv2d-1           [-1, 10, 26, 26]              90\n================\nTotal params: 13,808\nTrainable params: 13,808\n"
        "Non-trainable params: 0\nInput size (MB): 0.00\nForward/backward pass size (MB): 1.06\nParams size (MB): 0.05\n",
        [13808, 13808],
    ),
    "torchinfo": ("Total params: 7,416\nTrainable params: 7,416\nTotal mult-adds (M): 2.51\n", [7416, 7416]),
    "a sentence": ("The model has 7,988 trainable parameters\n", [7988]),
    "a sum": ("Total Parameters: 18214\nNumber of parameters: 18_214\n", [18214, 18214]),
    "none": ("Params size (MB): 0.05\n12 params\nparameters: 0.0123\n", []),
}  # fmt: skip


@pytest.mark.parametrize("name", TOTALS)
def test_printed_numbers_of_parameters_are_read_from(name: str) -> None:
    text, numbers = TOTALS[name]
    assert parameters_in(text) == numbers


def notebook(folder: Path, *printed: str, prose: str = "") -> Path:
    """Write a notebook whose cells printed this, and return its path."""
    cells: list[dict[str, object]] = [{"cell_type": "markdown", "source": prose}]
    for count, text in enumerate(printed, 1):
        outputs = [{"output_type": "stream", "name": "stdout", "text": text}]
        cells.append({"cell_type": "code", "source": "pass", "execution_count": count, "outputs": outputs})
    path = folder / "hw.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "cells": cells}), encoding="utf-8")
    return path


def told(path: Path) -> Claims:
    """Return the claims of a notebook with what lies beside it."""
    beside = [each for each in sorted(path.parent.iterdir()) if each.is_file()]
    return claims_in(read_cells(path), beside, path)


def test_the_outputs_go_before_the_texts_and_those_before_files_beside(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("| epoch | result |\nTest accuracy: 99.41%\n", encoding="utf-8")
    (tmp_path / "training_log.txt").write_text("Test accuracy: 99.01%\nTest accuracy: 99.22%\n", encoding="utf-8")
    (tmp_path / "other.txt").write_text(
        "Test accuracy: 90.01%\nTest accuracy: 90.22%\nTest accuracy: 90.22%\n", encoding="utf-8"
    )
    assert told(notebook(tmp_path, "nothing")).where == "training_log.txt"
    assert told(notebook(tmp_path, "nothing")).counts == (9901, 9922)
    (tmp_path / "training_log.txt").unlink()
    assert (told(notebook(tmp_path, "nothing")).where, told(notebook(tmp_path, "nothing")).counts) == (
        "README.md",
        (9941,),
    )
    assert told(notebook(tmp_path, "nothing", prose="Test accuracy: 99.11%")).where == "the text of hw.ipynb"
    assert told(notebook(tmp_path, "Test acc: 99.25", prose="Test accuracy: 99.11%")).where == "the output of cell 2"


def test_a_test_on_other_images_is_said_and_claims_nothing(tmp_path: Path) -> None:
    found = told(notebook(tmp_path, "Test set: Average loss: 0.0652, Accuracy: 58764/60000 (97.94%)\n"))
    assert found.counts == ()
    assert found.notes == ("its tests are of 60,000 images, and not of the 10,000 test images",)


def test_of_several_trainings_in_one_output_the_last_counts() -> None:
    claims = Claims(tuple(range(9900, 9915)), "here")
    assert last_run(claims, 5).counts == (9910, 9911, 9912, 9913, 9914)
    assert last_run(claims, 7) is claims and last_run(claims, None) is claims and last_run(claims, 15) is claims


def test_nothing_odd_in_a_text_costs_the_rest(tmp_path: Path) -> None:
    path = notebook(tmp_path, "Accuracy: 9941/10000\n")
    (tmp_path / "log.txt").write_bytes(b"\xff\xfe\x00accuracy" * 50)
    (tmp_path / "results.md").mkdir()
    found = told_in(tmp_path, path)
    assert "fault" not in found and found["claims"]["counts"] == (9941,)


@pytest.mark.parametrize("outputs", [True, 3, "text", {"a": 1}, None])
def test_a_cell_whose_outputs_are_no_list_is_read_without_them(outputs: object, tmp_path: Path) -> None:
    cell = {"cell_type": "code", "source": "x = 1", "outputs": outputs, "metadata": {}}
    path = tmp_path / "net.ipynb"
    path.write_text(json.dumps({"cells": [cell], "nbformat": 4, "metadata": {}}), encoding="utf-8")
    (read,) = read_cells(path)
    assert (read.code, read.printed) == ("x = 1", "")
