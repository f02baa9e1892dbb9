"""The first sheet of a task: what to do, how it is judged, the given numbers, and the network as it fills."""

from __future__ import annotations

from dataclasses import replace

from handgrad.backprop.exercise.layout import ANSWER, ANSWERS, GROUPS, PANEL_TOP, SAMPLE_SHOWN, TASK, VERDICT, Places
from handgrad.backprop.exercise.looks import PARAGRAPH, PERSON, SCORE
from handgrad.backprop.exercise.marking import Verdict
from handgrad.backprop.exercise.network_drawing import TaskDrawing
from handgrad.backprop.exercise.statement import judged, rules, todo
from handgrad.backprop.graph.graph import Kind
from handgrad.backprop.network.words import in_one_line
from handgrad.backprop.symbols.names import defined_name
from handgrad.backprop.workbook.looks import HEADING, INPUT, LABEL, LINK, NOTE, SUBTITLE, TITLE, WRITTEN
from handgrad.backprop.workbook.plan import Cell, CellKind, Page, SheetPlan
from handgrad.xlsx.writer import Bounds, Print, address

LEFT, TEXT_COLUMNS, TEXT_WIDTH = 3, 12, 115
"""The text stands right of the given numbers; its columns are those of the drawing, about 115 characters together."""
# Signs that REPT repeats: a bar that moves without a macro, in every spreadsheet program.
BAR_LENGTH = 12
NUMBER = replace(WRITTEN, number="0.00", bold=True, ink="#1F2933")
SETTING = replace(NUMBER, number="General")
"""An optimizer's ε is far below two decimals."""


def task_sheet(places: Places) -> SheetPlan:
    """Return the sheet with the task: the network drawn, the given numbers, the rules."""
    page = Page(TASK)
    exercise = places.exercise
    kind = "the key of a task" if places.key else "a task for practice" if places.practice else "a test"
    page.text(0, 0, f"Backpropagation by hand: {kind}", TITLE)
    page.text(1, 0, f"Task {exercise.identifier}, seed {exercise.seed}: {in_one_line(exercise.network)}", SUBTITLE)
    page.widths |= {0: 15, 1: 11, 2: 3}
    page.names["task_id"] = (1, 0)
    if places.key:
        _key_note(page)
    elif places.practice:
        _progress(page, places)
    else:
        _person(page, places)
    _numbers(page, places)
    row = _text(page, places)
    drawing = TaskDrawing(page, places, row, LEFT)
    page.heights |= dict.fromkeys(range(2, max(drawing.bottom, max(places.number_rows.values())) + 1), 15)
    return page.done(freeze=(2, 0), printing=Print())


def _key_note(page: Page) -> None:
    page.text(PANEL_TOP, 0, "Key", HEADING)
    page.text(PANEL_TOP + 1, 0, "For the teacher.", NOTE)
    page.text(PANEL_TOP + 2, 0, f"Answers: sheet {ANSWERS}", LINK, (1, 2), f"{ANSWERS}!A1")


def _person(page: Page, places: Places) -> None:
    page.text(PANEL_TOP, 0, "Your name", LABEL)
    page.put(PANEL_TOP, 1, Cell(CellKind.INPUT, None, PERSON))
    page.text(PANEL_TOP + 1, 0, "Date", LABEL)
    page.put(PANEL_TOP + 1, 1, Cell(CellKind.INPUT, None, PERSON))
    page.text(PANEL_TOP + 2, 0, "numbers given", LABEL)
    rows = places.answer_rows.values()
    first, last = (address(row, ANSWER, fixed=True) for row in (min(rows), max(rows)))
    page.formula(PANEL_TOP + 2, 1, f"COUNT({ANSWERS}!{first}:{last})", 0.0, WRITTEN)
    page.names |= {"your_name": (PANEL_TOP, 1), "answers_given": (PANEL_TOP + 2, 1)}


def _progress(page: Page, places: Places) -> None:
    rows = places.answer_rows.values()
    first, last = (address(row, VERDICT, fixed=True) for row in (min(rows), max(rows)))
    verdicts, count = f"{ANSWERS}!{first}:{last}", len(places.exercise.questions)
    page.text(PANEL_TOP, 0, "Your progress", HEADING)
    lines = (("score", Verdict.RIGHT), ("follows", Verdict.FOLLOWS), ("not_yet", Verdict.NOT_YET),
             ("no_number", Verdict.NO_NUMBER))  # fmt: skip
    for row, (name, verdict) in enumerate(lines, start=PANEL_TOP + 1):
        page.text(row, 0, verdict, LABEL)
        look = SCORE if name == "score" else WRITTEN
        page.formula(row, 1, f'COUNTIF({verdicts},"{verdict}")', 0.0, replace(look, number="0", align="right"))
        page.names[name] = (row, 1)
    page.text(PANEL_TOP + 5, 0, "of all", LABEL)
    page.number(PANEL_TOP + 5, 1, float(count), replace(WRITTEN, number="0"))
    page.names["answers_total"] = (PANEL_TOP + 5, 1)


def _numbers(page: Page, places: Places) -> None:
    graph = places.exercise.graph
    for title, kinds in GROUPS:
        if title in places.group_rows:
            page.text(places.group_rows[title], 0, title, HEADING)
        for quantity in graph.of_kind(*kinds):
            row = places.number_rows[quantity.name]
            label = f"{quantity.label} ({quantity.meaning})"
            short = quantity.kind is not Kind.SETTING or len(label) > 20
            page.text(row, 0, quantity.label if short else label, LABEL)
            page.number(row, 1, quantity.value or 0.0, SETTING if quantity.kind is Kind.SETTING else NUMBER)
            page.names[defined_name(quantity.name)] = (row, 1)
    if places.several:
        row = min(places.group_rows.values()) - 3
        last = float(len(places.exercise.network.samples))
        page.text(row, 0, "Sample drawn", HEADING)
        page.text(row + 1, 0, f"1 to {last:g}", LABEL)
        page.input(row + 1, 1, 1.0, replace(INPUT, number="0"))
        page.names[SAMPLE_SHOWN] = (row + 1, 1)
        message = f"A whole number from 1 to {last:g}."
        page.bounds.append(Bounds((row + 1, 1), (row + 1, 1), 1.0, last, message, whole=True))


def _text(page: Page, places: Places) -> int:
    """Write the statement, paragraph by paragraph; return the first row below it."""
    row = PANEL_TOP
    parts: list[tuple[str, list[str]]] = [
        ("What to do", todo(places.exercise)),
        ("The rules here", rules(places.exercise)),
        ("How it is judged", judged(places.exercise, places.practice)),
    ]
    for title, paragraphs in parts:
        page.text(row, LEFT, title, HEADING)
        row += 1
        for paragraph in paragraphs:
            height = max(1, -(-len(paragraph) // TEXT_WIDTH))
            page.text(row, LEFT, paragraph, PARAGRAPH, span=(height, TEXT_COLUMNS))
            row += height
        row += 1
    return row


def progress_bar() -> tuple[str, str]:
    """Return a bar of twelve signs and its first value."""
    done = f"ROUND({BAR_LENGTH}*score/answers_total,0)"
    return f'REPT("■",{done})&REPT("□",{BAR_LENGTH}-{done})', "□" * BAR_LENGTH


__all__ = ["progress_bar", "task_sheet"]
