"""Hostile files gain nothing, change nothing, leave nothing behind, and are judged in time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from handgrad.judge.network.assignment_file import parse_assignment
from handgrad.judge.network.judging import judge_network
from handgrad.judge.verdict import Verdict
from judge.corpus_hostile import BIG, ENDLESS, FILES
from judge.hostile_run import Aftermath, faults, judge_hostile, needs_sandbox, processes_of, small_data

FEW = (
    "syntax error",
    "exits hard",
    "overrides named_parameters",
    "forges a network of nothing",
    "hides weights in a constant",
    "looks labels up by hash",
    "writes outside",
    "malformed frames",
    "leaves a daemon",
)
"""One of each kind, for every run of the tests; the rest with ``make proofs``."""


@pytest.fixture(scope="module")
def limit(tmp_path_factory: pytest.TempPathFactory) -> float:
    """Seconds in which an honest file is surely read here and now, however busy the machine is."""
    needs_sandbox()
    file = tmp_path_factory.mktemp("honest") / "net.py"
    file.write_text(BIG)
    began = time.monotonic()
    verdict = judge_network(
        str(file), parse_assignment("[parameters]\nfewer_than = 50_000", "x"), static=True, data=small_data()
    )
    assert verdict.requirements and all(each.met is not False for each in verdict.requirements), verdict
    return 5.0 + 1.5 * (time.monotonic() - began)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if name == "leaves a daemon" else name for name in FEW]
)
def test_a_hostile_file_gains_nothing_and_leaves_nothing(
    name: str, limit: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # For a file that never ends no more than it takes to start it: the whole limit is for the long run.
    most = min(limit, 12.0) if name in ENDLESS else limit
    assert faults(judge_hostile(name, tmp_path, monkeypatch, most), most) == []


@pytest.mark.long
@pytest.mark.parametrize("name", FILES)
def test_no_file_whose_network_alone_is_taken_gains_anything(
    name: str, limit: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = limit if name in ENDLESS else 4 * limit
    assert faults(judge_hostile(name, tmp_path, monkeypatch, most, whole=False), most) == []


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in FILES if name not in FEW])
def test_no_file_of_the_corpus_gains_anything_or_leaves_anything(
    name: str, limit: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = limit if name in ENDLESS else 4 * limit
    assert faults(judge_hostile(name, tmp_path, monkeypatch, most), most) == []


def test_the_corpus_is_large_enough() -> None:
    assert len(FILES) >= 40


def test_the_check_sees_a_false_met_a_change_a_process_and_a_delay() -> None:
    met = Verdict("met", "f", "a", (), "none", ("a fault of the judge: x",), 9.0)
    seen = faults(Aftermath(met, 9.0, ["/x"], ["7"]), 1.0)
    assert [each.split(":")[0] for each in seen] == [
        "changed",
        "left a process",
        "it is judged met",
        "9.0 s with a limit of 1 s",
        "a fault of the judge",
    ]


def test_a_process_that_is_left_is_seen(tmp_path: Path) -> None:
    import subprocess

    with subprocess.Popen(["sleep", "60"], env={"HOME": str(tmp_path / "home")}) as process:
        time.sleep(0.2)
        assert processes_of(tmp_path) == [str(process.pid)]
        process.kill()
