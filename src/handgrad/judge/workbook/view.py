"""A table as it is judged: what it stands on in its book, and its numbers under one reading."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from handgrad.backprop.graph.graph import Kind
from handgrad.judge.workbook.conventions import (
    UnderstoodConvention,
    settled,
)
from handgrad.judge.workbook.digits import decimals_shown, rounding
from handgrad.judge.workbook.heads import counts
from handgrad.judge.workbook.rate import Rate, named_cells
from handgrad.judge.workbook.reading import Reading
from handgrad.judge.workbook.spelling import LEARNING_RATE
from handgrad.judge.workbook.table import Labelled, Table, Values, number
from handgrad.judge.workbook.trial import Ground, cells_read, fills, tree_of, tried
from handgrad.judge.workbook.truth import Truth, same
from handgrad.judge.workbook.unlabelled import UnlabelledBiases
from handgrad.xlsx.calculation import At
from handgrad.xlsx.reader import Book, Sheet

FIRST_LOOK = 5
"""So many rows decide how a table of typed numbers is meant."""
# At one random state a wrong formula may give the right number by chance; the last look, which decides, takes more.
FEW_POINTS, POINTS = 4, 6
DATA = re.compile(r"[it]\d+(?:\[\d+\])?")


@dataclass(frozen=True)
class Source:
    """What a table is judged from: its book and values, the labels beside it, and its rate."""

    book: Book
    values: Values
    table: Table
    labels: tuple[Labelled, ...]
    rate: Rate

    @cached_property
    def sheet(self) -> Sheet:
        """Return the table's sheet."""
        sheet = self.book.sheet(self.table.sheet)
        if sheet is None:
            raise KeyError(self.table.sheet)
        return sheet

    @cached_property
    def fills(self) -> dict[int, list[tuple[str | None, list[int]]]]:
        """Return by column its formulas, see :func:`trial.fills`."""
        return {column: fills(self.sheet, self.table.rows, column) for column in self.table.columns.values()}

    @cached_property
    def names(self) -> dict[str, str]:
        """Return spelled name → text of the head, the spelled names settled among each other."""
        meant = settled(self.table.columns)
        return {meant[name]: text for name, text in self.table.heads.items()}

    @cached_property
    def settled_table(self) -> Table:
        """Return the table with its names settled."""
        meant = settled(self.table.columns)
        columns = {meant[name]: column for name, column in self.table.columns.items()}
        return replace(self.table, columns=columns, heads={meant[n]: text for n, text in self.table.heads.items()})

    @cached_property
    def varied(self) -> bool:
        """Return whether the data change from row to row, one sample per row, and not by a slip in one cell."""
        cells = self.values[self.table.sheet]
        columns = [column for name, column in self.settled_table.columns.items() if DATA.fullmatch(name)]
        shown = [[number(cells.get((row, column))) for column in columns] for row in self.table.rows]
        changes = [sum(one != other for one, other in zip(*pair, strict=True)) for pair in pairwise(shown)]
        moved = [count for count in changes if count]
        return bool(moved) and (2 * len(moved) >= len(changes) > 1 or (len(moved) > 1 and min(moved) > 1))

    @cached_property
    def read_outside(self) -> set[At]:
        """Return the cells beside the table that its first rows read."""
        inside, rows = set(self.table.columns.values()), set(self.table.rows)
        found: set[At] = set()
        for column, patterns in self.fills.items():
            for _, places in patterns[:3]:
                cell = self.sheet.cells.get((self.table.rows[places[min(1, len(places) - 1)]], column))
                tree = None if cell is None or cell.formula is None else tree_of(cell.formula)
                if tree is not None:
                    found |= {
                        at for at in cells_read(self.book, self.table.sheet, tree)
                        if not (at[0] == self.table.sheet and at[1] in rows and at[2] in inside)
                    }  # fmt: skip
        return found

    @cached_property
    def roles(self) -> dict[At, str]:
        """Return which cells beside the table hold a given quantity."""
        found: dict[At, str] = {}
        values: dict[str, float] = {}
        listed = [(each.name, (each.sheet, *each.place), each.value) for each in self.labels if not each.inside]
        listed += list(named_cells(self.book, self.values))
        # Stable, cells that formulas read first: of two labelled alike the one that counts is the one in use.
        listed.sort(key=lambda each: each[1] not in self.read_outside)
        for name, at, value in listed:
            if name == LEARNING_RATE or at in self.rate.cells:
                continue
            column = self.settled_table.columns.get(name)
            first = None if column is None else number(self.values[self.table.sheet].get((self.table.rows[0], column)))
            if values.setdefault(name, value if first is None else first) == value:
                found[at] = name
        inside = LEARNING_RATE in self.table.columns
        return found | ({} if inside else dict.fromkeys(self.rate.cells, LEARNING_RATE))

    @cached_property
    def given(self) -> dict[str, float]:
        """Return the values of given quantities without a column."""
        found: dict[str, float] = {}
        for at, name in self.roles.items():
            if name != LEARNING_RATE and name not in self.settled_table.columns:
                value = number(self.values.get(at[0], {}).get((at[1], at[2])))
                found.setdefault(name, 0.0 if value is None else value)
        for each in self.labels:
            if each.inside and each.name != LEARNING_RATE and each.name not in self.settled_table.columns:
                found.setdefault(each.name, each.value)
        return found

    @cached_property
    def own(self) -> bool:
        """Return whether the book is one of this program's."""
        # By names that it defines, which survive saving in another program; its title may be anything.
        return {"training_header", "step_shown", "learning_rate"} <= set(self.book.names)


