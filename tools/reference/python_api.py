"""What can be called from Python and which exit status means what, from the docstrings of the code."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

import handgrad
from handgrad import errors
from handgrad.cli.ending import FAULT
from handgrad.errors import HandgradError
from reference.records import with_backticks

DONE = "Done; of `judge`: met."
NOT_MET = (
    "`judge`: a file was judged and is not met. Other commands: what the message names, such as too little memory."
)


def exit_statuses() -> str:
    """Return the page of the exit statuses: a status, the error that `handgrad` raises in Python for it, what it means."""
    lines = [
        "# Exit statuses",
        "",
        "A command ends with one of these and says why in one line on standard error. `--debug` shows the traceback too.",
        "In Python the same is raised as the error of the second column, a kind of `handgrad.HandgradError`.",
        "",
        "| status | in Python | meaning |",
        "|---|---|---|",
        f"| 0 | | {DONE} |",
        f"| 1 | `HandgradError` | {NOT_MET} |",
    ]
    kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, HandgradError)]
    for kind in sorted(set(kinds) - {HandgradError}, key=lambda each: each.status):
        words = " ".join((kind.__doc__ or "").split()).rpartition(" (status")[0]
        lines.append(f"| {kind.status} | `{kind.__name__}` | {words}. |")
        if kind is errors.UndecidedError:
            lines.append(f"| {FAULT} | | A bug in handgrad: please report it with what `--debug` shows. |")
    return "\n".join(lines) + "\n"


def verbs() -> str:
    """Return the page of the functions of `handgrad` in Python."""
    lines = [
        "# From Python",
        "",
        "`import handgrad` is quick and loads neither torch nor numpy; each function loads what it needs on its first call.",
        "Everything below is an attribute of `handgrad`.",
    ]
    for name in sorted(public()):
        lines += ["", f"## handgrad.{name}", "", *_entry(name)]
    return "\n".join(lines) + "\n"


def public() -> list[str]:
    """Return the names that `handgrad` offers: functions, and the types that they take and return."""

    return [name for name in handgrad.__all__ if not name.startswith("_") and not name.endswith("Error")]


def _entry(name: str) -> Iterator[str]:
    function = getattr(handgrad, name)
    if isinstance(function, ModuleType):
        # A package that can be called keeps the verb in its module of that name.
        function = getattr(import_module(f"{function.__name__}.verb"), name)
    yield from ("```python no-run", f"{name}{_signature(function)}", "```", "")
    yield with_backticks(inspect.getdoc(function) or "")


def _signature(function: object) -> str:
    signature = inspect.signature(function)  # type: ignore[arg-type]
    words = [_parameter(each) for each in signature.parameters.values()]
    one_line = f"({', '.join(words)})"
    if len(one_line) <= 80:
        return one_line
    star = next((n for n, each in enumerate(signature.parameters.values()) if each.kind is each.KEYWORD_ONLY), None)
    if star is not None:
        words.insert(star, "*")
    return "(\n" + "".join(f"    {word},\n" for word in words) + ")"


def _parameter(each: inspect.Parameter) -> str:
    """Return a parameter as source has it: name, annotation, and a default without an address in memory."""
    words = f"{each.name}: {each.annotation}" if each.annotation is not each.empty else each.name
    default = each.default
    if default is each.empty:
        return words
    if callable(default):
        return words + (f" = {default.__name__}" if default.__name__.isidentifier() else " = …")
    # A record of functions has an address in its repr, another in each process.
    return f"{words} = …" if " at 0x" in repr(default) else f"{words} = {default!r}"
