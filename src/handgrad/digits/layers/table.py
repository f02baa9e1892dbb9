"""The layer table of any ``nn.Module``: what ran, in order, with shapes, parameters, work and receptive field."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from handgrad.digits.layers.duplicate import duplicate
from handgrad.digits.layers.failure import explain_failure
from handgrad.digits.layers.receptive_field import Follow, tensors_in
from handgrad.errors import UsageError
from handgrad.runs.layers import LayerRow, LayerTable, Memory

BATCH = 2
SILENT = (nn.Sequential, nn.ModuleList, nn.Flatten, nn.Unflatten)
"""Modules without children that make no row: they only pass on or reshape."""

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm, nn.LayerNorm)
MEBIBYTE = 1024.0**2


def summarise(
    module: nn.Module | Callable[[], nn.Module] | str,
    input_size: Sequence[int] = (1, 28, 28),
    *,
    name: str | None = None,
) -> LayerTable:
    """Return the layer table of *module* for inputs of shape ``[batch, *input_size]``.

    A class, or a function that makes a network, is called; a text names a network as on the command line.

    A copy of *module* runs once in evaluation mode on a constant input: mode, buffers and attributes of *module* and
    torch's random state stay as they are. Rows are modules without children, as they run; functions have no row, nor
    have flattening and empty containers. Raises `UsageError` with the layer and the reason where the network cannot
    run.
    """
    if isinstance(module, str):
        from handgrad.digits.networks.load import load_network  # which imports this module

        name, module = name or module, load_network(module)
    elif not isinstance(module, nn.Module):
        from handgrad.digits.networks.load import make_network

        name = name or str(getattr(module, "__name__", type(module).__name__))
        module = make_network(module, name)
    name = name or type(module).__name__
    recorder = Recorder()
    trial = duplicate(module, name)
    output = run(trial, tuple(input_size), BATCH, name, recorder)
    rows = tuple(recorder.rows)
    parameters = list(trial.parameters())
    return LayerTable(
        network=name,
        input=tuple(input_size),
        output=shape_of(output),
        total_parameters=sum(parameter.numel() for parameter in parameters),
        trainable_parameters=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        multiply_adds=sum(row.multiply_adds or 0 for row in rows),
        memory=_memory(input_size, rows, sum(parameter.nbytes for parameter in parameters), number_bytes(trial)),
        notes=tuple(notes(trial, recorder)),
        rows=rows,
    )


def run_quietly(module: nn.Module, input_size: Sequence[int], *, batch: int, name: str | None = None) -> Any:
    """Return what *module* makes of *batch* constant inputs in evaluation mode.

    *module* and torch's random state stay as they are. Raises `UsageError` with the layer and the reason where it
    cannot run.
    """
    name = name or type(module).__name__
    return run(duplicate(module, name), tuple(input_size), batch, name, Recorder())


@dataclass
class Recorder:
    """What the hooks write down: rows, the parameters in them, and the layer that is running."""

    rows: list[LayerRow] = field(default_factory=list)
    counted: set[int] = field(default_factory=set)
    running: list[tuple[str, nn.Module, Any]] = field(default_factory=list)
    following: Follow | None = None

    def enters(self, path: str, module: nn.Module, given: Any) -> None:
        """Note that a layer begins."""
        self.running.append((path, module, given))

    def leaves(self, path: str, module: nn.Module, given: Any, result: Any) -> None:
        """Note that a layer has ended, and write its row."""
        self.running.pop()
        if type(module) in SILENT:
            return
        tensors = tensors_in([result] if not isinstance(result, dict) else list(result.values()))
        own = {id(parameter): parameter.numel() for parameter in module.parameters()}
        before = sum(count for key, count in own.items() if key in self.counted)
        self.counted.update(own)
        self.rows.append(
            LayerRow(
                layer=f"{type(module).__name__}-{len(self.rows) + 1}",
                path=path,
                output=shape_of(result),
                parameters=sum(own.values()),
                counted_before=before,
                multiply_adds=multiply_adds(module, tensors_in(list(given)), tensors),
                receptive_field=self.following.size_of(tensors[0]) if self.following and tensors else None,
            )
        )


def run(module: nn.Module, input_size: tuple[int, ...], batch: int, name: str, recorder: Recorder) -> Any:
    """Run *module* once under *recorder* and return its output."""
    parameter = next((each for each in module.parameters() if each.is_floating_point()), None)
    device, dtype = (
        (parameter.device, parameter.dtype) if parameter is not None else (torch.device("cpu"), torch.float32)
    )
    gpus = [device] if device.type == "cuda" else []
    image = torch.full((batch, *input_size), 0.5, device=device, dtype=dtype)
    recorder.following = Follow(image)
    try:
        with torch.random.fork_rng(devices=gpus), torch.no_grad(), hooks(module, recorder), recorder.following:
            return module(image)
    except Exception as error:
        raise UsageError(explain_failure(name, recorder.running, error)) from error


def leaves(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Return the paths and modules that make a row: those without children, parametrizations of weights apart."""
    parametrized: list[str] = []
    for path, each in module.named_modules():
        if any(path.startswith(outer) for outer in parametrized):
            continue
        children = [child for child, _ in each.named_children()]
        if children == ["parametrizations"]:
            parametrized.append(f"{path}." if path else "")
        if not children or children == ["parametrizations"]:
            yield path, each


