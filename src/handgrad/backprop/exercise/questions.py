"""What a task asks: one step of training by hand, quantity by quantity, and the error again after it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from handgrad.backprop.graph.after import AFTER
from handgrad.backprop.graph.graph import FORWARD, Graph, Kind, Quantity
from handgrad.backprop.symbols.expression import Node, Ref, substitute
from handgrad.backprop.symbols.rendering import plain


class Section(StrEnum):
    """The parts of a task, in the order in which they are worked out."""

    FORWARD = "Forward: pre-activations and activations"
    ERROR = "Error"
    DELTA = "Deltas: how the error changes with each pre-activation"
    GRADIENT = "Partial derivatives"
    UPDATE = "One step of training: the new weights"
    AFTER = "And the error after the step"


_SECTIONS = {
    Kind.PRE_ACTIVATION: Section.FORWARD,
    Kind.ACTIVATION: Section.FORWARD,
    Kind.ERROR: Section.ERROR,
    Kind.SAMPLE_ERROR: Section.ERROR,
    Kind.TOTAL: Section.ERROR,
    Kind.DELTA: Section.DELTA,
    Kind.GRADIENT: Section.GRADIENT,
    Kind.UPDATED: Section.UPDATE,
}
_TRIVIAL = frozenset({Kind.ACTIVATION, Kind.SAMPLE_ERROR, Kind.TOTAL})
"""Kinds not asked where they are only another name for one quantity (an identity's activation, a lone error)."""


@dataclass(frozen=True, slots=True)
class Question:
    """One blank: its number from 1, the quantity asked, and ``base``, what the quantity was before the step."""

    number: int
    name: str
    label: str
    meaning: str
    section: Section
    base: str | None = None


def questions(graph: Graph) -> tuple[Question, ...]:
    """Return what is asked of a step described by :func:`with_error_after`, section by section, each in the order of
    the step.
    """
    asked: list[tuple[Section, Quantity]] = []
    for quantity in graph:
        section = Section.AFTER if quantity.name == AFTER else _SECTIONS.get(quantity.kind)
        again = quantity.kind in FORWARD and quantity.name.endswith("_next") and quantity.name != AFTER
        if section is not None and not again and not _trivial(quantity):
            asked.append((section, quantity))
    order = list(Section)
    # A stable sort: within a section the order of the step stays.
    asked.sort(key=lambda pair: order.index(pair[0]))
    return tuple(
        Question(number, q.name, q.label, _meaning(q), section, _base(q))
        for number, (section, q) in enumerate(asked, start=1)
    )


def rule(graph: Graph, name: str) -> str:
    """Return how a quantity is found, in symbols: what has no blank of its own (slopes, mere other names) is written
    out.
    """
    slopes: dict[str, Node] = {}
    for quantity in graph:
        slope = quantity.kind in (Kind.ERROR_SLOPE, Kind.ACTIVATION_SLOPE)
        if quantity.expression is not None and (slope or _trivial(quantity)):
            slopes[quantity.name] = substitute(quantity.expression, slopes)
    if name == AFTER:
        return "the forward pass again, with the new weights"
    expression = graph[name].expression
    if expression is None:
        raise ValueError(f"{name} has a first value and follows no rule")
    return plain(substitute(expression, slopes), lambda ref: graph[ref].label)


def earlier(graph: Graph, asked: frozenset[str], name: str) -> tuple[str, ...]:
    """Return the asked quantities that this one is found from, through any that are not asked; nearest first."""
    found: dict[str, None] = {}
    seen: set[str] = set()
    waiting = list(graph.dependencies(name))
    while waiting:
        current = waiting.pop(0)
        if current in asked:
            found[current] = None
        elif current not in seen:
            seen.add(current)
            waiting.extend(graph.dependencies(current))
    return tuple(found)


def _trivial(quantity: Quantity) -> bool:
    return quantity.kind in _TRIVIAL and isinstance(quantity.expression, Ref) and quantity.name != AFTER


def _meaning(quantity: Quantity) -> str:
    if quantity.name == AFTER:
        return "the error with the new weights"
    return quantity.meaning


def _base(quantity: Quantity) -> str | None:
    if quantity.name == AFTER:
        return "E_total"
    return quantity.of if quantity.kind is Kind.UPDATED else None
