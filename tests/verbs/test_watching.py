"""A training in a notebook: one display, few updates, ■ that saves and gives the run back. IPython is played by a stand-in."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import handgrad
from export.finished_runs import data_folder
from handgrad.digits.training.recipe import Optimizer, Recipe
from handgrad.verbs.watching import NotebookDisplay, StoppedRun, in_notebook, stop_button

RECIPE = Recipe(network="stem-16k", name="small", epochs=3, batch_size=50, optimizer=Optimizer("adam", 0.01))


class Output:
    """What a notebook would keep: the texts of one display, in order."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.displays = 0

    def display(self, html: str, display_id: bool) -> Output:
        assert display_id
        self.displays += 1
        self.shown.append(html)
        return self

    def update(self, html: str) -> None:
        self.shown.append(html)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Output:
    output = Output()
    ipython, module = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    module.HTML, module.display = str, output.display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return output


def train(tmp_path: Path, **more: Any) -> Any:
    return handgrad.train(RECIPE, data=data_folder(), out=tmp_path, threads=1, precision="fp32", **more)


def test_a_notebook_is_told_from_a_terminal(notebook: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    assert in_notebook()
    monkeypatch.setitem(sys.modules, "IPython", None)
    assert not in_notebook()


def test_there_is_one_display_with_a_row_an_epoch_and_the_curve(notebook: Output, tmp_path: Path) -> None:
    run = train(tmp_path)
    assert notebook.displays == 1
    last = notebook.shown[-1]
    assert last.count("<tr>") == 1 + 3 and last.count("<path") == 2 and "step" not in last.replace("handgrad-shown", "")
    assert run.epochs == 3
    assert max(len(html.encode()) for html in notebook.shown) < 60_000


def test_the_display_is_updated_at_most_twice_a_second(notebook: Output) -> None:
    now = [0.0]
    display = NotebookDisplay(clock=lambda: now[0])
    state: Any = SimpleNamespace(step=1, epoch=0)
    for number in range(100):
        now[0] = number / 50  # two seconds in all
        display.step(state, 100, 0.1)
    assert 3 <= len(notebook.shown) <= 5


def test_the_stop_button_saves_after_the_batch_and_gives_the_run_back(
    notebook: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGINT)
    step = NotebookDisplay.step

    def press(self: NotebookDisplay, state: Any, steps: int, learning_rate: float) -> None:
        step(self, state, steps, learning_rate)
        if state.epoch == 1 and state.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(NotebookDisplay, "step", press)
    stopped = train(tmp_path)
    assert isinstance(stopped, StoppedRun)
    assert "epoch 2, step 2 of 4 is saved" in repr(stopped) and "stopped: " in stopped._repr_html_()
    assert signal.getsignal(signal.SIGINT) is before
    monkeypatch.setattr(NotebookDisplay, "step", step)
    whole = handgrad.resume(stopped)
    assert whole.epochs == 3 and whole.path == stopped.path


def test_a_second_press_interrupts_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), stop_button() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop()
        os.kill(os.getpid(), signal.SIGINT)


def test_a_script_sees_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(tmp_path)
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err == ""
