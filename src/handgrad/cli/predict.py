"""``handgrad predict``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from handgrad.cli.app import app
from handgrad.cli.environment import data_folder
from handgrad.cli.options import DataOption, JsonOption

NO_DIGIT = 1


@app.command("predict")
def predict_command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run folder, or a recipe: the newest run of it.")],
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE…", help="Photographs or scans of digits.")],
    polarity: Annotated[
        str | None,
        typer.Option(
            help="dark or light: the writing beside its ground; left out, the picture decides.", show_default=False
        ),
    ] = None,
    explain: Annotated[
        Path | None, typer.Option(metavar="PAGE", help="Write every step as a page.", show_default=False)
    ] = None,
    data: DataOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a page that exists.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Read the digits on photographs: each with how sure the network is, and the runner-up."""
    from handgrad.files import check_free
    from handgrad.photograph.library import opencv, pillow
    from handgrad.predict.margin import margin_of
    from handgrad.predict.network import as_polarity, load
    from handgrad.predict.pictures import answer_pictures

    as_polarity(polarity)
    if explain is not None:
        check_free(explain, overwrite=overwrite)
    pillow(), opencv()
    network = load(run)
    if network.which:
        print(network.which, file=sys.stderr)
    folder = data_folder(data)
    margin = margin_of(network, folder)
    found = answer_pictures(network, pictures, margin, polarity)
    if explain is not None:
        from handgrad.predict.explain import write_explanation

        write_explanation(network, found, margin, explain, folder)
    if as_json:
        table = {"network": network.name, "margin": margin.least, "margin_from": margin.words}
        print(json.dumps(table | {"pictures": [each.as_json() for each in found]}, indent=2, ensure_ascii=False))
    else:
        for each in found:
            for line in each.lines:
                print(line)
        if explain is not None:
            print(f"{explain}: every step")
    errors = [each.error for each in found if each.error is not None]
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    if errors:
        return errors[0].status
    return NO_DIGIT if any(each.seen is not None and each.seen.reason for each in found) else 0
