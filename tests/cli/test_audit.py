"""``handgrad audit`` from a log to the words, on digits drawn by the program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.ends import end_of
from digits.idx_folders import write_folder
from digits.small_runs import write_network
from handgrad.digits.data.drawn import draw_digits
from handgrad.digits.run import train


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, a network, and the log of one training with Adam that nobody names."""
    place = tmp_path_factory.mktemp("audit")
    arrays: dict[str, object] = {}
    for stem, count, seed in (("train", 600, 1), ("t10k", 200, 2)):
        arrays[f"{stem}-images"], arrays[f"{stem}-labels"] = draw_digits(count, seed=seed)
    (place / "data").mkdir()
    write_folder(place / "data", arrays)
    recipe = f'network = "{write_network(place)}"\nepochs = 4\nbatch_size = 50\n'
    recipe += 'optimizer = { name = "adam", learning_rate = 0.01 }\n'
    (place / "mine.toml").write_text(recipe)
    found = train(
        str(place / "mine.toml"), seed=77, data=place / "data", out=place / "unseen", precision="fp32", threads=1
    )
    epochs = [json.loads(line) for line in (Path(found.path) / "metrics.jsonl").read_text().splitlines()]
    rows = [f"{each['epoch']},{each['evaluation']['accuracy']},{each['training']['accuracy']}" for each in epochs]
    (place / "log.csv").write_text("\n".join(["epoch,test_accuracy,train_accuracy", *rows]))
    return place


def test_the_learning_rate_is_found_by_its_trace(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    line = (
        "audit",
        world / "log.csv",
        world / "mine.toml",
        "--candidates",
        "optimizer.learning_rate=0.0005,0.01",
        "--data",
        world / "data",
    )
    line += ("--precision", "fp32", "--jobs", "1")
    status, output, errors = end_of(capsys, *line, "--report", "audit.html", "--json")
    assert status == 0, errors
    record = json.loads(output)
    assert [each["name"] for each in record["candidates"]] == [
        "optimizer.learning_rate 0.01",
        "optimizer.learning_rate 0.0005",
    ]
    near, far = (each["distance"] for each in record["candidates"])
    assert near < 1.7 < 2 < far
    assert record["figures"] == 8
    assert "optimizer.learning_rate 0.01" in Path("audit.html").read_text()
    # Everything is there now: nothing is trained again, and the record is the same.
    before = sorted(Path("audit").rglob("metrics.jsonl"))
    status, output, errors = end_of(capsys, *line, "--json")
    assert (status, json.loads(output) | {"page": record["page"]}) == (0, record)
    assert sorted(Path("audit").rglob("metrics.jsonl")) == before
    assert "seeds" not in errors


@pytest.mark.parametrize(
    "options, told",
    [
        (["--seeds", "3"], "at least 2"),
        (["--candidates", "optimizer.learning_rate=0.1..0.2"], "not a range"),
        (["--candidates", "batch_size=64", "--candidates", "batch_size=32"], "twice"),
        (["--set", "test=once"], "test set once"),
        (["--no-train"], "at least 2"),
    ],
)
def test_what_cannot_be_audited_is_said_in_one_line(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, options: list[str], told: str
) -> None:
    status, _, errors = end_of(capsys, "audit", world / "log.csv", world / "mine.toml", "--out", tmp_path, *options)
    assert status == 2 and told in errors and len(errors.splitlines()) == 1
