"""The whole book, sheet by sheet, as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from handgrad.backprop.workbook import looks
from handgrad.errors import UsageError
from handgrad.export.evaluate import compute
from handgrad.export.plan import Concatenate, Plan, Reshape
from handgrad.export.workbook.answer import Known, answer_sheet, check_sheet
from handgrad.export.workbook.digits import Bytes, Hundred, digit_sheet, images_sheet
from handgrad.export.workbook.layer_sheet import Floats
from handgrad.export.workbook.layers import Layers, groups_of, with_plain_weights
from handgrad.export.workbook.words import reading_lines
from handgrad.xlsx.writer import Book, Print, SheetError

CLASS_SHARE = 8
MOST_MISTAKES = 20
"""Of a hundred digits twenty at most are mistakes, the others eight of each class or more."""


@dataclass(frozen=True, eq=False)
class Source:
    """What a book is made of: the plan, sentences for its last sheet, and the hundred digits with the run's own answers
    to them, log-probabilities ``[n, classes]``."""

    plan: Plan
    facts: Sequence[str]
    hundred: Hundred
    log_probabilities: Floats


def workbook_bytes(source: Source) -> bytes:
    """Return the book of *source*; raises `UsageError` where a formula would be longer than spreadsheets take."""
    plan = with_plain_weights(source.plan)
    hundred = source.hundred
    values = [value[0] for value in exact_values(plan, hundred.images[:1])]
    book = Book(f"{plan.name}, from image to answer")
    try:
        image = digit_sheet(book, plan, hundred)
        writer = Layers(book, plan, values, image)
        layers = writer.write()
        answer = answer_sheet(book, plan.name, writer.areas[plan.output], values[-1].ravel())
        images_sheet(book, hundred)
        check_sheet(book, layers, answer, hundred, known=known_numbers(plan, source))
    except SheetError as error:
        raise UsageError(f"{plan.name} cannot become a workbook – {error} – export it as C or ONNX") from error
    reading_sheet(book, source)
    for sheet in book.sheets:
        # In headers & is a command, so the name's own are doubled.
        sheet.print_setup(Print(), f"&L{plan.name.replace('&', '&&')}&R&A", "&RPage &P of &N")
    return book.data()


def exact_values(plan: Plan, images: Bytes) -> list[Floats]:
    """Return every value of *plan* in float64, as a spreadsheet computes: ``[n, *shape]`` each."""
    values: list[Floats] = [images.reshape(-1, *plan.shapes[0]).astype(np.float64)]
    for step in plan.steps:
        result = compute(step, cast(Any, [values[number] for number in step.inputs]))
        values.append(np.asarray(result, np.float64).reshape(-1, *step.shape))
    return values


def known_numbers(plan: Plan, source: Source) -> Known:
    """Return what the sheet *Check* compares with."""
    shown = [group.value for group in groups_of(plan) if not isinstance(plan.steps[group.place], Reshape | Concatenate)]
    values = exact_values(plan, source.hundred.images)
    flat = [values[number].reshape(len(source.hundred.images), -1) for number in shown]
    sums = np.stack([np.stack([each.sum(axis=1), (each**2).sum(axis=1)], axis=1) for each in flat], axis=1)
    return Known(sums, np.maximum(source.log_probabilities, np.log(1e-300)))


def choose_hundred(
    images: Bytes, labels: NDArray[np.integer[Any]], answers: np.ndarray, mistakes: Sequence[int]
) -> Hundred:
    """Return the book's digits: the first of *mistakes* (test images, surest first), then test images of each class in turn."""
    chosen = [int(index) for index in mistakes[:MOST_MISTAKES]]
    wanted = min(100, len(images)) - len(chosen)
    classes = [[int(at) for at in np.flatnonzero(labels == label) if int(at) not in chosen] for label in range(10)]
    counts = [wanted // 10 + (label < wanted % 10) for label in range(10)]
    for label, count in enumerate(counts):
        chosen += classes[label][:count]
    # A small test set may lack some class: whatever is left fills the hundred.
    left = [at for at in range(len(images)) if at not in set(chosen)]
    index = np.array([*chosen, *left[: min(100, len(images)) - len(chosen)]], np.int64)
    return Hundred(
        images[index],
        index,
        labels[index].astype(np.int64),
        answers[index].astype(np.int64),
        min(len(mistakes), MOST_MISTAKES),
    )


def reading_sheet(book: Book, source: Source) -> None:
    """Write the last sheet: what the book is and how to read it."""
    sheet = book.sheet("How to read this", looks.ACCENT)
    sheet.text(0, 0, "How to read this book", looks.TITLE)
    row = 2
    for heading, lines in reading_lines(source.facts):
        sheet.text(row, 0, heading, looks.HEADING)
        for line in lines:
            row += 1
            sheet.text(row, 0, line, looks.PROSE)
            sheet.heights({row: 15.0 * (1 + len(line) // 120)})
        row += 2
    sheet.widths({0: 110})
