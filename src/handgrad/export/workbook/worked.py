"""What LibreOffice makes of the book: the hundred digits chosen one after the other, their probabilities read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from handgrad.export.plan import Plan
from handgrad.export.workbook.answer import ANSWER, TOP
from handgrad.export.workbook.digits import CHOICE, DIGIT
from handgrad.xlsx.live import Question, Worked, worked_by_libreoffice

LIMIT_S = 600
"""A hundred digits of a large network take minutes; longer than this is a program that hangs."""
MOST_APART = 1e-5
"""How far a probability in the book may lie from the run's."""


def ask_libreoffice(book: bytes, plan: Plan, count: int = 100) -> Worked | None:
    """Return the probabilities of the first *count* digits as LibreOffice finds them, None where it cannot be had."""
    area = (ANSWER, TOP, 3, TOP + plan.classes - 1, 3)
    return worked_by_libreoffice(book, Question((DIGIT, *CHOICE), area, count), LIMIT_S)


def worked_words(worked: Worked | None, expected: NDArray[np.float64], error: type[Exception]) -> str:
    """Return in words how near LibreOffice came to the *expected* probabilities ``[n, classes]``.

    Raises *error* where an answer differs, or a probability by more than `MOST_APART`.
    """
    if worked is None:
        return (
            "LibreOffice is not installed or did not answer: only the same steps in numpy were calculated, not the book"
        )
    found = np.array(worked.values)
    same = int((found.argmax(axis=1) == expected.argmax(axis=1)).sum())
    apart = float(np.abs(found - expected).max())
    words = (
        f"LibreOffice, given {len(found)} digits: the run's answer on {same} of {len(found)}, largest difference of a "
        f"probability {apart:.1g}; opened in {worked.opened_s:.1f} s, recalculated in {worked.all_s:.2f} s"
    )
    if same < len(found) or not apart <= MOST_APART:
        raise error(f"the workbook does not give the answers of the run – {words} – nothing was written")
    return words
