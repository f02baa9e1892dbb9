"""How a table is meant: the reading under which fewest of its columns are wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

from handgrad.backprop.graph.graph import Kind
from handgrad.judge.workbook.choices import (
    ACTIVATIONS_TRIED,
    Choice,
    MisfitError,
    Shape,
    first_choice,
    other_choices,
    shape_of,
    with_activation,
)
from handgrad.judge.workbook.conventions import UnderstoodConvention, convention_of, error_unit
from handgrad.judge.workbook.heads import counts
from handgrad.judge.workbook.table import number
from handgrad.judge.workbook.unlabelled import UnlabelledBiases, unlabelled_biases
from handgrad.judge.workbook.view import POINTS, Source, View

# One choice can hide another (a factor ½ the order of updates): each round settles what the others left open.
MAX_ROUNDS = 3
SIGNED_ERROR = re.compile(
    r"(?:output )?(?:error|err)s?[ _]?(?:at |of |for )?(?:o|out|output)?[ _]?[(]?\d*[)]?(?: *[(][^²^]*[)])?"
    r"|[^=]+=[^=²^]*[-−–][^=²^]*",
    re.IGNORECASE,
)
"""Heads that may mean target minus output by themselves: "error 1", "e = t − y"."""


def best_view(source: Source) -> View:
    """Return the reading with the fewest wrong columns; of equals the usual one.

    Raises :class:`MisfitError` where no network fits the names.
    """
    names = frozenset(source.settled_table.columns)
    shape = _shape(source, names)
    view = _view(source, shape, first_choice(shape, names, source.names, moving=_biases_move(source)))
    if view is None:
        raise MisfitError("no network fits these names")
    # Activations first, each by its own columns: taken wrong, they would spoil all columns behind them and hide
    # everything else.
    view = _by_their_formulas(source, shape, view)
    for _ in range(MAX_ROUNDS):
        before = view.wrong
        if before and not view.convention.choice.biases:
            view = _with_biases(source, shape, view)
        elif before and not any(re.match(r"b\d", name) for name in names):
            view = _better(view, _view(source, replace(shape, biases=0), replace(view.convention.choice, biases=0)))
        number_of = 0
        # One wrong column is a mistake, no meaning; but our own books may have one unit alone before the updated weights.
        while view.wrong > (0 if source.own and number_of == 0 else 1):
            # Asked again each time: a better choice may open other ones.
            groups = list(other_choices(shape, names, view.convention.choice, source.own))
            if number_of >= len(groups):
                break
            for choice in groups[number_of]:
                if choice != view.convention.choice:
                    view = _better(view, _view(source, shape, choice, view.biases))
                    if view.wrong == 0:
                        break
            number_of += 1
        # A round that changed nothing would change nothing again.
        if view.wrong <= 1 or view.wrong == before:
            break
    view = _signed_errors(source, shape, view)
    _check_given(source, view.convention)
    return replace(view, points=POINTS)


def _by_their_formulas(source: Source, shape: Shape, view: View) -> View:
    """The view with each layer's activation as its own columns have it, whatever the rest of the table says."""
    for layer in range(len(shape.sizes) - 1):
        best, fewest = view, _wrong_activations(view, layer)
        last = layer == len(shape.sizes) - 2 and shape.sizes[-1] > 1
        for name in (*ACTIVATIONS_TRIED, "softmax") if last else ACTIVATIONS_TRIED:
            if fewest == 0:
                break
            choice = view.convention.choice
            other = _view(source, shape, replace(choice, activations=with_activation(choice, layer, name)), view.biases)
            if other is not None and (wrong := _wrong_activations(other, layer)) < fewest:
                best, fewest = other, wrong
        view = best
    return view


def _wrong_activations(view: View, layer: int) -> int:
    graph = view.convention.graph
    columns = (name for name in view.ground.places if graph[name].kind is Kind.ACTIVATION)
    return sum(graph[name].layer == layer + 1 and not view.seems_right(name) for name in columns)


