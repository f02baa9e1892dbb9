"""The few looks of the book: one hue, light fills that also differ in grey, and yellow for what may be typed into."""

from __future__ import annotations

from dataclasses import replace

from handgrad.xlsx.writer import Look

INK, SOFT, FAINT, ACCENT = "#1F2933", "#52606D", "#9AA5B1", "#1F4E79"
RULE, HEAD_FILL, SIDE_FILL, INPUT_FILL, RESULT_FILL = "#CBD2D9", "#D6E4F0", "#EEF2F6", "#FFF3C4", "#E3F1E5"
AS_WRITTEN = (FAINT, "#F5F7FA")
"""Ink and fill of what was found for the numbers as first written, once one of them is changed."""
RED, RED_FILL, GREEN, GREEN_FILL = "#8B1A1A", "#F5C6C6", "#1B5E20", "#DDF0DF"

NUMBER = "0.000000;-0.000000;0"
"""Six decimals; what is exactly 0 shows as 0."""
LEAST = 0.0001
"""What is smaller than this shows as a power of ten: errors and slopes shrink while a network learns, and are not 0."""
SCIENCE = "0.0E+00;-0.0E+00;0"

TITLE = Look(size=18, bold=True, ink=ACCENT)
SUBTITLE = Look(size=10, ink=SOFT)
HEADING = Look(size=12, bold=True, ink=ACCENT)
TEXT = Look()
PROSE = Look(wrap=True, vertical="top")
NOTE = Look(size=9, italic=True, ink=SOFT)
NOTE_WRAPPED = replace(NOTE, wrap=True, vertical="top")
LINK = Look(ink=ACCENT)
HEADER = Look(bold=True, fill=HEAD_FILL, align="center", border=RULE)
HEADER_WRAPPED = replace(HEADER, wrap=True)
GROUP = Look(bold=True, size=9, ink="#FFFFFF", fill=ACCENT, align="left", indent=1, border="#FFFFFF", sides="lr")
LABEL = Look(border=RULE, fill=SIDE_FILL, align="left", indent=1)
CELL = Look(border=RULE)
CELL_WRAPPED = replace(CELL, wrap=True, align="left", indent=1)
VALUE = Look(number=NUMBER, least=LEAST, border=RULE, align="right")
COUNT = Look(number="0", border=RULE, align="right")
SMALL = Look(number=SCIENCE, border=RULE, align="right")
RESULT = replace(VALUE, fill=RESULT_FILL, bold=True)
INPUT = Look(number="General", border="#B08900", fill=INPUT_FILL, bold=True, align="right", locked=False)
WRITTEN = Look(number="General", border=RULE, ink=SOFT, align="right")
VERDICT = Look(border=RULE, align="center", bold=True)
STEP = Look(number="0", border=RULE, fill=SIDE_FILL, align="right")
CURVE = "#0B3C5D"
DASHES = ("solid", "dash", "square_dot", "long_dash", "dash_dot", "round_dot")
