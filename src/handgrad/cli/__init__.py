"""The command line: the only package that reads arguments and the environment, prints, and exits.

Each command lives in a module that names its group; importing one must stay cheap (``handgrad --help`` answers in
0.25 s), so torch, sympy and matplotlib are imported inside the command that needs them.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

import typer

from handgrad.cli import (  # noqa: F401  (each registers its commands)
    assignments,
    audit,
    backprop,
    data,
    doctor,
    export,
    judge,
    page,
    predict,
    runs,
    study,
    summary,
    sweep,
    train,
)
from handgrad.cli.app import app, command_names
from handgrad.cli.ending import check_working_folder, report
from handgrad.cli.streams import lost_output, prepare_streams
from handgrad.errors import DiskError, UsageError, did_you_mean

__all__ = ["main", "run"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``handgrad`` with *arguments* (default: those of the process) and exit with the status that README lists."""
    prepare_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    try:
        status = run(given)
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            traceback.print_exception(error)
        status = report(error, judging=given[:1] == ["judge"])
    lost = lost_output()
    if lost is not None:
        status = report(DiskError(f"standard output cannot be written: {lost.strerror} – make room or write elsewhere"))
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status; a `HandgradError` passes through."""
    check_working_folder()
    _check_command_name(arguments)
    try:
        result = app(arguments, standalone_mode=False)
    except typer.TyperException as error:
        message = " ".join(error.format_message().split()).rstrip(".")
        command = f"{arguments[0]} " if arguments and arguments[0] in command_names() else ""
        hint = _recipe_hint(error) or f"handgrad {command}--help lists what there is"
        raise UsageError(f"{message[:1].lower()}{message[1:]} – {hint}") from error
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    return int(result or 0)


def _recipe_hint(error: typer.TyperException) -> str:
    """Return how a value of a recipe is given where it was given as an option of its own: ``--epochs 3``; else ""."""
    command = getattr(getattr(error, "cmd", None), "name", "")
    word = str(getattr(error, "option_name", "")).lstrip("-").replace("-", "_")
    if command not in ("train", "study", "sweep") or not word:
        return ""
    # Here and not above: the recipe's record takes longer to import than --help may take.
    from handgrad.digits.training.recipe_values import PLACES, RecipeValues

    key = {"lr": "learning_rate", "wd": "weight_decay", "batch": "batch_size", "bs": "batch_size"}.get(word, word)
    if key not in RecipeValues.__annotations__:
        return ""
    return f"values of a recipe are given with --set {'.'.join(PLACES.get(key, (key,)))}=…"


def _check_command_name(arguments: list[str]) -> None:
    """Refuse an unknown command with the nearest known one."""
    known = command_names()
    word = next((argument for argument in arguments if not argument.startswith("-")), None)
    if word is None or word in known or arguments[0] != word:
        return
    hint = did_you_mean(word, known) or f" – known: {', '.join(known)}"
    raise UsageError(f'unknown command "{word}"{hint}')
