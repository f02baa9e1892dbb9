"""Somebody's workbook against the truth: which columns are right, which formula is wrong from which row on, and why."""

from __future__ import annotations

from handgrad.judge.workbook.judging import judge_workbook
from handgrad.judge.workbook.mistakes import Likely
from handgrad.judge.workbook.page import book_page
from handgrad.judge.workbook.printing import HEADS, lines, rows
from handgrad.judge.workbook.records import BookVerdict, ColumnVerdict

__all__ = ["HEADS", "BookVerdict", "ColumnVerdict", "Likely", "book_page", "judge_workbook", "lines", "rows"]
