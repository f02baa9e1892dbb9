"""The numbers that compute the output: trained parameters, and what else is stored somewhere and used like them."""

from __future__ import annotations

import types
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from handgrad.judge.examination.free_numbers import FEW, made_numbers, single_numbers
from handgrad.judge.examination.operations_seen import Node, Trace
from handgrad.judge.verdict import HiddenTensor, Where
from handgrad.transcript.modules import buffers_of, parameters_of, place_of, registered

OWN_NAMES = ("_parameters", "_buffers", "_modules")


@dataclass
class Stored:
    """One block of memory that the output was computed from and that this run did not make."""

    tensors: dict[tuple[Any, ...], Tensor] = field(default_factory=dict)
    path: str = ""
    line: int | None = None

    def numbers(self) -> int:
        """Return how many different numbers were read: views of the same memory do not count twice."""
        tensor = next(iter(self.tensors.values()))
        held = tensor.untyped_storage().nbytes() // max(tensor.element_size(), 1)
        return min(held, sum(each.numel() for each in self.tensors.values()))


def stored_blocks(trace: Trace, reached: Collection[int]) -> dict[int, Stored]:
    """Return the blocks of memory whose numbers flow into the output and were there before the run, by place."""
    blocks: dict[int, Stored] = {}
    for node in trace.nodes:
        if node.number not in reached:
            continue
        for read in node.reads:
            if read.memory.stored and not read.images:
                block = blocks.setdefault(read.place, Stored(path=node.path, line=read.memory.line or node.line))
                tensor = read.tensor
                # By what a view shows: the same view read at ten places is counted once.
                block.tensors[(tensor.storage_offset(), tuple(tensor.shape), tensor.stride())] = tensor
    return blocks


def hidden_tensors(
    trace: Trace, reached: Collection[int], module: nn.Module, statistics: Collection[int]
) -> tuple[HiddenTensor, ...]:
    """Return what counts beside the trained parameters, each with its place in the author's words.

    *statistics* are places of running statistics, which do not count. A tensor filled with one number, or with numbers
    in even steps along its rows and columns, counts as the few numbers that make it; up to `FEW` such single numbers are
    free. Tensors that the run itself fills (``torch.ones``, ``arange`` and what is computed from them) count nothing while
    they follow a simple rule; random ones count, and so do those of a formula: either can stand for any number of weights.
    """
    trained = {place_of(each) for each in parameters_of(module).values() if each.requires_grad}
    names = _named_places(module)
    found: list[HiddenTensor] = []
    single = single_numbers(trace.nodes, reached)
    for place, block in stored_blocks(trace, reached).items():
        if place in trained or place in statistics:
            continue
        few = _rule_numbers(block)
        if few is not None:
            single += few
            continue
        line = f", line {block.line}" if block.line else ""
        name, where = names.get(place, (f"made in {block.path or 'forward'}{line}", "constant"))
        found.append(HiddenTensor(name, block.numbers(), where))
    found += _random_numbers(trace.nodes, reached)
    found += made_numbers(trace.nodes, reached, trained, statistics)
    if single > FEW:
        found.append(HiddenTensor(f"{single} single numbers written into the computation", single, "constant"))
    return tuple(found)


def _random_numbers(nodes: Sequence[Node], reached: Collection[int]) -> Iterator[HiddenTensor]:
    """Return the random tensors that help to compute an answer, one for each drawing."""
    for node in nodes:
        if node.number in reached and node.drawn and node.results and node.results[0].numel() > 1:
            line = f", line {node.line}" if node.line else ""
            yield HiddenTensor(
                f"drawn at random in {node.path or 'forward'}{line}", node.results[0].numel(), "constant"
            )


