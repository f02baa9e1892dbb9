"""What the doctor finds, and that it says so when something is missing."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

import pytest

from handgrad.cli import doctor, main
from handgrad.cli.doctor import Finding, _machine, _package, _packages, _processor, _satisfies, _spreadsheet, _text


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv("HANDGRAD_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def status_of(*arguments: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


def test_a_whole_installation_ends_with_0_and_names_every_declared_dependency(
    capsys: pytest.CaptureFixture[str], empty_cache: Path
) -> None:
    assert status_of("doctor", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    found = {each["part"]: each for each in record["findings"]}
    assert record["ok"]
    assert found["torch"]["found"] == importlib.metadata.version("torch")
    assert {"python", "numpy", "typer", "xlsxwriter", "processor", "instruction sets", "libreoffice"} <= set(found)
    assert "mypy" not in found
    assert found["data"]["fix"] == "handgrad data --fetch, or set HANDGRAD_DATA to a folder of the files"
    assert str(empty_cache) in found["data"]["found"]


def test_the_text_has_the_line_that_fixes_it_below_what_is_missing() -> None:
    lines = list(_text([Finding("a", True, True, "1"), Finding("bc", False, True, "none", "pip install bc")]))
    assert lines == ["ok        a   1", "MISSING   bc  none", "              → pip install bc"]


def test_a_missing_needed_part_gives_status_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = Finding("torch", False, True, "not installed", 'pip install "torch>=2.11"')
    monkeypatch.setattr(doctor, "_packages", lambda: [missing])
    assert status_of("doctor", "--json") == 3
    output, errors = capsys.readouterr()
    assert not json.loads(output)["ok"]
    assert errors == 'error: torch – missing or not usable – pip install "torch>=2.11"\n'


def test_a_named_folder_that_is_wrong_gives_status_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("HANDGRAD_DATA", str(tmp_path / "nowhere"))
    assert status_of("doctor") == 3
    assert "nowhere is not a folder" in capsys.readouterr().out


def test_packages_are_judged_by_what_the_distribution_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = [
        "numpy>=1.26",
        "no-such-thing>=2",
        "numpy<1.0",
        "other-thing; extra == 'tensorboard'",
        "x; extra == 'dev'",
    ]
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: declared)
    found = [(each.part, each.ok, each.needed, each.fix) for each in _packages()][2:]
    assert found == [
        ("numpy", True, True, None),
        ("no-such-thing", False, True, 'pip install "no-such-thing>=2"'),
        ("numpy", False, True, 'pip install "numpy<1.0"'),
        ("other-thing", False, False, 'pip install "handgrad[tensorboard]"'),
    ]
    assert _package("numpy<1.0", None).found == f"{importlib.metadata.version('numpy')}, <1.0 is needed"


@pytest.mark.parametrize(
    ("version", "wanted", "met"),
    [
        ("2.13.0+cpu", "<3,>=2.11", True),
        ("2.9.1", "<3,>=2.11", False),
        ("3.0", "<3,>=2.11", False),
        ("3", ">=3.0", True),
        ("13.0", ">=13", True),
        ("1.0", "", True),
    ],
)
def test_versions_are_compared_as_numbers(version: str, wanted: str, met: bool) -> None:
    assert _satisfies(version, wanted) is met


def test_the_processor_is_read_from_linux(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(
        "processor\t: 0\nmodel name\t: Test CPU\nflags\t\t: fpu amx_bf16 avx2\n\nprocessor: 1\nflags: none\n"
    )
    assert _processor(path) == ("Test CPU", ["avx2", "amx_bf16"])
    assert _processor(tmp_path / "none")[1] == []


def test_a_torch_that_cannot_be_imported_is_a_needed_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    last = list(_machine())[-1]
    assert (last.part, last.ok, last.needed) == ("torch works", False, True)


def test_libreoffice_is_found_or_told_how_to_get(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not _spreadsheet().ok
    (tmp_path / "soffice").touch(mode=0o755)
    assert _spreadsheet().found == str(tmp_path / "soffice")
