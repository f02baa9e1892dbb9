"""``report``, ``compare`` and ``runs`` as a user meets them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.ends import end_of
from report.run_folders import make_run


def test_report_makes_the_pages_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = make_run(tmp_path, "one"), make_run(tmp_path, "two", state="unfinished")
    status, output, errors = end_of(capsys, "report", one, two)
    assert (status, errors) == (0, "")
    assert output.splitlines() == [f"report: {one}/report.html", f"report: {two}/report.html"]
    assert (two / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_a_damaged_run_has_one_line_and_status_4_and_the_others_their_pages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good = make_run(tmp_path, "bad"), make_run(tmp_path, "good")
    (bad / "metrics.jsonl").write_text("{")
    status, output, errors = end_of(capsys, "report", bad, good, tmp_path / "none")
    assert status == 4
    assert output == f"report: {good}/report.html\n"
    lines = errors.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"error: {bad}/metrics.jsonl ")
    assert lines[1].startswith(f"error: {tmp_path}/none is not a run folder")


def test_report_as_json_names_page_and_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = make_run(tmp_path, "good"), make_run(tmp_path, "bad")
    (bad / "evidence.safetensors").unlink()
    status, output, _ = end_of(capsys, "report", good, bad, "--json", "--tensorboard")
    assert status == 4
    first, second = json.loads(output)
    assert first["report"] == f"{good}/report.html"
    assert Path(first["tensorboard"]).is_file()
    assert first["error"] is None
    assert second["report"] is None
    assert "evidence.safetensors" in second["error"]


def test_compare_prints_a_table_and_writes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [make_run(tmp_path, name, recipe={"name": name}, wrong=wrong) for name, wrong in (("one", 5), ("two", 9))]
    page = tmp_path / "compare.html"
    status, output, _ = end_of(capsys, "compare", *runs, "--out", page)
    assert status == 0
    assert output.splitlines()[0].split()[:2] == ["recipe", "network"]
    assert output.splitlines()[-1] == f"page: {page}"
    status, output, errors = end_of(capsys, "compare", *runs, "--out", page)
    assert (status, output) == (2, "")
    assert errors == f"error: {page} exists – add --overwrite or choose another name\n"
    status, output, _ = end_of(capsys, "compare", *runs, "--out", page, "--overwrite", "--json")
    record = json.loads(output)
    assert [run["last_epoch"]["correct"] for run in record["runs"]] == [795, 791]
    assert record["page"] == str(page)
    status, output, _ = end_of(capsys, "compare", *runs)
    assert output.splitlines()[-1].startswith("curves: add --out compare.html")


@pytest.mark.parametrize(
    ("place", "found"),
    [("missing/compare.html", "no such folder – make"), (".", "is a folder – give the name of a file")],
)
def test_compare_refuses_a_place_where_no_file_can_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str, found: str
) -> None:
    runs = [make_run(tmp_path, name) for name in ("one", "two")]
    status, _, errors = end_of(capsys, "compare", *runs, "--out", tmp_path / place)
    assert status == 2
    assert found in errors


def test_runs_lists_every_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(tmp_path, "a")
    make_run(tmp_path, "b", state="unfinished", done=2)
    make_run(tmp_path, "c", state="diverged")
    (make_run(tmp_path, "d") / "environment.json").write_text("{")
    status, output, errors = end_of(capsys, "runs", tmp_path)
    assert (status, errors) == (0, "")
    lines = output.splitlines()
    assert [line.split()[0] for line in lines] == ["state", "complete", "unfinished", "diverged", "damaged"]
    assert "99.37 %" in lines[1]
    assert lines[2].endswith(f"handgrad train --resume {tmp_path}/b")
    assert "2/4" in lines[2]
    assert "the loss is nan" in lines[3]
    assert "environment.json" in lines[4]
    status, output, _ = end_of(capsys, "runs", tmp_path, "--json")
    assert [entry["state"] for entry in json.loads(output)] == ["complete", "unfinished", "diverged", "damaged"]


def test_runs_looks_into_the_folder_runs_unless_told_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert end_of(capsys, "runs") == (0, "no runs below runs – `handgrad train` makes one\n", "")
    make_run(tmp_path / "runs", "a")
    assert end_of(capsys, "runs")[1].splitlines()[1].endswith("runs/a")
    status, _, errors = end_of(capsys, "runs", "elsewhere")
    assert (status, errors) == (2, "error: elsewhere is not a folder – name one that holds runs\n")


def test_a_reader_that_goes_away_is_no_fault(tmp_path: Path) -> None:
    for number in range(3):
        make_run(tmp_path, f"run{number}")
    command = f"{sys.executable} -m handgrad runs {tmp_path} | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    assert done.stdout.splitlines()[0].startswith("state")
    assert done.stdout.splitlines()[-1] == "0"
