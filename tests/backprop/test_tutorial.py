"""The tutorial is true: its commands print what it shows, in the order in which a learner types them."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from handgrad.backprop import load_network, rate_sweep, trace
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
    assert len(shown()) == 7
    for command, lines in shown():
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(command)[1:])
        assert ended.value.code == 0
        assert capsys.readouterr().out.splitlines() == lines, command
    mine, theirs = (read(tmp_path / name)[0] for name in ("mine.csv", "theirs.csv"))
    assert list(mine) == list(theirs)
    differ = [column for column in mine if mine[column] != theirs[column]]
    (listed,) = re.findall(
        r"In row 0 they differ in (.*?), and in nothing else", TUTORIAL.read_text("utf-8"), re.DOTALL
    )
    assert sorted(re.findall(r"`([^`]+)`", listed)) == sorted(differ)


def test_what_is_said_of_the_diverging_network_is_so() -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    (paragraph,) = re.findall(r"The preset `diverging` has outputs that nothing bounds\..*?\n\n", text, re.DOTALL)
    errors = rate_sweep(load_network("diverging"), (2.0, 1.0, 0.5), 100).errors
    (step,) = re.findall(r"at step (\d+)\.", paragraph)
    assert np.isfinite(errors[: int(step), 0]).all() and not np.isfinite(errors[int(step), 0])
    (low, high), late = re.findall(r"between (\S+) and (\S+) for ever", paragraph)[0], errors[50:, 1]
    assert {f"{error:.3f}" for error in late} == {low, high}
    (bound, after) = re.findall(r"below (\S+) after (\d+) steps", paragraph)[0]
    assert errors[int(after), 2] < float(bound)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_what_is_said_of_xor_learned_and_not_learned_is_so() -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    (learned, wanted) = re.findall(r"outputs are\s+(.*?) where (.*?) are wanted", text, re.DOTALL)[0]
    (stuck,) = re.findall(r"all four outputs end at (\S+),", text)
    network, outputs = load_network("xor"), {}
    for rate in (2.0, 100.0):
        run = trace(network, 100, changes={"learning_rate": rate})
        outputs[rate] = [f"{run[f'a_o1[{sample}]'][-1]:.3f}" for sample in (1, 2, 3, 4)]
    assert re.findall(r"[\d.]+\d", learned) == outputs[2.0]
    assert [float(number) for number in re.findall(r"\d", wanted)] == [one.targets[0] for one in network.samples]
    assert set(outputs[100.0]) == {stuck}
