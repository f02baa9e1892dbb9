"""Every quantity of every step as JSON or CSV, with the header labels of the sheet.

A number that is no longer finite is ``null`` in JSON, which has no other word for it, and ``diverged`` in CSV.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Iterator
from itertools import chain
from typing import Any

from handgrad.backprop.graph.build import build_graph
from handgrad.backprop.graph.graph import Graph, Kind
from handgrad.backprop.network.file import network_table
from handgrad.backprop.network.network import UpdateOrder
from handgrad.backprop.simulate import Trace
from handgrad.text import csv_cell

DIVERGED = "diverged"
BYTE_ORDER_MARK = "\ufeff"
"""Without it a spreadsheet reads ∂E/∂w5 as Latin letters."""
# A long run of a large network as one text would take gigabytes; row by row, Python would spend its time on calls.
ROWS_AT_ONCE = 1000


def export_columns(graph: Graph) -> tuple[str, ...]:
    """Return the training table's columns, then all other quantities, then the settings: every name of the graph once."""
    settings = tuple(quantity.name for quantity in graph.of_kind(Kind.SETTING))
    return (*graph.main_columns, *_extra_columns(graph), *settings)


def _extra_columns(graph: Graph) -> tuple[str, ...]:
    """Return the other columns, whatever order a step takes in one and the same order.

    With the output layer first its new weights come before the hidden layers' slopes. Files are laid side by side, and then
    a column must stand where it stands in the other file.
    """
    if graph.network.order is UpdateOrder.OLD_WEIGHTS:
        return graph.extra_columns
    usual = build_graph(dataclasses.replace(graph.network, order=UpdateOrder.OLD_WEIGHTS)).extra_columns
    return tuple(sorted(graph.extra_columns, key=usual.index))


def csv_chunks(trace: Trace) -> Iterator[bytes]:
    """Yield the trace as CSV in pieces: a header of labels, then one row per step, numbers in full precision.

    UTF-8 with a byte order mark. Texts go through :func:`handgrad.text.csv_cell`.
    """
    columns = [name for name in export_columns(trace.graph) if name in trace.values]
    header = ["step", *(trace.graph[name].label for name in columns)]
    yield (BYTE_ORDER_MARK + _lines([[csv_cell(label) for label in header]])).encode()
    for start in range(0, trace.steps + 1, ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, trace.steps + 1)
        parts = [trace.values[name][start:stop].tolist() for name in columns]
        rows = ([str(start + index), *map(_number, row)] for index, row in enumerate(zip(*parts, strict=True)))
        yield _lines(rows).encode()


def json_chunks(trace: Trace, files: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the trace as one JSON document in pieces.

    ``network`` (as described), ``steps``, ``diverged_at`` (a row or null), ``files`` (written beside it),
    ``quantities`` (name, label, kind, meaning, rule in symbols or null) and ``values``: a list of steps + 1 numbers or
    nulls by name.
    """
    graph = trace.graph
    columns = [name for name in export_columns(graph) if name in trace.values]
    head = {
        "network": network_table(graph.network),
        "steps": trace.steps,
        "diverged_at": trace.diverged_at,
        "files": list(files),
        "quantities": [_quantity_record(graph, name) for name in columns],
    }
    # Without its last bracket: the values follow, one quantity at a time.
    yield json.dumps(head, allow_nan=False)[:-1] + ', "values": {'
    for index, name in enumerate(columns):
        values = [value if math.isfinite(value) else None for value in trace.values[name].tolist()]
        yield (", " if index else "") + f"{json.dumps(name)}: {json.dumps(values, allow_nan=False)}"
    yield "}}\n"


def _quantity_record(graph: Graph, name: str) -> dict[str, Any]:
    quantity = graph[name]
    rule = None if quantity.expression is None else graph.plain(name)
    record = {"name": name, "label": quantity.label, "kind": str(quantity.kind)}
    return record | {"meaning": quantity.meaning, "rule": rule}


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else DIVERGED


def _lines(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(chain(rows))
    return text.getvalue()
