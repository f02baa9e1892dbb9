"""The sheet with the blanks; in a practice book with a verdict, and a hint, beside each."""

from __future__ import annotations

from dataclasses import replace

from handgrad.backprop.exercise.layout import (
    ANSWER,
    ANSWERS,
    ANSWERS_TOP,
    FOLLOWED,
    HINT,
    HOW,
    NAMED,
    RULE,
    TOLERANCE_FOLLOWED,
    TOLERANCE_TRUE,
    TRUE,
    VERDICT,
    WORDS,
    Places,
)
from handgrad.backprop.exercise.looks import (
    AMBER,
    AMBER_FILL,
    BAR,
    BLANK,
    KEY_ANSWER,
    MARK,
    SECTION,
    WORKING,
)  # fmt: skip
from handgrad.backprop.exercise.looks import (
    HINT as HINT_LOOK,
)
from handgrad.backprop.exercise.looks import (
    WORDS as WORDS_LOOK,
)
from handgrad.backprop.exercise.marking import (
    FOLLOWS,
    FORMULA_ERROR,
    FROM_ROUNDED,
    NEAR_RIGHT,
    NO_NUMBER,
    ROUNDED,
    Verdict,
)
from handgrad.backprop.exercise.questions import Question, earlier, rule
from handgrad.backprop.exercise.task_sheet import progress_bar
from handgrad.backprop.workbook.looks import (
    COUNT,
    GREEN,
    GREEN_FILL,
    HEADER,
    INPUT,
    LABEL,
    RED,
    RED_FILL,
    SUBTITLE,
    TITLE,
)
from handgrad.backprop.workbook.plan import Cell, CellKind, Page, SheetPlan
from handgrad.xlsx.writer import Bounds, Print, Rule, address

NUMBER, NAME, MEANING = 0, 1, 2
ON_A_PAGE = 45
"""So many answers and their headings fill a page across, and can still be read."""
RULES_SHOWN = "rules_shown"
HEADS = ("#", "quantity", "what it is", "your answer")
MOST_EARLIER = 40
"""So many earlier answers are asked for the one that another follows from (formulas nest 64 deep at most)."""


def answers_sheet(places: Places) -> SheetPlan:
    """Return the sheet that takes the answers: one row per question, in practice with its verdict."""
    page = Page(ANSWERS)
    page.text(0, 0, "Answers", TITLE)
    page.text(1, 0, f"Task {places.exercise.identifier}. The statement is on the sheet Task.", SUBTITLE)
    heads = _heads(places)
    for column, (head, width) in enumerate(heads):
        page.text(ANSWERS_TOP - 1, column, head, HEADER)
        page.widths[column] = width
    for section, row in places.section_rows.items():
        page.text(row, 0, section, SECTION)
        page.heights[row] = 22
    for question in places.exercise.questions:
        _question(page, places, question, len(heads) - 1)
    if places.practice and not places.key:
        _verdict_rules(page, places)
        _top(page, len(places.exercise.questions))
    # A test's answers are handed in on paper: as many as can be read there stand on one page.
    one = not places.practice and not places.key and len(places.exercise.questions) <= ON_A_PAGE
    printing = Print(1, (ANSWERS_TOP - 1, ANSWERS_TOP - 1), pages_high=1 if one else 0)
    return page.done(freeze=(ANSWERS_TOP, ANSWER + 1), printing=printing)


def _heads(places: Places) -> list[tuple[str, float]]:
    heads: list[tuple[str, float]] = list(zip(HEADS, (5, 10, 40, 14), strict=True))
    if places.key:
        return [*heads[:-1], ("answer", 14), ("how it is found", 90)]
    if places.practice:
        heads += [("verdict", 11), ("likely mistake", 50), ("rule", 36)]
    return [*heads, ("your working (not judged)", 28 if places.practice else 56)]


def _question(page: Page, places: Places, question: Question, last: int) -> None:
    row, name = places.answer_rows[question.name], question.name
    page.text(row, NAME, question.label, replace(LABEL, bold=True, align="center"))
    page.number(row, NUMBER, float(question.number), COUNT)
    page.text(row, MEANING, question.meaning, WORDS_LOOK)
    page.names[f"answer_{question.number}"] = (row, ANSWER)
    if places.key:
        page.number(row, ANSWER, places.exercise.answers[name], KEY_ANSWER)
        page.text(row, last, f"{question.label} = {rule(places.exercise.graph, name)}", WORDS_LOOK)
        return
    page.put(row, ANSWER, Cell(CellKind.INPUT, None, BLANK))
    if places.practice:
        page.formula(row, VERDICT, _verdict(places, name), "", MARK)
        page.formula(row, HINT, _hint(places, name), "", HINT_LOOK)
        # Where no mistake is recognised the rule of this one row is what helps.
        lost = f'AND({address(row, VERDICT)}="{Verdict.NOT_YET}",{address(row, HINT)}="")'
        shown = f'IF(OR({RULES_SHOWN}=1,{lost}),{places.marking(name, HOW)},"")'
        page.formula(row, RULE, shown, "", replace(HINT_LOOK, wrap=False))
    page.put(row, last, Cell(CellKind.BLANK, None, WORKING))


