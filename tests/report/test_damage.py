"""What is damaged, missing or of another run is named, and never shown as if it were whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from handgrad.errors import DamagedRunError, DiskError, HandgradError, UsageError
from handgrad.report.page import write_report
from handgrad.runs.read import read_run
from report.run_folders import change_json, make_run

FILES = ["recipe.toml", "environment.json", "metrics.jsonl", "summary.json", "layers.json", "evidence.safetensors"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_is_named(tmp_path: Path, name: str) -> None:
    folder = make_run(tmp_path)
    path = folder / name
    data = path.read_bytes()
    # A recipe behind a sign of equality: cut within or behind a value it would be a shorter recipe, and whole.
    half = len(data) // 2
    path.write_bytes(data[: data.rindex(b"=", 0, half) + 1 if name == "recipe.toml" else half])
    with pytest.raises(DamagedRunError, match=name.replace(".", r"\.")):
        write_report(folder)
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize("name", ["recipe.toml", "environment.json", "evidence.safetensors"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = make_run(tmp_path)
    (folder / name).unlink()
    with pytest.raises(DamagedRunError, match=name.replace(".", r"\.")):
        read_run(folder)


def test_a_complete_run_must_have_all_its_epochs(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    lines = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    (folder / "metrics.jsonl").write_text("".join(lines[:-1]))
    with pytest.raises(DamagedRunError, match=r"metrics\.jsonl has 3 epochs, a complete run has 4"):
        read_run(folder)
    (folder / "metrics.jsonl").write_text("".join(lines[1:]))
    with pytest.raises(DamagedRunError, match="does not count its epochs"):
        read_run(folder)


@pytest.mark.parametrize("name", ["summary.json", "evidence.safetensors"])
def test_a_file_of_another_run_is_refused(tmp_path: Path, name: str) -> None:
    folder, other = make_run(tmp_path, "one-s0"), make_run(tmp_path, "two-s0")
    shutil.copy(other / name, folder / name)
    with pytest.raises(DamagedRunError, match=rf"{name.replace('.', '[.]')} belongs to run two-s0, not to one-s0"):
        read_run(folder)


def test_a_summary_that_the_answers_do_not_bear_out_is_refused(tmp_path: Path) -> None:
    folder = make_run(tmp_path, wrong=5)
    last = json.loads((folder / "summary.json").read_text())["last_epoch"]
    change_json(folder / "summary.json", last_epoch=last | {"correct": 799})
    with pytest.raises(DamagedRunError, match="the evidence gives 795 of 800 right, the summary says 799 of 800"):
        read_run(folder)


def test_a_tie_between_two_classes_may_have_been_counted_either_way(tmp_path: Path) -> None:
    folder = make_run(tmp_path, wrong=5)
    evidence = load_file(folder / "evidence.safetensors")
    row, label = evidence["log_probabilities"][500], int(evidence["labels"][500])
    row[(label + 1) % 10] = row[label]
    record = {"record": json.dumps({"run": folder.name})}
    save_file(evidence, folder / "evidence.safetensors", record)
    last = json.loads((folder / "summary.json").read_text())["last_epoch"]
    for correct in (794, 795):
        change_json(folder / "summary.json", last_epoch=last | {"correct": correct})
        assert read_run(folder).result is not None
    change_json(folder / "summary.json", last_epoch=last | {"correct": 793})
    with pytest.raises(DamagedRunError, match="the evidence gives"):
        read_run(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("labels", np.full(800, 10, np.uint8)),
        ("mistake_index", np.full(5, 800, np.int64)),
        ("mistake_index", np.full(5, -1, np.int64)),
        ("digit_images", np.zeros((10, 28, 27), np.uint8)),
        ("digit_images", np.zeros((10, 28, 28), np.float32)),
        ("log_probabilities", np.zeros((800, 9), np.float32)),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(tmp_path: Path, name: str, value: np.ndarray) -> None:
    folder = make_run(tmp_path)
    evidence = load_file(folder / "evidence.safetensors") | {name: value}
    save_file(evidence, folder / "evidence.safetensors", {"record": json.dumps({"run": folder.name})})
    with pytest.raises(DamagedRunError, match=r"evidence\.safetensors holds arrays that do not fit together"):
        read_run(folder)


@pytest.mark.parametrize("name", ["layers.json", "environment.json"])
@pytest.mark.parametrize("value", ["many", float("nan"), float("inf"), [], {}], ids=str)
def test_a_number_that_is_none_is_damage_with_the_status_of_damage(tmp_path: Path, name: str, value: object) -> None:
    folder = make_run(tmp_path)
    whole = (folder / name).read_text(encoding="utf-8")
    places = list(_numbers(json.loads(whole)))
    assert places
    for place in places:
        changed = inner = json.loads(whole)
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        (folder / name).write_text(json.dumps(changed), encoding="utf-8")
        with pytest.raises(DamagedRunError, match=name.replace(".", r"\.")) as refused:
            read_run(folder)
        assert refused.value.status == 4


def _numbers(data: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where numbers stand in plain data; of a list the first item stands for all."""
    if isinstance(data, dict | list):
        for key, each in data.items() if isinstance(data, dict) else enumerate(data[:1]):
            yield from _numbers(each, (*place, key))
    elif isinstance(data, int | float) and not isinstance(data, bool):
        yield place


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_byte_is_changed_there_is_a_page_or_one_line(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "whole"
    if not folder.exists():
        make_run(tmp_path, "whole")
    path = folder / data.draw(st.sampled_from(FILES))
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    path.write_bytes(whole[:place] + bytes([data.draw(st.integers(0, 255))]) + whole[place + 1 :])
    try:
        read_run(folder)
    except HandgradError as error:
        assert "\n" not in " ".join(str(error).split())
    finally:
        path.write_bytes(whole)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a run folder"):
        write_report(tmp_path / "none")


def test_a_disk_that_refuses_is_named(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    (folder / "plots").write_text("in the way")
    with pytest.raises(DiskError, match=r"cannot write .*plots"):
        write_report(folder)
