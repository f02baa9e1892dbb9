"""The ways through a trace: which operations a result was computed from, and which read what an operation wrote."""

from __future__ import annotations

from collections.abc import Sequence

from handgrad.judge.examination.operations_seen import Node, Trace


def reaching(nodes: Sequence[Node], outputs: Sequence[tuple[int, ...]]) -> set[int]:
    """Return the numbers of the operations whose numbers flow into *outputs* (each the writers of one block)."""
    by_number = {node.number: node for node in nodes}
    reached: set[int] = set()
    waiting = [number for writers in outputs for number in writers]
    while waiting:
        number = waiting.pop()
        if number in reached:
            continue
        reached.add(number)
        for read in by_number[number].reads:
            # `< number`: memory written again later has writers that come after this read.
            waiting += [each for each in read.writers if each < number and each not in reached]
    return reached


def readers_of(trace: Trace) -> dict[int, list[int]]:
    """Return, by operation, those that read what it wrote; found once for each trace."""
    if trace.readers is None:
        trace.readers = {}
        for node in trace.nodes:
            for read in node.reads:
                # The last one: what it wrote is what is read now.
                for writer in read.writers[-1:]:
                    trace.readers.setdefault(writer, []).append(node.number)
    return trace.readers
