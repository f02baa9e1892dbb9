"""The typer application that every command registers itself with."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="handgrad",
    help="From a gradient worked out by hand to a digit classifier whose accuracy can be trusted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
