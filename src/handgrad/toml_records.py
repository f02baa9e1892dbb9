"""TOML into strict records: what a value may be, and one kind of message with the nearest known key.

A record is a frozen dataclass that inherits from `Strict` and refuses what it cannot mean in ``__post_init__``, with a
ValueError whose text begins with the field's name. `read_record` adds the file and the path of the key. Places in lists
count from 1, as people do: ``layers.2.units`` is the number of units of the second layer.
"""

from __future__ import annotations

import codecs
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from handgrad.errors import UsageError, did_you_mean
from handgrad.text import quoted

if TYPE_CHECKING:
    import pydantic

Record = TypeVar("Record")

NAME = re.compile(r"\w[\w .+-]{0,59}")
"""What a recipe or an assignment may be called: its name becomes a part of folder names, pages and tables."""

# An integer of any length is legal TOML, and turning it into a float to print it would overflow.
LARGEST_SHOWN = 1e300
MOST_FAULTS = 5
"""So many faults of a file are told in one message; of more, how many."""
SLIPS = (
    ("Expected newline", r",\s*\d", "write a number with a decimal point, as 0.5"),
    ("Expected newline", r"", "write one key, = and one value on each line"),
    ("Expected '='", r"", "write a key, = and its value, or a table in [brackets]"),
    ("Invalid value", r"[“”„‘’]", 'put a text in straight quotes, "so"'),
    ("Invalid value", r"[A-Za-z_]", 'put a text in quotes, "so"; true and false are small and without'),
    ("Invalid value", r"\.\d", "write a digit before the decimal point, as 0.5"),
    ("Invalid value", r"\s*(#|$)", "write a value after ="),
    ("Unclosed array", r"", "close the list before it: a ] is missing, or a comma between two of its values"),
    ("Cannot overwrite", r"", "this key is there already: keep one of the two"),
    (
        "Cannot declare",
        r"",
        "this table is there already: where there are several, write each name in [[double brackets]]",
    ),
    ("Illegal character", r"", 'close the text with a second "'),
    ("Unterminated string", r"", 'close the text with a second "'),
)
"""Where tomllib stops, what it finds there, and what to do: the slips that it reports in words for programmers."""
MOST_PLACES, DEEPEST = 3, 4
"""A key that more tables have is too common a word to say where it belongs; tables within tables are looked through so far."""
WANTED = {
    "int": "a whole number",
    "float": "a number",
    "string": "a text in quotes",
    "bool": "true or false",
    "list": "a list in square brackets",
    "tuple": "a list in square brackets",
    "dataclass": "a table",
}
"""What a key must hold, by the first word of the library's name for the fault (int_type, float_parsing, …)."""


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


def read_text(path: Path, instead: str = "give a shipped name or a TOML file", most: int | None = None) -> str:
    """Return the text of the TOML file *path*, of *most* bytes where that is said; *instead* is what to do otherwise.

    Raises `UsageError`.
    """
    try:
        with path.open("rb") as file:
            content = file.read() if most is None else file.read(most + 1)
        if most is not None and len(content) > most:
            raise UsageError(f"{path} cannot be read: it is longer than {most:,} bytes – {instead}")
        return _decoded(content)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"byte {error.start} shows that it is not UTF-8 text"
        raise UsageError(f"{path} cannot be read: {reason} – {instead}") from error


