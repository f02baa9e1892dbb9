"""Somebody's workbook against the truth: which columns are right, which formula is wrong from which row on, and why."""

from __future__ import annotations

from handgrad.backprop.mistakes.kinds import MistakeKind
from handgrad.judge.workbook.judging import judge_workbook
from handgrad.judge.workbook.page import book_page
from handgrad.judge.workbook.verdict import HEADS, BookVerdict, ColumnVerdict, lines, rows, summary

__all__ = [
    "HEADS",
    "BookVerdict",
    "ColumnVerdict",
    "MistakeKind",
    "book_page",
    "judge_workbook",
    "lines",
    "rows",
    "summary",
]
