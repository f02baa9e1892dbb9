"""The source of a class or function as a file that stands alone, so that a run can be resumed without the script it came from.

From a notebook or a script only what the network needs is taken: its own text, the definitions and constants that it names,
and the imports behind other names. The rest of a script is never run again.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import symtable
import textwrap
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

PLAIN = (bool, int, float, complex, str, bytes, type(None))
HEAD = '"""Written by handgrad: the network that a training in Python was given, and what it names."""\n'


class _Unknown(Exception):  # noqa: N818 (it never leaves this module)
    """Something that no line of a file can stand for."""


def standalone_source(thing: Callable[..., Any]) -> str | None:
    """Return a Python file that defines *thing* under its own name, or None where its text is not available.

    *thing* is a class or function; a closure, and what names values that no line can write down, has no such file.
    """
    parts: dict[str, str] = {}
    try:
        _add(thing.__name__, thing, parts)
    except (_Unknown, OSError, TypeError, AttributeError, SyntaxError, RecursionError):
        return None
    imports = [text for text in parts.values() if text.startswith(("import ", "from "))]
    others = [text for text in parts.values() if not text.startswith(("import ", "from "))]
    return HEAD + "from __future__ import annotations\n\n" + "\n".join([*imports, "", *others]) + "\n"


def _add(name: str, value: object, parts: dict[str, str]) -> None:
    """Add to *parts*, by name, whatever line or definition makes *name* stand for *value*, what that needs before it."""
    if name in parts:
        return
    if isinstance(value, ModuleType):
        parts[name] = f"import {value.__name__} as {name}"
    elif isinstance(value, type | FunctionType) and _is_own(value):
        if isinstance(value, FunctionType) and value.__closure__:
            raise _Unknown(name)
        text = _text_of(value)
        # Noted before what it names is looked at: two functions that call each other would else go round for ever.
        parts[name] = text
        for other, known in _globals_named(text, value):
            _add(other, known, parts)
        # Behind what it needs: a base class stands before the class.
        parts[name] = parts.pop(name) if name == value.__name__ else f"{parts.pop(name)}\n{name} = {value.__name__}"
    elif isinstance(value, type | FunctionType) or hasattr(value, "__qualname__"):
        module, qualified = getattr(value, "__module__", None), value.__qualname__
        if not module or "." in qualified or "<" in qualified:
            raise _Unknown(name)
        parts[name] = f"from {module} import {qualified} as {name}"
    elif isinstance(value, PLAIN) or (isinstance(value, tuple | list) and all(isinstance(v, PLAIN) for v in value)):
        parts[name] = f"{name} = {value!r}"
    else:
        raise _Unknown(name)


def _text_of(value: type | FunctionType) -> str:
    """Return the source of a class or function; raises OSError or TypeError where it is not available.

    A class that was made in a cell of a notebook has no file that ``inspect`` would look into; its methods know the cell.
    """
    method = next((each for each in vars(value).values() if isinstance(each, FunctionType)), None)
    if (
        isinstance(value, FunctionType)
        or method is None
        or method.__qualname__ != f"{value.__name__}.{method.__name__}"
    ):
        return textwrap.dedent(inspect.getsource(value))
    lines = linecache.getlines(method.__code__.co_filename)
    for node in ast.walk(ast.parse("".join(lines))):
        if isinstance(node, ast.ClassDef) and node.name == value.__name__:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first <= method.__code__.co_firstlineno <= (node.end_lineno or first):
                return textwrap.dedent("".join(lines[first - 1 : node.end_lineno]))
    return textwrap.dedent(inspect.getsource(value))


def _is_own(value: type | FunctionType) -> bool:
    """Whether the user wrote it, in a script, a notebook or a file beside it: whatever is installed is imported instead."""
    module = inspect.getmodule(value)
    place = getattr(module, "__file__", None)
    if module is None or place is None or module.__name__ == "__main__":
        return True
    return (
        "site-packages" not in place
        and "lib/python" not in place.replace("\\", "/")
        and not module.__name__.startswith("handgrad")
    )


def _globals_named(text: str, value: type | FunctionType) -> Iterator[tuple[str, object]]:
    """Yield each global name that *text* uses, with what it stands for; builtins and names of its own are not globals."""
    module = inspect.getmodule(value)
    known = value.__globals__ if isinstance(value, FunctionType) else _globals_of(value, module)
    for name in sorted(_global_names(symtable.symtable(text, "source", "exec"))):
        if name in known and name != value.__name__ and not hasattr(builtins, name):
            yield name, known[name]


def _global_names(table: symtable.SymbolTable) -> set[str]:
    """Return the names that a scope or one inside it takes from the module: not its own parameters and variables."""
    top = table.get_type() == "module"
    found = {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_referenced() and (symbol.is_global() or (top and not symbol.is_assigned()))
    }
    return found.union(*(_global_names(inner) for inner in table.get_children()))


def _globals_of(value: type, module: ModuleType | None) -> dict[str, Any]:
    """Return the globals that the methods of a class see."""
    for method in vars(value).values():
        if isinstance(method, FunctionType) and method.__module__ == value.__module__:
            return method.__globals__
    return vars(module) if module is not None else {}