@contextmanager
def hooks(module: nn.Module, recorder: Recorder) -> Iterator[None]:
    """Let *recorder* hear of every leaf of *module* meanwhile."""
    handles = []
    for path, leaf in leaves(module):
        handles.append(
            leaf.register_forward_pre_hook(lambda layer, given, path=path: recorder.enters(path, layer, given))
        )
        handles.append(
            leaf.register_forward_hook(
                lambda layer, given, result, path=path: recorder.leaves(path, layer, given, result)
            )
        )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def shape_of(result: Any) -> tuple[int, ...]:
    """Return the shape, without the batch, of the first tensor in *result*; empty where there is none."""
    tensors = tensors_in(list(result.values()) if isinstance(result, dict) else [result])
    return tuple(tensors[0].shape[1:]) if tensors else ()


def multiply_adds(module: nn.Module, given: Sequence[Tensor], result: Sequence[Tensor]) -> int | None:
    """Return the multiply-adds of *module* for one image by the rule of `LayerRow`."""
    if isinstance(module, NORMS) and result:
        return math.prod(result[0].shape[1:])
    if next(module.parameters(), None) is None:
        return 0
    if isinstance(module, CONVOLUTIONS) and result:
        return module.weight.numel() * math.prod(result[0].shape[2:])
    if isinstance(module, TRANSPOSED) and given:
        return module.weight.numel() * math.prod(given[0].shape[2:])
    if isinstance(module, nn.Linear) and result:
        return module.weight.numel() * math.prod(result[0].shape[1:-1])
    return None


def _memory(input_size: Sequence[int], rows: Sequence[LayerRow], parameter_bytes: int, number: int) -> Memory:
    """Return the sizes for one image, *number* bytes a value."""
    read = math.prod(input_size) * number / MEBIBYTE
    both = 2 * sum(math.prod(row.output) for row in rows) * number / MEBIBYTE
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
            yield f"{row.path} shares {row.counted_before:,} parameters with an earlier layer: they count once"
    parameters = {row.path: row.parameters for row in recorder.rows}
    for path, count in runs.items():
        if count > 1 and parameters[path]:
            yield f"{path} runs {count} times: its {parameters[path]:,} parameters count once"
    outside = [(path, each.numel()) for path, each in module.named_parameters() if id(each) not in recorder.counted]
    for path, count in outside:
        yield f"{path}: {count:,} parameters in no row, as no layer ran with them; they are in the total"
    unknown = [row.layer for row in recorder.rows if row.multiply_adds is None]
    if unknown:
        yield f"multiply-adds of {', '.join(unknown)} are not known and not in the total"
