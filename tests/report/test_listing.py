"""The list of runs: every folder with its state, whatever state it is in."""

from __future__ import annotations

from pathlib import Path

from handgrad.report.listing import Listed, list_runs
from report.run_folders import make_run


def states(root: Path) -> dict[str, Listed]:
    """Return the list by the folder's name."""
    return {Path(entry.path).name: entry for entry in list_runs(root)}


def test_every_run_below_a_folder_is_listed_with_its_state(tmp_path: Path) -> None:
    make_run(tmp_path, "a", wrong=5)
    make_run(tmp_path / "study", "b", state="diverged", done=2)
    make_run(tmp_path / "study", "c", state="unfinished", done=3)
    (tmp_path / "empty" / "checkpoint").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    make_run(tmp_path / ".hidden", "d")
    found = states(tmp_path)
    assert {name: entry.state for name, entry in found.items()} == {"a": "complete", "b": "diverged", "c": "unfinished"}
    assert found["a"].as_json()["last_epoch"] == {"correct": 795, "total": 800, "accuracy": 99.375}
    assert (found["c"].epochs, found["c"].planned) == (3, 4)
    assert found["c"].resume == f"handgrad train --resume {tmp_path}/study/c"
    assert found["b"].reason == "the loss is nan – epoch 3, step 3, learning rate 1e+06"
    assert found["b"].resume is None


def test_the_line_that_resumes_quotes_the_path(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "my run; rm", state="unfinished")
    assert states(tmp_path)["my run; rm"].resume == f"handgrad train --resume '{folder}'"


def test_a_damaged_folder_is_listed_with_the_reason(tmp_path: Path) -> None:
    (make_run(tmp_path, "recipe") / "recipe.toml").write_text("= nothing")
    (make_run(tmp_path, "environment") / "environment.json").unlink()
    model = make_run(tmp_path, "model") / "model.safetensors"
    model.write_bytes(model.read_bytes()[:-1])
    (make_run(tmp_path, "gone") / "model.safetensors").unlink()
    for path in (make_run(tmp_path, "checkpoints", state="unfinished") / "checkpoint").iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    found = states(tmp_path)
    assert {entry.state for entry in found.values()} == {"damaged"}
    for name, word in {
        "recipe": "it must be TOML",
        "environment": "environment.json",
        "model": "model.safetensors",
        "gone": "model.safetensors",
        "checkpoints": "do not match the hash",
    }.items():
        assert word in (found[name].reason or ""), name


def test_a_damaged_checkpoint_beside_a_whole_one_is_no_damage_and_stays_where_it_is(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "run", state="unfinished", done=2) / "checkpoint"
    newer = folder / f"000003-00000-{'0' * 32}.safetensors"
    newer.write_bytes(b"cut short")
    assert states(tmp_path)["run"].state == "unfinished"
    assert newer.exists()


def test_an_unfinished_run_before_its_first_checkpoint_can_be_resumed(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "young", state="unfinished", done=0)
    for path in (folder / "checkpoint").iterdir():
        path.unlink()
    assert states(tmp_path)["young"].resume is not None


def test_a_folder_without_runs_lists_none(tmp_path: Path) -> None:
    assert states(tmp_path) == {}
    assert states(tmp_path / "missing") == {}