def _signed_errors(source: Source, shape: Shape, view: View) -> View:
    """The view, or a better one in which the heads "error" mean t − a, as in the delta rule, and not its square.

    Where the head does not say "error", another column must take it so too: a square left out is a mistake.
    """
    outputs = view.convention.network.sizes[-1]
    errors = {
        known: source.names[head]
        for head, known in view.convention.names.items()
        if error_unit(known, outputs) is not None
    }
    wrong = [name for name in errors if not view.seems_right(name)]
    if not wrong or len(wrong) < len(errors):
        return view
    needed = len(wrong) if all(SIGNED_ERROR.fullmatch(text.strip()) for text in errors.values()) else len(wrong) + 1
    for kind in ("raw:", "raw-:"):
        for other in ("delta", "minus:delta"):
            choice = replace(view.convention.choice, errors=kind, delta=other, error_out=other)
            found = _view(source, shape, choice, view.biases)
            if found is not None and found.wrong <= view.wrong - needed:
                return found
    return view


def _check_given(source: Source, convention: UnderstoodConvention) -> None:
    """Refuse a table whose columns need data or weights that stand nowhere."""
    graph = convention.graph
    known = {*convention.names.values(), *source.given}
    # From what the rows make of them, so that a weight's update counts among its needs.
    waiting = [graph.successors.get(name, name) for name in convention.names.values()]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if graph[name].kind in (Kind.INPUT, Kind.TARGET, Kind.WEIGHT) and name not in known:
            raise MisfitError(f"no column or labelled cell for {graph[name].label}")
        waiting.extend(graph.dependencies(name))


def _better(view: View, other: View | None) -> View:
    """The view with fewer wrong columns; an activation that is right as written is never read otherwise for others' sake."""
    if other is None or other.wrong >= view.wrong:
        return view
    return (
        view
        if any(not other.seems_right(name) for name in view.right_activations if name in other.ground.places)
        else other
    )


def _view(source: Source, shape: Shape, choice: Choice, biases: UnlabelledBiases | None = None) -> View | None:
    convention = convention_of(shape, source.names, choice)
    return None if convention is None else View(source, convention, biases)


def _with_biases(source: Source, shape: Shape, view: View) -> View:
    """The view, or a better one with biases that no label names: in cells, or typed into the formulas."""
    found = unlabelled_biases(view.ground, view.truth, source.values)
    if found is None:
        return view
    choice = replace(view.convention.choice, biases=len(found.values), moving=False)
    return _better(view, _view(source, shape, choice, found))


def _shape(source: Source, names: frozenset[str]) -> Shape:
    inputs = any(re.fullmatch(r"i\d+(?:\[\d+\])?", name) for name in names)
    targets = any(re.fullmatch(r"t\d+(?:\[\d+\])?", name) for name in names)
    units = shape_of(names, {} if inputs and targets else source.given)
    biases = [int(name[1:]) for name in source.given if re.fullmatch(r"b\d+", name)]
    return replace(units, biases=max(units.biases, *biases, 0))


def _biases_move(source: Source) -> bool:
    """Whether biases are trained: they have gradients, or change in most rows."""
    table = source.settled_table
    if any(name.startswith("dE/db") for name in table.columns):
        return True
    cells = source.values[table.sheet]
    steps = moves = 0
    for name, column in table.columns.items():
        if re.fullmatch(r"b\d+", name):
            shown = [number(cells.get((row, column))) for row in table.rows]
            steps += len(shown) - 1
            moves += sum(one != other for one, other in pairwise(shown))
    # More than half: a bias that was typed over in one row does not learn.
    return moves > steps / 2


def unread(view: View) -> Mapping[str, int]:
    """Return the heads of columns with numbers that were not understood, and their columns; counters are none."""
    table = view.source.settled_table
    return {
        table.heads[name]: column
        for name, column in table.columns.items()
        if name not in view.convention.names and not counts(table.heads[name])
    }
