"""A verdict on a workbook as lines for a terminal, and as rows for a page."""

from __future__ import annotations

from handgrad.judge.workbook.mistakes import Likely
from handgrad.judge.workbook.records import BookVerdict, ColumnVerdict

HEADS = ("column", "cell", "verdict", "from row", "likely mistake", "explanation")


def rows(verdict: BookVerdict) -> list[tuple[str, str, str, str, str, str]]:
    """One row a column, in the order of :data:`HEADS`: plain text, to be escaped by what shows it."""
    return [
        (
            column.head,
            column.cell,
            _word(column),
            "" if column.from_row is None else str(column.from_row),
            "" if column.mistake in (None, Likely.CONSEQUENCE, "consequence") else str(column.mistake),
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
