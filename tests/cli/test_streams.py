"""A stream that lacks a character, is closed, full, or has lost its reader decides nothing about a command."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import handgrad
from handgrad.cli import main, streams

SOURCE = Path(handgrad.__file__).parent


def handgrad_run(*arguments: str, **named: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the program; *named* goes to `subprocess.run`, *environment* beside that of this process."""
    environment = os.environ | named.pop("environment", {})
    named.setdefault("stderr", subprocess.PIPE)
    named.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(
        [sys.executable, "-m", "handgrad", *arguments], env=environment, timeout=120, check=False, **named
    )


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "cp932", "ascii", "latin-1"])
def test_every_character_that_we_print_can_be_spelled_in_every_encoding(encoding: str) -> None:
    """All that stands outside ASCII in the source, which is more than all that is printed."""
    signs = {sign for path in SOURCE.rglob("*.py") for sign in path.read_text(encoding="utf-8") if not sign.isascii()}
    assert "–" in signs and "→" in signs
    raw = io.BytesIO()
    stream = streams.Stream(raw, encoding=encoding, errors="handgrad-spelled")
    stream.write("".join(sorted(signs)))
    stream.flush()
    assert raw.getvalue()


def test_what_is_typed_on_paper_is_spelled_as_one_would_and_a_letter_of_a_name_keeps_its_number() -> None:
    raw = io.BytesIO()
    stream = streams.Stream(raw, encoding="ascii", errors="handgrad-spelled")
    stream.write("99.4 ± 0.1 % – 2×3 → η = ½ … Übung \udcff")
    stream.flush()
    assert raw.getvalue() == rb"99.4 +/- 0.1 % - 2x3 -> eta = 1/2 ... \xdcbung \udcff"


@pytest.fixture(autouse=True, scope="module")
def registered() -> None:
    """Register the handler as `prepare_streams` does, which leaves pytest's streams alone."""
    streams.prepare_streams()


@contextmanager
def pipe_without_reader() -> Iterator[int]:
    """A pipe that nobody reads from any more, as under ``| head``."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        yield writing
    finally:
        os.close(writing)


def test_a_reader_that_goes_away_changes_no_status(tmp_path: Path) -> None:
    with pipe_without_reader() as pipe:
        done = handgrad_run("backprop", "--list", "--json", stdout=pipe)
        assert (done.returncode, done.stderr) == (0, b"")
        # The error line goes nowhere, the status says it all the same.
        done = handgrad_run("backprop", "nothing", stderr=pipe)
        assert (done.returncode, done.stdout) == (2, b"")


def test_a_reader_that_goes_away_leaves_not_met_what_it_is(tmp_path: Path) -> None:
    task = tmp_path / "task.xlsx"
    assert handgrad_run("backprop", "classic", "--exercise", "--seed", "1", "--out", str(task)).returncode == 0
    plain = handgrad_run("judge", str(task), "--json")
    assert plain.returncode != 0 and plain.stdout
    with pipe_without_reader() as pipe:
        assert handgrad_run("judge", str(task), "--json", stdout=pipe).returncode == plain.returncode


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_standard_output_is_a_disk_that_refused(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = handgrad_run("backprop", "--list", "--json", stdout=full)
        expected = "error: standard output cannot be written: No space left on device – make room or write elsewhere\n"
        assert (done.returncode, done.stderr.decode()) == (6, expected)
        done = handgrad_run("backprop", "nothing", stderr=full)
        assert done.returncode == 2


@pytest.mark.parametrize("closed", ["2>&-", "<&-", "1>&-", "<&- 2>&-", "<&- 1>&- 2>&-"])
def test_a_command_runs_with_standard_streams_closed_and_its_files_stay_clean(tmp_path: Path, closed: str) -> None:
    """As with pythonw: a file that is opened next must not get the number of a stream, and messages with it."""
    command = f"{sys.executable} -m handgrad backprop --steps 2 --csv numbers.csv --json {closed}"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "numbers.csv").read_bytes().startswith(b"\xef\xbb\xbfstep,")
    if "1>&-" not in closed:
        json.loads(done.stdout)


def test_json_is_ascii_whatever_the_names(tmp_path: Path) -> None:
    path = tmp_path / "übung.toml"
    path.write_text(
        'name = "Übung λ"\nlearning_rate = 0.5\n[[layers]]\nunits = 1\nactivation = "sigmoid"\n'
        "[[samples]]\ninputs = [1]\ntargets = [0]\n",
        encoding="utf-8",
    )
    done = handgrad_run("backprop", str(path), "--steps", "1", "--json", environment={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode("ascii"))["network"]["name"] == "Übung λ"


@pytest.mark.parametrize("columns", ["0", "1", "20", "-5", "wide"])
def test_a_narrow_or_senseless_terminal_width_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for arguments in (["--help"], ["summary", "gap10-17k"], ["train", "--help"], ["backprop", "--list"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert (ended.value.code, capsys.readouterr().err) == (0, ""), arguments
