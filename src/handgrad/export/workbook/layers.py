"""The sheets of the layers: every number of a value as a formula, the weights beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from handgrad.backprop.workbook import looks
from handgrad.export.plan import (
    Add,
    Concatenate,
    Convolution,
    Function,
    Linear,
    Multiply,
    Plan,
    Pool,
    Reshape,
    ScaleShift,
    Step,
)
from handgrad.export.workbook import formulas
from handgrad.export.workbook.areas import Area
from handgrad.export.workbook.layer_sheet import LEFT, TOP, Floats, LayerSheet, plain, rectangles_for, rounded
from handgrad.export.workbook.looks import VALUE
from handgrad.export.workbook.words import layer_words
from handgrad.xlsx.writer import Book


@dataclass(frozen=True)
class Layer:
    """A sheet of the book: its name, what it shows in words, where its values lie, and which value of the plan they are."""

    name: str
    title: str
    area: Area
    value: int


@dataclass(frozen=True)
class Group:
    """Steps that share a sheet: the one at *place*, and the function that is applied to it in the same cell."""

    place: int
    function: Function | None

    @property
    def value(self) -> int:
        """The number of the value that the sheet shows."""
        return self.place + (1 if self.function is None else 2)


def groups_of(plan: Plan) -> list[Group]:
    """Return the sheets to make: a function that alone reads the step before it is written into the same cells."""
    readers = [0] * len(plan.shapes)
    for step in plan.steps:
        for number in step.inputs:
            readers[number] += 1
    found: list[Group] = []
    for place, step in enumerate(plan.steps):
        if found and found[-1].function is step:
            continue
        after = plan.steps[place + 1] if place + 1 < len(plan.steps) else None
        joins = (
            isinstance(after, Function)
            and after.function in formulas.ONCE
            and after.inputs == (place + 1,)
            and readers[place + 1] == 1
            and isinstance(step, Convolution | Linear | ScaleShift | Add | Multiply)
        )
        found.append(Group(place, after if joins and isinstance(after, Function) else None))
    return found


def count_formulas(plan: Plan) -> int:
    """Return how many formulas the layers of *plan* need."""
    return sum(
        prod(plan.shapes[group.value])
        for group in groups_of(plan)
        if not isinstance(plan.steps[group.place], Reshape | Concatenate)
    )


class Layers:
    """Writes the layers' sheets one after the other, knowing where each value lies."""

    def __init__(self, book: Book, plan: Plan, values: Sequence[Floats], image: Area) -> None:
        self.book, self.plan, self.values = book, plan, values
        self.areas: dict[int, Area] = {0: image}
        self.layers: list[Layer] = []

    def write(self) -> list[Layer]:
        """Write all sheets and return what is on them."""
        for group in groups_of(self.plan):
            step = self.plan.steps[group.place]
            if isinstance(step, Reshape):
                self.areas[group.value] = self.areas[step.inputs[0]].reshaped(step.shape)
            elif isinstance(step, Concatenate):
                parts = [rectangle for number in step.inputs for rectangle in self.areas[number].rectangles]
                self.areas[group.value] = Area(step.shape, tuple(parts))
            else:
                self._write_layer(group, step)
        return self.layers

    def _write_layer(self, group: Group, step: Step) -> None:
        name = f"{layer_words(step)[0]}_{len(self.layers) + 1}"
        sheet = self.book.sheet(name, looks.ACCENT)
        _, title, words = layer_words(step, group.function)
        title = f"Layer {len(self.layers) + 1}: {title}"
        sheet.text(0, 0, title, looks.TITLE)
        sheet.text(1, 0, words, looks.SUBTITLE)
        shape = "×".join(map(str, step.shape))
        sheet.text(2, 0, f"{shape} numbers; the network calls it “{step.name}”. Weights are blue.", looks.NOTE)
        sheet.heights({0: 28})
        sheet.freeze(TOP - 1, LEFT)
        sources = [self._readable(number, step) for number in step.inputs]
        writer = LayerSheet(sheet, step, sources, self.values[step.inputs[0]])
        texts = writer.formulas()
        if group.function is not None:
            texts = [formulas.function(group.function, text) for text in texts]
        values = self.values[group.value].ravel()
        area = writer.area
        for index, text in enumerate(texts):
            place = area.cell(index)
            sheet.formula(place.row, place.column, text, value=rounded(values[index]), look=VALUE)
        writer.labels()
        self.areas[group.value] = area
        self.layers.append(Layer(name, title, area, group.value))

    def _readable(self, number: int, step: Step) -> Area:
        """Return where a value lies, copied onto a sheet of its own first where maps are needed and it does not lie in maps."""
        area = self.areas[number]
        if not isinstance(step, Convolution | Pool) or area.maps() is not None:
            return area
        name = f"Copy_{number}"
        sheet = self.book.sheet(name)
        copy = Area(area.shape, rectangles_for(area.shape, name))
        sheet.text(0, 0, "The same numbers, laid out as maps", looks.TITLE)
        values = self.values[number].ravel()
        for index in range(prod(area.shape)):
            at = copy.cell(index)
            sheet.formula(at.row, at.column, area.cell(index).text(), value=rounded(values[index]), look=VALUE)
        # Noted for all later readers: a value is copied once.
        self.areas[number] = copy
        return copy


def with_plain_weights(plan: Plan) -> Plan:
    """Return *plan* with its weights as float64 of the few digits that are written into cells."""
    steps = []
    for step in plan.steps:
        short = {
            name: np.vectorize(plain, otypes=[np.float64])(array) for name, array in step.arrays.items() if array.size
        }
        steps.append(replace(step, **short))
    return Plan(plan.name, tuple(steps))
