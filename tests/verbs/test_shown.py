"""What comes back shows itself: short in a terminal, small and well formed in a notebook, a frame, a figure."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

import handgrad
from handgrad.backprop import load_network, preset_names, rate_sweep, trace
from handgrad.digits.study_record import Study
from handgrad.errors import MissingError, UsageError
from handgrad.judge.verdict import Requirement, Verdict
from handgrad.judge.workbook.verdict import BookVerdict, ColumnVerdict
from handgrad.runs.sweep import Over, Sweep, Trial
from handgrad.shown.record import Shown
from handgrad.shown.view import Curve, View
from handgrad.verbs.result import TrainedRun

MOST_LINES, MOST_BYTES = 15, 60_000


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    from export.finished_runs import finished_run
    from handgrad.runs.read import read_run

    result = read_run(finished_run(tmp_path_factory.mktemp("shown"))).result
    assert result is not None
    return TrainedRun.of(result)


def verdict() -> Verdict:
    rows = (Requirement("parameters", "fewer than 20,000", "12,000", True), Requirement("<b>", "x", "y", None))
    return Verdict("not met", "net.py:Net", "under-20k", rows, "namespaces", ("a note",), 1.0)


def book() -> BookVerdict:
    columns = (ColumnVerdict("w1", "w1", "A1", True), ColumnVerdict("a", "a", "B1", False, first_wrong="B7"))
    return BookVerdict("not met", "sheet.xlsx", "the file", columns=columns)


def a_sweep() -> Sweep:
    over = (Over("optimizer.learning_rate", "log", low=0.001, high=0.1), Over("batch_size", "list", (32, 64)))
    trials = tuple(
        Trial(
            number,
            {"optimizer.learning_rate": 0.001 * number, "batch_size": 32},
            "complete",
            (0, 1),
            (90.0 + number / 10,) * 2,
            (),
            900,
            1.5,
        )
        for number in range(1, 80)
    )
    failed = Trial(80, {"batch_size": 64}, "failed", (0,), (), (), None, None, "<b>does not fit</b>")
    final = {"n": 3, "mean": 98.125}
    return Sweep("quick", "out", over, "tpe", 0, False, 5000, (0, 1), (*trials, failed), 79, {}, (), 0.12, final)


MADE: dict[str, Callable[[], Shown]] = {
    "trace": lambda: trace(load_network("classic"), 500),
    "short trace": lambda: trace(load_network("xor"), 0),
    "diverged": lambda: trace(load_network("diverging"), 100, changes={"learning_rate": 1e6}),
    "result": lambda: handgrad.backprop("xor", steps=300),
    "sweep": lambda: rate_sweep(load_network("diverging"), [0.1, 2.0, 1e6], 200),
    "layers": lambda: handgrad.summary("squeeze-16k"),
    "verdict": verdict,
    "book": book,
    "datasets": handgrad.datasets,
    "tried": a_sweep,
}


def check(shown: Shown) -> None:
    text, html = repr(shown), shown._repr_html_()
    lines = text.splitlines()
    assert 1 <= len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= 100
    assert len(html.encode()) <= MOST_BYTES
    body = html.replace("&nbsp;", " ")
    tree = ElementTree.fromstring(body)
    assert tree.tag == "div" and tree.get("class") == "handgrad-shown"
    for word in ("nan", "inf "):
        assert f'"{word}' not in html


@pytest.mark.parametrize("name", MADE)
def test_every_record_is_short_in_a_terminal_and_small_in_a_notebook(name: str) -> None:
    check(MADE[name]())


@pytest.mark.parametrize("name", preset_names())
def test_the_result_of_every_preset_shows_its_first_and_last_error(name: str) -> None:
    result = handgrad.backprop(name, steps=50)
    assert f"{result.errors[0]:.6g}" in repr(result) and f"{result.errors[-1]:.6g}" in repr(result)


def test_a_run_shows_its_headline_its_epochs_and_a_curve(run: TrainedRun) -> None:
    check(run)
    last = run.last_epoch
    assert f"{last.correct:,} of {last.total:,}" in repr(run)
    html = run._repr_html_()
    assert html.count("<path") == 2 and html.count("<tr>") == 1 + run.epochs
    assert run.as_json()["last_epoch"]["correct"] == last.correct
    assert run.report.is_file()
    figure = run.plot()
    assert [len(line.get_xdata()) for line in figure.axes[0].lines] == [run.epochs, run.epochs]  # type: ignore[arg-type]
    assert figure._repr_png_()[:4] == b"\x89PNG"  # type: ignore[attr-defined]


def test_a_comparison_shows_its_runs_their_means_and_what_differs(run: TrainedRun, tmp_path: Path) -> None:
    from export.finished_runs import finished_run

    others = [finished_run(tmp_path / str(seed), seed=seed) for seed in (1, 2)]
    found = handgrad.compare(run, *others)
    check(found)
    accuracies = [each.result.last_epoch.accuracy for _, each in found.runs if each.result]
    assert "3 runs side by side" in repr(found) and found._repr_html_().count("<path") == 3
    assert f"mean {sum(accuracies) / 3:.3f} %" in repr(found)
    with pytest.raises(UsageError, match="one run – compare needs at least two"):
        handgrad.compare(run)


def test_a_sweep_shows_what_it_chose_and_the_best_so_far() -> None:
    found = a_sweep()
    assert "trial 79, 97.900 %" in repr(found) and "with 3 new seeds" in repr(found)
    (line,) = found.plot().axes[0].lines
    assert list(line.get_ydata()) == sorted(line.get_ydata())  # type: ignore[arg-type]
    assert found.view().columns["batch_size"][-1] == 64 and len(found.view().columns["mean"]) == 80


def test_a_loaded_network_says_what_it_takes(run: TrainedRun) -> None:
    found = handgrad.load(run.path)
    check(found)
    assert "takes bytes [n, 28, 28]" in repr(found)


def test_a_study_shows_its_mean_and_its_failed_seeds(tmp_path: Path) -> None:
    from export.finished_runs import data_folder

    found = handgrad.study("stem-16k", seeds=[0], data=data_folder(), out=tmp_path, epochs=1, batch_size=50, jobs=1)
    assert isinstance(found, Study)
    check(found)
    assert f"mean {found.mean:.3f} %" in repr(found)


def test_a_strangers_text_is_text() -> None:
    assert "<b>" not in verdict()._repr_html_()


def test_what_flew_off_is_drawn_as_far_as_it_is_finite() -> None:
    class Odd(Shown):
        def view(self) -> View:
            return View(
                "odd", curves=(Curve("a", [0, 1, 2], [1.0, float("inf"), float("nan")]), Curve("b", [0], [1e308]))
            )

    html = Odd()._repr_html_()
    assert "nan" not in html and "inf" not in html
    assert html.count("<path") == 2


def test_a_frame_needs_pandas_and_a_plot_needs_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingError, match="pip install pandas"):
        handgrad.summary("stem-16k").to_pandas()

    class Frame(dict[str, Any]):
        pass

    fake = ModuleType("pandas")
    fake.DataFrame = Frame  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pandas", fake)
    frame = trace(load_network("classic"), 3).to_pandas()
    assert frame["step"] == [0, 1, 2, 3] and len(frame["dE/dw5"]) == 4
    with pytest.raises(UsageError, match="no curve"):
        handgrad.summary("stem-16k").plot()


def test_the_error_of_a_training_by_hand_is_plotted() -> None:
    figure = handgrad.backprop("xor", steps=20).plot_error()
    (line,) = figure.axes[0].lines
    assert len(line.get_ydata()) == 21  # type: ignore[arg-type]
