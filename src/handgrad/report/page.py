"""A run folder as one self-contained page, with its plots beside it."""

from __future__ import annotations

from pathlib import Path

from handgrad.files import disk_error, write_whole
from handgrad.html.document import document
from handgrad.html.markup import Markup, joined, tag
from handgrad.report.answers import confusion, mistakes, samples, singles
from handgrad.report.curves import charts
from handgrad.report.headline import headline
from handgrad.report.plots import plots
from handgrad.report.setup import (
    command,
    environment_section,
    epoch_table,
    layer_section,
    recipe_section,
    trained_words,
)
from handgrad.report.svg import chart_figure
from handgrad.report.use import use_section
from handgrad.runs.folder import PAGE, REPORT
from handgrad.runs.read import Run, read_run

PLOTS = "plots"


def write_report(folder: Path) -> Path:
    """Write ``plots/*.png`` and ``report.html`` into the run *folder*, in place of older ones; return the page's path.

    Everything comes from the folder's files, so that it can be made again at any time. A run that diverged or is not
    finished gets a page of what is known. Raises `UsageError`, `DamagedRunError`, `DiskError`.
    """
    run = read_run(folder)
    path = folder / PLOTS
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise disk_error(path, 0, error) from error
    for name, data in plots(run):
        write_whole(path / f"{name}.png", data)
    write_whole(folder / REPORT, run_page(run).encode())
    return folder / REPORT


def refresh_page(folder: Path) -> None:
    """Write ``report.html`` of the run *folder* again where it has one, without its plots: something beside it changed."""
    if (folder / REPORT).is_file():
        write_whole(folder / REPORT, run_page(read_run(folder)).encode())


def run_page(run: Run) -> str:
    """Return the whole page of *run*."""
    sections: list[tuple[str, Markup | None]] = [
        ("How it learned", learning(run)),
        *answers(run),
        ("Use it", use_section(run)),
    ]
    made = [
        ("Recipe", recipe_section(run)),
        ("Layers", layer_section(run)),
        ("Environment", environment_section(run)),
        ("Run it again", again(run)),
    ]
    body = [titled(title, content) for title, content in sections]
    columns = tag("div", *(titled(title, content) for title, content in made), class_="columns")
    return document(f"{run.title} · {run.name}", joined(masthead(run), headline(run), *body, columns))


def titled(title: str, content: Markup | None) -> Markup | None:
    """Return a section, None without content."""
    return None if content is None else tag("section", tag("h2", title), content)


def masthead(run: Run) -> Markup:
    """Return the title: recipe, network, data, seed."""
    parts = [run.network]
    if run.parameters is not None:
        parts.append(f"{run.parameters:,} parameters{trained_words(run)}")
    parts += [f"seed {run.seed}", f"dataset: {run.dataset}"]
    return tag(
        "header",
        tag("p", "Handgrad – one run", class_="over"),
        tag("h1", run.title),
        tag("p", " · ".join(parts)),
        tag("p", tag("a", "Draw a digit, and see how this network reads it", href=PAGE)) if has_page(run) else None,
    )


def has_page(run: Run) -> bool:
    """Return whether a page to play with lies beside the report."""
    return (run.path / PAGE).is_file()


def learning(run: Run) -> Markup | None:
    """Return the curves and what they were measured on."""
    if not run.epochs:
        return None
    on = run.evaluated_on.words
    text = (
        f"The {on} is read after each epoch in evaluation mode. Training figures are measured while it learns: on augmented "
        f"images, with dropout if it has any, and over the whole epoch while the weights change. So they can be worse than "
        f"those on unseen images. The accuracy axis is logarithmic in the mistakes: it is wider near 100 %."
    )
    figures = [chart_figure(chart) for chart in charts(run)]
    words = tag("div", tag("p", text, class_="quiet"), epoch_table(run))
    return tag("div", *figures, words, class_="charts")


def answers(run: Run) -> list[tuple[str, Markup]]:
    """Return what the network answered, once there is evidence of it."""
    if run.evidence is None:
        return []
    return [
        ("Which classes it confuses", confusion(run.evidence, run.kind.classes)),
        ("Mistakes it was surest of", mistakes(run.evidence, run.kind.classes)),
        (singles_title(run.kind.count), singles(run.evidence, run.kind.classes)),
        ("Training images", samples(run, run.evidence)),
    ]


def singles_title(count: int) -> str:
    """Return the title of the section with one image of each class."""
    return "Ten digits, ten probabilities each" if count == 10 else "Single images, and how sure the network is"


def again(run: Run) -> Markup:
    """Return the line that runs it again."""
    return joined(
        tag("p", "The same recipe, seed, data and arithmetic on the same kind of machine:"),
        tag("pre", tag("code", command(run))),
    )
