"""A run as ``README.md`` in its folder: what a learner hands in beside the code, with every figure from the run's own files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from handgrad.errors import counted
from handgrad.files import write_whole
from handgrad.report.headline import sentences
from handgrad.report.numbers import interval, number, share
from handgrad.report.plots import plots
from handgrad.report.setup import LAYER_HEAD, command, epoch_head, epoch_rows, layer_rows, recipe_values, trained_words
from handgrad.runs.read import Run, read_run
from handgrad.text import escaped_markdown

NAME = "README.md"
CAPTIONS = {
    "accuracy": "Accuracy by epoch",
    "loss": "Loss by epoch",
    "learning-rate": "Learning rate by step",
    "confusion": "Which classes it confuses",
    "mistakes": "Mistakes it was surest of",
    "samples": "Training images",
}
"""The pictures that a reader of a hand-in looks for, in this order, with what they show."""


def write_markdown(folder: Path) -> Path:
    """Write ``README.md`` into the run *folder*, in place of an older one, and return its path.

    It links the pictures in ``plots/``, which `handgrad.report.page.write_report` makes. Raises `UsageError`,
    `DamagedRunError`, `DiskError`.
    """
    run = read_run(folder)
    write_whole(folder / NAME, markdown(run).encode())
    return folder / NAME


def markdown(run: Run) -> str:
    """Return the whole text for *run*; of a run that is not finished, what is known."""
    sections = [
        ("Result", result(run)),
        ("Curves", pictures(run)),
        ("Network", network(run)),
        ("Recipe", recipe(run)),
        ("Training log", log(run)),
        ("Run it again", ["```console", f"$ {command(run)}", "```"]),
    ]
    lines = [
        f"# {escaped_markdown(run.title)}",
        "",
        f"{escaped_markdown(run.network)}, seed {run.seed}, dataset: {escaped_markdown(run.dataset)}.",
    ]
    for title, body in sections:
        if body:
            lines += ["", f"## {title}", "", *body]
    return "\n".join(lines) + "\n"


def result(run: Run) -> list[str]:
    """Return the last epoch with its interval and the best with what chose it, and in sentences what they mean."""
    if run.result is None:
        return [
            f"This run is {run.state} after {len(run.epochs)} of {counted(run.planned, 'epoch')}: it has no result."
        ]
    last, best = run.result.last_epoch, run.result.best_epoch
    rows = [
        ["parameters", "–" if run.parameters is None else f"{run.parameters:,}{trained_words(run)}"],
        [f"last epoch ({run.planned})", f"**{share(last)}** ({last.correct:,} of {last.total:,})"],
        ["95 % interval", interval(last.interval95)],
    ]
    if best.chosen_on is not None:
        rows.append([f"best epoch ({best.epoch})", f"{share(best)}, selected on the {best.chosen_on.words}"])
    return [*table(["", "found"], rows), "", *sentences(run)]


def pictures(run: Run) -> list[str]:
    """Return a link to each picture that the report of *run* has drawn."""
    drawn = {name for name, _ in plots(run)}
    return [f"![{words}](plots/{name}.png)" for name, words in CAPTIONS.items() if name in drawn]


def network(run: Run) -> list[str]:
    """Return the layer table."""
    if run.layers is None:
        return []
    return table(LAYER_HEAD, layer_rows(run.layers)) + [
        line for note in run.layers.notes for line in ("", escaped_markdown(note))
    ]


def recipe(run: Run) -> list[str]:
    """Return the values of the recipe that differ from the defaults."""
    changed = [row[:3] for row in recipe_values(run.recipe) if row[3]]
    rows = [[escaped_markdown(each) for each in (key, number(value), number(usual))] for key, value, usual in changed]
    note = escaped_markdown(run.recipe.get("note", ""))
    return ([note, ""] if note else []) + table(["what differs from the defaults", "here", "default"], rows)


def log(run: Run) -> list[str]:
    """Return every epoch in figures."""
    return table(epoch_head(run), epoch_rows(run)) if run.epochs else []


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table of Markdown, its first column to the left and the others to the right."""
    marks = ["---", *["---:"] * (len(head) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (head, marks, *rows)]
