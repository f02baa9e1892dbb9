"""The plots of a run as PNG files, for slides and papers; a new plot is one function and its line in `PLOTS`.

Matplotlib `Figure` objects on Agg, without pyplot's global state. Colours are those of Okabe and Ito (Color Universal
Design), and line styles and marks tell curves apart without them.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from handgrad.report import curves
from handgrad.report.chart import Chart
from handgrad.report.digit_images import shown_bars
from handgrad.report.numbers import probability
from handgrad.runs.evidence import Bytes, Evidence
from handgrad.runs.kind import DIGITS
from handgrad.runs.read import Run

BLUE, VERMILION, GREY, INK = "#0072B2", "#D55E00", "#7D848B", "#22262B"
LOOKS: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "linestyle": "-", "marker": "o", "markerfacecolor": BLUE},
    {"color": VERMILION, "linestyle": (0, (5, 2)), "marker": "o", "markerfacecolor": "white"},
)
# For slides: a figure is about 700 pixels wide.
DPI = 110
MOST_TICKS = 30
"""Classes whose names and counts a confusion matrix has room for."""
LETTERS, LETTERS_OF_A_BAR = 10, 3
"""Of the name of a class, below a picture and below a bar."""
LETTERS_OF_A_TITLE = 64
"""In a line: what names settings, as the chart of an audit does, may take two."""


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
    axes.set_title(textwrap.fill(chart.title, LETTERS_OF_A_TITLE), loc="left", fontsize=12)
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
    counts, classes = evidence.confusion(), run.kind.classes
    wrong = np.where(np.eye(len(classes), dtype=bool), 0, counts)
    figure = Figure(figsize=(6.4, 6), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    # Not up to the darkest orange, on which the counts could not be read; what never happened stays white.
    axes.imshow(np.ma.masked_equal(wrong, 0), cmap="Oranges", vmin=0, vmax=max(1, int(wrong.max())) * 1.6)
    if len(classes) <= MOST_TICKS:
        size = 10 if len(classes) <= 10 else 6
        for true, answer in zip(*counts.nonzero(), strict=True):
            colour = GREY if true == answer else INK
            axes.text(answer, true, str(counts[true, answer]), ha="center", va="center", color=colour, fontsize=size)
        # Names are longer than numbers: they stand on end below the columns.
        axes.set_xticks(range(len(classes)), classes, rotation=90 if run.kind.named else 0)
        axes.set_yticks(range(len(classes)), classes)
    axes.tick_params(length=0)
    axes.set_xlabel("answer")
    axes.set_ylabel("true class")
    axes.spines[:].set_visible(False)
    axes.set_title(f"{int(wrong.sum()):,} of {int(counts.sum()):,} test images misread", loc="left", fontsize=12)
    return figure


def samples(run: Run, evidence: Evidence) -> Figure:
    """Return training images, each beside what augmentation made of it."""
    pairs = np.concatenate([evidence.sample_before, evidence.sample_after], axis=-1)
    return mosaic("Training images: as they are, and augmented", pairs, [], 6)


def mistakes(run: Run, evidence: Evidence) -> Figure:
    """Return the surest mistakes with true class, answer and its probability."""
    labels = []
    for index in (int(index) for index in evidence.mistake_index):
        answer = int(evidence.answers[index])
        true, given = (run.kind.classes[int(each)][:LETTERS] for each in (evidence.labels[index], answer))
        labels.append(f"{true} → {given}, {probability(evidence.probabilities(index)[answer])}")
    return mosaic("Mistakes it was surest of: true → read, probability", evidence.mistake_images, labels, 8)


def mosaic(title: str, images: Bytes, labels: Sequence[str], columns: int) -> Figure:
    """Return *images*, grey ``[n, height, width]`` or ``[n, 3, height, width]``, in a grid, each with its label beneath."""
    # Grey ones are ink on paper here, and colours what they are.
    shown = 255 - np.repeat(images[..., None], 3, axis=-1) if images.ndim == 3 else images.transpose(0, 2, 3, 1)
    count, height, width, _ = shown.shape
    rows = max(1, -(-count // columns))
    tall, wide = height + (10 if labels else 4), width + 6
    sheet = np.full((rows * tall, columns * wide, 3), 255, dtype=np.uint8)
    figure = Figure(figsize=(8, 0.5 + 8 * rows * tall / (columns * wide)), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    for place in range(count):
        top, left = place // columns * tall, place % columns * wide + 3
        sheet[top : top + height, left : left + width] = shown[place]
        if labels:
            axes.text(left + width / 2, top + height + 3.5, labels[place], ha="center", va="center", fontsize=7)
    axes.imshow(sheet, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title, loc="left", fontsize=12)
    return figure


def probabilities(run: Run, evidence: Evidence) -> Figure:
    """Return one test image of each of ten classes with its probabilities as bars."""
    figure = Figure(figsize=(9, 4.4), dpi=DPI, layout="constrained")
    what = "Single digits" if run.kind == DIGITS else "Single images"
    figure.suptitle(f"{what} and the probability of each class", x=0.01, ha="left", fontsize=12)
    grid = figure.subplots(2, 5, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    # Not strict: a data set with fewer classes leaves places of the grid empty.
    for axes, image, index in zip(grid.flat, evidence.digit_images, evidence.digit_index, strict=False):
        digit_bars(axes, image, evidence.probabilities(int(index)), int(evidence.labels[index]), run.kind.classes)
    return figure


def digit_bars(axes: Axes, image: Bytes, values: Sequence[float], label: int, classes: Sequence[str]) -> None:
    """Draw one image above its bars, of many classes the highest; hatched for the true class, full for a wrong answer."""
    answer = max(range(len(values)), key=lambda digit: values[digit])
    shown = shown_bars(values, label)
    for place, digit in enumerate(shown):
        look: dict[str, Any] = {"color": GREY}
        if digit == label:
            look = {"facecolor": "white", "edgecolor": BLUE, "hatch": "////"}
        elif digit == answer:
            look = {"color": VERMILION}
        axes.bar(place, values[digit], width=0.8, **look)
        axes.text(place, -0.14, classes[digit][:LETTERS_OF_A_BAR], ha="center", fontsize=8, color=INK)
    middle = (len(shown) - 1) / 2
    extent = (middle - 3, middle + 3, 1.15, 2.35)
    if image.ndim == 2:
        axes.imshow(255 - image, cmap="gray", vmin=0, vmax=255, extent=extent, aspect="auto")
    else:
        axes.imshow(image.transpose(1, 2, 0), extent=extent, aspect="auto")
    # Ten bars wide however few classes there are, so that the image keeps its shape.
    half = max(5.2, middle + 0.7)
    axes.set(xlim=(middle - half, middle + half), ylim=(-0.2, 2.4))


PLOTS: dict[str, Callable[[Run, Evidence], Figure]] = {
    "samples": samples,
    "confusion": confusion,
    "mistakes": mistakes,
    "probabilities": probabilities,
}