def _rule_numbers(block: Stored) -> int | None:
    """Return how few numbers make the tensor in *block*: 1 where all are equal, 3 for even steps over rows and columns.

    None where it takes more than a handful.
    """
    # Several views of one block: which numbers would a rule have to make?
    if len(block.tensors) != 1:
        return None
    tensor = next(iter(block.tensors.values())).detach()
    values = tensor.double() if not tensor.is_complex() else torch.view_as_real(tensor).double()
    if values.numel() <= 1 or bool((values == values.flatten()[0]).all()):
        return 1
    maps = values.reshape(-1, values.shape[-2] if values.dim() > 1 else 1, values.shape[-1])
    needed = 3 * len(maps)
    # A rule has to be much shorter than what it makes, or any small tensor would be one.
    if needed > 16 or needed * 4 > values.numel():
        return None
    # Second differences of 0 in both directions and across: a plane, which three numbers describe.
    steps = [maps.diff(n=2, dim=1), maps.diff(n=2, dim=2), maps.diff(dim=1).diff(dim=2)]
    largest = max(float(each.abs().max()) if each.numel() else 0.0 for each in steps)
    return needed if largest <= 1e-5 * float(values.abs().max()) else None


def _named_places(module: nn.Module) -> Mapping[int, tuple[str, Where]]:
    """Return, by place, the name of every tensor that the modules and their functions can reach, and where it is."""
    found: dict[int, tuple[str, Where]] = {}

    def keep(value: Any, name: str, where: Where, depth: int = 3) -> None:
        if isinstance(value, Tensor):
            found.setdefault(place_of(value), (name, where))
        elif isinstance(value, nn.Module) and depth:
            for path, parameter in [*parameters_of(value).items(), *buffers_of(value).items()]:
                keep(parameter, f"{name}.{path}", where, 0)
        # Bounded, because what a module holds may hold the module.
        elif isinstance(value, dict) and depth:
            for key, each in list(value.items()):
                keep(each, f"{name}[{key!r}]", where, depth - 1)
        elif isinstance(value, list | tuple) and depth:
            for place, each in enumerate(value):
                keep(each, f"{name}[{place}]", where, depth - 1)

    for path, buffer in buffers_of(module).items():
        keep(buffer, path, "buffer")
    for path, parameter in parameters_of(module).items():
        keep(parameter, f"frozen parameter {path}", "constant")
    for path, each in registered(module):
        owner = path or type(each).__name__
        for name, value in vars(each).items():
            if name not in OWN_NAMES:
                keep(value, f"{owner}.{name}", "constant")
        for function in _functions_of(each):
            for name, value, where in _reachable(function):
                keep(value, name, where)
        for kind in type(each).__mro__:
            # torch's own classes hold tables too, of which nothing is the author's.
            if not kind.__module__.startswith("torch."):
                for name, value in vars(kind).items():
                    keep(value, f"{kind.__name__}.{name}", "constant")
    return found


def _functions_of(module: nn.Module) -> Iterator[types.FunctionType]:
    """Return the functions that *module* brings along: methods of its own classes, function attributes, hooks."""
    for kind in type(module).__mro__:
        if not kind.__module__.startswith("torch."):
            yield from (each for each in vars(kind).values() if isinstance(each, types.FunctionType))
    attributes = list(vars(module).values())
    hooks = [each for value in attributes if isinstance(value, dict) for each in value.values()]
    yield from (each for each in [*attributes, *hooks] if isinstance(each, types.FunctionType))


def _reachable(function: types.FunctionType, depth: int = 2) -> Iterator[tuple[str, Any, Where]]:
    """Return name, value and kind of place of what *function* reads from around it, through other functions too."""
    around = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    closed = [(name, cell.cell_contents) for name, cell in around if _has_contents(cell)]
    closed += [(f"default of {function.__name__}", each) for each in function.__defaults__ or ()]
    read = [(name, function.__globals__[name]) for name in function.__code__.co_names if name in function.__globals__]
    for pairs, where in ((closed, "closure"), (read, "global")):
        for name, value in pairs:
            yield name, value, "closure" if where == "closure" else "global"
            if isinstance(value, types.FunctionType) and depth:
                yield from _reachable(value, depth - 1)


def _has_contents(cell: types.CellType) -> bool:
    """Whether a closure's variable has a value yet."""
    try:
        cell.cell_contents  # noqa: B018  (reading is the test)
    except ValueError:
        return False
    return True
