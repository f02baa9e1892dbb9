"""A record of the code as rows of a page: each key with its type, its default and what it means."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Row:
    """One key of a file: its dotted name, its type and its default in words, and what it means."""

    key: str
    kind: str
    default: str
    meaning: str


@cache
def meanings(record: type) -> dict[str, str]:
    """Return what stands below each attribute in the source of *record*, joined to one line."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(record)))
    found: dict[str, str] = {}
    last = None
    for node in tree.body[0].body:  # type: ignore[attr-defined]  # the one class of this source
        words = node.value.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) else None
        if last is not None and isinstance(words, str):
            found[last] = " ".join(words.split())
        last = node.target.id if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else None
    return found


def rows_of(record: type, before: str = "") -> Iterator[Row]:
    """Return the keys of *record*; those of a table within it come after it, with its name and a dot before them."""
    hints = get_type_hints(record)
    for item in fields(record):
        hint, key = hints[item.name], before + item.name
        inner = _record_in(hint)
        yield Row(key, _words(hint), _default(item), meanings(record).get(item.name) or _first_line(inner))
        if inner is not None:
            yield from rows_of(inner, f"{key}." if inner is hint else f"{key}[].")


def table(rows: Iterable[Row]) -> list[str]:
    """Return *rows* as a table of Markdown."""
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    return lines + [f"| `{row.key}` | {row.kind} | {row.default} | {escaped(row.meaning)} |" for row in rows]


def escaped(text: str) -> str:
    """Return *text* for a cell of a table."""
    return with_backticks(text).replace("|", "\\|")


def with_backticks(text: str) -> str:
    """Return *text* of a docstring in Markdown: one backtick where reStructuredText has a role or two."""
    for role in (":func:", ":class:", ":mod:"):
        text = text.replace(role, "")
    return text.replace("``", "`")


def _record_in(hint: Any) -> type | None:
    """Return the record that *hint* is, or is a list of."""
    for each in (hint, *get_args(hint)):
        if isinstance(each, type) and is_dataclass(each):
            return each
    return None


def _first_line(record: type | None) -> str:
    return " ".join((record.__doc__ or "").split("\n\n")[0].split()) if record else ""


PLURALS = {int: "whole numbers", float: "numbers", str: "texts"}
NAMES = {int: "whole number", float: "number", str: "text", bool: "true or false"}


def _words(hint: Any) -> str:
    """Return a type in words: ``whole number``, ``list of numbers``, or the texts that may be given."""
    origin, inside = get_origin(hint), [each for each in get_args(hint) if each not in (NoneType, Ellipsis)]
    if origin is Literal:
        return " or ".join(f'`"{each}"`' for each in inside)
    if origin in (Union, UnionType):
        return " or ".join(map(_words, inside))
    if origin is dict:
        return f"table of {PLURALS.get(inside[-1], 'values')}"
    if origin in (list, tuple):
        return "tables" if is_dataclass(inside[0]) else f"list of {PLURALS.get(inside[0]) or _words(inside[0])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return " or ".join(f'`"{each.value}"`' for each in hint)
    if is_dataclass(hint):
        return "table"
    return NAMES.get(hint, str(hint))


def _default(item: Field[Any]) -> str:
    """Return the default of a key as a file would say it; that it must be given where it has none."""
    value = item.default
    if value is MISSING and item.default_factory is not MISSING:
        value = item.default_factory()
    if value is MISSING:
        return "must be given"
    if value is None:
        return "left out"
    if is_dataclass(value):
        return ""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, list | tuple | dict):
        return "empty" if not value else f"`{list(value)}`"
    return (
        f"`{str(value).lower()}`"
        if isinstance(value, bool)
        else f'`"{value}"`'
        if isinstance(value, str)
        else f"`{value}`"
    )
