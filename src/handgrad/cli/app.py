"""The typer application that every command registers itself with."""

from __future__ import annotations

from typing import Annotated

import typer

from handgrad.version import __version__

app = typer.Typer(
    name="handgrad",
    help="From a gradient worked out by hand to a digit classifier whose accuracy can be trusted.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    """Print the version and end, where ``--version`` was given."""
    if wanted:
        print(f"handgrad {__version__}")
        raise typer.Exit


# The callback makes commands of everything registered, even of a single one. `main` takes --debug out of the arguments
# wherever it stands, so here it is only described.
@app.callback(invoke_without_command=True)
def handgrad(
    *,
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; works anywhere.")] = False,
) -> None:
    """Print the help where no command is named; the text of the help itself stands with `app`."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def command_names() -> list[str]:
    """Return the names of all commands, sorted."""
    names = [each.name or getattr(each.callback, "__name__", "").replace("_", "-") for each in app.registered_commands]
    return sorted(names)
