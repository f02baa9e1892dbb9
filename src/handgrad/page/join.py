"""JavaScript modules joined to one script, in the order in which they need one another."""

from __future__ import annotations

import re
from pathlib import Path

from handgrad.backprop.symbols.calculus import FUNCTIONS

SCRIPTS = Path(__file__).with_name("scripts")
IMPORT = re.compile(r'^import (?:\{[^}]*\} from )?"\./([\w-]+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?function|const|class|let)", re.MULTILINE)
COMMENT = re.compile(r"^[ \t]*/\*\*.*?\*/[ \t]*\n|^[ \t]*//[^\n]*\n|/\*\*.*?\*/ ?", re.MULTILINE | re.DOTALL)


def join_modules(entry: str) -> str:
    """Return the module *entry* and all that it imports as one script without imports.

    The modules share one scope, so every name at the top of a module is used once in all of them; a test watches it.
    Comments stay in the package: a page is sent by mail, and they are a third of it.
    """
    done: dict[str, str] = {}
    _visit(entry, done, ())
    return "\n".join(done.values())


def module_names(entry: str) -> list[str]:
    """Return the names of the modules that a page is made of, each after those that it imports."""
    done: dict[str, str] = {}
    _visit(entry, done, ())
    return list(done)


def module_source(name: str) -> str:
    """Return a module as it stands; the functions of the calculus are written from their own list."""
    return functions_module() if name == "functions" else (SCRIPTS / f"{name}.js").read_text(encoding="utf-8")


def functions_module() -> str:
    """Return the functions that expressions call, each as it stands beside its value in Python."""
    lines = [f'  "{name}": {function.script},' for name, function in FUNCTIONS.items()]
    kind = "/** @type {Record<string, (...all: number[]) => number>} */"
    return "\n".join([kind, "export const FUNCTIONS = {", *lines, "};", ""])


def _visit(name: str, done: dict[str, str], above: tuple[str, ...]) -> None:
    if name in done:
        return
    if name in above:
        raise ValueError(f"scripts import one another round a circle: {' → '.join((*above, name))}")
    source = module_source(name)
    for needed in IMPORT.findall(source):
        _visit(needed, done, (*above, name))
    done[name] = EXPORT.sub("", COMMENT.sub("", IMPORT.sub("", source))).strip("\n") + "\n"