def _decoded(content: bytes) -> str:
    """Return *content*, text in UTF-8, or in UTF-16 with its byte-order mark as PowerShell's ``>`` and Notepad leave it."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    return content.decode("utf-8-sig")


def read_table(text: str, source: str) -> dict[str, Any]:
    """Return the TOML *text* as a table; *source* names it in the message. Raises `UsageError`."""
    try:
        table = tomllib.loads(text)
        # In hexadecimal a number of any length is read, and cannot be written down again, as a message does with what it found.
        json.dumps(table, default=str)
        return table
    except RecursionError as error:
        raise UsageError(f"{source}: brackets nested too deeply – it must be TOML") from error
    except ValueError as error:  # not TOML, or a number that is longer than Python reads
        long = not isinstance(error, tomllib.TOMLDecodeError) and "digits" in str(error)
        digits = f"a number has more than {sys.get_int_max_str_digits():,} digits – it must be TOML"
        raise UsageError(f"{source}: {digits if long else _not_toml(str(error), text)}") from error


def _not_toml(fault: str, text: str) -> str:
    """Return where a text is no TOML and what to write there, for the slips that beginners make; else the library's words."""
    place = re.search(r"\(at line (\d+), column (\d+)\)", fault)
    lines = text.splitlines()
    number, column = (int(place[1]), int(place[2])) if place else (len(lines), 1)
    # A value that is not closed is noticed further down, often on a line that is not there.
    line = lines[min(number, len(lines)) - 1] if lines else ""
    rest = line[column - 1 :]
    if lines and not place:
        return f"it ends within {quoted(line.strip())} – a ], a quote or a value is missing"
    for word, sign, advice in SLIPS:
        if word in fault and re.match(sign, rest):
            return f"line {number}: {quoted(line.strip())} – {advice}"
    return f"{fault} – it must be TOML"


def read_value(text: str) -> Any:
    """Return *text*, what stands behind ``KEY=`` on a command line, as TOML reads a value; as a plain text where it is none."""
    try:
        table = read_table(f"value = {text}", "value")
    except UsageError:
        table = {}
    # A line break in the text could smuggle in a second key: then it is not a value but a text.
    return table["value"] if table.keys() == {"value"} else text.strip()


def read_record(kind: type[Record], table: dict[str, Any], source: str) -> Record:
    """Return *table* as a record of *kind*; raises `UsageError` with every fault, each with source, key and value."""
    # Here, because a training reads no file and must run without pydantic.
    import pydantic

    try:
        # Through JSON, because pydantic's strict mode takes a table for a record only there.
        return pydantic.TypeAdapter(kind).validate_json(json.dumps(table, default=str))
    except pydantic.ValidationError as error:
        told = [f"{source}: {message}" for message in _messages(error, kind)]
        more = len(told) - MOST_FAULTS
        raise UsageError("; ".join(told[:MOST_FAULTS]) + (f"; and {more} more" if more > 0 else "")) from error


