"""The commands, as the functions that answer to them say: arguments, options, defaults and help."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

from typer.models import ArgumentInfo, OptionInfo

import handgrad.cli  # noqa: F401  (registers the commands)
from handgrad.cli.app import app
from reference.records import escaped


def page() -> str:
    """Return the page of every command, with its arguments and options."""
    lines = [
        "# Commands",
        "",
        "Every command says the same of itself with `--help`. Exit statuses have [their own page](exit-status.md), and so has",
        "[what `--json` prints](json.md).",
    ]
    for name, function in sorted(callbacks().items()):
        lines += ["", f"## handgrad {name}", "", *_command(name, function)]
    return "\n".join(lines) + "\n"


def callbacks() -> dict[str, Callable[..., Any]]:
    """Return the function behind each command, under the command's name."""
    found = {}
    for each in app.registered_commands:
        assert each.callback is not None
        found[each.name or each.callback.__name__.replace("_", "-")] = each.callback
    return found


def _command(name: str, function: Callable[..., Any]) -> Iterator[str]:
    parameters = list(_parameters(function))
    arguments = [shown if required else f"[{shown}]" for shown, required, _, _, option in parameters if not option]
    yield from ("```text", " ".join([f"handgrad {name}", *arguments, "[options]"]), "```", "")
    yield from (inspect.cleandoc(function.__doc__ or ""), "")
    yield from ("| argument or option | default | meaning |", "|---|---|---|")
    for shown, required, default, words, _ in parameters:
        yield f"| `{escaped(shown)}` | {'must be given' if required else default} | {escaped(words)} |"


def _parameters(function: Callable[..., Any]) -> Iterator[tuple[str, bool, str, str, bool]]:
    """Return for each parameter how it is typed, whether it must be given, its default, its help, whether it is an option."""
    hints = get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        info = next(
            (each for each in getattr(hints[name], "__metadata__", ()) if isinstance(each, ArgumentInfo | OptionInfo)),
            None,
        )
        if info is None or info.hidden:
            continue
        required, default = parameter.default is inspect.Parameter.empty, _shown(parameter.default)
        kind = hints[name].__origin__
        words = " ".join((info.help or "").split())
        if isinstance(info, OptionInfo):
            # The first name of an option stands where its default would, in the way that annotations are read here.
            names = [*([info.default] if isinstance(info.default, str) else []), *(info.param_decls or ())]
            typed = ", ".join(names or [f"--{name.replace('_', '-')}"])
            yield typed + _value(info, kind), required, default, words, True
        else:
            yield (info.metavar or name.upper()).strip("[]"), required, default, words, False


def _value(info: OptionInfo, kind: Any) -> str:
    """Return what follows an option: nothing after a switch, else its metavar, its choices or the kind of its value."""
    inside = [each for each in (kind, *getattr(kind, "__args__", ())) if isinstance(each, type)]
    if bool in inside:
        return ""
    if info.metavar:
        return f" {info.metavar}"
    for each, word in ((Path, "PATH"), (int, "NUMBER"), (float, "NUMBER"), (str, "TEXT")):
        if each in inside:
            return f" {word}"
    choices = [str(member.value) for each in inside for member in getattr(each, "__members__", {}).values()]
    choices = choices or [str(each) for each in getattr(kind, "__args__", ()) if isinstance(each, str)]
    return f" {'|'.join(choices)}" if choices else ""


def _shown(default: Any) -> str:
    if default in (None, inspect.Parameter.empty, (), False) or default == []:
        return ""
    if default is True:
        return "on"
    return f"`{getattr(default, 'value', default)}`"
