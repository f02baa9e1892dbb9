"""What graders read keeps to their contracts, written down here as schemas."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from handgrad.errors import UsageError
from handgrad.judge.course.autograder import gradescope_zip
from handgrad.judge.course.results import CONTEXT, attempts_used_up, classroom50_result, gradescope_results, junit_xml
from handgrad.judge.network.assignment_file import assignment_text, parse_assignment
from handgrad.judge.network.grading import Gradescope
from handgrad.judge.verdict import Points, PointsRow, Requirement, Verdict
from judge.course.classes import EASY, NET, write

VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
TEXT, NUMBER = {"type": "string"}, {"type": "number", "minimum": 0}
GRADESCOPE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "score": NUMBER,
        "execution_time": NUMBER,
        "output": TEXT,
        "output_format": FORMAT,
        "test_output_format": FORMAT,
        "test_name_format": FORMAT,
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "extra_data": {"type": "object"},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["score", "max_score", "name"],
                "properties": {
                    "score": NUMBER,
                    "max_score": NUMBER,
                    "status": {"enum": ["passed", "failed"]},
                    "name": TEXT,
                    "output": TEXT,
                    "output_format": FORMAT,
                    "visibility": VISIBILITY,
                },
                "additionalProperties": False,
            },
        },
        "leaderboard": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "value"],
                "properties": {"name": TEXT, "value": NUMBER, "order": {"enum": ["asc", "desc"]}},
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}
WHOLE = {"type": "integer", "minimum": 0}
CLASSROOM50: dict[str, Any] = {
    "type": "object",
    "required": [
        "schema",
        "classroom",
        "assignment",
        "submission",
        "commit",
        "release",
        "review",
        "datetime",
        "score",
        "max-score",
        "tests",
    ],
    "properties": {
        "schema": {"enum": ["classroom50/result/v1"]},
        **{name: {**TEXT, "minLength": 1} for name in CONTEXT},
        "datetime": TEXT,
        "score": WHOLE,
        "max-score": WHOLE,
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["test-name", "passed", "score", "max-score"],
                "properties": {"test-name": TEXT, "passed": {"type": "boolean"}, "score": WHOLE, "max-score": WHOLE},
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "number": (int, float), "integer": int}


def breaks(value: Any, schema: dict[str, Any], where: str = "$") -> list[str]:
    """Return where *value* breaks the JSON *schema*; of the language, what stands above."""
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{where} is {value!r}"]
    kind = TYPES[schema["type"]]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):  # type: ignore[arg-type]
        return [f"{where} is a {type(value).__name__}"]
    found = [f"{where} is too small"] if "minimum" in schema and value < schema["minimum"] else []
    found += (
        [f"{where} is too short"] if len(value if isinstance(value, str) else "x") < schema.get("minLength", 0) else []
    )
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [f"{where}.{name} is missing" for name in schema.get("required", ()) if name not in value]
        for name, each in value.items():
            if name in known:
                found += breaks(each, known[name], f"{where}.{name}")
            elif schema.get("additionalProperties") is False:
                found.append(f"{where}.{name} is not known")
    if isinstance(value, list):
        for place, each in enumerate(value):
            found += breaks(each, schema.get("items", {"enum": [each]}), f"{where}[{place}]")
    return found


def test_the_schemas_refuse_what_is_wrong() -> None:
    good = {"tests": [{"name": "a", "score": 1, "max_score": 2, "visibility": "visible"}]}
    assert breaks(good, GRADESCOPE) == []
    bad = {"tests": [{"name": 1, "score": -1, "visibility": "later"}], "grade": 1}
    assert len(breaks(bad, GRADESCOPE)) == 5
    assert "$.score is a bool" in breaks({"score": True}, CLASSROOM50) and len(breaks({}, CLASSROOM50)) == 11


def verdict(*, trained: bool = True, points: bool = True) -> Verdict:
    conditions = (
        Requirement("parameters", "fewer than 5", '<b>7</b> "x"', False),
        Requirement("batch_norm", "BatchNorm is used", "bn", True),
        Requirement("accuracy", "60 %", "78 %" if trained else "not trained", True if trained else None),
    )
    rows = (PointsRow("parameters", 0.0, 4.0, "too many"), PointsRow("accuracy", 2.0 if trained else None, 3.0, "78 %"))
    given = Points(rows, 2.0 if trained else None, 7.0) if points else None
    accuracy = 78.6 if trained else None
    return Verdict(
        "not met", "ada/net.py", "easy", conditions, "none", ("n",), 1.5, points=given, parameters=7, accuracy=accuracy
    )


NOTHING = Verdict("no verdict", "ada/net.py", "easy", (), "none", ("torchaudio is missing here",), 0.1)


@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("points", [True, False])
def test_gradescope_gets_points_statuses_and_a_leaderboard(trained: bool, points: bool) -> None:
    result = gradescope_results(verdict(trained=trained, points=points), Gradescope(accuracy="after_due_date"))
    assert breaks(json.loads(json.dumps(result)), GRADESCOPE) == []
    tests = {test["name"]: test for test in result["tests"]}
    assert {name: test["visibility"] for name, test in tests.items()} == {
        "parameters": "visible",
        "batch_norm": "visible",
        "accuracy": "after_due_date",
    }
    assert sum(test["score"] for test in result["tests"]) == (2 if points else 2 if trained else 1) - (
        0 if trained or not points else 2
    )
    assert ("status" in tests["accuracy"]) is trained
    # Whoever may not see the accuracy yet must not read it off the board.
    assert [line["name"] for line in result["leaderboard"]] == ["parameters"]
    shown = gradescope_results(verdict(trained=trained), Gradescope())["leaderboard"]
    assert [line["name"] for line in shown] == (["accuracy (%)"] if trained else []) + ["parameters"]


def test_without_a_verdict_gradescope_gets_no_score_at_all() -> None:
    result = gradescope_results(NOTHING, Gradescope())
    assert "torchaudio is missing here" in result["output"] and not {"score", "tests", "leaderboard"} & result.keys()
    assert breaks(result, GRADESCOPE) == []


def test_attempts_of_a_day_are_counted_from_the_previous_submissions() -> None:
    def before(hour: int, output: str = "x") -> dict[str, Any]:
        return {"submission_time": f"2026-03-01T{hour:02}:00:00-07:00", "results": {"score": hour, "output": output}}

    metadata = {"created_at": "2026-03-01T20:00:00-07:00", "previous_submissions": [before(9), before(12)]}
    assert attempts_used_up(metadata, Gradescope()) is None
    assert attempts_used_up(metadata, Gradescope(attempts_a_day=3)) is None
    kept = attempts_used_up(metadata, Gradescope(attempts_a_day=2))
    assert kept is not None and kept["score"] == 12 and "2 in 24 hours" in kept["output"]
    assert "2026-03-02 09:00" in kept["output"]
    again = {**metadata, "previous_submissions": [before(9), before(12, kept["output"])]}
    assert attempts_used_up(again, Gradescope(attempts_a_day=2)) is None
    for broken in ({}, {"created_at": "x", "previous_submissions": 3}, {**metadata, "previous_submissions": [1, {}]}):
        assert attempts_used_up(broken, Gradescope(attempts_a_day=1)) is None


RUNNER = {
    "CLASSROOM": "c",
    "ASSIGNMENT": "a",
    "SUBMISSION_TAG": "submit/1",
    "COMMIT_URL": "https://x/commit/1",
    "RELEASE_URL": "https://x/releases/tag/1",
}


def test_classroom_50_gets_whole_points_that_add_up_or_nothing() -> None:
    result = classroom50_result(verdict(), RUNNER)
    assert breaks(json.loads(json.dumps(result)), CLASSROOM50) == []
    assert (result["score"], result["max-score"], result["review"]) == (2, 7, RUNNER["COMMIT_URL"])
    assert result["score"] == sum(test["score"] for test in result["tests"])
    with pytest.raises(UsageError, match="no verdict – torchaudio is missing here – no result is written"):
        classroom50_result(NOTHING, RUNNER)
    with pytest.raises(UsageError, match=r"\$RELEASE_URL is not set"):
        classroom50_result(verdict(), {**RUNNER, "RELEASE_URL": ""})
    half = Points((PointsRow("parameters", 0.5, 1.0, ""),), 0.5, 1.0)
    with pytest.raises(UsageError, match="takes whole points alone"):
        classroom50_result(Verdict(**{**vars(verdict()), "points": half}), RUNNER)


def test_junit_has_a_suite_a_person_and_a_case_a_condition() -> None:
    text = junit_xml([verdict(trained=False), NOTHING])
    root = ElementTree.fromstring(text)
    assert root.tag == "testsuites" and [suite.attrib["errors"] for suite in root] == ["0", "1"]
    first = root[0]
    assert (first.attrib["tests"], first.attrib["failures"], first.attrib["skipped"]) == ("3", "1", "1")
    kinds = [(case.attrib["name"], [inner.tag for inner in case]) for case in first]
    assert kinds == [("parameters", ["failure"]), ("batch_norm", []), ("accuracy", ["skipped"])]
    assert first[0][0].attrib["message"] == 'fewer than 5: <b>7</b> "x"'
    assert root[1][0][0].tag == "error"


def test_the_zip_for_gradescope_judges_a_hand_in_by_itself(tmp_path: Path) -> None:
    """The scripts are run as Gradescope runs them, but for the installation, which needs the network."""
    source = tmp_path / "source"
    text = EASY + "[gradescope]\nattempts_a_day = 1\n[points]\nconditions = { parameters = 2, accuracy = 3 }\n"
    (tmp_path / "mine.toml").write_text(text)
    data = gradescope_zip(assignment_text(tmp_path / "mine.toml"), 500)
    assert data == gradescope_zip(assignment_text(tmp_path / "mine.toml"), 500)
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert {"setup.sh", "run_autograder", "assignment.toml", "requirements.txt"} <= set(packed.namelist())
        assert not any("__pycache__" in name for name in packed.namelist())
        packed.extractall(source)
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in packed.infolist()}
    assert modes["setup.sh"] == modes["run_autograder"] == 0o755
    for script in ("setup.sh", "run_autograder"):
        subprocess.run(["bash", "-n", str(source / script)], check=True)
    assert "torch" not in (source / "requirements.txt").read_text().replace("torchinfo", "")
    write(tmp_path / "submission", {"model.py": NET, "readme.md": "mine"})
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    python = tmp_path / "venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    environment = {**os.environ, "AUTOGRADER": str(tmp_path)}
    (source / "run_autograder").write_text(
        (source / "run_autograder").read_text().replace("judge ", "judge --static ", 1)
    )
    metadata: dict[str, Any] = {"created_at": "2026-03-01T20:00:00-07:00", "previous_submissions": []}
    (tmp_path / "submission_metadata.json").write_text(json.dumps(metadata))
    command = ["bash", str(source / "run_autograder")]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "results" / "results.json").read_text())
    assert breaks(result, GRADESCOPE) == []
    assert [(test["name"], test["score"], test["max_score"]) for test in result["tests"][:2]] == [
        ("parameters", 2.0, 2.0),
        ("accuracy", 0.0, 3.0),
    ]
    previous = {"submission_time": "2026-03-01T19:00:00-07:00", "results": result}
    (tmp_path / "submission_metadata.json").write_text(json.dumps({**metadata, "previous_submissions": [previous]}))
    subprocess.run(command, env=environment, check=True, capture_output=True)
    kept = json.loads((tmp_path / "results" / "results.json").read_text())
    assert kept["tests"] == result["tests"] and kept["output"].startswith("not judged, all attempts are used")


def test_points_must_be_given_for_what_is_asked() -> None:
    with pytest.raises(UsageError, match=r"points\.conditions\.dropout is not a condition of this assignment"):
        parse_assignment(EASY + "[points]\nconditions = { dropout = 1 }\n", "x.toml")
    with pytest.raises(UsageError, match="accuracy has steps and is also in conditions"):
        steps = "accuracy = [{ at_least = 99.0, points = 1 }]\nconditions = { accuracy = 1 }\n"
        parse_assignment(EASY + f"[points]\n{steps}", "x.toml")
