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
    "path": lambda run: run.path,
}
NUMBERS = ("seed", "epochs", "planned", "accuracy")
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
CLAUSE = re.compile(r"\s*(\w+)\s*(!=|<=|>=|=|<|>)\s*(.+?)\s*")


@dataclass(frozen=True)
class Clause:
    """One condition: a field, a sign, a value."""

    field: str
    sign: str
    value: float | str

    def holds(self, run: Listed) -> bool:
        """Return whether *run* meets it; what a run does not have meets nothing but ``!=``."""
        found = FIELDS[self.field](run)
        if found is None:
            return self.sign == "!="
        return SIGNS[self.sign](found, self.value)


def parse_where(text: str) -> tuple[Clause, ...]:
    """Return the conditions in *text*, all of which must hold; raises `UsageError`."""
    return tuple(_clause(part, text) for part in re.split(r"\s+and(?:\s+|$)", text.strip()))


def _clause(part: str, whole: str) -> Clause:
    match = CLAUSE.fullmatch(part)
    if match is None:
        raise UsageError(f'--where "{whole}" – write conditions as recipe=quick, joined by and')
    field, sign, value = match.groups()
    known("--where", field, FIELDS)
    if field not in NUMBERS:
        if sign not in ("=", "!="):
            raise UsageError(f'--where "{whole}" – {field} is a word, compare it with = or !=')
        return Clause(field, sign, value.strip("\"'"))
    try:
        return Clause(field, sign, float(value))
    except ValueError:
        raise UsageError(f'--where "{whole}" – {field} is a number, found "{value}"') from None


def chosen(runs: Iterable[Listed], where: Sequence[Clause], sort: str | None) -> list[Listed]:
    """Return the *runs* that meet every condition, in the order of the field *sort*, ``-accuracy`` from the largest.

    Runs without a value for the field come last. Raises `UsageError` for a field that is not known.
    """
    found = [run for run in runs if all(clause.holds(run) for clause in where)]
    if sort is None:
        return found
    field, downwards = sort.removeprefix("-"), sort.startswith("-")
    known("--sort", field, FIELDS)
    value = FIELDS[field]
    there = [run for run in found if value(run) is not None]
    return [*sorted(there, key=value, reverse=downwards), *(run for run in found if value(run) is None)]
