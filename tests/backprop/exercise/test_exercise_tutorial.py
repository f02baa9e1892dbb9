"""The tutorial on tasks is true: its commands print what it shows, and the promise of its table is the program's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from handgrad.backprop.exercise import MistakeKind, Verdict, make_exercise
from handgrad.backprop.exercise.marking import OF_STEP, TOLERANCE
from handgrad.backprop.limits import MAX_BLANKS
from handgrad.backprop.presets import load_network
from handgrad.cli import main

TEXT = (Path(__file__).parents[3] / "docs" / "tutorial-exercises.md").read_text(encoding="utf-8")


def test_every_command_prints_what_the_tutorial_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    for command, lines in blocks:
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(command)[1:])
        assert ended.value.code == 0
        assert capsys.readouterr().out == lines, command


def test_the_tutorial_names_every_verdict_and_the_tolerances_of_the_program() -> None:
    for verdict in Verdict:
        assert verdict is Verdict.EMPTY or f"| {verdict} |" in TEXT
    assert f"{100 * TOLERANCE:g} %" in TEXT and f"{100 * OF_STEP:g} %" in TEXT and f"{MAX_BLANKS} blanks" in TEXT
    K = MistakeKind
    words = {
        K.SIGN: "sign", K.DERIVATIVE: "slope of the activation forgotten", K.NEW_WEIGHTS: "new weights used",
        K.SWAPPED: "swapped", K.FACTOR_HALF: "factor ½", K.ONE_PATH: "only one path", K.BIAS: "the bias",
        K.ACTIVATION: "the activation or", K.CHAIN: "a factor left", K.SAMPLES: "sum for mean",
        K.RATE: "learning rate left out", K.NO_STEP: "no step made", K.HUNDREDFOLD: "percent sign",
        K.TENFOLD: "a hundred times or ten", K.INPUT: "where an activation belongs", K.SQUARE: "a square left out",
        K.DIGITS: "two digits where four", K.OTHER_SLOPE: "the other unit's slope",
        K.TIMES_FOR_MINUS: "a times for a minus", K.OTHER_GRADIENT: "another weight's slope in an update",
        K.NET_FOR_ACTIVATION: "a pre-activation in the error", K.BRACKETS: "brackets left",
    }  # fmt: skip
    exercises = [make_exercise(load_network(name), 7) for name in ("classic", "xor")]
    asked = {made.kind for exercise in exercises for known in exercise.mistakes.values() for made in known}
    assert set(words) == asked
    told = " ".join(TEXT.replace("\n", " ").split())
    assert [kind for kind, said in words.items() if said not in told] == []
