"""What ``--over`` says: a key of the recipe, and the values to try."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import as_recipe
from handgrad.errors import UsageError
from handgrad.runs.sweep import Over, Value
from handgrad.toml_records import read_value

RANGE = re.compile(r"(log:|int:)?([^.,]+(?:\.\d+)?(?:e[+-]?\d+)?)\.\.(.+)", re.IGNORECASE)
# A list is written out by hand; a longer one is a range that was meant as one.
MOST_VALUES = 1000


def parse_over(text: str) -> Over:
    """Return what *text* means: ``KEY=a,b,c``, ``KEY=0.1..0.3``, ``KEY=log:0.003..0.1`` or ``KEY=int:8..64``.

    A range of two whole numbers is one of whole numbers. Raises `UsageError`.
    """
    key, equals, spec = text.partition("=")
    key, spec = key.strip(), spec.strip()
    if not equals or not key or not spec:
        raise UsageError(f'--over "{text}" – write KEY=VALUES, as in optimizer.learning_rate=log:0.003..0.1')
    match = RANGE.fullmatch(spec)
    if match is None:
        values = tuple(_value(each.strip()) for each in spec.split(","))
        # As texts: 1 and true are one value to Python, and two to a recipe.
        if len(set(map(str, values))) != len(values) or len(values) > MOST_VALUES:
            raise UsageError(f'--over "{text}" – the values of a list must be different, at most {MOST_VALUES:,}')
        return Over(key, "list", values)
    form, low, high = (match[1] or "").lower().rstrip(":"), _number(match[2], text), _number(match[3], text)
    whole = isinstance(low, int) and isinstance(high, int)
    kind: Literal["float", "log", "int"] = "log" if form == "log" else "int" if form == "int" or whole else "float"
    if not low < high or (kind == "log" and low <= 0) or (kind == "int" and not whole):
        needs = {"log": "above 0", "int": "whole numbers", "float": "numbers"}[kind]
        raise UsageError(f'--over "{text}" – a range goes from a smaller to a larger number, here {needs}')
    return Over(key, kind, (), low, high)


def parse_overs(texts: Sequence[str]) -> tuple[Over, ...]:
    """Return what every ``--over`` means; raises `UsageError` for none and for a key that is named twice."""
    found = tuple(parse_over(text) for text in texts)
    if not found or len({over.key for over in found}) != len(found):
        raise UsageError("a sweep needs --over for at least one key, and each key once")
    return found


def _number(text: str, whole: str) -> int | float:
    value = _value(text.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f'--over "{whole}" – "{text}" is not a number')
    return value


def _value(text: str) -> Value:
    """Return *text* as TOML reads a value, as a word where it is none."""
    found = read_value(text)
    return found if isinstance(found, str | int | float | bool) else text


def recipe_with(base: str, overrides: Sequence[str], settings: dict[str, Any]) -> Recipe:
    """Return the recipe of a trial: *base*, or the recipe that *settings* names, with overrides and settings applied.

    Raises `UsageError` where they do not fit together.
    """
    name = str(settings.get("recipe", base))
    written = [f"{key}={_toml(value)}" for key, value in settings.items() if key != "recipe"]
    return as_recipe(name, [*overrides, *written])


def _toml(value: Any) -> str:
    # TOML writes true where Python writes True; and a float with all its digits.
    return str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)
