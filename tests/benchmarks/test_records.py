"""What makes the tables of the records: no figure rounded up, no seed left out, no call taken for another."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

import records
import trials
from handgrad.digits.layers.table import summarise
from handgrad.digits.networks.published import NETWORKS, count_parameters


def summary(seed: int, accuracy: float | None) -> dict[str, object]:
    if accuracy is None:
        return {"status": "diverged", "seed": seed, "precision": "bf16"}
    return {
        "status": "complete",
        "seed": seed,
        "precision": "bf16",
        "last_epoch": {"accuracy": accuracy},
        "seconds_training": 1.0,
    }


def test_the_mean_is_rounded_down_and_failed_seeds_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = {seed: summary(seed, value) for seed, value in enumerate([99.39, 99.40, 99.409, None])}
    monkeypatch.setattr(records, "finished", lambda recipe: tables if recipe == records.TIMED else {})
    (row,) = (line for line in records.records_table().splitlines() if "record-time" in line)
    assert "| 99.399 ± 0.010 (99.39) |" in row  # 99.39967
    assert "| 3 (1 failed) | bf16 |" in row


def test_every_try_is_in_the_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    line = {
        "network": "swift-16k",
        "parameters": 15538,
        "recipe": "quick",
        "settings": ["epochs=5"],
        "epochs": 5,
        "seed": 1,
    }
    line |= {"correct": [10, 4974], "of": 5000, "failed": None, "note": ""}
    broken = line | {"failed": "the loss is no longer finite", "settings": ["optimizer.learning_rate=9"]}
    with_loss = line | {"of": 10_000, "correct": [9000, 9936], "loss": [0.3, 0.02214]}
    in_bf16 = with_loss | {"precision": "bf16"}
    lines = "".join(json.dumps(each) + "\n" for each in (line, broken, with_loss, in_bf16))
    (tmp_path / "trials.jsonl").write_text(lines)
    monkeypatch.setattr(records, "TRIALS", tmp_path / "trials.jsonl")
    rows = records.log_table().splitlines()[2:]
    assert rows[0] == "| `swift-16k` | 15,538 | `quick`: – | 5 | 1 | 99.48 % | – |  |"
    assert "diverged" in rows[1] and "optimizer.learning_rate=9" in rows[1]
    assert rows[2].endswith("| 1 | 99.36 % | 0.0221 |  |")
    assert rows[3].endswith("| 0.0221 | bf16 |")


def test_a_network_of_a_try_is_a_name_or_a_call() -> None:
    assert count_parameters(trials.maker("narrow-5k")()) == 4946
    assert count_parameters(trials.maker("Shared([12,20,24],[2,4,3],pools=[0,1])")()) == 3358
    assert count_parameters(trials.maker('Orbits("5p:2! 3:3")')()) == 742
    with pytest.raises(SystemExit):
        trials.maker("__import__('os').system('true')")


@pytest.mark.parametrize("name", ["orbit-18k", "orbit-8k", "orbit-3k", "orbit-2k", "narrow-5k", "squeeze-16k"])
def test_the_work_that_the_document_names_is_that_of_the_network(name: str) -> None:
    words = re.search(rf"`{name}`\s+(?:takes )?(\S+) million", records.DOCUMENT.read_text(encoding="utf-8"))
    assert words is not None
    # Cut and not rounded, as the document does.
    assert float(words[1]) == math.floor(summarise(NETWORKS[name]()).multiply_adds / 1e5) / 10
