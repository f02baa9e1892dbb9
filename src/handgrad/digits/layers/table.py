"""The layer table of any ``nn.Module``: what ran, in order, with shapes, parameters, work and receptive field."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from handgrad.digits.layers.duplicate import duplicate
from handgrad.digits.layers.recorder import OTHER_BATCH, Recorder, run, shape_of
from handgrad.errors import UsageError, counted
from handgrad.runs.layers import LayerRow, LayerTable, Memory

BATCH = 2

MEBIBYTE = 1024.0**2


def summarise(
    module: nn.Module | Callable[[], nn.Module] | str,
    input_size: Sequence[int] = (1, 28, 28),
    *,
    name: str | None = None,
) -> LayerTable:
    """Return the layer table of *module* for inputs of shape ``[batch, *input_size]``.

    A class, or a function that makes a network, is called; a text names a network as on the command line.

    A copy of *module* runs in evaluation mode on constant inputs: mode, buffers and attributes of *module* and torch's
    random state stay as they are. Rows are modules without children, as they run, and modules that read the weights of
    their children themselves (attention); functions have no row, nor have flattening and empty containers. Raises
    `UsageError` with the layer and the reason where the network cannot run.
    """
    if isinstance(module, str):
        from handgrad.digits.networks.load import load_network  # which imports this module

        name, module = name or module, load_network(module)
    elif not isinstance(module, nn.Module):
        from handgrad.digits.networks.load import make_network

        name = name or str(getattr(module, "__name__", type(module).__name__))
        module = make_network(module, name)
    name = name or type(module).__name__
    recorder = Recorder(BATCH)
    trial = duplicate(module, name)
    output = run(trial, tuple(input_size), BATCH, name, recorder=recorder)
    rows, pieces, rest = _with_batches(recorder, _another(trial, tuple(input_size), name))
    parameters = list(trial.parameters())
    return LayerTable(
        network=name,
        input=tuple(input_size),
        output=shape_of(output),
        total_parameters=sum(parameter.numel() for parameter in parameters),
        trainable_parameters=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        multiply_adds=sum(row.multiply_adds or 0 for row in rows) + rest,
        memory=_memory(
            (input_size, [math.prod(row.output) * each for row, each in zip(rows, pieces, strict=True)]),
            sum(parameter.nbytes for parameter in parameters),
            number_bytes(trial),
        ),
        notes=(*notes(trial, recorder), *_further_notes(rows, pieces, rest)),
        rows=rows,
    )


def _another(trial: nn.Module, input_size: tuple[int, ...], name: str) -> Recorder | None:
    """Return what is written down for another size of batch; None where the network takes no other."""
    other = Recorder(OTHER_BATCH)
    try:
        run(trial, input_size, OTHER_BATCH, name, recorder=other)
    except UsageError:
        return None
    return other


def _with_batches(recorder: Recorder, other: Recorder | None) -> tuple[tuple[LayerRow, ...], tuple[int, ...], int]:
    """Return the rows for one image, how many pieces of an image each works on at a time, and the work in no row."""
    if other is None or len(other.rows) != len(recorder.rows):
        return tuple(recorder.rows), (1,) * len(recorder.rows), recorder.outside.for_one_image(None, recorder.batch)
    rows, pieces = [], []
    for row, shape, there, mine, its in zip(
        recorder.rows, recorder.shapes, other.shapes, recorder.ended, other.ended, strict=True
    ):
        differs = [dim for dim, (a, b) in enumerate(zip(shape, there, strict=False)) if a != b]
        at = differs[0] if differs else 0
        work = mine.for_one_image(its, recorder.batch)
        known = None if row.multiply_adds is None else work
        rows.append(replace(row, output=(*shape[:at], *shape[at + 1 :]), batch_at=at, multiply_adds=known))
        pieces.append(max(1, shape[at] // recorder.batch) if differs else 1)
    return tuple(rows), tuple(pieces), recorder.outside.for_one_image(other.outside, recorder.batch)


def _further_notes(rows: Sequence[LayerRow], pieces: Sequence[int], rest: int) -> Iterator[str]:
    """Say which rows stand for several pieces of an image, and what was worked in no row."""
    for row, each in zip(rows, pieces, strict=True):
        if each > 1:
            yield f"{row.path or row.layer} runs on {each} pieces of each image, side by side in the batch"
    if rest:
        yield f"{counted(rest, 'multiply-add')} in no row, because no layer made them; they are in the total"


def run_quietly(module: nn.Module, input_size: Sequence[int], *, batch: int, name: str | None = None) -> Any:
    """Return what *module* makes of *batch* constant inputs in evaluation mode.

    *module* and torch's random state stay as they are. Raises `UsageError` with the layer and the reason where it
    cannot run.
    """
    name = name or type(module).__name__
    return run(duplicate(module, name), tuple(input_size), batch, name, recorder=Recorder(batch))


def _memory(values: tuple[Sequence[int], Sequence[int]], parameter_bytes: int, number: int) -> Memory:
    """Return the sizes for one image, *number* bytes a value: *values* are the input's shape and how many each row gives."""
    read = math.prod(values[0]) * number / MEBIBYTE
    both = 2 * sum(values[1]) * number / MEBIBYTE
    held = parameter_bytes / MEBIBYTE
    return Memory(read, both, held, read + both + held)


def number_bytes(module: nn.Module) -> int:
    """Return the bytes of one value of the kind that *module* computes with."""
    parameter = next((each for each in module.parameters() if each.is_floating_point()), None)
    return parameter.element_size() if parameter is not None else 4


def notes(module: nn.Module, recorder: Recorder) -> Iterator[str]:
    """Say what the rows do not show, so that the totals can be followed."""
    runs = Counter(row.path for row in recorder.rows)
    for row in recorder.rows:
        if row.counted_before and runs[row.path] == 1:
            yield f"{row.path} shares {counted(row.counted_before, 'parameter')} with an earlier layer, counted once"
    parameters = {row.path: row.parameters for row in recorder.rows}
    for path, count in runs.items():
        if count > 1 and parameters[path]:
            yield f"{path} runs {count} times, with {counted(parameters[path], 'parameter')} counted once"
    outside = [(path, each.numel()) for path, each in module.named_parameters() if id(each) not in recorder.counted]
    for path, count in outside:
        yield f"{path}: {counted(count, 'parameter')} in no row, because no layer used them; they are in the total"
    unknown = [row.layer for row in recorder.rows if row.multiply_adds is None]
    if unknown:
        yield f"multiply-adds of {', '.join(unknown)} are not known and not in the total"
