"""The values of a recipe as keyword arguments of Python, each under a name of its own, with its type."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from handgrad.digits.training.recipe import Recipe
from handgrad.digits.training.recipe_file import recipe_table
from handgrad.toml_records import read_record


class RecipeValues(TypedDict, total=False):
    """What `handgrad.train` and `handgrad.study` take by name; what each means stands in the recipe's own record."""

    name: str
    note: str
    epochs: int
    batch_size: int
    test: Literal["every epoch", "once"]
    drop_last: bool
    label_smoothing: float
    dropout: float | None
    optimizer: Literal["sgd", "adam", "adamw", "rmsprop", "muon"]
    learning_rate: float
    momentum: float
    nesterov: bool
    weight_decay: float
    beta1: float
    beta2: float
    others_rate: float
    schedule: Literal["constant", "step", "one-cycle", "cosine"]
    every: int
    milestones: tuple[int, ...]
    factor: float
    warmup: float
    start: float
    end: float
    shape: Literal["cosine", "linear"]
    rotation: float
    shift: float
    scale: float
    shear: float
    stroke: float
    elastic: float
    anneal: float
    averaging: float


SECTIONS = {
    "optimizer": ("learning_rate", "momentum", "nesterov", "weight_decay", "beta1", "beta2", "others_rate"),
    "schedule": ("every", "milestones", "factor", "warmup", "start", "end", "shape"),
    "augmentation": ("rotation", "shift", "scale", "shear", "stroke", "elastic", "anneal"),
}
"""The sections of a recipe and the keys in each; ``optimizer`` and ``schedule`` themselves set the ``name`` of theirs."""
PLACES: dict[str, tuple[str, ...]] = {
    **{key: (section, key) for section, keys in SECTIONS.items() for key in keys},
    "optimizer": ("optimizer", "name"),
    "schedule": ("schedule", "name"),
    "averaging": ("averaging", "decay"),
}
"""Where in a recipe a keyword stands, if not at the top under its own name."""


def with_values(recipe: Recipe, values: RecipeValues) -> Recipe:
    """Return *recipe* with *values* instead of its own. Raises `UsageError` with key, value and what is allowed."""
    if not values:
        return recipe
    table: dict[str, Any] = recipe_table(recipe)
    given: dict[str, Any] = dict(values)
    for key, value in given.items():
        *sections, last = PLACES.get(key, (key,))
        place = table
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return read_record(Recipe, {key: value for key, value in table.items() if value is not None}, "train()")
