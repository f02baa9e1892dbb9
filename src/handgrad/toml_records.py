"""TOML into strict records: what a value may be, and one kind of message with the nearest known key.

A record is a frozen dataclass that inherits from `Strict` and refuses what it cannot mean in ``__post_init__``, with a
ValueError whose text begins with the field's name. `read_record` adds the file and the path of the key.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, get_type_hints

from handgrad.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    import pydantic

Record = TypeVar("Record")

NAME = re.compile(r"\w[\w .+-]{0,59}")
"""What a recipe or an assignment may be called: its name becomes a part of folder names, pages and tables."""

LARGEST_SHOWN = 1e300


class Strict:
    """Tells `read_record` to refuse unknown keys and to convert nothing."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"strict": True, "extra": "forbid"}


def within(name: str, value: float, low: float, high: float, *, open_low: bool = False) -> None:
    """Raise ValueError unless *value* is a number between *low* and *high*; NaN is between no two."""
    good = value <= high and (value > low if open_low else value >= low)
    if not good:
        least = f"above {low:g}" if open_low else f"at least {low:g}"
        # A whole number in a file can have any length, and beyond 308 digits no float holds it.
        found = f"{value:g}" if not abs(value) > LARGEST_SHOWN else str(value)[:12] + "…"
        raise ValueError(f"{name} is {found} – it must be {least} and at most {high:g}")


def read_text(path: Path) -> str:
    """Return the text of the TOML file *path*; raises `UsageError`."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"{path} cannot be read: {reason} – give a shipped name or a TOML file") from error


def read_table(text: str, source: str) -> dict[str, Any]:
    """Return the TOML *text* as a table; *source* names it in the message. Raises `UsageError`."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not TOML, a number of 5,000 digits, or brackets 5,000 deep
        raise UsageError(f"{source}: {error} – it must be TOML") from error


def read_record(kind: type[Record], table: dict[str, Any], source: str) -> Record:
    """Return *table* as a record of *kind*; raises `UsageError` with every fault, each with source, key and value."""
    # Here, because a training reads no file and must run without pydantic.
    import pydantic

    try:
        # Through JSON, because pydantic's strict mode takes a table for a record only there.
        return pydantic.TypeAdapter(kind).validate_json(json.dumps(table, default=str))
    except pydantic.ValidationError as error:
        raise UsageError("; ".join(f"{source}: {message}" for message in messages(error, kind))) from error


def messages(error: pydantic.ValidationError, kind: type) -> Iterable[str]:
    """Return one message for each thing that is wrong with a record of *kind*."""
    for fault in error.errors():
        where = ".".join(str(part) for part in fault["loc"])
        if fault["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            *sections, word = (str(part) for part in fault["loc"])
            known = known_keys(sections, kind)
            hint = did_you_mean(word, known) or f" – known: {', '.join(known)}"
            yield f"{where} is not known{hint}"
        elif fault["type"] == "value_error":
            prefix = f"{where}." if where else ""
            yield prefix + str(fault["ctx"]["error"])
        elif fault["type"] == "missing":
            yield f"{where} is missing"
        else:
            yield f"{where} is {fault['input']!r} – {fault['msg'][:1].lower()}{fault['msg'][1:]}"


def known_keys(sections: Sequence[str], kind: type) -> list[str]:
    """Return the keys that a record of *kind* may hold in the section named by *sections*."""
    for section in sections:
        kind = get_type_hints(kind).get(section, kind)
    return [item.name for item in fields(kind)] if is_dataclass(kind) else []


def name_from(path: Path) -> str:
    """Return the name of a record that says none: that of its file, with what a name may not have made ``-``."""
    return re.sub(r"^\W+|[^\w .+-]", "-", path.stem).lstrip("-")[:60] or "recipe"


def flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a nested table as one of dotted keys."""
    result: dict[str, Any] = {}
    for key, value in table.items():
        result |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return result
