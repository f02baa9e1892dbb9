"""The verdict on a workbook, as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from handgrad.judge.workbook.mistakes import Likely


@dataclass(frozen=True, slots=True)
class ColumnVerdict:
    """What is said of one column (or one answer of a task).

    ``cell`` is the header's cell, ``first_wrong`` the first wrong cell, ``from_row`` its row as the sheet counts, from
    1. ``right`` is whether its values are right from the first row on and its formulas follow; ``mistake`` names the
    likely mistake where it is the column's own, and is *consequence* where it only follows from ``follows_from``.
    """

    name: str
    head: str
    cell: str
    right: bool
    rows: int = 0
    wrong_rows: int = 0
    from_row: int | None = None
    first_wrong: str | None = None
    found: float | None = None
    expected: float | None = None
    mistake: Likely | str | None = None
    explanation: str = ""
    follows_from: tuple[str, ...] = ()

    @property
    def own(self) -> bool:
        """Whether the mistake was made here."""
        return not self.right and self.mistake != Likely.CONSEQUENCE


@dataclass(frozen=True, slots=True)
class BookVerdict:
    """The verdict on a workbook: *met* where every column is right, *no verdict* where no table can be judged.

    ``file`` and all texts from the workbook are without control characters; they are text, to be escaped in HTML.
    """

    verdict: Literal["met", "not met", "no verdict"]
    file: str
    values_from: str
    sheet: str = ""
    network: str = ""
    learning_rate: str = ""
    tolerance: str = ""
    columns: tuple[ColumnVerdict, ...] = ()
    notes: tuple[str, ...] = ()
    task: str | None = None
    points: tuple[int, int] | None = None

    @property
    def mistakes(self) -> tuple[ColumnVerdict, ...]:
        """The columns with a mistake of their own."""
        return tuple(column for column in self.columns if column.own)

    def text(self) -> str:
        """The verdict for people, see :func:`handgrad.judge.workbook.printing.lines`."""
        from handgrad.judge.workbook.printing import lines

        return "\n".join(lines(self))

    def as_json(self) -> dict[str, Any]:
        """Plain data for JSON; ``assignment`` is None, as in verdicts on networks it is named."""
        data = asdict(self)
        data["columns"] = [
            {**column, "mistake": None if column["mistake"] is None else str(column["mistake"])}
            for column in data["columns"]
        ]
        return {"verdict": data.pop("verdict"), "assignment": None, **data}


def plain(text: str, most: int = 60) -> str:
    """Text from a workbook for people: one line, no control characters, not longer than ``most``."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    shown = " ".join(shown.split())
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
