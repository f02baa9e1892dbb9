"""The verdict on a workbook: as data, as lines for a terminal, and as rows for a page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from handgrad.backprop.mistakes.kinds import MistakeKind
from handgrad.shown.record import Shown
from handgrad.shown.view import View
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
class TableVerdict:
    """The verdict on one table; ``where`` is the cell its heads begin at, ``holds`` whether formulas or typed numbers.

    ``not_judged`` are heads of columns with numbers or formulas that were not understood, or (``not_calculated``) whose
    functions are not calculated here while the file stores no value: with one of them a table is at best *no verdict*.
    """

    verdict: Literal["met", "not met", "no verdict"]
    sheet: str
    where: str
    rows: int = 0
    network: str = ""
    learning_rate: str = ""
    tolerance: str = ""
    holds: str = ""
    columns: tuple[ColumnVerdict, ...] = ()
    not_judged: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    not_calculated: tuple[str, ...] = ()

    @property
    def mistakes(self) -> tuple[ColumnVerdict, ...]:
        """Return the columns with a mistake of their own."""
        return tuple(column for column in self.columns if column.own)


@dataclass(frozen=True, slots=True, repr=False)
class BookVerdict(Shown):
    """The verdict on a workbook: *met* where every column of every table is right, *no verdict* where one could not be judged.

    ``columns``, ``not_judged`` and ``notes`` are those of all ``tables`` together; ``sheet``, ``network``,
    ``learning_rate`` and ``tolerance`` what they have in common. ``file`` and all texts from the workbook are without
    control characters; they are text, to be escaped in HTML.
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
    not_judged: tuple[str, ...] = ()
    tables: tuple[TableVerdict, ...] = ()
    not_calculated: tuple[str, ...] = ()

    def view(self) -> View:
        """Return the verdict, a row for each column."""
        rows = tuple(
            (each.head, "right" if each.right else str(each.mistake or "wrong"), each.first_wrong or "–")
            for each in self.columns
        )
        return View(
            title=f"{self.verdict} – {self.file}",
            lines=self.notes,
            head=("column", "what is said", "first wrong cell"),
            rows=rows,
            columns={
                "column": [each.head for each in self.columns],
                "right": [each.right for each in self.columns],
                "mistake": [None if each.mistake is None else str(each.mistake) for each in self.columns],
                "first_wrong": [each.first_wrong for each in self.columns],
            },
        )

    @property
    def mistakes(self) -> tuple[ColumnVerdict, ...]:
        """Return the columns with a mistake of their own."""
        return tuple(column for column in self.columns if column.own)

    def text(self) -> str:
        """Return the verdict for people, see :func:`lines`."""
        return "\n".join(lines(self))

    def as_json(self) -> dict[str, Any]:
        """Return plain data for JSON; ``assignment`` is None, as in verdicts on networks it is named."""
        data = asdict(self)
        for columns in (data["columns"], *(table["columns"] for table in data["tables"])):
            for column in columns:
                column["mistake"] = None if column["mistake"] is None else str(column["mistake"])
        return {"verdict": data.pop("verdict"), "assignment": None, **data}


def of_tables(file: str, source: str, tables: list[TableVerdict], notes: tuple[str, ...]) -> BookVerdict:
    """Return the verdict on a book of these tables: each must be met."""
    words = {table.verdict for table in tables}
    verdict: Literal["met", "not met", "no verdict"] = (
        "not met" if "not met" in words else "no verdict" if "no verdict" in words else "met"
    )

    def common(values: list[str]) -> str:
        return values[0] if len(set(values)) == 1 else ""

    several = len(tables) > 1
    said = [f"{table.where}: {note}" if several else note for table in tables for note in table.notes]
    return BookVerdict(
        verdict, file, source, common([table.sheet for table in tables]), common([table.network for table in tables]),
        common([table.learning_rate for table in tables]), common([table.tolerance for table in tables]),
        tuple(column for table in tables for column in table.columns), (*notes, *said),
        not_judged=tuple(head for table in tables for head in table.not_judged), tables=tuple(tables),
        not_calculated=tuple(head for table in tables for head in table.not_calculated),
    )  # fmt: skip


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
    """Return the verdict for people: what was judged, columns that are not right, notes. No control characters."""
    several = len(verdict.tables) > 1
    where = f", sheet {verdict.sheet}" if verdict.sheet else ""
    what = f", {verdict.network} network" if verdict.network else ""
    counted = f", {len(verdict.tables)} tables" if several else ""
    said = [f"{verdict.file}{where}{what}{counted}", f"values from: {verdict.values_from}"]
    if verdict.learning_rate:
        said.append(f"learning rate: {verdict.learning_rate}")
    if verdict.tolerance:
        said.append(f"tolerance: {verdict.tolerance}")
    if several:
        said += ["", *(_table_line(table) for table in verdict.tables)]
    listed = [row for row, column in zip(rows(verdict), verdict.columns, strict=True) if column.own]
    if listed:
        said += ["", *_table([HEADS, *listed])]
    follows = _follows(verdict)
    if follows:
        said += ["", *follows]
    if verdict.columns:
        said += ["", summary(verdict)]
    said += unjudged(verdict)
    said += verdict.notes
    return [*said, f"verdict: {verdict.verdict}"]


def unjudged(verdict: BookVerdict) -> list[str]:
    """Return what was not judged and why, a line for each reason."""
    strange = [head for head in verdict.not_judged if head not in verdict.not_calculated]
    said = [f"not judged, because the headings were not understood: {', '.join(strange)}"] if strange else []
    if verdict.not_calculated:
        heads = ", ".join(verdict.not_calculated)
        said.append(
            f"not judged, because their functions are not calculated here and the file stores no "
            f"value: {heads} – open the file in"
            " a spreadsheet program and save it"
        )
    return said


def _table_line(table: TableVerdict) -> str:
    """One table of several in one line: where it stands, what it holds, its rate, its verdict and its mistakes."""
    facts = [table.holds, f"learning rate {table.learning_rate}" if table.learning_rate else ""]
    own = [column.head for column in table.mistakes]
    mistakes = f": {', '.join(own)}" if own else ""
    return f"{table.where} ({'; '.join(fact for fact in facts if fact)}): {table.verdict}{mistakes}".replace(" ()", "")


def summary(verdict: BookVerdict) -> str:
    """How many columns are right, and how many mistakes are their own, in one line."""
    right = sum(column.right for column in verdict.columns)
    what = "answers" if verdict.task else "columns"
    return f"{right} of {len(verdict.columns)} {what} right, {_counted(verdict)}"


def _follows(verdict: BookVerdict) -> list[str]:
    """What is right from what it reads, by the mistakes that it follows from."""
    if verdict.task:
        return [
            f"right from an earlier answer: {', '.join(names)}"
            for names in _grouped(verdict.columns, rows=False).values()
        ]
    said: list[str] = []
    for table in verdict.tables or (verdict,):
        heads = {column.name: column.head for column in table.columns}
        place = f"{table.where}: " if isinstance(table, TableVerdict) and len(verdict.tables) > 1 else ""
        said += [
            f"{place}follows from {', '.join(heads[cause] for cause in causes)}, right from what it reads: {', '.join(names)}"
            for causes, names in _grouped(table.columns, rows=True).items()
        ]
    return said


def _grouped(columns: tuple[ColumnVerdict, ...], *, rows: bool) -> dict[tuple[str, ...], list[str]]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for column in columns:
        if not column.right and not column.own:
            where = f" (from row {column.from_row})" if rows else ""
            groups.setdefault(column.follows_from, []).append(f"{column.head}{where}")
    return groups


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
