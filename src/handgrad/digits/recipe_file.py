"""Recipes in TOML: reading with every error named, overriding, writing in full."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

import pydantic
import tomli_w

from handgrad.digits.recipe import Recipe
from handgrad.errors import UsageError, did_you_mean

SHIPPED = Path(__file__).parent / "recipes"


def shipped_recipes() -> list[str]:
    """Return the names of the recipes that come with the program, sorted."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Return the shipped recipe *name*, or the one in the TOML file *name*, with ``key=value`` *overrides* applied.

    Raises `UsageError` with file, key, value and the nearest known key.
    """
    path = SHIPPED / f"{name}.toml"
    shipped = Path(name).name == name and path.is_file()
    if not shipped:
        path = Path(name)
        if path.suffix != ".toml":
            hint = did_you_mean(name, shipped_recipes()) or " – `handgrad train --list` shows all"
            raise UsageError(f'no recipe "{name}"{hint}')
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"{path} cannot be read: {reason} – give a shipped name or a TOML file") from error
    recipe = parse_recipe(text, path.name, overrides)
    return recipe if recipe.name != "recipe" else replace(recipe, name=name_from(path))


def name_from(path: Path) -> str:
    """Return the name of a recipe that says none: that of its file, with what a name may not have made ``-``."""
    return re.sub(r"^\W+|[^\w .+-]", "-", path.stem).lstrip("-")[:60] or "recipe"


def parse_recipe(text: str, source: str, overrides: Sequence[str] = ()) -> Recipe:
    """Return the recipe in the TOML *text*; *source* names it in messages. Raises `UsageError`."""
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not TOML, a number of 5,000 digits, or brackets 5,000 deep
        raise UsageError(f"{source}: {error} – it must be TOML") from error
    for override in overrides:
        override_value(table, override)
    try:
        # Through JSON, because pydantic's strict mode takes a table for a record only there.
        return pydantic.TypeAdapter(Recipe).validate_json(json.dumps(table, default=str))
    except pydantic.ValidationError as error:
        raise UsageError("; ".join(f"{source}: {message}" for message in messages(error))) from error


def override_value(table: dict[str, Any], override: str) -> None:
    """Put ``key.path=value`` into *table*; the value is read as TOML, and as a plain string where it is none."""
    key, equals, value = override.partition("=")
    if not equals or not key.strip():
        raise UsageError(f'--set "{override}" – write KEY=VALUE, as in optimizer.learning_rate=0.05')
    *sections, last = key.strip().split(".")
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise UsageError(f'--set "{override}" – {section} is a value, not a section')
    try:
        parsed = tomllib.loads(f"value = {value}")
    except (ValueError, RecursionError):
        parsed = {}
    # A line break in the value could smuggle in a second key: then it is no value but a string.
    table[last] = parsed["value"] if parsed.keys() == {"value"} else value.strip()


def messages(error: pydantic.ValidationError, record: type = Recipe) -> Iterable[str]:
    """Return one message for each thing that is wrong with a recipe, or with another *record* read in the same way."""
    for fault in error.errors():
        where = ".".join(str(part) for part in fault["loc"])
        if fault["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            *sections, word = (str(part) for part in fault["loc"])
            known = known_keys(sections, record)
            hint = did_you_mean(word, known) or f" – known: {', '.join(known)}"
            yield f"{where} is not known{hint}"
        elif fault["type"] == "value_error":
            prefix = f"{where}." if where else ""
            yield prefix + str(fault["ctx"]["error"])
        elif fault["type"] == "missing":
            yield f"{where} is missing"
        else:
            yield f"{where} is {fault['input']!r} – {fault['msg'][:1].lower()}{fault['msg'][1:]}"


def known_keys(sections: Sequence[str], record: type = Recipe) -> list[str]:
    """Return the keys that a recipe, or another *record*, may hold in the section named by *sections*."""
    for section in sections:
        record = get_type_hints(record).get(section, record)
    return [item.name for item in fields(record)] if is_dataclass(record) else []


def recipe_table(recipe: Recipe) -> dict[str, Any]:
    """Return the complete recipe as nested plain values; what has no value (None) is left out, as TOML has no null."""
    return {key: value for key, value in asdict(recipe).items() if value is not None}


def recipe_text(recipe: Recipe) -> str:
    """Return the complete recipe as TOML, which `parse_recipe` reads back to an equal record."""
    return tomli_w.dumps(recipe_table(recipe))


def differences(before: Recipe, after: Recipe) -> list[str]:
    """Return ``key old → new`` for every value in which two recipes differ."""
    first, second = flat(recipe_table(before)), flat(recipe_table(after))
    return [
        f"{key} {first.get(key)} → {second.get(key)}" for key in first | second if first.get(key) != second.get(key)
    ]


def flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a nested table as one of dotted keys."""
    result: dict[str, Any] = {}
    for key, value in table.items():
        result |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return result
