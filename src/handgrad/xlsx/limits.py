"""Every limit of spreadsheets, each once: those of the format and its programs, and those of what is read and written here."""

from __future__ import annotations

# Excel's own limits since 2007, and LibreOffice's. A file beyond them is written by many tools and opened by none.
MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384
MAX_FORMULA, MAX_TEXT = 8_192, 32_767
"""Longest formula and longest text of a cell."""
MAX_CELLS = 600_000
"""Most cells of one book."""
