"""The verdict on a workbook: as data, as lines for a terminal, and as rows for a page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from handgrad.backprop.mistakes.kinds import MistakeKind
from handgrad.text import one_line


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
    mistake: MistakeKind | str | None = None
    explanation: str = ""
    follows_from: tuple[str, ...] = ()

    @property
    def own(self) -> bool:
        """Whether the mistake was made here."""
        return not self.right and self.mistake != MistakeKind.CONSEQUENCE


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
    """Return a text from a workbook as verdicts show it: one line, nothing that does something, at most *most* characters."""
    return one_line(text, most)


HEADS = ("column", "cell", "verdict", "from row", "likely mistake", "explanation")


def rows(verdict: BookVerdict) -> list[tuple[str, str, str, str, str, str]]:
    """One row a column, in the order of :data:`HEADS`: plain text, to be escaped by what shows it."""
    return [
        (
            column.head,
            column.cell,
            _word(column),
            "" if column.from_row is None else str(column.from_row),
            "" if column.mistake in (None, MistakeKind.CONSEQUENCE, "consequence") else str(column.mistake),
            _explained(column),
        )
        for column in verdict.columns
    ]


def lines(verdict: BookVerdict) -> list[str]:
    """The verdict for people: what was judged, columns that are not right, notes. No control characters."""
    where = f", sheet {verdict.sheet}" if verdict.sheet else ""
    what = f", {verdict.network} network" if verdict.network else ""
    said = [f"{verdict.file}{where}{what}", f"values from: {verdict.values_from}"]
    if verdict.learning_rate:
        said.append(f"learning rate: {verdict.learning_rate}")
    if verdict.tolerance:
        said.append(f"tolerance: {verdict.tolerance}")
    listed = [row for row, column in zip(rows(verdict), verdict.columns, strict=True) if column.own]
    if listed:
        said += ["", *_table([HEADS, *listed])]
    follows = _follows(verdict)
    if follows:
        said += ["", *follows]
    if verdict.columns:
        said += ["", summary(verdict)]
    said += verdict.notes
    return [*said, f"verdict: {verdict.verdict}"]


def summary(verdict: BookVerdict) -> str:
    """How many columns are right, and how many mistakes are their own, in one line."""
    right = sum(column.right for column in verdict.columns)
    what = "answers" if verdict.task else "columns"
    return f"{right} of {len(verdict.columns)} {what} right, {_counted(verdict)}"


def _follows(verdict: BookVerdict) -> list[str]:
    """What is right from what it reads, by the mistakes that it follows from."""
    heads = {column.name: column.head for column in verdict.columns}
    groups: dict[tuple[str, ...], list[str]] = {}
    for column in verdict.columns:
        if not column.right and not column.own:
            where = "" if verdict.task else f" (from row {column.from_row})"
            groups.setdefault(column.follows_from, []).append(f"{column.head}{where}")
    if verdict.task:
        return [f"right from an earlier answer: {', '.join(names)}" for names in groups.values()]
    return [
        f"follows from {', '.join(heads[cause] for cause in causes)}, right from what it reads: {', '.join(names)}"
        for causes, names in groups.items()
    ]


def _counted(verdict: BookVerdict) -> str:
    own = len(verdict.mistakes)
    follow = sum(not column.right for column in verdict.columns) - own
    mistakes = f"{own} with {'a mistake of its own' if own == 1 else 'mistakes of their own'}"
    return f"{mistakes}, {follow} {'that follows' if follow == 1 else 'that follow'} from another"


def _word(column: ColumnVerdict) -> str:
    if column.right:
        return "right"
    return "wrong" if column.own else "follows"


def _explained(column: ColumnVerdict) -> str:
    if column.found is None or column.expected is None or not column.wrong_rows:
        return column.explanation
    return f"{column.explanation} ({column.first_wrong}: {column.found:.6g}, expected {column.expected:.6g})"


def _table(listed: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[place]) for row in listed) for place in range(len(HEADS) - 1)]
    return [
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in listed
    ]
