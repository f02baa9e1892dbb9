"""A comparison as one self-contained page: tables and overlaid curves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from handgrad.files import check_free, write_whole
from handgrad.html.document import document
from handgrad.html.markup import Markup, joined, table, tag
from handgrad.report.chart import Chart, Line, accuracy_chart, loss_chart
from handgrad.report.compare import GROUP_HEAD, Comparison, group_cells
from handgrad.report.page import titled
from handgrad.report.run_cells import HEAD, run_cells
from handgrad.report.svg import STYLES, chart_figure
from handgrad.runs.record import EpochScore, EvaluatedOn


def write_comparison(comparison: Comparison, path: Path, *, overwrite: bool = False) -> Path:
    """Write the page of *comparison* to *path* and return it.

    Raises `UsageError` when *path* exists and is not to be overwritten, `DiskError` when it cannot be written.
    """
    check_free(path, overwrite=overwrite)
    return write_whole(path, comparison_page(comparison).encode())


def comparison_page(comparison: Comparison) -> str:
    """Return the whole page."""
    names = heading(comparison)
    head = tag("header", tag("p", f"Handgrad – {len(comparison.runs)} runs", class_="over"), tag("h1", names))
    parts = [
        head,
        *(tag("p", note, class_="notice") for note in comparison.notes),
        titled("What they reached", runs_table(comparison)),
        titled("Over seeds", groups_table(comparison)),
        titled("How they learned", overlays(comparison)),
        titled("How the recipes differ", differences_table(comparison)),
    ]
    return document(names, joined(*parts))


def heading(comparison: Comparison) -> str:
    """Return what is compared: two recipes by name, more by their number."""
    labels = [group.label for group in comparison.groups]
    if len(labels) == 1:
        return f"{labels[0]}, {len(comparison.runs)} runs"
    return f"{labels[0]} against {labels[1]}" if len(labels) == 2 else f"{len(labels)} recipes side by side"


def runs_table(comparison: Comparison) -> Markup:
    """Return every run in a row."""
    rows: list[list[object]] = [list(run_cells(label, run)) for label, run in comparison.runs]
    chosen = {run.result.best_epoch.chosen_on for _, run in comparison.runs if run.result}
    text = (
        "The last epoch is the headline; accuracies are rounded down, and intervals are Wilson’s for the test images."
    )
    if EvaluatedOn.TEST in chosen:
        text += (
            " A best epoch that was selected on the test set looks too good, and is not an estimate for other images."
        )
    return joined(table(list(HEAD), rows, class_="runs"), tag("p", text, class_="quiet"))


def groups_table(comparison: Comparison) -> Markup | None:
    """Return mean and spread of the groups, None where no recipe ran twice."""
    if all(len(group.runs) == 1 for group in comparison.groups):
        return None
    rows: list[list[object]] = [list(group_cells(group)) for group in comparison.groups]
    text = (
        "Means of last epochs; the interval is Student’s t over seeds; it leaves out the sampling of the test images."
    )
    return joined(table(list(GROUP_HEAD), rows, class_="runs"), tag("p", text, class_="quiet"))


def differences_table(comparison: Comparison) -> Markup | None:
    """Return the recipe values in which the groups differ, None where there are none."""
    if not comparison.differences:
        return None
    rows: list[list[object]] = [[key, *values] for key, values in comparison.differences]
    return table(["value", *(group.label for group in comparison.groups)], rows, class_="facts")


def overlays(comparison: Comparison) -> Markup | None:
    """Return the overlaid curves, None where no run has an epoch."""
    if not any(run.epochs for _, run in comparison.runs):
        return None
    # Runs with a hold-out and without one can be compared; the titles then say that the lines are of different images.
    on = " or ".join(sorted({run.evaluated_on.words for _, run in comparison.runs if run.epochs}))
    charts = [
        overlay(
            comparison, accuracy_chart, "accuracy", f"Accuracy, {on}", value=lambda epoch: epoch.evaluation.accuracy
        ),
        overlay(comparison, loss_chart, "loss", f"Loss, {on}", value=lambda epoch: epoch.evaluation.loss),
        overlay(
            comparison, accuracy_chart, "accuracy", "Accuracy, training", value=lambda epoch: epoch.training.accuracy
        ),
        overlay(comparison, loss_chart, "loss", "Loss, training", value=lambda epoch: epoch.training.loss),
    ]
    text = "Training figures are measured while a network learns, with augmentation and dropout. One line per run."
    figures = [chart_figure(chart, legend=False) for chart in charts]
    return joined(legend(comparison), tag("div", *figures, class_="charts"), tag("p", text, class_="quiet"))


def overlay(
    comparison: Comparison,
    make: Callable[[str, str, str, list[Line], int], Chart],
    name: str,
    title: str,
    *,
    value: Callable[[EpochScore], float],
) -> Chart:
    """Return one chart with a line per run; the runs of a group look the same."""
    lines: list[Line] = [
        (group.label, place, [(epoch.epoch, value(epoch)) for epoch in run.epochs])
        for place, group in enumerate(comparison.groups)
        for run in group.runs
        if run.epochs
    ]
    ends = "; ".join(f"{label} ends at {points[-1][1]:.4g}" for label, _, points in lines)
    return make(name, title, f"{title}: {ends}.", lines, max(run.planned for _, run in comparison.runs))


def legend(comparison: Comparison) -> Markup:
    """Return which look belongs to which group."""
    items = []
    for place, group in enumerate(comparison.groups):
        style = f"s{place % STYLES}"
        line = tag("line", x1=0, x2=34, y1=7, y2=7, class_=f"curve {style}")
        mark = tag("circle", cx=17, cy=7, r=3, class_=f"mark {style}")
        swatch = tag("svg", line, mark, viewBox="0 0 34 14", aria_hidden="true")
        count = f" ({len(group.runs)} runs)" if len(group.runs) > 1 else ""
        items.append(tag("li", swatch, f"{group.label}{count}"))
    return tag("ul", *items, class_="legend")
