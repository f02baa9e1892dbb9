"""Options that more than one command takes, each described once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from handgrad.errors import UsageError

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="NAME | PATH",
        help="mnist, fashion, kmnist, emnist-digits, drawn; a folder, .npz or .csv.",
        show_default=False,
    ),
]


DeviceOption = Annotated[str, typer.Option(help="auto, cpu or cuda.")]


PrecisionOption = Annotated[str, typer.Option(help="auto, fp32, bf16, or probe: measure which is faster.")]


ThreadsOption = Annotated[
    int | None, typer.Option(min=1, max=256, help="CPU threads; default: chosen for the network.")
]


SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the recipe.")
]


HoldoutOption = Annotated[int, typer.Option(min=0, help="Training images kept apart; epochs are then judged on them.")]


OutOption = Annotated[Path, typer.Option(help="Where run folders go.")]


JsonOption = Annotated[bool, typer.Option("--json", help="Print the record as JSON.")]


OnOption = Annotated[
    str, typer.Option(metavar="ENGINE", help="local, cluster, a Dask scheduler's address, or a scheduler file.")
]


PrintOption = Annotated[
    str | None,
    typer.Option(
        "--print", metavar="KIND", help="Print how workers are started with slurm, kubernetes or ssh, and stop."
    ),
]


def parse_seeds(text: str) -> list[int]:
    """Return the seeds in ``0..4``, ``1,5,9`` or a mix; raise `UsageError` unless they are 1 to 1000 different ones."""
    try:
        seeds = [seed for part in text.split(",") for seed in seed_range(part.strip())]
    except (ValueError, OverflowError):
        seeds = []
    if not 1 <= len(seeds) <= 1000 or len(set(seeds)) != len(seeds):
        raise UsageError(f'--seeds needs 1 to 1000 different whole numbers – found "{text}"')
    return seeds


def seed_range(part: str) -> list[int]:
    """Return the seeds of one part, ``3`` or ``0..4``; raise ValueError for anything else."""
    first, dots, last = part.partition("..")
    if not all(
        bound.isascii() and bound.isdecimal() and int(bound) < 2**31 for bound in ((first, last) if dots else (first,))
    ):
        raise ValueError(part)
    start, end = int(first), int(last) if dots else int(first)
    # Refused before it is written out: 0..2000000000 would be a list of that length.
    if end - start > 1000:
        raise ValueError(part)
    return list(range(start, end + 1))
