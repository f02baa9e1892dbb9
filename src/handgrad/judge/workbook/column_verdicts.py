"""The verdict on every column of a judged table: right, wrong by a mistake of its own, or wrong as a consequence of others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from handgrad.backprop.graph.graph import FIRST_VALUES, Graph
from handgrad.backprop.mistakes.kinds import MistakeKind
from handgrad.judge.workbook.causes import Finding
from handgrad.judge.workbook.columns import Columns, Judged
from handgrad.judge.workbook.verdict import ColumnVerdict, plain
from handgrad.judge.workbook.view import View


def head_texts(view: View, names: Iterable[str]) -> list[str]:
    """Return the texts of the heads of columns."""
    heads = {known: head for head, known in view.convention.names.items()}
    return [view.ground.table.heads[heads[name]] for name in names]


def column_verdicts(columns: Columns, result: Judged) -> Iterator[ColumnVerdict]:
    """Yield the verdict on every column that could be judged, from left to right."""
    heads = {known: head for head, known in columns.view.convention.names.items()}
    for name in sorted(columns.view.ground.places, key=lambda each: columns.view.ground.places[each]):
        # Neither calculated here nor stored in the file: nothing can be said of it.
        if name in result.unvalued and name not in result.own:
            continue
        yield _verdict(columns, result.own, name, heads[name])


def _verdict(columns: Columns, own: Mapping[str, Finding], name: str, head: str) -> ColumnVerdict:
    table, book = columns.view.ground.table, columns.view.ground.book
    column = columns.view.ground.places[name]
    basic = ColumnVerdict(
        name, plain(table.heads[head], 30), f"{plain(table.sheet)}!{book.address(table.header, column)}", True,
        rows=len(table.rows),
    )  # fmt: skip
    finding = own.get(name)
    flags = columns.reading.wrong[name] if finding is not None else columns.reading.untrue[name]
    if finding is None:
        causes = _upstream(columns.graph, name, own) if flags.any() else ()
        if not causes:
            return basic
        row = int(np.argmax(flags))
        wanted = columns.reading.true[name]
    else:
        row = finding.row
        wanted = columns.reading.expected(name, columns.reading.read)
    basic = replace(
        basic, right=False, wrong_rows=int(flags.sum()), from_row=table.rows[row] + 1,
        first_wrong=book.address(table.rows[row], column), found=_shown(columns.reading.found[name][row]),
        expected=_shown(wanted[row]),
    )  # fmt: skip
    if finding is not None:
        # A formula that is wrong although its value here is right has no other number to show.
        return replace(
            basic, wrong_rows=max(1, basic.wrong_rows) if flags.any() else 0, mistake=finding.likely,
            explanation=plain(finding.words, 300),
        )  # fmt: skip
    return replace(basic, mistake=MistakeKind.CONSEQUENCE, follows_from=causes)


def _shown(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _upstream(graph: Graph, name: str, own: Mapping[str, Finding]) -> tuple[str, ...]:
    """Columns with mistakes of their own that a column is computed from, in this row or the rows before, nearest first."""
    found: dict[str, None] = {}
    seen = {name}
    waiting = [name]
    while waiting:
        current = waiting.pop(0)
        successor = graph.successors.get(current)
        before = graph.dependencies(successor) if successor else ()
        if graph[current].kind not in FIRST_VALUES:
            before = (*before, *graph.dependencies(current))
        for each in before:
            if each in seen:
                continue
            seen.add(each)
            if each in own:
                found[each] = None
            else:
                waiting.append(each)
    return tuple(found)
