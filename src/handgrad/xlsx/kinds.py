"""Which files are tables that can be judged, by their endings."""

from __future__ import annotations

CONVERTED = (".ods", ".xls")
"""Read through LibreOffice."""
# .xlsm too, though it is not read: so it is refused as a workbook, with what to save it as, and not as a program.
BOOKS = (".xlsx", ".xlsm", *CONVERTED)
CSV = ".csv"
"""A book where it holds a training table; most are lists of the teacher's."""
TABLES = (*BOOKS, CSV)
