"""The command line: the only package that reads arguments and the environment, prints, and exits.

Each command lives in a module that names its group; importing one must stay cheap (``handgrad --help`` answers in
0.25 s), so torch, sympy and matplotlib are imported inside the command that needs them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from handgrad.cli import (  # noqa: F401  (each registers its commands)
    assignments,
    backprop,
    data,
    doctor,
    judge,
    page,
    runs,
    study,
    summary,
    train,
)
from handgrad.cli.app import app, command_names
from handgrad.errors import HandgradError, UsageError, did_you_mean


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``handgrad`` with *arguments* (default: those of the process) and exit with the status that README lists."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    try:
        status = run(given)
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            raise
        status = report(error)
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status; a `HandgradError` passes through."""
    check_command_name(arguments)
    try:
        result = app(arguments, standalone_mode=False)
    except typer.TyperException as error:
        message = " ".join(error.format_message().split()).rstrip(".")
        command = f"{arguments[0]} " if arguments and arguments[0] in command_names() else ""
        hint = f"handgrad {command}--help lists what there is"
        raise UsageError(f"{message[:1].lower()}{message[1:]} – {hint}") from error
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except SystemExit as ended:
        # typer turns a closed output into status 1 without a word.
        if isinstance(ended.__context__, BrokenPipeError):
            raise ended.__context__ from None
        raise
    sys.stdout.flush()
    return int(result or 0)


def check_command_name(arguments: list[str]) -> None:
    """Refuse an unknown command with the nearest known one."""
    known = command_names()
    word = next((argument for argument in arguments if not argument.startswith("-")), None)
    if word is None or word in known or arguments[0] != word:
        return
    hint = did_you_mean(word, known) or f" – known: {', '.join(known)}"
    raise UsageError(f'unknown command "{word}"{hint}')


def report(error: BaseException) -> int:
    """Print *error* as one line on standard error and return the exit status that belongs to it."""
    if isinstance(error, BrokenPipeError):
        # The reader went away (`| head`): nothing is wrong, and Python must not complain while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        return 130
    message = str(error) or type(error).__name__
    if not isinstance(error, HandgradError | MemoryError):
        message = f"{type(error).__name__}: {message} – this is a fault of handgrad, --debug shows where"
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return error.status if isinstance(error, HandgradError) else 1
