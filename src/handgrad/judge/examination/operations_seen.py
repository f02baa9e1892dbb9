"""Writes down every operation of one run of a network, and what each was computed from.

Below all layers, functions and subclasses torch runs a small set of operations; whatever form a network is written in,
they are the same. What an operation reads is known by the memory it reads, so that views and writing in place are
followed as well as fresh results.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode

from handgrad.digits.layers.receptive_field import tensors_in
from handgrad.transcript.modules import place_of

MADE_ANEW = ("empty", "new_", "zeros", "ones", "full_like", "rand_like", "randn_like", "randint_like", "lift_fresh")
"""Beginnings of operations that take no values from the tensors given, only shape and kind (or pass them on as they are)."""

INDEXING = ("index", "index_select", "gather", "embedding", "take", "scatter", "index_put")
OWN = (str(Path(torch.__file__).parent), str(Path(__file__).parents[2]))


@dataclass
class Memory:
    """What is known of one block of memory: which operations wrote it, and what its numbers come from.

    ``line``: where its numbers are written out in the file; ``stored``: the first of them were not made by this run;
    ``weighted``: images have passed a convolution or a product with a matrix; ``flat``: they are one row of features an
    image, without rows and columns; ``normed``: every channel already has mean 0 and variance 1 over the batch.
    """

    writers: list[int] = field(default_factory=list)
    line: int | None = None
    stored: bool = False
    images: bool = False
    random: bool = False
    weighted: bool = False
    flat: bool = False
    normed: bool = False


@dataclass(frozen=True)
class Read:
    """One tensor as an operation read it: shape and origin at that moment, and the block of memory it lies in."""

    tensor: Tensor
    place: int
    memory: Memory
    writers: tuple[int, ...]

    @property
    def images(self) -> bool:
        """Whether it was computed from the images."""
        return self.memory.images


@dataclass
class Node:
    """One operation, the ``turn``-th of its name: what it read and gave, in which module, at which line of the file.

    ``facts`` is what the watcher of the trace saw in its numbers before later operations could overwrite them.
    """

    number: int
    name: str
    turn: int
    reads: tuple[Read, ...]
    arguments: tuple[Any, ...]
    results: tuple[Tensor, ...]
    shape: tuple[int, ...]
    path: str
    leaf: bool
    line: int | None
    images: bool
    drawn: bool
    values: tuple[tuple[str, float], ...] = ()
    """The single numbers among its arguments that are calculated with, by the arguments' names."""
    choices: tuple[int, ...] = ()
    """The whole numbers by which it chooses among places."""
    facts: dict[str, Any] = field(default_factory=dict)


