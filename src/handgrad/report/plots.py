"""The plots of a run as PNG files, for slides and papers; a new plot is one function and its line in `PLOTS`.

Matplotlib `Figure` objects on Agg, without pyplot's global state. Colours are those of Okabe and Ito (Color Universal
Design), and line styles and marks tell curves apart without them.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from handgrad.report import curves
from handgrad.report.chart import Chart
from handgrad.report.numbers import probability
from handgrad.runs.evidence import Bytes, Evidence
from handgrad.runs.read import Run

BLUE, VERMILION, GREY, INK = "#0072B2", "#D55E00", "#7D848B", "#22262B"
LOOKS: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "linestyle": "-", "marker": "o", "markerfacecolor": BLUE},
    {"color": VERMILION, "linestyle": (0, (5, 2)), "marker": "o", "markerfacecolor": "white"},
)
# For slides: a figure is about 700 pixels wide.
DPI = 110


def plots(run: Run) -> Iterator[tuple[str, bytes]]:
    """Yield name and PNG of every plot that *run* has something for: curves after an epoch, the others when complete."""
    for chart in curves.charts(run):
        yield chart.name, as_png(chart_plot(chart))
    if run.evidence is not None:
        for name, plot in PLOTS.items():
            yield name, as_png(plot(run, run.evidence))


def as_png(figure: Figure) -> bytes:
    """Return *figure* as a PNG file, without a date, so that equal runs give equal files."""
    data = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(data, format="png", metadata={"Software": None})
    return data.getvalue()


def chart_plot(chart: Chart) -> Figure:
    """Return *chart* drawn on its axes."""
    figure = Figure(figsize=(6.4, 4.2), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    for band in chart.bands:
        xs, lows, highs = zip(*band.points, strict=True)
        colour = LOOKS[band.style % len(LOOKS)]["color"]
        axes.fill_between(xs, lows, highs, label=band.label, color=colour, alpha=0.22, linewidth=0)
    for curve in chart.curves:
        look = LOOKS[curve.style % len(LOOKS)] | ({} if curve.marked else {"marker": ""})
        xs, ys = zip(*curve.points, strict=True)
        axes.plot(xs, ys, label=curve.label, linewidth=1.8, markersize=4.5, **look)
    margin = 0.02 * (chart.x.high - chart.x.low)
    axes.set(xlim=(chart.x.low - margin, chart.x.high + margin), ylim=(chart.y.low, chart.y.high))
    axes.set_xticks([place for place, _ in chart.x.ticks], [text for _, text in chart.x.ticks])
    axes.set_yticks([place for place, _ in chart.y.ticks], [text for _, text in chart.y.ticks])
    axes.set_xlabel(chart.x.label)
    axes.set_ylabel(chart.y.label)
    axes.set_title(chart.title, loc="left", fontsize=12)
    axes.grid(axis="y", color="#E3E5E8")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0)
    if chart.bands:
        # Names of three things have no room beside the title; below the curves there is some, as accuracies rise.
        axes.legend(frameon=False, loc="lower right" if chart.name.endswith("accuracy") else "upper right")
    elif len(chart.curves) > 1:
        axes.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
    return figure


def confusion(run: Run, evidence: Evidence) -> Figure:
    """Return the confusion matrix: counts, mistakes shaded, the diagonal stepping back."""
    counts = evidence.confusion()
    wrong = np.where(np.eye(10, dtype=bool), 0, counts)
    figure = Figure(figsize=(6.4, 6), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(np.ma.masked_equal(wrong, 0), cmap="Oranges", vmin=0, vmax=max(1, int(wrong.max())) * 1.6)
    for true in range(10):
        for answer in range(10):
            count = int(counts[true, answer])
            if count:
                axes.text(answer, true, str(count), ha="center", va="center", color=GREY if true == answer else INK)
    axes.set_xticks(range(10))
    axes.set_yticks(range(10))
    axes.tick_params(length=0)
    axes.set_xlabel("answer")
    axes.set_ylabel("true class")
    axes.spines[:].set_visible(False)
    axes.set_title(f"{int(wrong.sum()):,} of {int(counts.sum()):,} test images misread", loc="left", fontsize=12)
    return figure


def samples(run: Run, evidence: Evidence) -> Figure:
    """Return training images, each beside what augmentation made of it."""
    pairs = np.concatenate([evidence.sample_before, evidence.sample_after], axis=2)
    return mosaic("Training images: as they are, and augmented", pairs, [], 6)


def mistakes(run: Run, evidence: Evidence) -> Figure:
    """Return the surest mistakes with true class, answer and its probability."""
    labels = []
    for index in (int(index) for index in evidence.mistake_index):
        answer = int(evidence.answers[index])
        labels.append(f"{evidence.labels[index]} → {answer}, {probability(evidence.probabilities(index)[answer])}")
    return mosaic("The surest mistakes: true → read, probability", evidence.mistake_images, labels, 8)


def mosaic(title: str, images: Bytes, labels: Sequence[str], columns: int) -> Figure:
    """Return *images* in a grid as one picture, each with its label beneath."""
    count, height, width = images.shape
    rows = max(1, -(-count // columns))
    tall, wide = height + (10 if labels else 4), width + 6
    sheet = np.zeros((rows * tall, columns * wide), dtype=np.uint8)
    figure = Figure(figsize=(8, 0.5 + 8 * rows * tall / (columns * wide)), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    for place in range(count):
        top, left = place // columns * tall, place % columns * wide + 3
        sheet[top : top + height, left : left + width] = images[place]
        if labels:
            axes.text(left + width / 2, top + height + 3.5, labels[place], ha="center", va="center", fontsize=7)
    axes.imshow(255 - sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title, loc="left", fontsize=12)
    return figure


def probabilities(run: Run, evidence: Evidence) -> Figure:
    """Return one test image a class with its ten probabilities as bars."""
    figure = Figure(figsize=(9, 4.4), dpi=DPI, layout="constrained")
    figure.suptitle("Single digits and the probability of each class", x=0.01, ha="left", fontsize=12)
    grid = figure.subplots(2, 5, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, image, index in zip(grid.flat, evidence.digit_images, evidence.digit_index, strict=False):
        digit_bars(axes, image, evidence.probabilities(int(index)), int(evidence.labels[index]))
    return figure


def digit_bars(axes: Axes, image: Bytes, values: Sequence[float], label: int) -> None:
    """Draw one image above its ten bars; hatched for the true class, full for a wrong answer."""
    answer = max(range(10), key=lambda digit: values[digit])
    for digit, value in enumerate(values):
        look: dict[str, Any] = {"color": GREY}
        if digit == label:
            look = {"facecolor": "white", "edgecolor": BLUE, "hatch": "////"}
        elif digit == answer:
            look = {"color": VERMILION}
        axes.bar(digit, value, width=0.8, **look)
        axes.text(digit, -0.14, str(digit), ha="center", fontsize=8, color=INK)
    axes.imshow(255 - image, cmap="gray", vmin=0, vmax=255, extent=(1.5, 7.5, 1.15, 2.35), aspect="auto")
    axes.set(xlim=(-0.7, 9.7), ylim=(-0.2, 2.4))


PLOTS: dict[str, Callable[[Run, Evidence], Figure]] = {
    "samples": samples,
    "confusion": confusion,
    "mistakes": mistakes,
    "probabilities": probabilities,
}
