"""The hidden sheet of a practice book: true values, what follows from the learner's answers, and every mistake, all live."""

from __future__ import annotations

from dataclasses import replace

from handgrad.backprop.exercise.layout import (
    FOLLOWED,
    HOW,
    MARKING,
    MARKING_TOP,
    MISTAKE_OF,
    NAMED,
    NEAR,
    OWN,
    TOLERANCE_FOLLOWED,
    TOLERANCE_TRUE,
    TRUE,
    WORDS,
    WRONG,
    Places,
)
from handgrad.backprop.exercise.looks import WORDS as WORDS_LOOK
from handgrad.backprop.exercise.marking import FOUR, NEAR_MISTAKE, OF_STEP, TOLERANCE, accepted, mistake_tolerance
from handgrad.backprop.exercise.questions import Question, rule
from handgrad.backprop.mistakes.kinds import Mistake
from handgrad.backprop.symbols.rendering import formula
from handgrad.backprop.workbook.looks import COUNT, HEADER, HEADER_WRAPPED, LABEL, SMALL, SUBTITLE, TITLE, VALUE
from handgrad.backprop.workbook.plan import Page, SheetPlan
from handgrad.xlsx.writer import address

GENERAL = replace(VALUE, number="General", least=0.0)


def marking_sheet(places: Places) -> SheetPlan:
    """Return the sheet behind the verdicts: true values, what follows from the answers, values of likely mistakes."""
    page = Page(MARKING)
    page.text(0, 0, "Marking", TITLE)
    page.text(
        1,
        0,
        "The verdicts are computed from this sheet. It holds the answers, because this book is for practice.",
        SUBTITLE,
    )
    heads = (
        "quantity",
        "true value",
        "follows from your answers",
        "used in later steps",
        "tolerance",
        "tolerance for follows",
        "how it is found",
    )
    mistake_heads = ("answer", "mistake", "wrong value", "tolerance", "named")
    for column, head in enumerate(heads):
        page.text(MARKING_TOP - 1, column, head, HEADER_WRAPPED)
    for column, head in enumerate(mistake_heads, start=MISTAKE_OF):
        page.text(MARKING_TOP - 1, column, head, HEADER)
    page.widths |= {0: 14, 1: 17, 2: 17, 3: 17, 4: 11, 5: 11, 6: 60, 7: 3, 8: 12, 9: 70, 10: 17, 11: 11, 12: 8}
    page.heights[MARKING_TOP - 1] = 30
    asked = {question.name: question for question in places.exercise.questions}
    for name, row in places.marking_rows.items():
        _quantity(page, places, name, row, question=asked.get(name))
    for question in places.exercise.questions:
        _mistakes(page, places, question)
    return page.done(freeze=(MARKING_TOP, 1), working=True, hidden=True)


def _quantity(page: Page, places: Places, name: str, row: int, *, question: Question | None) -> None:
    graph, value = places.exercise.graph, places.exercise.values[name]
    page.text(row, 0, graph[name].label, LABEL)
    page.formula(row, TRUE, graph.formula(name, places.true), value, GENERAL)
    true, followed = (address(row, column, fixed=True) for column in (TRUE, FOLLOWED))
    # An answer of 1e300 can make anything overflow; then nothing follows from it, and the true value stands in.
    page.formula(row, FOLLOWED, f"IFERROR({graph.formula(name, places.own)},{true})", value, GENERAL)
    if question is None:
        page.formula(row, OWN, followed, value, GENERAL)
        return
    answer = places.answer(name)
    page.formula(row, OWN, f"IF(ISNUMBER({answer}),{answer},{followed})", value, GENERAL)
    base = question.base
    base_value = None if base is None else places.exercise.values[base]
    for column, of, find in ((TOLERANCE_TRUE, true, places.true), (TOLERANCE_FOLLOWED, followed, places.own)):
        found = float(accepted(value, base_value))
        page.formula(row, column, _tolerance(of, None if base is None else find(base)), found, SMALL)
    page.text(row, HOW, rule(graph, name), WORDS_LOOK)


def _tolerance(cell: str, base: str | None) -> str:
    # `marking.accepted` once more, as a formula: whoever changes the one changes the other.
    share = f"{TOLERANCE!r}*ABS({cell})"
    if base is None:
        return share
    lost = f"IF({cell}=0,0,ABS({cell}-ROUND({cell},{FOUR - 1}-INT(LN(ABS({cell}))/LN(10))))*(1+1E-9))"
    return f"MAX(MIN({share},{OF_STEP!r}*ABS({cell}-{base})),IF(ABS({cell}-{base})>2*{lost},{lost},0))"


def _mistakes(page: Page, places: Places, question: Question) -> None:
    exercise, name = places.exercise, question.name
    mistakes = zip(exercise.mistakes[name], exercise.mistake_values[name], strict=True)
    for row, (mistake, value) in zip(places.mistake_rows[name], mistakes, strict=True):
        page.text(row, MISTAKE_OF, question.label, LABEL)
        page.text(row, WORDS, mistake.words, WORDS_LOOK)
        page.formula(row, WRONG, f'IFERROR({_wrong(places, mistake)},"none")', value, GENERAL)
        at = address(row, WRONG, fixed=True)
        near = _near(places, question, at)
        base = None if question.base is None else exercise.values[question.base]
        page.formula(row, NEAR, near, float(mistake_tolerance(value, exercise.values[question.name], base)), SMALL)
        answer, around = places.answer(question.name), address(row, NEAR, fixed=True)
        named = f"IFERROR(IF(ABS({answer}-{at})<={around},1,0),0)"
        # Who was told the true δ goes on with that one, whatever stands in the cell of the answer before.
        true = formula(mistake.expression, places.true)
        share = _near_true(places, question, true)
        named = f"MAX({named},IFERROR(IF(ABS({answer}-({true}))<={share},1,0),0))"
        named = f"IF(ISNUMBER({answer}),{named},0)"
        page.formula(row, NAMED, named, 0.0, COUNT)


def _wrong(places: Places, mistake: Mistake) -> str:
    def at(name: str) -> str:
        return places.marking(name, FOLLOWED) if name == mistake.of else places.own(name)

    return formula(mistake.expression, at)


def _near_true(places: Places, question: Question, wrong: str) -> str:
    # Likewise `marking.mistake_tolerance`, here around what follows from the true values.
    share = f"{NEAR_MISTAKE * TOLERANCE!r}*ABS({wrong})"
    if question.base is None:
        return share
    true, base = places.marking(question.name, TRUE), places.true(question.base)
    step = f"{NEAR_MISTAKE * OF_STEP!r}*MAX(ABS({true}-{base}),ABS(({wrong})-{base}))"
    return f"MIN({share},{step})"


def _near(places: Places, question: Question, wrong: str) -> str:
    # And here around what follows from the learner's own.
    share = f"{NEAR_MISTAKE * TOLERANCE!r}*ABS({wrong})"
    if question.base is None:
        return f"IFERROR({share},0)"
    followed, base = places.marking(question.name, FOLLOWED), places.own(question.base)
    step = f"{NEAR_MISTAKE * OF_STEP!r}*MAX(ABS({followed}-{base}),ABS({wrong}-{base}))"
    return f"IFERROR(MIN({share},{step}),0)"


__all__ = ["marking_sheet"]
