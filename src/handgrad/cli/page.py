"""``handgrad page``: one HTML file to play with, a lesson on a small network or a trained network with a pad to draw on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from handgrad.cli.app import app
from handgrad.cli.environment import data_folder
from handgrad.cli.options import DataOption

SubjectArgument = Annotated[
    str,
    typer.Argument(
        metavar="[NETWORK | RUN]",
        help="A preset (see handgrad backprop --list), a TOML file, a run folder, or a recipe: the newest run of it.",
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(help="The page; handgrad-NETWORK.html, for a run RUN/digits.html.", show_default=False),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Write over a file that exists.")]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Never download the test images of a run.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")]


@app.command("page", short_help="Write one HTML file to play with: a lesson, or a network.")
def page_command(
    subject: SubjectArgument = "classic",
    *,
    out: OutOption = None,
    data: DataOption = None,
    overwrite: OverwriteOption = False,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write one HTML file to play with, which needs no server and no network connection."""
    if _is_run(subject):
        written, kind, words = _digits(subject, out, data, overwrite, download=not offline)
    else:
        written, kind, words = _lesson(subject, out, overwrite)
    if as_json:
        print(json.dumps({"kind": kind, "file": str(written), "bytes": written.stat().st_size}))
        return
    print(f"{written}: {words}, {written.stat().st_size / 1000:,.0f} kB. Open it with a double click.")


def _is_run(subject: str) -> bool:
    """Return whether *subject* names a run: a folder, or a recipe of which there is a run and no preset by its name."""
    from handgrad.backprop import preset_names
    from handgrad.runs.find import complete_runs

    path = Path(subject)
    if subject in preset_names() or path.suffix == ".toml" or path.is_file():
        return False
    return path.is_dir() or (path.parent == Path() and any(run.title == subject for run in complete_runs(Path("runs"))))


def _lesson(subject: str, out: Path | None, overwrite: bool) -> tuple[Path, str, str]:
    from handgrad.backprop import load_network
    from handgrad.backprop.network.words import in_one_line
    from handgrad.page.lesson import write_lesson

    network = load_network(subject)
    path = Path(f"handgrad-{network.name}.html") if out is None else out
    return write_lesson(network, path, overwrite=overwrite), "lesson", f"a lesson, {in_one_line(network)}"


def _digits(
    run: str, out: Path | None, data: Path | None, overwrite: bool, *, download: bool
) -> tuple[Path, str, str]:  # fmt: skip
    from handgrad.page.of_run import sentence, write_run_page
    from handgrad.report.page import write_report
    from handgrad.runs.folder import REPORT

    written, proof = write_run_page(
        run,
        out,
        data=data_folder(data),
        overwrite=overwrite,
        download=download,
        tell=lambda line: print(line, file=sys.stderr),
    )
    if out is None and (written.parent / REPORT).is_file():
        write_report(written.parent)  # so that it links the page
    return written, "digits", f"{sentence(proof)}"
