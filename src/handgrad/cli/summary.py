"""``handgrad summary``: the layer table of a network."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from handgrad.cli.app import app
from handgrad.cli.options import JsonOption
from handgrad.errors import UsageError

if TYPE_CHECKING:
    from handgrad.runs.layers import LayerRow, LayerTable

HEADINGS = ("Layer (type)", "Output Shape", "Param #", "Mult-Adds", "Field")


@app.command(short_help="Print layers, shapes, parameters, work and receptive fields.")
def summary(
    network: Annotated[str, typer.Argument(metavar="NETWORK", help="A network's name, or file.py:Net for your own.")],
    input_size: Annotated[str, typer.Option("--input", metavar="CxHxW", help="Shape of one input.")] = "1x28x28",
    classes: Annotated[int, typer.Option(min=0, help="Scores per image; 0 allows any output.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Print layers, output shapes, parameters, multiply-adds and receptive fields of a network, with totals and memory.

    A file.py:Net runs in this process: name only files that you trust.
    """
    size = parse_size(input_size)
    from handgrad.digits.layers.shape_check import check_classes
    from handgrad.digits.layers.table import summarise
    from handgrad.digits.networks.load import load_network

    module = load_network(network)
    record = summarise(module, size, name=network)
    if as_json:
        print(json.dumps(record.as_json(), indent=1))
    elif sys.stdout.isatty():
        show(record)
    else:
        print("\n".join(plain(record)))
    if classes:
        # After the table, which is what shows the reader where a wrong shape comes from.
        sys.stdout.flush()
        check_classes(module, classes, input_size=size, name=type(module).__name__)


def parse_size(text: str) -> tuple[int, ...]:
    """Return ``(1, 28, 28)`` for ``1x28x28``; raises `UsageError` for anything but one to four positive numbers."""
    parts = text.lower().replace("×", "x").split("x")
    if not 1 <= len(parts) <= 4 or not all(
        part.isascii() and part.isdigit() and 0 < int(part) < 10_000 for part in parts
    ):
        raise UsageError(f'--input "{text}" is not a shape – write channels, height and width as in 1x28x28')
    return tuple(int(part) for part in parts)


def cells(row: LayerRow) -> tuple[str, str, str, str, str]:
    """Return the texts of one row, in the order of `HEADINGS`; parameters that an earlier row counts stand in brackets."""
    output = str([*row.output[: row.batch_at], -1, *row.output[row.batch_at :]])
    parameters = f"({row.parameters:,})" if row.counted_before else f"{row.parameters:,}"
    work = "–" if row.multiply_adds is None else f"{row.multiply_adds:,}"
    field = row.receptive_field
    seen = "–" if field is None else f"{field[0]}×{field[1]}" if isinstance(field, tuple) else str(field)
    return row.layer, output, parameters, work, seen


def plain(record: LayerTable) -> Iterator[str]:
    """Return the table as lines of plain text, in the manner of torchsummary."""
    rows = [cells(row) for row in record.rows]
    least = (20, 18, 10, 12, 7)
    widths = [
        max(width, *map(len, column)) for width, column in zip(least, zip(HEADINGS, *rows, strict=True), strict=True)
    ]
    width = sum(widths) + len(widths) - 1
    yield "-" * width
    yield line(HEADINGS, widths)
    yield "=" * width
    for row in rows:
        yield line(row, widths)
    yield "=" * width
    yield from totals(record)
    yield "-" * width


def line(texts: tuple[str, ...], widths: list[int]) -> str:
    """Return *texts* set to the right in their columns."""
    return " ".join(text.rjust(width) for text, width in zip(texts, widths, strict=True))


def totals(record: LayerTable) -> Iterator[str]:
    """Return what stands below the table: totals, memory, and what the rows do not show."""
    frozen = record.total_parameters - record.trainable_parameters
    yield f"Network: {record.network}, input {[-1, *record.input]}, output {[-1, *record.output]}"
    yield f"Total params: {record.total_parameters:,}"
    yield f"Trainable params: {record.trainable_parameters:,}"
    yield f"Non-trainable params: {frozen:,}"
    yield f"Multiply-adds for one image: {record.multiply_adds:,}"
    yield f"Input size (MB): {record.memory.input_mb:.2f}"
    yield f"Forward/backward pass size (MB): {record.memory.forward_backward_mb:.2f}"
    yield f"Params size (MB): {record.memory.parameters_mb:.2f}"
    yield f"Estimated Total Size (MB): {record.memory.estimated_total_mb:.2f}"
    yield "Field: receptive field, the side in pixels of the input square that one value depends on"
    for note in record.notes:
        yield f"Note: {note}"


def show(record: LayerTable) -> None:
    """Print the table for a terminal, folded to its width; colour only where the terminal and NO_COLOR allow it."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(HEADINGS):
        table.add_column(
            heading, justify="left" if place < 2 else "right", style="cyan" if place == 0 else "", overflow="fold"
        )
    for row in record.rows:
        table.add_row(*(Text(text) for text in cells(row)))
    console = Console(highlight=False)
    console.print(table)
    for text in totals(record):
        console.print(Text(text))
