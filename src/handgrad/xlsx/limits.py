"""Every limit of spreadsheets, each once: those of the format and its programs, and those of what is read and written here."""

from __future__ import annotations

# Excel's own limits since 2007, and LibreOffice's. A file beyond them is written by many tools and opened by none.
MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384
MAX_FORMULA, MAX_TEXT = 8_192, 32_767
"""Longest formula and longest text of a cell."""
MAX_CELLS_WRITTEN = 2_000_000
"""Most cells of the tables in a book that is made here: about 20 MB, and half a minute for a spreadsheet program to open."""
MAX_CELLS_READ = 1_000_000
"""Most cells of a book that is read: each becomes an object in memory, 0.4 KB and 9 µs. The classic network with all steps
that a book can have, six learning rates compared, takes 870,000. A larger book of our own opens, but is not judged."""
