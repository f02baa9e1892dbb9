"""An audit as one self-contained page: candidates by distance, the trace over the seeds of the nearest, every figure."""

from __future__ import annotations

from pathlib import Path

from handgrad.audit.weigh import Audit, Weighed
from handgrad.errors import counted
from handgrad.files import check_free, write_whole
from handgrad.html.document import document
from handgrad.html.markup import joined, table, tag
from handgrad.report.chart import Chart, accuracy_chart, loss_chart
from handgrad.report.page import titled
from handgrad.report.svg import chart_figure
from handgrad.text import aligned

HEAD = ("candidate", "seeds", "distance", "likely", "possible", "outside")
RULE = (
    "The distance is the root mean square of (printed − mean of the seeds), in standard deviations between seeds that all "
    "candidates share, of the logarithm of the errors or of the loss. Likely: inside the 95 % prediction interval of one more "
    "seed. Possible: outside of it by at most its half width. Outside: further away. This shows what a recipe gives. It does "
    "not prove that a figure is wrong: another value that a publication does not state may explain the same figures."
)


def write_audit(audit: Audit, path: Path, *, overwrite: bool = False) -> Path:
    """Write the page of *audit* to *path* and return it.

    Raises `UsageError` when *path* exists and is not to be overwritten, `DiskError` when it cannot be written.
    """
    check_free(path, overwrite=overwrite)
    return write_whole(path, audit_page(audit).encode())


def audit_page(audit: Audit) -> str:
    """Return the whole page."""
    best = audit.best
    title = f"{audit.source}: {audit.figures} printed figures"
    head = tag("header", tag("p", "Handgrad – audit", class_="over"), tag("h1", title))
    rows: list[list[object]] = [list(cells(each)) for each in audit.candidates]
    charts = [chart_figure(chart) for chart in charts_of(audit, best)]
    figures: list[list[object]] = [
        [each.series, each.epoch, shown(each.series, each.printed), shown(each.series, each.mean),
         f"{shown(each.series, each.low)} to {shown(each.series, each.high)}", each.word]
        for each in best.figures
    ]  # fmt: skip
    columns: list[object] = [
        "series",
        "epoch",
        "printed",
        "mean of the seeds",
        "95 % interval of one more seed",
        "verdict",
    ]
    parts = [
        head,
        titled(
            "Which candidate explains it",
            joined(table(list(HEAD), rows, class_="runs"), tag("p", RULE, class_="quiet")),
        ),
        titled(f"The nearest: {best.name}", tag("div", *charts, class_="charts")),
        titled("Every figure", table(columns, figures, class_="runs")),
    ]
    return document(title, joined(*parts))


def cells(weighed: Weighed) -> tuple[str, ...]:
    """Return the cells of a candidate below `HEAD`."""
    words = (str(weighed.count(word)) for word in ("likely", "possible", "outside"))
    return (weighed.name, str(len(weighed.seeds)), f"{weighed.distance:.2f}", *words)


def shown(series: str, value: float) -> str:
    """Return a value of *series* as a table shows it: percent with two decimals, a loss with four."""
    return f"{value:.4f}" if series.endswith("loss") else f"{value:.2f} %"


def charts_of(audit: Audit, weighed: Weighed) -> list[Chart]:
    """Return a chart for each printed series: the figures over the prediction band of the seeds of *weighed*."""
    found = []
    for series in dict.fromkeys(figure.series for figure in weighed.figures):
        figures = [figure for figure in weighed.figures if figure.series == series]
        printed = [(float(figure.epoch), figure.printed) for figure in figures]
        mean = [(float(figure.epoch), figure.mean) for figure in figures]
        band = [(float(figure.epoch), figure.low, figure.high) for figure in figures]
        make = loss_chart if series.endswith("loss") else accuracy_chart
        last = figures[-1]
        text = (
            f"{series.capitalize()}: printed {shown(series, last.printed)} after epoch {last.epoch}; "
            f"{len(weighed.seeds)} seeds ({weighed.name}) have a mean of {shown(series, last.mean)} there."
        )
        lines = [("printed", 0, printed), ("seeds, mean", 1, mean)]
        bands = [("one more seed", 1, band)]
        found.append(make(series.replace(" ", "-"), series.capitalize(), text, lines, audit.epochs, bands=bands))
    return found


def text_lines(audit: Audit) -> list[str]:
    """Return the audit as a terminal shows it."""
    best = audit.best
    lines = [f"{audit.source}: {counted(audit.figures, 'printed figure')}, {counted(audit.epochs, 'epoch')}"]
    lines += aligned(HEAD, [cells(each) for each in audit.candidates], HEAD[1:])
    outside = [each for each in best.figures if each.word == "outside"]
    for each in outside[:10]:
        lines.append(
            f"outside: {each.series} of epoch {each.epoch} is {shown(each.series, each.printed)}, one more seed would have "
            f"{shown(each.series, each.low)} to {shown(each.series, each.high)}"
        )
    if len(outside) > 10:
        lines.append(f"and {len(outside) - 10} more outside – --report shows every figure")
    which = "explains it best" if len(audit.candidates) > 1 else "is the only candidate"
    lines.append(
        f"{best.name} {which}: {best.count('likely')} of {counted(len(best.figures), 'figure')} likely with it"
    )
    return lines
