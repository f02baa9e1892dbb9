"""Where everything of a task stands, known before its sheets are made: they all refer to one another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from handgrad.backprop.exercise.questions import Question, Section
from handgrad.backprop.exercise.task import Exercise
from handgrad.backprop.graph.graph import FIRST_VALUES, Kind
from handgrad.backprop.symbols.expression import Ref
from handgrad.xlsx.writer import address

TASK, ANSWERS, MARKING = "Task", "Answers", "Marking"
SAMPLE_SHOWN = "sample_shown"
# Below title, subtitle and a free row, as on every sheet of the book.
PANEL_TOP = 3
PERSON_ROWS, PROGRESS_ROWS = 4, 7
"""How many rows name and date take in a test, and the progress in a practice book."""
ANSWERS_TOP = 5
ANSWER, VERDICT, HINT, RULE = 3, 4, 5, 6
"""Columns of the sheet Answers."""
MARKING_TOP = 5
TRUE, FOLLOWED, OWN, TOLERANCE_TRUE, TOLERANCE_FOLLOWED, HOW = 1, 2, 3, 4, 5, 6
"""Columns of the sheet Marking, and where its table of mistakes begins."""
# A free column before them: the table of mistakes has rows of its own, a question of several mistakes several.
MISTAKE_OF, WORDS, WRONG, NEAR, NAMED = 8, 9, 10, 11, 12
GROUPS = (
    ("Settings", (Kind.SETTING,)),
    ("Data", (Kind.TARGET, Kind.INPUT)),
    ("Weights before the step", (Kind.WEIGHT,)),
    ("Biases", (Kind.BIAS,)),
)


@dataclass(frozen=True)
class Places:
    """Rows of the three sheets: ``practice`` is False for a test. In the ``key`` everything stands where the task has it."""

    exercise: Exercise
    practice: bool
    key: bool = False

    @cached_property
    def several(self) -> bool:
        """Return whether there is more than one sample."""
        return len(self.exercise.network.samples) > 1

    @cached_property
    def group_rows(self) -> dict[str, int]:
        """Return the row of each heading of the numbers of the task."""
        row = PANEL_TOP + (PROGRESS_ROWS if self.practice else PERSON_ROWS)
        row += 3 if self.several else 0
        rows: dict[str, int] = {}
        for title, kinds in GROUPS:
            count = len(self.exercise.graph.of_kind(*kinds))
            if count:
                rows[title] = row
                row += count + 2
        return rows

    @cached_property
    def number_rows(self) -> dict[str, int]:
        """Return the row of each number of the task on the sheet Task."""
        rows: dict[str, int] = {}
        for title, kinds in GROUPS:
            for place, quantity in enumerate(self.exercise.graph.of_kind(*kinds), start=1):
                rows[quantity.name] = self.group_rows[title] + place
        return rows

    @cached_property
    def section_rows(self) -> dict[Section, int]:
        """Return the row of each section's heading on the sheet Answers."""
        return self._answer_rows[0]

    @cached_property
    def answer_rows(self) -> dict[str, int]:
        """Return the row of each question on the sheet Answers."""
        return self._answer_rows[1]

    @cached_property
    def _answer_rows(self) -> tuple[dict[Section, int], dict[str, int]]:
        sections: dict[Section, int] = {}
        rows: dict[str, int] = {}
        row = ANSWERS_TOP
        for question in self.exercise.questions:
            if question.section not in sections:
                sections[question.section] = row
                row += 1
            rows[question.name] = row
            row += 1
        return sections, rows

    @cached_property
    def marking_rows(self) -> dict[str, int]:
        """Return the row of every computed quantity on the sheet Marking."""
        computed = [quantity.name for quantity in self.exercise.graph if quantity.expression is not None]
        return {name: MARKING_TOP + number for number, name in enumerate(computed)}

    @cached_property
    def mistake_rows(self) -> dict[str, range]:
        """Return the rows of each question's mistakes, in the table beside."""
        rows: dict[str, range] = {}
        row = MARKING_TOP
        for question in self.exercise.questions:
            count = len(self.exercise.mistakes[question.name])
            rows[question.name] = range(row, row + count)
            row += count
        return rows

    def answer(self, name: str, column: int = ANSWER, sheet: bool = True) -> str:
        """Return a cell of a question's row on the sheet Answers."""
        place = address(self.answer_rows[name], column, fixed=True)
        return f"{ANSWERS}!{place}" if sheet else place

    def marking(self, name: str, column: int) -> str:
        """Return a cell of a quantity's row on the sheet Marking."""
        return f"{MARKING}!{address(self.marking_rows[name], column, fixed=True)}"

    def mistakes(self, name: str, column: int) -> str:
        """Return the cells of a question's mistakes."""
        rows = self.mistake_rows[name]
        first, last = (address(row, column, fixed=True) for row in (rows[0], rows[-1]))
        return f"{MARKING}!{first}:{last}"

    def number(self, name: str) -> str:
        """Return a number of the task as formulas write it: its cell, or for an optimizer's memory the number itself."""
        quantity = self.exercise.graph[name]
        if quantity.kind is Kind.MEMORY:
            return f"{quantity.value:g}"
        return f"{TASK}!{address(self.number_rows[name], 1, fixed=True)}"

    def true(self, name: str) -> str:
        """Return the true value as formulas write it: a number of the task, or its cell on the sheet Marking."""
        return self.number(name) if self.exercise.graph[name].kind in FIRST_VALUES else self.marking(name, TRUE)

    def own(self, name: str) -> str:
        """Return the learner's answer where there is one, what follows from the others where not."""
        return self.number(name) if self.exercise.graph[name].kind in FIRST_VALUES else self.marking(name, OWN)

    def stands_for(self, name: str) -> str:
        """Return the quantity, asked or a number of the task, of which this one is only another name."""
        while name not in self.answer_rows and self.exercise.graph[name].kind not in FIRST_VALUES:
            expression = self.exercise.graph[name].expression
            if not isinstance(expression, Ref):
                raise ValueError(f"{name} is neither asked nor a number of the task")
            name = expression.name
        return name

    def question(self, name: str) -> Question:
        """Return the question that asks for the quantity *name*; StopIteration where none does."""
        return next(question for question in self.exercise.questions if question.name == name)
