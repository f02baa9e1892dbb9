"""Which runs of a list are meant: ``recipe=quick and accuracy>99.4``, and in which order."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from handgrad.errors import UsageError, known
from handgrad.report.listing import Listed

FIELDS: dict[str, Callable[[Listed], Any]] = {
    "state": lambda run: run.state,
    "recipe": lambda run: run.recipe,
    "network": lambda run: run.network,
    "dataset": lambda run: run.dataset,
    "seed": lambda run: run.seed,
    "epochs": lambda run: run.epochs,
    "planned": lambda run: run.planned,
    "accuracy": lambda run: None if run.last is None else run.last.accuracy,
    "trial": lambda run: run.trial,
    "path": lambda run: run.path,
}
NUMBERS = ("seed", "epochs", "planned", "accuracy", "trial")
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# The longer signs first: `<=` would else be read as `<` and a value that begins with `=`.
CLAUSE = re.compile(r"\s*([\w.]+)\s*(!=|<=|>=|=|<|>)\s*(.+?)\s*")


@dataclass(frozen=True)
class Clause:
    """One condition: a field or a key of the recipe, a sign, a value."""

    field: str
    sign: str
    value: float | str

    def holds(self, run: Listed) -> bool:
        """Return whether *run* meets it; what a run does not have meets nothing but ``!=``."""
        found = value_of(run, self.field)
        if isinstance(found, bool) or (isinstance(self.value, str) and found is not None):
            found = str(found).lower() if isinstance(found, bool) else str(found)
        if found is None or isinstance(found, str) != isinstance(self.value, str):
            return self.sign == "!="
        return SIGNS[self.sign](found, self.value)


def value_of(run: Listed, name: str) -> Any:
    """Return what *run* has for a field, or for a key of its recipe; None where it has nothing."""
    return FIELDS[name](run) if name in FIELDS else run.settings.get(name)


def names_in(runs: Iterable[Listed]) -> list[str]:
    """Return every name that conditions on *runs* can use: the fields, then the keys of their recipes."""
    return [*FIELDS, *sorted({key for run in runs for key in run.settings} - FIELDS.keys())]


def parse_where(text: str, names: Sequence[str] = tuple(FIELDS)) -> tuple[Clause, ...]:
    """Return the conditions in *text* on *names*, all of which must hold; raises `UsageError`."""
    return tuple(_clause(part, text, names) for part in re.split(r"\s+and(?:\s+|$)", text.strip()))


def _clause(part: str, whole: str, names: Sequence[str]) -> Clause:
    match = CLAUSE.fullmatch(part)
    if match is None:
        raise UsageError(f'--where "{whole}" – write conditions as recipe=quick, joined by and')
    field, sign, value = match.groups()
    known("--where", field, names)
    if field in FIELDS and field not in NUMBERS:
        if sign not in ("=", "!="):
            raise UsageError(f'--where "{whole}" – {field} is a word, compare it with = or !=')
        return Clause(field, sign, value.strip("\"'"))
    try:
        return Clause(field, sign, float(value))
    except ValueError:
        # A key of a recipe may hold words as well; a field that is a number does not.
        if field not in FIELDS and sign in ("=", "!="):
            return Clause(field, sign, value.strip("\"'"))
        raise UsageError(f'--where "{whole}" – {field} is a number, found "{value}"') from None


def chosen(runs: Iterable[Listed], where: Sequence[Clause], sort: str | None) -> list[Listed]:
    """Return the *runs* that meet every condition, in the order of the field *sort*, ``-accuracy`` from the largest.

    Runs without a value for the field come last. Raises `UsageError` for a field that is not known.
    """
    runs = list(runs)
    found = [run for run in runs if all(clause.holds(run) for clause in where)]
    if sort is None:
        return found
    field, downwards = sort.removeprefix("-"), sort.startswith("-")
    known("--sort", field, names_in(runs))
    there = [run for run in found if value_of(run, field) is not None]
    # Words and numbers under one key are put in order each among themselves.
    ordered = sorted(there, key=lambda run: _rank(value_of(run, field)), reverse=downwards)
    return [*ordered, *(run for run in found if value_of(run, field) is None)]


def _rank(value: Any) -> tuple[int, Any]:
    return (0, value) if isinstance(value, int | float) else (1, str(value))
