"""``handgrad predict``."""

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
    from handgrad.errors import HandgradError
    from handgrad.predict.network import TrainedNetwork

NO_DIGIT = 1


@app.command("predict", short_help="Read the digits on photographs, with how sure each answer is.")
def predict_command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run folder, or a recipe: the newest run of it.")],
    *,
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE", help="Photographs or scans of digits.")],
    polarity: Annotated[
        str | None,
        typer.Option(
            help="dark or light: the writing compared with the paper; default: found from the picture.",
            show_default=False,
        ),
    ] = None,
    explain: Annotated[
        Path | None, typer.Option(metavar="PAGE", help="Write every step as a page.", show_default=False)
    ] = None,
    sheet: Annotated[
        bool, typer.Option("--sheet", help="Each picture is a filled-in sheet of handgrad digits-sheet.")
    ] = False,
    data: DataOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a page that exists.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Read the digits on photographs, with how sure the network is and its second choice."""
    from handgrad.errors import UsageError
    from handgrad.files import check_free
    from handgrad.photograph.library import opencv, pillow
    from handgrad.predict.margin import margin_of
    from handgrad.predict.network import as_polarity, load
    from handgrad.predict.pictures import answer_pictures

    as_polarity(polarity)
    if sheet and (polarity is not None or (explain is not None and len(pictures) > 1)):
        raise UsageError("--sheet takes no --polarity, and --explain one sheet at a time – leave one out")
    if explain is not None:
        check_free(explain, overwrite=overwrite)
    pillow(), opencv()
    network = load(run)
    network.check_photographs()
    if network.which:
        print(network.which, file=sys.stderr)
    if sheet:
        return _sheets(network, pictures, explain, as_json)
    folder = data_folder(data)
    margin = margin_of(network, folder)
    found = answer_pictures(network, pictures, margin, polarity)
    if explain is not None:
        from handgrad.predict.explain import write_explanation

        write_explanation(network, found, margin, explain, data=folder)
    if as_json:
        table = {"network": network.name, "margin": margin.least, "margin_from": margin.words}
        print(json.dumps(table | {"pictures": [each.as_json() for each in found]}, indent=2, ensure_ascii=False))
    else:
        for each in found:
            for line in each.lines:
                print(line)
        if explain is not None:
            print(f"{explain}: every step")
    status = _told([each.error for each in found if each.error is not None])
    return status or (NO_DIGIT if any(each.seen is not None and each.seen.reason for each in found) else 0)


def _sheets(network: TrainedNetwork, pictures: list[Path], explain: Path | None, as_json: bool) -> int:
    """Answer filled-in sheets and print how many digits of each handwriting were read right."""
    from handgrad.errors import HandgradError
    from handgrad.predict.sheets import answer_sheet, write_sheet_page

    found, errors = [], []
    for path in pictures:
        try:
            found.append(answer_sheet(network, path))
        except HandgradError as error:
            errors.append(error)  # the others are read all the same
    if explain is not None and found:
        write_sheet_page(found[0], explain)
    if as_json:
        print(json.dumps([each.as_json() for each in found], indent=2, ensure_ascii=False))
    else:
        for each in found:
            print("\n".join(each.lines))
        if explain is not None and found:
            print(f"{explain}: the mistakes as pictures")
    return _told(errors)


def _told(errors: list[HandgradError]) -> int:
    """Print each error in its line and return the first one's status, 0 where there is none."""
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    return errors[0].status if errors else 0


@app.command("digits-sheet", short_help="Write a page of boxes to fill in with digits by hand.")
def digits_sheet_command(
    out: Annotated[Path, typer.Argument(metavar="PDF", help="The file to write.")] = Path("digits-sheet.pdf"),
    paper: Annotated[str, typer.Option(help="a4 or letter.")] = "a4",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
) -> None:
    """Write a page of 10×10 boxes to fill in by hand, to test a network on your own digits."""
    from handgrad.files import check_free, write_whole
    from handgrad.photograph.sheet import sheet_pdf

    check_free(out, overwrite=overwrite)
    data = sheet_pdf(paper)
    write_whole(out, data)
    print(f"{out}: print it, fill it in, photograph it, then: handgrad predict RUN photo.jpg --sheet")
