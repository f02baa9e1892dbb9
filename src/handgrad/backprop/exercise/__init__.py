"""Tasks: a training step to be worked out by hand, with numbers of the learner's own, that marks itself or is a test.

``questions`` says what is asked, ``mistakes`` what can go wrong, ``numbers`` draws the numbers, ``marking`` judges; the
sheets and ``book`` turn that into workbooks.
"""

from __future__ import annotations

from handgrad.backprop.exercise.book import WrittenExercise, exam_plan, key_plan, practice_plan, write_exercise
from handgrad.backprop.exercise.marking import Mark, Verdict
from handgrad.backprop.exercise.questions import Question
from handgrad.backprop.exercise.task import Exercise, make_exercise
from handgrad.backprop.mistakes.kinds import Mistake, MistakeKind

__all__ = [
    "Exercise",
    "Mark",
    "Mistake",
    "MistakeKind",
    "Question",
    "Verdict",
    "WrittenExercise",
    "exam_plan",
    "key_plan",
    "make_exercise",
    "practice_plan",
    "write_exercise",
]
