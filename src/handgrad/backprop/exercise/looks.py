"""What a task needs beside the looks of the workbook: cells to fill in, verdicts."""

from __future__ import annotations

from dataclasses import replace

from handgrad.backprop.workbook.looks import CELL, INPUT, PROSE, RESULT, VERDICT
from handgrad.xlsx.writer import Look

BLANK = replace(INPUT, bold=False)
KEY_ANSWER = replace(RESULT, bold=True)
WORKING = replace(CELL, ink="#52606D", align="left", indent=1, locked=False)
PERSON = replace(INPUT, align="left", bold=False)
MARK = replace(VERDICT, bold=False)
WORDS = replace(CELL, indent=1)
HINT = replace(WORDS, wrap=True, size=9)
SECTION = Look(size=11, bold=True, ink="#1F4E79")
SCORE = Look(size=14, bold=True, ink="#1F4E79")
BAR = Look(size=12, ink="#1F4E79", indent=1)
PARAGRAPH = PROSE
AMBER, AMBER_FILL = "#7A4F01", "#FCE8C3"