def _messages(error: pydantic.ValidationError, kind: type) -> Iterator[str]:
    """Return one message for each thing that is wrong with a record of *kind*."""
    for fault in error.errors(include_url=False):
        where = ".".join(_key(part) for part in fault["loc"])
        if fault["type"] == "value_error":
            yield (f"{where}." if where else "") + str(fault["ctx"]["error"])
        elif fault["type"] == "missing":
            record = _record_of(_hint(fault["loc"], kind))
            told = "" if record is None else f" with {', '.join(item.name for item in fields(record))}"
            table = f"[[{where}]]" if "tuple" in str(_hint(fault["loc"], kind)) else f"[{where}]"
            yield f"{where} is missing – add {table if told else 'it'}{told}"
        elif fault["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            *sections, word = fault["loc"]
            known = _known_keys(sections, kind)
            yield f"{where} is not known{_elsewhere(str(word), sections, kind) or _nearest(str(word), known)}"
        else:
            yield f"{where} {_misfit(fault, _hint(fault['loc'], kind))}"


def _misfit(fault: Mapping[str, Any], hint: Any) -> str:
    """Return what is wrong with a value, after its key: what it must be, what was found, and what to write."""
    value, words = fault["input"], _choices(hint)
    if words and isinstance(value, str):
        return f"{quoted(value)} is not known{_nearest(value, words)}"
    if words:
        return f"must be one of {', '.join(words)}, in quotes – found {_found(value)}"
    wanted = WANTED.get(fault["type"].partition("_")[0])
    if wanted is None:
        return f"is {_found(value)} – {fault['msg'][:1].lower()}{fault['msg'][1:]}"
    record = _record_of(hint)
    if record is not None:
        keys = ", ".join(item.name for item in fields(record))
        wanted = (
            f"{'a list of tables' if fault['type'].startswith(('list', 'tuple')) else 'a table'} with the keys {keys}"
        )
        if isinstance(value, dict) and wanted.startswith("a list"):
            return f"must be {wanted} – found one table; write its name in [[double brackets]], once for each"
    return f"must be {wanted} – found {_found(value)}"


def _known_keys(sections: Sequence[str | int], kind: Any) -> list[str]:
    """Return the keys that a record of *kind* may hold in the section named by *sections*."""
    record = _record_of(_hint(sections, kind))
    return [] if record is None else [item.name for item in fields(record)]


def _elsewhere(word: str, sections: Sequence[str | int], kind: type) -> str:
    """Return in which table a key belongs that is none of this one; nothing where no other has it, or too many have.

    It happens to everyone: in TOML whatever follows a line such as ``[[layers]]`` belongs to that table.
    """
    here = [part for part in sections if not isinstance(part, int)]
    found = [places for *places, key in _paths(kind) if key == word and [name for name, _ in places] != here]
    told = []
    for places in found:
        dotted = ".".join(name for name, _ in places)
        brackets = f"[[{dotted}]]" if any(several for _, several in places) else f"[{dotted}] ({dotted}.{word})"
        told.append(f"in {brackets}" if places else "at the top of the file, above the first line in square brackets")
    return f" – it belongs {' or '.join(told)}" if 0 < len(told) <= MOST_PLACES else ""


def _paths(kind: Any, above: tuple[tuple[str, bool], ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield every key of a record and of the tables in it, behind the tables it is in and whether there are several of each."""
    for name, hint in get_type_hints(kind).items():
        if name not in (item.name for item in fields(kind)):
            continue
        yield (*above, name)
        record = _record_of(hint)
        if record is not None and len(above) < DEEPEST:
            yield from _paths(record, (*above, (name, get_origin(hint) in (list, tuple))))


def _hint(path: Iterable[str | int], kind: Any) -> Any:
    """Return what stands at a path of keys and places in a record of *kind*; None where the record has no such key."""
    for part in path:
        if isinstance(part, int):
            kind = next((one for one in get_args(kind) if one is not Ellipsis), None)
        else:
            record = _record_of(kind)
            kind = None if record is None else get_type_hints(record).get(part)
    return kind


def _record_of(hint: Any) -> type | None:
    """Return the record that a hint is, or is a list of, or may be; None where it is about none."""
    if isinstance(hint, type) and is_dataclass(hint):
        return hint
    return next((found for one in get_args(hint) if (found := _record_of(one)) is not None), None)


def _choices(hint: Any) -> list[str]:
    """Return the words of a closed set; none where a hint is something else."""
    if get_origin(hint) in (Union, UnionType):
        return [word for one in get_args(hint) for word in _choices(one)]
    if get_origin(hint) is Literal:
        return [str(word) for word in get_args(hint)]
    return [str(one.value) for one in hint] if isinstance(hint, type) and issubclass(hint, Enum) else []


def _nearest(word: str, words: Sequence[str]) -> str:
    return did_you_mean(word, words) or f" – known: {', '.join(words)}"


def _key(part: str | int) -> str:
    """Return a part of a path: a key as it is, in one line and short; a place in a list counted from 1."""
    return str(part + 1) if isinstance(part, int) else quoted(part)[1:-1]


def _found(value: Any) -> str:
    """Return a value as TOML writes it, cut where it is long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return quoted(value) if isinstance(value, str) else quoted(value)[1:-1]


def name_from(path: Path) -> str:
    """Return the name of a record that says none: that of its file, with what a name may not have made ``-``."""
    return re.sub(r"^\W+|[^\w .+-]", "-", path.stem).lstrip("-")[:60] or "recipe"


def flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a nested table as one of dotted keys."""
    result: dict[str, Any] = {}
    for key, value in table.items():
        result |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return result
