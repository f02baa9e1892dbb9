"""``handgrad page``: one HTML file to play with, a lesson on a small network or a trained network with a canvas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from handgrad.cli.app import app

SubjectArgument = Annotated[
    str, typer.Argument(metavar="[NETWORK]", help="A preset (see handgrad backprop --list) or a TOML file.")
]
OutOption = Annotated[
    Path | None,
    typer.Option(help="The page; handgrad-NETWORK.html.", show_default=False),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Write over a file that exists.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")]


@app.command("page")
def page_command(
    subject: SubjectArgument = "classic",
    out: OutOption = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write one HTML file to play with, which needs no server and no network connection."""
    written, kind, words = _lesson(subject, out, overwrite)
    if as_json:
        print(json.dumps({"kind": kind, "file": str(written), "bytes": written.stat().st_size}))
        return
    print(f"{written}: {words}, {written.stat().st_size / 1000:,.0f} kB. Open it with a double click.")


def _lesson(subject: str, out: Path | None, overwrite: bool) -> tuple[Path, str, str]:
    from handgrad.backprop import load_network
    from handgrad.backprop.network.words import in_one_line
    from handgrad.page.lesson import write_lesson

    network = load_network(subject)
    path = Path(f"handgrad-{network.name}.html") if out is None else out
    return write_lesson(network, path, overwrite=overwrite), "lesson", f"a lesson, {in_one_line(network)}"
