"""``handgrad assignments``: what the shipped assignments, or one of your own, ask."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from handgrad.cli.app import app


@app.command("assignments", short_help="Show what the shipped assignments, or your own, ask for.")
def assignments_command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Shipped assignments or TOML files; default: all.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the records as JSON.")] = False,
) -> None:
    """List assignments with their conditions in words."""
    from dataclasses import asdict

    from handgrad.judge.network.assignment_file import load_assignment, shipped_assignments

    chosen = [load_assignment(name) for name in names or shipped_assignments()]
    if as_json:
        print(json.dumps([asdict(each) | {"words": each.words()} for each in chosen]))
        return
    for place, each in enumerate(chosen):
        print(f"{chr(10) if place else ''}{each.name}" + (f" – {each.note}" if each.note else ""))
        for sentence in each.words():
            print(f"  {sentence}")
