"""What hooks and a trace write down while a network runs once: rows, shapes, work and the parameters that were read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from handgrad.digits.layers.failure import explain_failure
from handgrad.digits.layers.receptive_field import Follow, tensors_in
from handgrad.digits.layers.work import every_operation_apart, multiply_adds
from handgrad.errors import UsageError
from handgrad.runs.layers import LayerRow

OTHER_BATCH = 3
"""Shown next: what differs then between two shapes is the batch, wherever a layer has it."""
SILENT = (nn.Sequential, nn.ModuleList, nn.Flatten, nn.Unflatten)
"""Modules without children that make no row: they only pass on or reshape."""


@dataclass
class Running:
    """A module that is running: what it has worked, with and without images, which parameters it read, and rows in it."""

    path: str
    module: nn.Module
    inputs: Any
    with_images: int = 0
    by_itself: int = 0
    read: set[int] = field(default_factory=set)
    has_rows: bool = False

    def for_one_image(self, other: Running | None, batch: int) -> int:
        """Return the work for one image; *other* is the same with `OTHER_BATCH` images where that could be run.

        What grows with the batch is the images' own, also where no image has a part in it (a first state of zeros); what does
        not is done once for all (a kernel that is computed).
        """
        if other is None:
            return self.with_images // batch + self.by_itself
        here, there = self.with_images + self.by_itself, other.with_images + other.by_itself
        each = (there - here) // (OTHER_BATCH - batch)
        return here - (batch - 1) * each

    def takes_over(self, other: Running) -> None:
        """Add what *other*, which ran inside and made no row, has worked and read."""
        self.with_images += other.with_images
        self.by_itself += other.by_itself
        self.read |= other.read


@dataclass
class Recorder:
    """What the hooks write down: rows, their whole shapes, the parameters in them, and the modules that are running."""

    batch: int = 1
    rows: list[LayerRow] = field(default_factory=list)
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    """Of each row, with the batch in it."""
    ended: list[Running] = field(default_factory=list)
    """What each row has worked."""
    counted: set[int] = field(default_factory=set)
    stack: list[Running] = field(default_factory=list)
    outside: Running = field(default_factory=lambda: Running("", nn.Identity(), ()))
    """What ran in no row."""
    following: Follow | None = None

    @property
    def running(self) -> list[tuple[str, nn.Module, Any]]:
        """The modules that are running, outermost first."""
        return [(each.path, each.module, each.inputs) for each in self.stack]

    def works(self, func: Any, inputs: Sequence[Any], result: Any, of_images: bool) -> None:
        """Note an operation for the module that is running."""
        place = self.stack[-1] if self.stack else self.outside
        count = multiply_adds(func.overloadpacket.__name__, inputs, result)
        if of_images:
            place.with_images += count
        else:
            place.by_itself += count
        place.read.update(id(tensor) for tensor in tensors_in(inputs) if isinstance(tensor, nn.Parameter))

    def enters(self, path: str, module: nn.Module, inputs: Any) -> None:
        """Note that a module begins."""
        self.stack.append(Running(path, module, inputs))

    def leaves(self, path: str, module: nn.Module, inputs: Any, result: Any) -> None:
        """Note that a module has ended, and write its row where it is one."""
        ended = self.stack.pop()
        outer = self.stack[-1] if self.stack else self.outside
        if not self.is_row(ended):
            outer.takes_over(ended)
            outer.has_rows |= ended.has_rows
            return
        outer.has_rows = True
        tensors = tensors_in([result] if not isinstance(result, dict) else list(result.values()))
        whole = is_leaf(module)
        # Of a module with children only the weights that it read itself: the others have rows of their own.
        own = {id(each): each.numel() for each in module.parameters() if whole or id(each) in ended.read}
        before = sum(count for key, count in own.items() if key in self.counted)
        self.counted.update(own)
        work = ended.for_one_image(None, self.batch)
        self.ended.append(ended)
        self.shapes.append(tuple(tensors[0].shape) if tensors else ())
        self.rows.append(
            LayerRow(
                layer=f"{type(module).__name__}-{len(self.rows) + 1}",
                path=path,
                output=shape_of(result),
                parameters=sum(own.values()),
                counted_before=before,
                multiply_adds=None if own and not work else work,
                receptive_field=self.following.size_of(tensors[0]) if self.following and tensors else None,
            )
        )

    def is_row(self, ended: Running) -> bool:
        """Whether a module is shown: one without children; or one that calls none of them and reads their weights itself."""
        if is_leaf(ended.module):
            return type(ended.module) not in SILENT
        own = {id(each) for each in ended.module.parameters()}
        return not ended.has_rows and bool(own & ended.read)


def run(module: nn.Module, input_size: tuple[int, ...], batch: int, name: str, *, recorder: Recorder) -> Any:
    """Run *module* once under *recorder* and return its output."""
    parameter = next((each for each in module.parameters() if each.is_floating_point()), None)
    device, dtype = (
        (parameter.device, parameter.dtype) if parameter is not None else (torch.device("cpu"), torch.float32)
    )
    gpus = [device] if device.type == "cuda" else []
    # Not zeros: a network that divides by what it sees would give no numbers.
    image = torch.full((batch, *input_size), 0.5, device=device, dtype=dtype)
    recorder.following = Follow(image, recorder.works)
    try:
        with (
            torch.random.fork_rng(devices=gpus),
            torch.no_grad(),
            # torch would otherwise run attention as one operation, of which no work can be counted.
            every_operation_apart(),
            hooks(module, recorder),
            recorder.following,
        ):
            return module(image)
    except Exception as error:
        raise UsageError(explain_failure(name, recorder.running, error)) from error


def is_leaf(module: nn.Module) -> bool:
    """Whether *module* has no children, parametrizations of its weights apart."""
    return not {name for name, _ in module.named_children()} - {"parametrizations"}


def shown(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Return the paths and modules whose runs are noted: all but the parametrizations of weights."""
    for path, each in module.named_modules():
        if "parametrizations" not in path.split("."):
            yield path, each


@contextmanager
def hooks(module: nn.Module, recorder: Recorder) -> Iterator[None]:
    """Let *recorder* hear of every module in *module* meanwhile."""
    handles = []
    for path, each in shown(module):
        handles.append(
            each.register_forward_pre_hook(lambda layer, inputs, path=path: recorder.enters(path, layer, inputs))
        )
        handles.append(
            each.register_forward_hook(
                lambda layer, inputs, result, path=path: recorder.leaves(path, layer, inputs, result)
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
