"""``handgrad report``, ``handgrad compare`` and ``handgrad runs``: what run folders hold, shown."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from handgrad.cli.app import app
from handgrad.cli.options import JsonOption
from handgrad.errors import HandgradError, UsageError
from handgrad.files import check_free

if TYPE_CHECKING:
    from handgrad.report.listing import Listed

RunsArgument = Annotated[list[Path], typer.Argument(metavar="RUN", help="Run folders.", show_default=False)]


@app.command("report", short_help="Make the pages and plots of runs again from their folders.")
def report_command(
    runs: RunsArgument,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Also write README.md there, to hand in with the code.")
    ] = False,
    tensorboard: Annotated[bool, typer.Option(help="Also write TensorBoard events.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Make the page and the plots of each run again; only its folder is needed."""
    from handgrad.report.markdown import write_markdown
    from handgrad.report.page import write_report
    from handgrad.report.tensorboard import check_tensorboard, write_events

    if tensorboard:
        check_tensorboard()
    status, records = 0, []
    for path in runs:
        record: dict[str, Any] = {"path": str(path), "report": None, "error": None}
        try:
            record["report"] = str(write_report(path))
            if markdown:
                record["markdown"] = str(write_markdown(path))
            if tensorboard:
                record["tensorboard"] = str(write_events(path))
            if not as_json:
                print(*(f"{name}: {record[name]}" for name in ("report", "markdown") if name in record), sep="\n")
        except HandgradError as error:
            # One bad folder must not keep the others from their pages; each has its line, and the worst its status.
            record["error"] = " ".join(str(error).split())
            status = max(status, error.status)
            print(f"error: {record['error']}", file=sys.stderr)
        records.append(record)
    if as_json:
        print(json.dumps(records, indent=2))
    return status


@app.command("compare", short_help="Show runs side by side: figures, intervals, what differs.")
def compare_command(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", help="Run folders, or folders of a study or a sweep.", show_default=False),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Write a page with overlaid curves here.", show_default=False)
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the page if it exists.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show runs side by side: their settings, results and differences."""
    from handgrad.report.compare import compare, text_lines
    from handgrad.report.comparison_page import write_comparison

    if out is not None:
        check_free(out, overwrite=overwrite)
    comparison = compare(runs)
    page = None if out is None else write_comparison(comparison, out, overwrite=overwrite)
    if as_json:
        print(json.dumps(comparison.as_json() | {"page": None if page is None else str(page)}, indent=2))
        return
    print("\n".join(text_lines(comparison)))
    print(f"page: {page}" if page else "curves: add --out compare.html for a page that overlays them")


@app.command("runs", short_help="List the runs below a folder, with state and accuracy.")
def runs_command(
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Default: runs.", show_default=False)] = None,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITIONS",
            help='Like "recipe=quick and accuracy>99.4"; also keys of recipes.',
            show_default=False,
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(metavar="FIELD", help="accuracy, or -accuracy for the largest first.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the runs below a folder: complete, diverged, unfinished with the command that continues, damaged."""
    from handgrad.report.listing import list_runs
    from handgrad.report.where import chosen, names_in, parse_where

    root = folder or Path("runs")
    if folder is not None and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder – name one that holds runs")
    listed = list(list_runs(root))
    conditions = () if where is None else parse_where(where, names_in(listed))
    found = chosen(listed, conditions, sort)
    if as_json:
        print(json.dumps([entry.as_json() for entry in found], indent=2))
    elif not found:
        met = "" if where is None else " that meet the conditions"
        print(f"no runs below {root}{met} – `handgrad train` makes one")
    else:
        print("\n".join(listing_lines(found)))


def reason_line(entry: Listed) -> str:
    """Return where the run is and, unless all is well, what is wrong with it."""
    if entry.reason is None:
        return entry.path
    return entry.reason if entry.path in entry.reason else f"{entry.path}: {entry.reason}"


def recipe_words(entry: Listed) -> str:
    """Return the recipe's name, and in a sweep which trial it is."""
    return (entry.recipe or "–") + ("" if entry.trial is None else f", trial {entry.trial}")


def listing_lines(found: list[Listed]) -> list[str]:
    """Return one line per run."""
    from handgrad.report.numbers import share
    from handgrad.text import aligned

    head = ("state", "recipe", "seed", "dataset", "epochs", "last epoch", "run")
    rows = [
        (
            entry.state,
            recipe_words(entry),
            "–" if entry.seed is None else entry.seed,
            entry.dataset or "–",
            "–" if entry.epochs is None else f"{entry.epochs}/{entry.planned}",
            share(entry.last) if entry.last else "–",
            entry.resume or reason_line(entry),
        )
        for entry in found
    ]
    return aligned(head, rows, ("seed", "epochs", "last epoch"))
