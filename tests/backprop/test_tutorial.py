"""The tutorial is true: its commands print what it shows, in the order in which a learner types them."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import pytest

from handgrad.cli import main

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial-backprop.md"


def shown() -> list[tuple[str, list[str]]]:
    """Each command of the tutorial with the lines that it shows below it."""
    text = TUTORIAL.read_text(encoding="utf-8")
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line.removeprefix("$ "), []))
            else:
                found[-1][1].append(line)
    return found


def test_every_command_prints_what_the_tutorial_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (network,) = re.findall(r"^```toml\n(.*?)^```", TUTORIAL.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "mine.toml").write_text(network)
    assert len(shown()) == 6
    for command, lines in shown():
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(command)[1:])
        assert ended.value.code == 0
        assert capsys.readouterr().out.splitlines() == lines, command
    mine, theirs = (read(tmp_path / name)[0] for name in ("mine.csv", "theirs.csv"))
    for number in range(1, 9):
        column = f"∂E/∂w{number}"
        assert (mine[column] == theirs[column]) == (number >= 5), column


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
