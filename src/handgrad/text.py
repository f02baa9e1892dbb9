"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence


def plain(text: object) -> str:
    """Return *text* on one line without anything that a terminal would act on."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(str(text).split()))


def aligned(head: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()) -> list[str]:
    """Return lines with the columns of *rows* under their *head*; the columns named in *right* end flush."""
    cells = [[plain(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    flush = [name in right for name in head]
    lines = []
    for row in cells:
        parts = [c.rjust(w) if f else c.ljust(w) for c, w, f in zip(row, widths, flush, strict=True)]
        lines.append("  ".join(parts).rstrip())
    return lines
