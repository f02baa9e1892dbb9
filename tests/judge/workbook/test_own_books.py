"""A book that handgrad wrote is always met, whatever was asked for; with one planted mistake it is not, and that is named."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from handgrad.backprop.network.network import (
    BiasRule,
    Layer,
    Network,
    OverSamples,
    Sample,
    Update,
    UpdateOrder,
    UpdateRule,
)
from handgrad.backprop.workbook import write_workbook
from handgrad.judge.workbook import MistakeKind, judge_workbook

ONE = (Sample((0.05, 0.1), (0.01, 0.99)),)
TWO = (Sample((0.1, 0.9), (1, 0)), Sample((0.8, 0.2), (0, 1)))


def network(**changes: Any) -> Network:
    usual: dict[str, Any] = {"layers": (Layer(2), Layer(2)), "samples": ONE, "learning_rate": 0.3}
    return Network(name="own", **(usual | changes))


BOOKS: dict[str, Network] = {
    **{f"hidden {name}": network(layers=(Layer(2, name), Layer(2))) for name in ("tanh", "relu", "leaky-relu", "identity")},
    **{f"output {name}": network(layers=(Layer(2), Layer(2, name))) for name in ("tanh", "relu", "leaky-relu", "identity")},
    **{
        f"{loss} {output} {len(samples)}": network(layers=(Layer(3), Layer(2, output)), loss=loss, samples=samples)
        for loss, output in (
            ("mean-squared-error", "sigmoid"), ("binary-cross-entropy", "sigmoid"), ("softmax-cross-entropy", "softmax"),
            ("half-squared-error", "softmax"), ("mean-squared-error", "softmax"),
        )
        for samples in (TWO, TWO[:1])
    },
    **{f"bias {rule}": network(bias=rule, biases=() if rule is BiasRule.NONE else (0.35, 0.6)) for rule in BiasRule},
    **{
        f"{rule} {bias}": network(update=Update(rule), bias=bias)
        for rule in UpdateRule
        for bias in (BiasRule.NONE, BiasRule.NEURON)
    },
    **{f"order {order}": network(order=order) for order in UpdateOrder},
    **{f"over samples {over}": network(samples=TWO, over_samples=over) for over in OverSamples},
    "each layer its own": network(
        layers=(Layer(3, "relu"), Layer(3, "tanh"), Layer(2), Layer(2, "softmax")), bias=BiasRule.NEURON, samples=TWO,
        learning_rate=0.4,
    ),
    "output first, deep": network(
        layers=(Layer(2), Layer(3, "tanh"), Layer(2)), order=UpdateOrder.OUTPUT_FIRST, samples=TWO
    ),
    "output first, one output": network(
        layers=(Layer(3, "relu"), Layer(1, "identity")), samples=(Sample((0.1, 0.5, 0.9), (0.3,)),),
        order=UpdateOrder.OUTPUT_FIRST, update=Update(UpdateRule.ADAM), bias=BiasRule.FIXED,
    ),
    "one unit before the updated weight": network(
        layers=(Layer(1, "identity"), Layer(1)), samples=(Sample((0.1, 0.5, 0.9), (0.3,)),), order=UpdateOrder.OUTPUT_FIRST
    ),
    "one weight": network(layers=(Layer(1, "identity"),), samples=(Sample((0.3,), (1,)),)),
    "one output": network(layers=(Layer(1),), samples=(Sample((0.3, 0.2), (1,)),)),
    "a dead unit": network(
        layers=(Layer(1, "relu"), Layer(1, "identity")), samples=(Sample((0.5,), (1,)),), weights=(-1, 1)
    ),
    "a net input of exactly 0": network(
        layers=(Layer(1), Layer(1)), samples=(Sample((0.0,), (1,)),), weights=(0.5, 1)
    ),
}  # fmt: skip
QUICK = (
    "output first, one output",
    "one weight",
    "adam none",
    "output first, deep",
    "a dead unit",
    "a net input of exactly 0",
    "binary-cross-entropy sigmoid 1",
)


def book(name: str, folder: Path) -> Path:
    return write_workbook(BOOKS[name], folder / "book.xlsx", steps=5, rates=(0.1, 0.5))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.long) for name in BOOKS]
)
def test_an_own_book_is_met_and_a_mistake_planted_in_it_is_found(name: str, tmp_path: Path) -> None:
    path = book(name, tmp_path)
    verdict = judge_workbook(path, office=False)
    assert [(c.cell, c.mistake, c.explanation) for c in verdict.mistakes] == []
    assert (verdict.verdict, verdict.not_judged) == ("met", ())
    head = planted(path, r"E_total")
    verdict = judge_workbook(path, office=False)
    assert verdict.verdict == "not met"
    assert [(c.head, c.cell.partition("!")[0], c.mistake) for c in verdict.mistakes] == [
        (head, "Training", MistakeKind.SIGN)
    ]


def planted(path: Path, head: str) -> str:
    """Turn the sign of a column of the training table, as a learner might."""
    changed = openpyxl.load_workbook(path)
    sheet = changed["Training"]
    sheet.protection.sheet = False
    (at,) = [cell for cell in sheet[5] if isinstance(cell.value, str) and re.fullmatch(head, cell.value)]
    for row in range(6, 12):
        cell = sheet.cell(row, at.column)
        cell.value = f"=-({str(cell.value).removeprefix('=')})"
    changed.save(path)
    return str(at.value)


def test_another_learning_rate_chosen_in_an_own_book_changes_nothing(tmp_path: Path) -> None:
    path = book("adam none", tmp_path)
    changed = openpyxl.load_workbook(path)
    changed["Network"]["B9"] = 0.05
    changed.save(path)
    verdict = judge_workbook(path, office=False)
    assert verdict.verdict == "met"
    assert verdict.tables[0].learning_rate.startswith("0.05")


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.long
@pytest.mark.parametrize("name", ["adam none", "each layer its own", "output first, deep"])
def test_an_own_book_that_libreoffice_saved_again_is_met(name: str, tmp_path: Path) -> None:
    path = book(name, tmp_path)
    (tmp_path / "out").mkdir()
    command = [
        "soffice",
        f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
        "--headless",
        "--convert-to",
        "xlsx",
    ]
    subprocess.run(
        [*command, "--outdir", str(tmp_path / "out"), str(path)], check=True, capture_output=True, timeout=170
    )
    verdict = judge_workbook(tmp_path / "out" / "book.xlsx", office=False)
    assert [(c.cell, c.mistake, c.explanation) for c in verdict.mistakes] == []
    assert verdict.verdict == "met"
