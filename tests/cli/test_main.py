"""The command line as a whole: one line for every mistake, a clean end, and the record of two small commands."""

from __future__ import annotations

import ast
import errno
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

import handgrad
from cli.ends import end_of
from handgrad.cli import app
from handgrad.cli.app import command_names
from handgrad.errors import HandgradError, UsageError

CLI = Path(handgrad.__file__).parent / "cli"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a user does."""
    variables = {key: value for key, value in os.environ.items() if not key.startswith("HANDGRAD")} | environment
    command = [sys.executable, "-m", "handgrad", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=variables, timeout=120)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sumary"], 'unknown command "sumary" – did you mean "summary"?'),
        (["docter", "--json"], 'unknown command "docter" – did you mean "doctor"?'),
        (["xyz"], 'unknown command "xyz" – known: '),
        (["summary", "--jsn"], "no such option: --jsn"),
        (["--nonsense"], "no such option: --nonsense"),
        (["summary"], "missing argument 'NETWORK' – handgrad summary --help lists what there is"),
        (["train", "--epochs", "3"], "no such option: --epochs – values of a recipe are given with --set epochs=…"),
        (
            ["study", "quick", "--weight-decay=0"],
            "no such option: --weight-decay – values of a recipe are given with --set optimizer.weight_decay=…",
        ),
        (
            ["judge", "--epochs", "3"],
            "no such option: --epochs (Possible options: --csv, --report) – handgrad judge --help lists what there is",
        ),
        (["summary", "squeeze-16k", "more"], "got unexpected extra argument"),
        (["summary", "squeeze-16k", "--classes", "-1"], "invalid value for '--classes'"),
        (
            ["summary", "squeeze-16k", "--input", "1x0x28"],
            '--input "1x0x28" is not a shape – write channels, height and width',
        ),
        (["summary", "squeeze-16"], 'network "squeeze-16" is not known – did you mean "squeeze-16k"?'),
        (["summary", "missing.py:Net"], "missing.py is not there – found nothing – give the path of a Python file"),
    ],
)
def test_a_mistake_is_one_line_with_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    status, output, errors = end_of(capsys, *arguments)
    assert (status, output) == (2, "")
    assert errors.startswith(f"error: {message}")
    assert errors.count("\n") == 1


def test_the_list_of_commands_has_a_whole_line_for_each_where_a_terminal_is_narrow(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, output, _ = end_of(capsys, "--help")
    listed = output.partition("Commands:\n")[2].rstrip().splitlines()
    assert sorted(line.split()[0] for line in listed) == command_names()
    assert not [line for line in listed if not line.endswith(".") or line.endswith("...")]


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_every_command_and_ends_well(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    status, output, errors = end_of(capsys, *arguments)
    assert (status, errors) == (0, "")
    assert all(f"\n  {name} " in output for name in command_names())
    assert {"data", "doctor", "summary"} <= set(command_names())


def test_every_module_with_commands_is_registered() -> None:
    """A command in a file that nothing imports would be missing without a message."""
    with_commands = {
        path.stem
        for path in CLI.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and any("app.command" in ast.unparse(each) for each in node.decorator_list)
    }
    registered = {str(each.callback.__module__).rsplit(".", 1)[-1] for each in app.registered_commands if each.callback}
    assert with_commands == registered


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert end_of(capsys, "--version") == (0, f"handgrad {handgrad.__version__}\n", "")


def test_debug_shows_the_traceback_wherever_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--debug", "summary", "nothing-16k"], ["summary", "nothing-16k", "--debug"]):
        done = run(*arguments)
        assert done.returncode == 2
        assert "Traceback (most recent call last)" in done.stderr
        assert "UsageError" in done.stderr
    assert "Traceback" not in end_of(capsys, "summary", "nothing-16k")[2]


def fail(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (HandgradError("what – where – do"), 1, "error: what – where – do\n"),
        (KeyError("x"), 70, "error: KeyError: 'x' – this is a bug in handgrad, --debug shows where\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (HandgradError("two\nlines"), 1, "error: two lines\n"),
        (HandgradError("a\x1b[31mred"), 1, "error: a\ufffd[31mred\n"),
        (MemoryError("4 GB"), 1, "error: out of memory – 4 GB – close other programs or use less at once\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/tmp/x"),
            6,
            "error: /tmp/x cannot be used: No space left on device – make room or choose another folder\n",
        ),
        (
            OSError(errno.EMFILE, "Too many open files"),
            3,
            "error: too few files may be open at once here – raise the limit (ulimit -n 256)\n",
        ),
        (
            BrokenPipeError(),
            70,
            "error: BrokenPipeError: BrokenPipeError – this is a bug in handgrad, --debug shows where\n",
        ),
    ],
)
def test_what_a_command_raises_becomes_one_line_and_a_status(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, line: str
) -> None:
    monkeypatch.setattr("handgrad.cli.run", lambda arguments: fail(error))
    assert end_of(capsys, "anything") == (status, "", line)
    shown_too = end_of(capsys, "anything", "--debug")
    assert shown_too[0] == status and "Traceback (most recent call last)" in shown_too[2]


@pytest.mark.parametrize("error", [KeyError("x"), MemoryError(), HandgradError("x"), RecursionError()])
def test_whatever_breaks_inside_the_judge_decides_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("handgrad.cli.run", lambda arguments: fail(error))
    assert end_of(capsys, "judge", "net.py")[0] == 8
    monkeypatch.setattr("handgrad.cli.run", lambda arguments: fail(UsageError("x")))
    assert end_of(capsys, "judge", "net.py")[0] == 2
    monkeypatch.setattr("handgrad.cli.run", lambda arguments: 1)
    assert end_of(capsys, "judge", "net.py")[0] == 1


TWICE = """
import os
from handgrad.cli import main
for name in ("COLUMNS", "NO_COLOR"):
    os.environ[name] = "50"
    try:
        main(["summary", "squeeze-16k"])
    except SystemExit as end:
        assert not end.code
    print("\\f")