def _verdict(places: Places, name: str) -> str:
    """Return the verdict's formula.

    It asks for a number first: comparing a text or an error with a number would give an error, or a lie.
    """
    answer = places.answer(name, sheet=False)
    right = f"ABS({answer}-{places.marking(name, TRUE)})<={places.marking(name, TOLERANCE_TRUE)}"
    follow = f"ABS({answer}-{places.marking(name, FOLLOWED)})<={places.marking(name, TOLERANCE_FOLLOWED)}"
    judged = f'IF({right},"{Verdict.RIGHT}",IF({follow},"{Verdict.FOLLOWS}","{Verdict.NOT_YET}"))'
    other = f'IF(ISERROR({answer}),"{Verdict.NO_NUMBER}",IF({answer}="","","{Verdict.NO_NUMBER}"))'
    return f"IF(ISNUMBER({answer}),{judged},{other})"


def _hint(places: Places, name: str) -> str:
    answer, verdict = (places.answer(name, column, sheet=False) for column in (ANSWER, VERDICT))
    named = places.mistakes(name, NAMED)
    rounded = "OR({})".format(
        ",".join(
            f"ABS({answer}-{places.marking(name, value)})<={NEAR_RIGHT:g}*{places.marking(name, near)}"
            for value, near in ((TRUE, TOLERANCE_TRUE), (FOLLOWED, TOLERANCE_FOLLOWED))
        )
    )
    mistake = (
        f'IF(SUM({named})>0,INDEX({places.mistakes(name, WORDS)},MATCH(1,{named},0)),IF({rounded},"{ROUNDED}",""))'
    )
    no_number = f'IF(ISERROR({answer}),"{FORMULA_ERROR}","{NO_NUMBER}")'
    return (
        f'IF({verdict}="{Verdict.NOT_YET}",{mistake},IF({verdict}="{Verdict.FOLLOWS}","{FOLLOWS} "&{_from(places, name)},'
        f'IF({verdict}="{Verdict.NO_NUMBER}",{no_number},"")))'
    )


def _from(places: Places, name: str) -> str:
    """Return the label of the first earlier answer that is not right."""
    graph = places.exercise.graph
    found = f'"{FROM_ROUNDED}"'
    for one in reversed(earlier(graph, frozenset(places.answer_rows), name)[:MOST_EARLIER]):
        verdict = places.answer(one, VERDICT, sheet=False)
        found = f'IF(AND({verdict}<>"{Verdict.RIGHT}",{verdict}<>""),"{graph[one].label}",{found})'
    return found


def _verdict_rules(page: Page, places: Places) -> None:
    rows = places.answer_rows.values()
    first, last = (min(rows), VERDICT), (max(rows), VERDICT)
    cell = f"${address(*first)}"
    colours = (
        (Verdict.RIGHT, GREEN, GREEN_FILL),
        (Verdict.FOLLOWS, AMBER, AMBER_FILL),
        (Verdict.NOT_YET, RED, RED_FILL),
        (Verdict.NO_NUMBER, AMBER, AMBER_FILL),
    )
    page.rules.extend(Rule(first, last, f'{cell}="{verdict}"', ink, fill) for verdict, ink, fill in colours)


def _top(page: Page, count: int) -> None:
    bar, empty = progress_bar()
    page.text(2, MEANING, "show the rules (1 shows them, 0 hides them)", replace(LABEL, align="right"))
    page.input(2, ANSWER, 0.0, replace(INPUT, number="0"))
    page.names[RULES_SHOWN] = (2, ANSWER)
    page.bounds.append(Bounds((2, ANSWER), (2, ANSWER), 0.0, 1.0, "1 shows the rules, 0 hides them.", whole=True))
    said = f"0 of {count} right"
    page.formula(2, VERDICT, f'{bar}&"  "&score&" of "&answers_total&" right"', f"{empty}  {said}", BAR, span=(1, 2))


__all__ = ["answers_sheet"]