class Trace(TorchDispatchMode):
    """While active, writes down the operations on *images* and what follows from them.

    *disturb* is one operation, by its name and which of that name it is, whose result gets noise of its own size added,
    so that the effect on the output can be seen (torch adds a ``detach`` here and there, so that a bare count would drift).
    Reading the shape of a tensor is not reading its numbers.
    """

    def __init__(
        self,
        images: Tensor,
        modules: Mapping[int, tuple[str, bool]],
        *,
        watch: Callable[[Trace, Node], None] | None = None,
        values: Callable[[Any, Mapping[str, Any], Sequence[Read]], tuple[tuple[str, float], ...]] | None = None,
        choices: Callable[[Any, Mapping[str, Any]], tuple[int, ...]] | None = None,
        disturb: tuple[str, int] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.nodes: list[Node] = []
        self.memories: dict[int, Memory] = {place_of(images): Memory(images=True)}
        self.batch = len(images)
        self.alive: list[Any] = [images]
        self.modules = modules
        self.running: list[tuple[str, bool]] = []
        self.watch = watch
        self.values, self.choices = values, choices
        self.disturb = disturb
        self.turns: Counter[str] = Counter()
        self.readers: dict[int, list[int]] | None = None
        """By operation, those that read what it wrote; made by whoever asks first."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run *func*; note what it read and wrote."""
        given = [*args, *(kwargs or {}).values()]
        name = func.overloadpacket.__name__
        self.turns[name] += 1
        # Without notes: of a disturbed run only the output is looked at, and there is one for each layer.
        if self.disturb is not None:
            result = func(*args, **(kwargs or {}))
            # By turn among those of its name, since the two runs have the same operations in the same order.
            if (name, self.turns[name]) == self.disturb:
                _add_noise(result)
            return result
        reads = tuple(self.read(tensor) for tensor in self.values_read(name, given))
        result = func(*args, **(kwargs or {}))
        results = tuple(tensors_in(result if isinstance(result, list | tuple) else [result]))
        names = [argument.name for argument in func._schema.arguments]
        self.note(func, reads, {**dict(zip(names, args, strict=False)), **(kwargs or {})}, results)
        return result

    def values_read(self, name: str, given: Sequence[Any]) -> list[Tensor]:
        """Return the tensors whose numbers go into the result: not shapes, not whole numbers that only point."""
        if name.startswith(MADE_ANEW):
            return []
        tensors = tensors_in(given)
        if name.rstrip("_").startswith(INDEXING):
            tensors = [each for each in tensors if each.is_floating_point() or self.memory(each).images] or tensors[:1]
        return tensors

    def memory(self, tensor: Tensor) -> Memory:
        """Return what is known of the memory under *tensor*."""
        place = place_of(tensor)
        if place not in self.memories:
            self.alive.append(tensor)
            self.memories[place] = Memory()
        return self.memories[place]

    def read(self, tensor: Tensor) -> Read:
        """Return *tensor* as it is read now; a block met for the first time was not made by this run."""
        met = place_of(tensor) in self.memories
        memory = self.memory(tensor)
        memory.stored |= not met
        now = Memory(**{**vars(memory), "writers": list(memory.writers)})
        return Read(tensor, place_of(tensor), now, tuple(memory.writers))

    def note(
        self,
        func: Any,
        reads: tuple[Read, ...],
        given: Mapping[str, Any],
        results: tuple[Tensor, ...],
    ) -> None:
        """Append the node, and say of the memory that it wrote what is in it now."""
        path, leaf = self.running[-1] if self.running else ("", False)
        name, number = func.overloadpacket.__name__, len(self.nodes)
        node = Node(
            number=number,
            name=name,
            turn=self.turns[name],
            reads=reads,
            arguments=tuple(given.values()),
            results=results,
            shape=tuple(results[0].shape) if results else (),
            path=path,
            leaf=leaf,
            line=_author_line(),
            images=any(read.images for read in reads),
            drawn=torch.Tag.nondeterministic_seeded in func.tags,
            values=self.values(func, given, reads) if self.values is not None else (),
            choices=self.choices(func, given) if self.choices is not None else (),
        )
        self.nodes.append(node)
        # Kept alive, because places are addresses: memory that was freed could be another tensor's a moment later.
        self.alive.append(results)
        read_places = {read.place for read in reads}
        written = {place_of(tensor): tensor for tensor in self.mutated(func, given)}
        for tensor in results:
            if place_of(tensor) not in read_places:
                written[place_of(tensor)] = tensor
        for tensor in written.values():
            memory = self.memory(tensor)
            if node.name == "lift_fresh":
                memory.stored, memory.line = True, node.line
                continue
            # A list of its own: reads noted before this keep the writers of their time.
            memory.writers = [*memory.writers, number]
            memory.images |= node.images
            memory.random |= node.drawn or any(read.memory.random for read in reads)
            memory.weighted |= any(read.memory.weighted for read in reads) or (node.images and _weighs(node.name))
            memory.flat = self.flat(node, tensor)
            # Whatever is computed next is no longer normalised; the watcher sets it again where it is.
            memory.normed = False
        if self.watch is not None:
            self.watch(self, node)

    def mutated(self, func: Any, given: Mapping[str, Any]) -> list[Tensor]:
        """Return the tensors that *func* writes in place, by its own declaration."""
        tensors: list[Tensor] = []
        # The schema is torch's own declaration of what an operation writes; no public call tells it.
        for argument in func._schema.arguments:
            if argument.alias_info is not None and argument.alias_info.is_write:
                tensors += tensors_in([given.get(argument.name)])
        return tensors

    def flat(self, node: Node, tensor: Tensor) -> bool:
        """Whether *tensor* holds one row of features an image: by its shape, or because all it was made of was so."""
        shape = tensor.shape
        if len(shape) and shape[0] == self.batch and (len(shape) == 2 or shape[2:].numel() == 1):
            return True
        sources = [read.memory.flat for read in node.reads if read.images]
        return bool(sources) and all(sources)


def _weighs(name: str) -> bool:
    """Whether the operation is a convolution or a product of matrices."""
    return "conv" in name or name in PRODUCTS


PRODUCTS = ("mm", "addmm", "bmm", "baddbmm", "addbmm", "mv", "addmv", "linear", "matmul", "_trilinear", "dot")


def _add_noise(result: Any) -> None:
    """Add to the first tensor of *result*, in place, noise as large as it varies."""
    tensor = tensors_in(result if isinstance(result, list | tuple) else [result])[0]
    if tensor.is_floating_point() and tensor.numel():
        size = float(tensor.detach().float().std(unbiased=False))
        # A generator of its own: the network's chance must be what it was without the noise, or dropout alone would
        # change the answer.
        noise = torch.randn(tensor.shape, generator=torch.Generator().manual_seed(1))
        tensor.detach().add_(noise.to(tensor) * (size if size > 1e-6 else 1.0))


def _author_line() -> int | None:
    """Return the line, in the innermost file that is neither torch nor this package, which is running now."""
    # A traceback would be complete and a hundred times slower, and this is asked at every operation.
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_filename.startswith((*OWN, "<")):
            return frame.f_lineno
        frame = frame.f_back
    return None


@contextmanager
def running_modules(trace: Trace) -> Iterator[None]:
    """Let *trace* know which module is running; modules outside the registered tree are named by their type."""

    def enter(module: nn.Module, given: Any) -> None:
        trace.running.append(trace.modules.get(id(module), (f"unregistered {type(module).__name__}", True)))

    def leave(module: nn.Module, given: Any, result: Any) -> None:
        # A module that began before the hooks were set may end under them.
        if trace.running:
            trace.running.pop()

    handles = [register_module_forward_pre_hook(enter), register_module_forward_hook(leave, always_call=True)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