"""
"""The program twice in one process, as torch takes seconds to be imported: narrow, then without colour too."""


def in_terminal(code: str) -> str:
    """Run *code* with a terminal as its output and return all that it wrote."""
    leader, follower = pty.openpty()
    variables = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=follower, stderr=follower, stdin=follower,
        env=variables | {"TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(follower)
    written = b""
    try:
        while chunk := os.read(leader, 65536):
            written += chunk
    except OSError:
        pass  # Linux ends a terminal's output with an input/output error.
    assert process.wait(timeout=60) == 0, written.decode()
    os.close(leader)
    return written.decode()


def test_a_narrow_terminal_gets_a_folded_table_and_colour_unless_no_color_is_set() -> None:
    coloured, plain, rest = in_terminal(TWICE).split("\f")
    assert not rest.strip()
    assert "\x1b[36m" in coloured
    assert "\x1b[36m" not in plain
    assert "16,452" in plain
    assert max(map(len, re.sub(r"\x1b\[\d*m|\r", "", plain).split("\n"))) == 50


def test_a_pipe_gets_plain_text_as_torchsummary_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    status, output, errors = end_of(capsys, "summary", "squeeze-16k")
    assert (status, errors) == (0, "")
    lines = output.splitlines()
    assert lines[1].split() == ["Layer", "(type)", "Output", "Shape", "Param", "#", "Mult-Adds", "Field"]
    assert lines[3] == "            Conv2d-1   [-1, 16, 26, 26]        160       97,344       3"
    assert lines[21] == "           Linear-19           [-1, 10]        330          320      28"
    assert "Total params: 16,452" in lines
    assert "\x1b" not in output
    # The golden lines above could be regenerated blindly; the column must still sum to the total.
    assert sum(int(line.split()[-3].replace(",", "")) for line in lines[3:22]) == 16452


def test_summary_as_json_is_the_record(capsys: pytest.CaptureFixture[str]) -> None:
    status, output, errors = end_of(capsys, "summary", "squeeze-16k", "--json")
    record = json.loads(output)
    assert (status, errors) == (0, "")
    assert (record["network"], record["total_parameters"], len(record["rows"])) == ("squeeze-16k", 16452, 19)
    assert record["rows"][0]["layer"] == "Conv2d-1"
    assert record["rows"][0]["output"] == [16, 26, 26]
    assert record["rows"][0]["parameters"] == 160
    assert record["rows"][0]["receptive_field"] == 3


NET = "from torch import nn\nclass Net(nn.Sequential):\n    def __init__(self):\n        super().__init__({})\n"


def test_a_file_of_ones_own_is_summarised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.py"
    path.write_text(NET.format("nn.Flatten(), nn.Linear(784, 10)"))
    status, output, _ = end_of(capsys, "summary", f"{path}:Net", "--json")
    assert (status, json.loads(output)["total_parameters"]) == (0, 7850)


def test_a_wrong_number_of_classes_is_told_after_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.py"
    path.write_text(NET.format("nn.Flatten(), nn.Linear(784, 9)"))
    status, output, errors = end_of(capsys, "summary", f"{path}:Net")
    assert (status, errors) == (2, "error: Net returns [128, 9] – 10 classes are needed\n")
    assert "Linear-1" in output
    assert end_of(capsys, "summary", f"{path}:Net", "--classes", "0")[0] == 0
    assert end_of(capsys, "summary", f"{path}:Net", "--classes", "9")[0] == 0


def test_another_shape_of_input_may_be_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.py"
    path.write_text(NET.format("nn.Conv2d(3, 10, 5), nn.AdaptiveAvgPool2d(1), nn.Flatten()"))
    status, output, _ = end_of(capsys, "summary", f"{path}:Net", "--input", "3x32x32", "--json")
    assert (status, json.loads(output)["rows"][0]["output"]) == (0, [10, 28, 28])
    assert end_of(capsys, "summary", f"{path}:Net")[2] == "error: 0 (Conv2d): takes 3 channels – found 1\n"
