"""The PNG files and the plain data behind the curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from handgrad.report.chart import ACCURACY_TICKS, Chart, accuracy_chart, error_place, loss_chart, rate_chart
from handgrad.report.curves import charts
from handgrad.report.page import write_report
from handgrad.report.plots import BLUE, VERMILION
from handgrad.runs.read import read_run
from report.run_folders import make_run

NAMES = {"accuracy", "loss", "learning-rate", "samples", "confusion", "mistakes", "probabilities"}


def test_a_complete_run_gets_every_plot_and_none_is_blank(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    write_report(folder)
    assert {path.stem for path in (folder / "plots").iterdir()} == NAMES
    for path in (folder / "plots").iterdir():
        with Image.open(path) as image:
            assert image.format == "PNG"
            assert min(image.size) >= 150
            assert np.asarray(image.convert("L")).std() > 5, f"{path.name} is blank"


def test_a_run_without_evidence_gets_its_curves_only(tmp_path: Path) -> None:
    folder = make_run(tmp_path, state="unfinished")
    write_report(folder)
    assert {path.stem for path in (folder / "plots").iterdir()} == {"accuracy", "loss", "learning-rate"}


def test_a_run_without_mistakes_gets_every_plot(tmp_path: Path) -> None:
    folder = make_run(tmp_path, wrong=0)
    write_report(folder)
    assert {path.stem for path in (folder / "plots").iterdir()} == NAMES


def test_training_and_test_can_be_told_apart_in_grey() -> None:
    greys = [0.299 * int(c[1:3], 16) + 0.587 * int(c[3:5], 16) + 0.114 * int(c[5:7], 16) for c in (BLUE, VERMILION)]
    assert abs(greys[0] - greys[1]) > 25


def inside(chart: Chart) -> bool:
    """Whether every point lies within the axes."""
    places = [place for curve in chart.curves for place in curve.points]
    return all(-1e-9 <= chart.x.part(x) <= 1 + 1e-9 and -1e-9 <= chart.y.part(y) <= 1 + 1e-9 for x, y in places)


def increasing(chart: Chart) -> bool:
    """Whether the ticks of both axes go up and there are at least two."""
    axes = ([place for place, _ in axis.ticks] for axis in (chart.x, chart.y))
    return all(len(places) >= 2 and places == sorted(set(places)) for places in axes)


accuracies = st.lists(st.floats(0, 100), min_size=1, max_size=60)
losses = st.lists(st.floats(0, 1e6), min_size=1, max_size=60)


@given(accuracies)
def test_every_accuracy_lies_within_the_axes(values: list[float]) -> None:
    chart = accuracy_chart("a", "A", "", [("x", 0, list(enumerate(values, 1)))], len(values))
    assert inside(chart)
    assert increasing(chart)


@given(losses)
def test_every_loss_lies_within_the_axes(values: list[float]) -> None:
    chart = loss_chart("a", "A", "", [("x", 0, list(enumerate(values, 1)))], len(values))
    assert inside(chart)
    assert increasing(chart)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
def test_every_learning_rate_lies_within_the_axes(values: list[float]) -> None:
    chart = rate_chart("a", "A", "", [("x", 0, list(enumerate(values, 1)))], epochs=len(values))
    assert inside(chart)
    assert increasing(chart)


def test_the_check_of_the_axes_sees_a_point_outside() -> None:
    chart = accuracy_chart("a", "A", "", [("x", 0, [(1, 98.0), (3, 99.0)])], 2)
    assert not inside(chart)


@pytest.mark.parametrize("accuracy", [tick for tick in ACCURACY_TICKS if 0 < tick < 99.99])
def test_a_tick_of_the_accuracy_axis_stands_where_that_accuracy_does(accuracy: float) -> None:
    chart = accuracy_chart("a", "A", "", [("x", 0, [(1, accuracy - 0.1), (2, accuracy + 0.001)])], 2)
    assert {text: place for place, text in chart.y.ticks}[f"{accuracy:g} %"] == error_place(accuracy)


def test_one_halving_of_the_mistakes_is_one_step_anywhere() -> None:
    assert error_place(95) - error_place(90) == pytest.approx(1)
    assert error_place(99.6) - error_place(99.2) == pytest.approx(1)


def test_the_curves_are_the_figures_of_the_folder(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path, epochs=5))
    accuracy, loss, rate = charts(run)
    assert [x for x, _ in accuracy.curves[0].points] == [1, 2, 3, 4, 5]
    assert [100 - 2**-y for _, y in accuracy.curves[0].points] == pytest.approx(
        [e.evaluation.accuracy for e in run.epochs]
    )
    assert [10**y for _, y in loss.curves[1].points] == pytest.approx([e.training.loss for e in run.epochs])
    assert run.evidence is not None
    assert [y for _, y in rate.curves[0].points] == pytest.approx(run.evidence.learning_rates.tolist())
    assert rate.curves[0].points[-1][0] == 5
