"""``handgrad export``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handgrad.cli.app import app
from handgrad.cli.environment import data_folder
from handgrad.cli.options import DataOption, JsonOption

if TYPE_CHECKING:
    from handgrad.export.verb import Exported

ENDS = {".c": "c", ".onnx": "onnx", ".xlsx": "xlsx"}


@app.command("export", short_help="Write a trained network as C, ONNX, workbook or hub folder.")
def export_command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run folder, or a recipe: the newest run of it.")],
    *,
    to: Annotated[
        str | None,
        typer.Option(help="c, onnx, xlsx or hub; default: from the ending of --out.", show_default=False),
    ] = None,
    int8: Annotated[bool, typer.Option("--int8", help="C in 8-bit whole numbers instead of float32.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="File (for hub: folder) to write. Default: RUN/export/…", show_default=False)
    ] = None,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Write it even if it loses more than 0.05 points.")
    ] = False,
    data: DataOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what exists.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Never download the test images.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the trained network as C, ONNX, a workbook or a folder for a hub, checked on the test set of the run."""
    from handgrad.errors import UsageError
    from handgrad.export.verb import TARGETS, export
    from handgrad.report.page import refresh_page

    kind = to or (ENDS.get(out.suffix.lower()) if out is not None else None)
    if kind is None:
        raise UsageError(f"--to is missing – choose one of {', '.join(TARGETS)}")
    exported = export(
        run,
        kind,
        out,
        int8=int8,
        data=data_folder(data),
        accept_loss=accept_loss,
        overwrite=overwrite,
        download=not offline,
        tell=lambda line: print(line, file=sys.stderr),
    )
    if out is None:
        # The report lists what was exported into the run's own folder.
        refresh_page(Path(exported.run))
    if as_json:
        print(json.dumps(exported.as_json(), indent=2, ensure_ascii=False))
    else:
        print_export(exported)


def print_export(exported: Exported) -> None:
    """Print where it is, how large, and what was proven of it."""
    print(f"{exported.path}: {exported.bytes:,} bytes")
    print(exported.proof.sentence)
    if exported.size is not None:
        size = exported.size
        print(f"flash {size.flash:,} B, RAM {size.ram:,} B without the stack ({size.words})")
    for note in exported.notes:
        print(note)
