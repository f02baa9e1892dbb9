"""Recipes in TOML: reading with every error named, overriding, writing in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import tomli_w

from handgrad.digits.training.recipe import Recipe
from handgrad.errors import UsageError, did_you_mean
from handgrad.toml_records import flat, name_from, read_record, read_table, read_text, read_value

SHIPPED = Path(__file__).parent / "recipes"


def shipped_recipes() -> list[str]:
    """Return the names of the recipes that come with the program, sorted."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Return the shipped recipe *name*, or the one in the TOML file *name*, with ``key=value`` *overrides* applied.

    Raises `UsageError` with file, key, value and the nearest known key.
    """
    path = SHIPPED / f"{name}.toml"
    # A bare name means a shipped recipe, also where a file of that name lies here: a path says otherwise.
    shipped = Path(name).name == name and path.is_file()
    if not shipped:
        path = Path(name)
        if path.suffix != ".toml":
            hint = did_you_mean(name, shipped_recipes()) or " – `handgrad train --list` shows all"
            raise UsageError(f'no recipe "{name}"{hint}')
    text = read_text(path)
    recipe = parse_recipe(text, path.name, overrides)
    return recipe if recipe.name != "recipe" else replace(recipe, name=name_from(path))


def as_recipe(recipe: str | Path | Recipe, overrides: Sequence[str] = ()) -> Recipe:
    """Return *recipe*, a record or what `load_recipe` takes, with ``key=value`` *overrides* applied. Raises `UsageError`."""
    if isinstance(recipe, Recipe):
        return parse_recipe(recipe_text(recipe), recipe.name, overrides) if overrides else recipe
    return load_recipe(str(recipe), overrides)


def parse_recipe(text: str, source: str, overrides: Sequence[str] = ()) -> Recipe:
    """Return the recipe in the TOML *text*; *source* names it in messages. Raises `UsageError`."""
    table = read_table(text, source)
    for override in overrides:
        override_value(table, override)
    return read_record(Recipe, table, source)


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
    table[last] = read_value(value)


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
