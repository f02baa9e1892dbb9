"""The network of a task as a drawing: the numbers of the task, and the learner's answers as they come."""

from __future__ import annotations

from handgrad.backprop.exercise.layout import SAMPLE_SHOWN, Places
from handgrad.backprop.graph.graph import FIRST_VALUES
from handgrad.backprop.workbook.content import Material
from handgrad.backprop.workbook.network_drawing import Drawing
from handgrad.backprop.workbook.plan import Page
from handgrad.xlsx.writer import Look, Value

OPEN = "?"
"""Shown where there is no answer yet."""


class TaskDrawing(Drawing):
    """The workbook's drawing with other contents: its numbers are those of the task's own cells."""

    def __init__(self, page: Page, places: Places, top: int, left: int) -> None:
        self.places = places
        super().__init__(page, Material(places.exercise.network, 0, (1.0,)), top, left)

    def _pair(self, row: int, column: int, names: list[str], label: str, *, looks: tuple[object, object]) -> None:
        name_look, value_look = looks
        assert isinstance(name_look, Look) and isinstance(value_look, Look)
        self.page.text(row, column, label, name_look)
        shown = [self._shown(name) for name in names]
        formula, value = shown[0]
        if len(shown) > 1:
            formula = f"CHOOSE({SAMPLE_SHOWN},{','.join(text for text, _ in shown)})"
        self.page.formula(row, column + 1, formula, value, value_look)

    def _shown(self, name: str) -> tuple[str, Value]:
        name = self.places.stands_for(name)
        exercise = self.places.exercise
        if exercise.graph[name].kind in FIRST_VALUES:
            return self.places.number(name), exercise.values[name]
        cell = self.places.answer(name)
        return f'IF(ISNUMBER({cell}),{cell},"{OPEN}")', exercise.values[name] if self.places.key else OPEN
