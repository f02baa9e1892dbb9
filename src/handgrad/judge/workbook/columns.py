"""Judges the columns of a table read one way: each formula at random numbers, each typed number by its digits."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from handgrad.backprop.graph.graph import FIRST_VALUES, Graph, Kind
from handgrad.backprop.mistakes.kinds import MistakeKind
from handgrad.judge.workbook.causes import Causes, Finding
from handgrad.judge.workbook.reading import Reading
from handgrad.judge.workbook.table import number
from handgrad.judge.workbook.trial import references, tree_of, tried
from handgrad.judge.workbook.truth import same
from handgrad.judge.workbook.verdict import plain
from handgrad.judge.workbook.view import View
from handgrad.xlsx.formula import Reference
from handgrad.xlsx.reader import Cell, CellError

ROWS_TRIED = 3
"""So many rows of a fill are tried, and its last: a reference that slides or stays shows in the second or third."""


@dataclass
class Judged:
    """The findings of a table by graph name, and the columns whose formulas could not be calculated here.

    ``beyond`` are those judged by the values that the file stores, ``unvalued`` those for which it stores none.
    """

    own: dict[str, Finding] = field(default_factory=dict)
    beyond: list[str] = field(default_factory=list)
    unvalued: list[str] = field(default_factory=list)


class Columns:
    """The columns of one table under one reading."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.graph: Graph = view.convention.graph
        self.reading: Reading = view.reading
        self.causes = Causes(view)
        self.rows = view.ground.table.rows
        self.live = self._live()

    def cell(self, name: str, place: int) -> Cell | None:
        """Return the cell of a column in a row of the table; None where it is empty."""
        return self.view.ground.cells.get((self.rows[place], self.view.ground.places[name]))

    def _live(self) -> bool:
        """Whether the table is calculated: most columns that have a formula in the step have formulas in the sheet."""
        made = [name for name in self.view.ground.places if self.graph[name].expression is not None]
        written = [name for name in made if self._written(name) * 2 > len(self.rows)]
        return len(written) * 2 >= len(made) > 0

    def _written(self, name: str) -> int:
        """In how many rows a column has a formula."""
        patterns = self.view.source.fills[self.view.ground.places[name]]
        return sum(len(places) for formula, places in patterns if formula is not None)

    @property
    def has_formulas(self) -> bool:
        """Return whether any column has one."""
        return any(self._written(name) for name in self.view.ground.places)

    def judged(self) -> Judged:
        """Judge every column."""
        result = Judged()
        for name in self.view.ground.places:
            finding = self._column(name, result)
            if finding is not None:
                result.own[name] = self.causes.by_chance(finding, name) if self._written(name) else finding
        return result

    def _column(self, name: str, result: Judged) -> Finding | None:
        if name == "learning_rate":
            return None
        text = self._text(name) if self.live else None
        if (first := text or self._circular_start(name)) is not None:
            return first
        found = [finding for finding in (self._typed(name), self._by_formula(name, result)) if finding is not None]
        # The one that stands highest: what is below may follow from it.
        return min(found, key=lambda finding: finding.row) if found else None

    def _text(self, name: str) -> Finding | None:
        """A number stored as text, which not every program calculates with."""
        for place in range(len(self.rows)):
            cell = self.cell(name, place)
            if (
                cell is None
                or cell.formula is not None
                or not isinstance(cell.value, str)
                or isinstance(cell.value, CellError)
            ):
                continue
            if number(cell.value) is not None and cell.value != "diverged":
                shown = plain(cell.value, 20)
                words = (
                    f"{self.causes.at(name, place)} holds the number {shown} as text: formulas cannot calculate with it"
                )
                return Finding(MistakeKind.TEXT, words, place)
        return None

    def _circular_start(self, name: str) -> Finding | None:
        """A first value that is calculated from its own cell or from what its row makes of it: the update belongs below."""
        if name not in self.graph.successors:
            return None
        ground = self.view.ground
        for place in ground.table.starts:
            tree = tree_of(ground.formula(name, place) or "")
            if tree is None:
                continue
            for ref in references(ground.book, ground.table.sheet, tree):
                meant = ground.meant(ref.sheet or ground.table.sheet, ref.row, ref.column)
                if meant is None or meant[1] != place:
                    continue
                if meant[0] == name or self.graph[meant[0]].kind not in FIRST_VALUES:
                    words = (
                        f"{self.causes.at(name, place)} is calculated from itself: the update belongs into the next row"
                    )
                    return Finding(MistakeKind.CIRCULAR, words, place)
        return None

    # Typed numbers.

    def _typed(self, name: str) -> Finding | None:
        """What is wrong with the cells of a column that hold no formula."""
        state, kind = name in self.graph.successors, self.graph[name].kind
        starts = set(self.view.ground.table.starts)
        given = kind in FIRST_VALUES
        places = [
            place
            for formula, places in self.view.source.fills[self.view.ground.places[name]]
            if formula is None
            for place in places
            if not (given and place in starts)
        ]
        if self.view.ground.table.partial and not state and places and places[-1] == len(self.rows) - 1:
            places = [place for place in places if self.cell(name, place) is not None or place < len(self.rows) - 1]
        if not places:
            return None
        if given and not state:
            return self._typed_data(name, places)
        if not self.live:
            wrong = self.reading.wrong[name] & np.isin(np.arange(len(self.rows)), places)
            return self.causes.of_values(name, wrong) if wrong.any() else None
        first = places[0]
        cell = self.cell(name, first)
        if cell is None or number(cell.value) is None:
            what = "is empty" if cell is None else "shows no number"
            return (
                None
                if cell is not None and cell.value == "diverged"
                else Finding(MistakeKind.NO_NUMBER, f"{self.causes.at(name, first)} {what}", first)
            )
        if 2 * self._written(name) > len(self.rows) or self._written(name) >= len(places):
            return Finding(
                MistakeKind.TYPED_OVER,
                f"{self.causes.at(name, first)} holds a typed number where the column has formulas",
                first,
            )
        words = f"{self.causes.at(name, first)} and the rest of the column are typed numbers, not formulas"
        return Finding(MistakeKind.CONSTANT, words, first)

    def _typed_data(self, name: str, places: list[int]) -> Finding | None:
        """Data and fixed biases: what the first row has, unless each row has a sample of its own."""
        column = self.reading.found[name]
        for place in places:
            start = max(s for s in self.view.ground.table.starts if s <= place)
            if math.isnan(column[place]):
                empty = self.cell(name, place) is None
                if not (empty and self.view.ground.table.partial and place == len(self.rows) - 1):
                    return Finding(
                        MistakeKind.NO_NUMBER,
                        f"{self.causes.at(name, place)} {'is empty' if empty else 'shows no number'}",
                        place,
                    )
            elif not self.view.source.varied and not math.isclose(
                column[place], column[start], rel_tol=1e-9, abs_tol=1e-12
            ):
                return Finding(
                    MistakeKind.TYPED_OVER, f"{self.causes.at(name, place)} is not the first row's value", place
                )
        return None

    # Formulas.

    def _by_formula(self, name: str, result: Judged) -> Finding | None:
        state = name in self.graph.successors
        starts = set(self.view.ground.table.starts)
        given = self.graph[name].kind in FIRST_VALUES
        best: Finding | None = None
        for formula, places in self.view.source.fills[self.view.ground.places[name]]:
            asked = [place for place in places if not (given and place in starts)]
            if formula is None or not asked or (best is not None and asked[0] >= best.row):
                continue
            place = self._first_wrong(name, asked, result, state=state)
            if place is not None and (best is None or place < best.row):
                stored = name in result.beyond and self._right(name, place, state=state) is None
                best = self._of_stored(name, place) if stored else self.causes.of_formula(name, place)
        return best

    def _of_stored(self, name: str, place: int) -> Finding:
        return self.causes.of_values(name, self.reading.wrong[name] & (np.arange(len(self.rows)) >= place))

    def _first_wrong(self, name: str, places: list[int], result: Judged, *, state: bool) -> int | None:
        """The first row in which a fill of one formula is wrong."""
        few = [*places[:ROWS_TRIED], *places[-1:]]
        for place in dict.fromkeys(few):
            right = self._right(name, place, state=state)
            if right is None:
                return self._by_stored(name, places, result)
            if not right:
                # The first wrong one: a fill that slides is right in its first row and wrong from the second on.
                return next(each for each in places if each <= place and not self._right(name, each, state=state))
        return None

    def _by_stored(self, name: str, places: list[int], result: Judged) -> int | None:
        """The first row of a fill that is wrong by its stored values, as its functions are not calculated here."""
        shown = np.isfinite(self.reading.found[name])
        valued = any(shown[place] for place in places)
        for kept, held in ((result.beyond, valued), (result.unvalued, not valued)):
            if held and name not in kept:
                kept.append(name)
        wrong = self.reading.wrong[name] & shown
        return next((place for place in places if wrong[place]), None)

    def _right(self, name: str, place: int, *, state: bool) -> bool | None:
        """Whether a formula gives what its head says; None where it cannot be calculated here."""
        tree = tree_of(self.view.ground.formula(name, place) or "")
        if tree is None:
            return None
        if self.graph[name].expression is None and not state and self._data_formula(name, place):
            return True
        found = tried(self.view.ground, self.view.truth, tree, place)
        if found is None:
            cell = self.cell(name, place)
            refs = list(references(self.view.ground.book, self.view.ground.table.sheet, tree))
            own = (self.view.ground.table.sheet, self.rows[place], self.view.ground.places[name])
            return False if cell is not None and any((r.sheet, r.row, r.column) == own for r in refs) else None
        return same(found, self.view.truth.expected(name))

    def _data_formula(self, name: str, place: int) -> bool:
        """Whether a formula of an input or target brings data: from beside the table, or from its own column above."""
        tree = tree_of(self.view.ground.formula(name, place) or "")
        ground = self.view.ground
        if tree is None:
            return False
        meant = [
            ground.meant(r.sheet or ground.table.sheet, r.row, r.column)
            for r in references(ground.book, ground.table.sheet, tree)
        ]
        known = [each for each in meant if each is not None]
        if self.view.source.varied:
            return all(each[0] == name for each in known) and (not known or isinstance(tree, Reference))
        value = self.reading.found[name]
        return not known and math.isclose(value[place], value[0], rel_tol=1e-9, abs_tol=1e-12)

    def step_function(self, result: Judged) -> str | None:
        """Return the head of an activation that is only ever 0 or 1 (or ±1): a perceptron of old, which has no gradient."""
        heads = {known: head for head, known in self.view.convention.names.items()}
        for name, finding in result.own.items():
            tree = tree_of(self.view.ground.formula(name, finding.row) or "")
            if self.graph[name].kind is not Kind.ACTIVATION or tree is None:
                continue
            found = tried(self.view.ground, self.view.truth, tree, finding.row)
            if found is not None and len(set(found)) == 2 and set(found) <= {0.0, 1.0, -1.0}:
                return plain(self.view.ground.table.heads[heads[name]], 30)
        return None
