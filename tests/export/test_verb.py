"""A finished run is exported with its proof, by verb and by command; what cannot be is refused before a byte is written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import handgrad
from cli.test_report import end_of
from export.finished_runs import TEST, data_folder, finished_run
from handgrad.digits.data.load import load_dataset
from handgrad.errors import DamagedRunError, MissingError, UsageError
from handgrad.export import renderers
from handgrad.export.c.compiler import find_compiler, run_selftest
from handgrad.export.proof import Expected, LossError, check_loss, prove
from handgrad.export.verb import export
from handgrad.runs.find import find_run
from handgrad.runs.read import read_run
from handgrad.score import percent

compiled = pytest.mark.skipif(find_compiler() is None, reason="no C compiler")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished_run(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


@compiled
def test_the_head_of_a_c_file_says_what_was_proven_with_it(copied: Path) -> None:
    exported = export(copied, "c")
    run = read_run(copied)
    assert run.result is not None
    proof = exported.proof
    assert (proof.correct, proof.run_correct, proof.total, proof.same) == (run.result.last_epoch.correct,) * 2 + (
        TEST,
        TEST,
    )
    assert proof.largest < 1e-4
    text = Path(exported.path).read_text()
    words = " ".join(text[: text.index("*/")].replace("\n *", " ").split())
    assert f"Before this file was written: {proof.sentence}." in words
    assert exported.size is not None and f"Flash {exported.size.flash:,} B, RAM {exported.size.ram:,} B" in words
    assert run_selftest(text, find_compiler() or "").startswith("10 of 10 images")


@compiled
def test_whole_numbers_are_proven_by_the_file_itself(copied: Path) -> None:
    exported = export(copied, "c", int8=True, accept_loss=True)
    assert exported.path.endswith("Net-int8.c")
    assert exported.size is not None and exported.size.flash < 4_000
    assert exported.proof.same >= TEST - 2


def test_without_a_compiler_the_twin_answers_and_that_is_said(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderers, "find_compiler", lambda: None)
    exported = export(copied, "c", int8=True, accept_loss=True)
    assert exported.proof.by == "the numpy twin of this file" and exported.size is None
    assert exported.notes == (
        "no C compiler was found (cc, gcc, clang): the file itself was not run, its numpy twin was",
    )


def test_a_folder_for_a_hub_holds_weights_configuration_card_and_the_users_own_network(copied: Path) -> None:
    exported = export(copied, "hub")
    folder = Path(exported.path)
    assert sorted(each.name for each in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "network.py",
    ]
    assert (folder / "model.safetensors").read_bytes() == (copied / "model.safetensors").read_bytes()
    run = read_run(copied)
    assert run.result is not None
    config, card = json.loads((folder / "config.json").read_text()), (folder / "README.md").read_text()
    assert (
        config["test"]["correct"] == run.result.last_epoch.correct and config["num_parameters"] == run.result.parameters
    )
    assert f"({run.result.last_epoch.correct:,} of {TEST}; 95 % interval" in card and "One seed (0)" in card
    with torch.no_grad():
        images = load_dataset(data_folder()).test_images[:, None] / 255
        alone = handgrad.load(folder).module(images).argmax(1)
    right = int((alone == load_dataset(data_folder()).test_labels).sum())
    assert f"fed with bytes divided by 255 alone it has {percent(right, TEST)} right" in card
    assert any("nothing is uploaded" in note and "hf upload NAME/" in note for note in exported.notes)


def test_exports_are_listed_in_the_run_each_once(copied: Path) -> None:
    export(copied, "hub")
    export(copied, "hub", overwrite=True)
    listed = json.loads((copied / "export" / "exported.json").read_text())
    assert [each["file"] for each in listed] == ["Net-hub"]


def test_a_loss_of_more_than_a_twentieth_of_a_point_is_an_error_unless_accepted() -> None:
    labels = np.zeros(10_000, np.uint8)
    right = np.tile(np.array([[5.0, 0.0]], np.float32), (10_000, 1))
    expected = Expected(np.log(np.exp(right) / np.exp(right).sum(1, keepdims=True)), labels, 10_000)
    worse = right.copy()
    worse[:5] = [0.0, 5.0]
    check_loss(prove(worse, expected, "test"), accepted=False)
    worse[5] = [0.0, 5.0]
    proof = prove(worse, expected, "test")
    assert (proof.correct, proof.same) == (9_994, 9_994) and "6 fewer than the run" in proof.sentence
    with pytest.raises(LossError, match=r"0\.06 points lost, 0\.05 are allowed – nothing was written"):
        check_loss(proof, accepted=False)
    check_loss(proof, accepted=True)


def test_a_file_that_loses_too_much_is_not_written(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderers, "find_compiler", lambda: None)
    monkeypatch.setattr(renderers, "evaluate", lambda plan, images: np.zeros((len(images), 10), np.float32))
    with pytest.raises(LossError):
        export(copied, "c")
    assert list((copied / "export").iterdir()) == []


REFUSED = {
    "a kind that is not known": (("pdf",), {}, UsageError, '--to "pdf" is not known'),
    "whole numbers for a hub": (("hub",), {"int8": True}, UsageError, "--int8 is for --to c"),
    "a folder that is not there": (("c", "nowhere/x.c"), {}, UsageError, "no such folder"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_exported_is_refused(case: str, copied: Path) -> None:
    arguments, more, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        export(copied, *arguments, **more)  # type: ignore[arg-type]
    assert not any((copied / "export").glob("*"))


def test_other_data_than_the_runs_own_is_refused(copied: Path, tmp_path: Path) -> None:
    from digits.idx_folders import digit_arrays, write_folder

    other = write_folder(tmp_path / "other", digit_arrays())
    with pytest.raises(MissingError, match="the run's own data is needed, idx-"):
        export(copied, "c", data=other)


def test_a_run_with_changed_weights_is_damaged(copied: Path) -> None:
    weights = copied / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    with pytest.raises(DamagedRunError, match=r"model\.safetensors was damaged or changed"):
        export(copied, "c")


def test_the_command_takes_the_kind_from_the_ending_and_never_overwrites_unasked(
    copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "net.onnx"
    status, output, errors = end_of(capsys, "export", copied, "--out", out, "--data", data_folder(), "--json")
    assert status == 0, errors
    record = json.loads(output)
    assert record["to"] == "onnx" and record["proof"]["same"] == TEST and record["bytes"] == out.stat().st_size
    assert end_of(capsys, "export", copied, "--out", out)[::2] == (
        2,
        f"error: {out} exists – add --overwrite or choose another name\n",
    )
    assert end_of(capsys, "export", copied)[::2] == (2, "error: --to is missing – choose one of c, hub, onnx, xlsx\n")


def test_a_recipes_name_means_its_newest_complete_run(tmp_path: Path) -> None:
    from report.run_folders import make_run

    make_run(tmp_path, "20260101-000000-demo-s0")
    newest = make_run(tmp_path, "20260102-000000-demo-s1", seed=1)
    make_run(tmp_path, "20260103-000000-demo-s2", state="unfinished")
    found, sentence = find_run("demo", tmp_path)
    assert found == newest and sentence == f"demo: {newest}, the newest of 2 runs of it below {tmp_path}"
    with pytest.raises(UsageError, match=r'"dem" is not a run folder, and .* – did you mean "demo"'):
        find_run("dem", tmp_path)
    assert find_run(newest, tmp_path) == (newest, "")


def test_the_report_says_how_to_use_the_run_and_lists_what_was_exported(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert end_of(capsys, "report", copied)[0] == 0
    before = (copied / "report.html").read_text()
    assert "<h2>Use it</h2>" in before and "handgrad export" in before and "export/Net-hub" not in before
    status, _, errors = end_of(capsys, "export", copied, "--to", "hub", "--data", data_folder())
    assert status == 0, errors
    after = (copied / "report.html").read_text()
    assert 'href="export/Net-hub"' in after and "test images right, as the run" in after
    (copied / "export" / "exported.json").write_text('[{"file": "../../etc/passwd", "bytes": 1, "sentence": "x"}, 7]')
    assert end_of(capsys, "report", copied)[0] == 0
    assert "passwd" not in (copied / "report.html").read_text()