@dataclass(frozen=True)
class View:
    """A table read one way, ready to be judged."""

    source: Source
    convention: UnderstoodConvention
    biases: UnlabelledBiases | None = None
    points: int = FEW_POINTS

    @cached_property
    def ground(self) -> Ground:
        """Return which cell holds which quantity."""
        graph = self.convention.graph
        roles = {at: name for at, name in self.source.roles.items() if name in graph}
        if self.biases is not None:
            roles |= self.biases.cells
        return Ground(self.source.book, self.source.settled_table, self.convention.names, roles)

    @cached_property
    def truth(self) -> Truth:
        """Return the true numbers at random states."""
        rate = self.source.rate
        fixed = {"learning_rate": rate.first} if rate.typed else {}
        fixed |= {} if self.biases is None else self.biases.typed
        known = {name: value for name, value in fixed.items() if name in self.convention.graph}
        return Truth(self.convention.graph, known, varied=self.source.varied, points=self.points)

    @cached_property
    def reading(self) -> Reading:
        """Return the table's numbers under this reading."""
        return self._reading(self.source.settled_table)

    def _reading(self, table: Table) -> Reading:
        source = self.source
        cells = source.values[table.sheet]
        rate = source.rate.value
        # A first look has fewer rows than the rate was read for.
        rate = rate[: len(table.rows)] if isinstance(rate, np.ndarray) else rate
        changed = {name: value for name, value in source.given.items() if name in self.convention.graph}
        changed |= {} if self.biases is None else self.biases.values
        errors = {}
        for head, name in self.convention.names.items():
            column = table.columns[head]
            kind = self.convention.graph[name].kind
            if kind in (Kind.INPUT, Kind.TARGET, Kind.SETTING):
                continue
            error = rounding(self._typed(row, column) for row in table.rows)
            if kind in (Kind.WEIGHT, Kind.BIAS, Kind.MEMORY):
                # First values are what they are: typed numbers there are given, not rounded results.
                error[[start for start in table.starts if start < len(error)]] = 0.0
            errors[name] = error
        known = [0.5 * 10.0**-places for places in self._decimals.values() if places is not None]
        for name, column in self.ground.places.items():
            # Where all is rounded to 0, the digits are those of the other columns.
            shown = [self._typed(row, column) for row in table.rows]
            if known and name in errors and not any(shown) and any(value == 0.0 for value in shown):
                errors[name] = np.full(len(table.rows), max(known))
        return Reading(self.convention, table, cells, rate, errors, source.varied, changed)

    @cached_property
    def _decimals(self) -> dict[str, int | None]:
        """By name, to how many decimals a column's typed numbers are given; None where exactly, or nothing is typed."""
        rows = self.source.table.rows
        made = {
            name: column
            for name, column in self.ground.places.items()
            if self.convention.graph[name].expression is not None
        }
        return {name: decimals_shown(self._typed(row, column) for row in rows) for name, column in made.items()}

    def _typed(self, row: int, column: int) -> float | None:
        cell = self.source.sheet.cells.get((row, column))
        return None if cell is None or cell.formula is not None else number(cell.value)

    @cached_property
    def _look(self) -> Reading:
        table = self.source.settled_table
        return self._reading(replace(table, rows=table.rows[:FIRST_LOOK], partial=False))

    @cached_property
    def wrong(self) -> int:
        """Return how many columns are wrong or not understood, by one row of each."""
        heads = self.source.settled_table.heads
        unknown = sum(name not in self.convention.names and not counts(heads[name]) for name in heads)
        return unknown + sum(not self.seems_right(name) for name in self.ground.places)

    @cached_property
    def right_activations(self) -> tuple[str, ...]:
        """Return the activations whose formulas are those of the activation that this reading takes them for."""
        kinds = self.convention.graph
        return tuple(
            name for name in self.ground.places if kinds[name].kind is Kind.ACTIVATION and self.seems_right(name)
        )

    def seems_right(self, name: str) -> bool:
        """Return whether a column is right, by one row of it."""
        patterns = self.source.fills[self.ground.places[name]]
        state = name in self.convention.graph.successors
        if self.convention.graph[name].expression is None and not state:
            return True
        starts = set(self.source.table.starts)
        formula, places = max(patterns, key=lambda each: len(each[1]))
        places = [place for place in places if not (state and place in starts)]
        if formula is None or not places:
            if formula is None and not any(self._look.wrong[name]):
                return True
            return formula is not None
        # The third row where there is one: by then a reference that slides or stays gives another number.
        place = places[min(2, len(places) - 1)]
        tree = tree_of(self.ground.formula(name, place) or "")
        found = None if tree is None else tried(self.ground, self.truth, tree, place)
        if found is None:
            return not any(self._look.wrong[name] & np.isfinite(self._look.found[name]))
        return same(found, self.truth.expected(name))
