"""Logs as people print them, read back to the numbers that were put into them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from handgrad.audit import Trace, read_trace
from handgrad.errors import UsageError

TEST = (98.59, 99.01, 99.47)
TRAINING = (91.2, 97.35, 98.01)
TEST_LOSS = (0.0456, 0.0301, 0.0204)


def trace_of(folder: Path, name: str, text: str) -> Trace:
    path = folder / name
    path.write_text(text)
    return read_trace(path)


def test_a_progress_bar_counts_with_what_it_showed_last(tmp_path: Path) -> None:
    lines = []
    for epoch, (test, training, loss) in enumerate(zip(TEST, TRAINING, TEST_LOSS, strict=True)):
        lines += [f"EPOCH: {epoch}", "  0%|          | 0/469 [00:00<?, ?it/s]"]
        # tqdm returns to the beginning of its line: the earlier figures of the epoch stand before the last ones.
        lines.append(
            f"Loss=2.3012 Batch_id=0 Accuracy=9.38:   0%\rLoss=0.0712 Batch_id=468 Accuracy={training:.2f}: 100%|████|"
        )
        lines += ["", f"Test set: Average loss: {loss:.4f}, Accuracy: {round(test * 100)}/10000 ({test:.2f}%)", ""]
    trace = trace_of(tmp_path, "log.txt", "\n".join(lines))
    assert trace.series["test accuracy"] == pytest.approx(dict(enumerate(TEST, 1)))
    assert trace.series["training accuracy"] == pytest.approx(dict(enumerate(TRAINING, 1)))
    assert trace.series["test loss"] == pytest.approx(dict(enumerate(TEST_LOSS, 1)))
    # A loss in the bar is that of one batch.
    assert "training loss" not in trace.series
    assert (trace.epochs, trace.figures) == (3, 9)


def test_a_first_epoch_no_better_than_guessing_is_an_epoch(tmp_path: Path) -> None:
    counts = (1135, 9859, 9908)
    lines = [f"Test set: Average loss: 0.1000, Accuracy: {count}/10000 ({count / 100:.2f}%)" for count in counts]
    trace = trace_of(tmp_path, "slow.txt", "\n".join(lines))
    assert trace.series["test accuracy"] == {1: 11.35, 2: 98.59, 3: 99.08}


def test_a_line_of_keras_has_both_sets(tmp_path: Path) -> None:
    lines = [
        f"469/469 [====] - 3s 6ms/step - loss: 0.2{n} - accuracy: {train / 100:.4f} "
        f"- val_loss: {loss} - val_accuracy: {test / 100:.4f}"
        for n, (test, train, loss) in enumerate(zip(TEST, TRAINING, TEST_LOSS, strict=True))
    ]
    trace = trace_of(tmp_path, "keras.log", "\n".join(lines))
    assert trace.series["test accuracy"] == pytest.approx(dict(enumerate(TEST, 1)))
    assert trace.series["training accuracy"] == pytest.approx(dict(enumerate(TRAINING, 1)))
    assert trace.series["training loss"] == pytest.approx({1: 0.20, 2: 0.21, 3: 0.22})
    assert trace.series["test loss"] == pytest.approx(dict(enumerate(TEST_LOSS, 1)))


@pytest.mark.parametrize(
    "head, row, first",
    [
        ("epoch,train_acc,test_acc", "{epoch},{train},{test}", 1),
        ("Epoch;Training accuracy (%);Test accuracy (%)", "{epoch};{train_comma};{test_comma}", 1),
        ("epoch,accuracy,val_accuracy", "{epoch},{train_share},{test_share}", 0),
        ("epoch\ttrain acc\tvalidation acc", "{epoch}\t{train}%\t{test}%", 0),
    ],
)
def test_tables_of_several_kinds_say_the_same(tmp_path: Path, head: str, row: str, first: int) -> None:
    rows = [
        row.format(
            epoch=number + first, train=train, test=test, train_share=round(train / 100, 4), test_share=round(test / 100, 4),
            train_comma=str(train).replace(".", ","), test_comma=str(test).replace(".", ","),
        )
        for number, (train, test) in enumerate(zip(TRAINING, TEST, strict=True))
    ]  # fmt: skip
    trace = trace_of(tmp_path, "log.tsv" if "\t" in head else "log.csv", "\n".join([head, *rows]))
    assert trace.series["test accuracy"] == pytest.approx(dict(enumerate(TEST, 1)))
    assert trace.series["training accuracy"] == pytest.approx(dict(enumerate(TRAINING, 1)))


def test_a_table_may_hold_few_epochs_and_counts(tmp_path: Path) -> None:
    trace = trace_of(tmp_path, "few.csv", "epoch,test_correct,test_loss\n12,9945,0.0206\n19,9933,\n")
    assert trace.series == {"test accuracy": {12: 99.45, 19: 99.33}, "test loss": {12: 0.0206}}
    assert trace.epochs == 19


def test_the_outputs_of_a_notebook_are_read(tmp_path: Path) -> None:
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": [f"Accuracy: {round(100 * test)}/10000\n" for test in TEST]}
    ]
    cell = {"cell_type": "code", "execution_count": 1, "metadata": {}, "source": "train()", "outputs": outputs}
    book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    trace = trace_of(tmp_path, "run.ipynb", json.dumps(book))
    assert trace.series["test accuracy"] == pytest.approx(dict(enumerate(TEST, 1)))


@pytest.mark.parametrize(
    "name, text", [("a.txt", "nothing here\n"), ("a.csv", "epoch,loss\n1,0.2\n"), ("b.csv", ""), ("c.ipynb", "{}")]
)
def test_a_log_without_figures_is_refused_in_one_line(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(UsageError, match=rf"{name}.* – ") as caught:
        trace_of(tmp_path, name, text)
    assert "\n" not in str(caught.value)


def test_a_log_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_trace(tmp_path / "missing.txt")
