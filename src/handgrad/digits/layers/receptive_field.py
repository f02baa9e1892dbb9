"""The receptive field of every tensor of a forward pass, followed through the operations that torch really runs.

Following operations rather than layers makes functional pools, residual sums, gates and reused modules come out right,
where a rule over the list of layers could not know what feeds what. Arithmetic of windows: Dumoulin and Visin, "A guide
to convolution arithmetic for deep learning" (2016); a position i of a map sees the input rows ``low + i·step … high +
i·step``. The field is that of an unbounded input, as is usual: what lies in the padding counts. Normalisation is taken
to see what its input sees, as BatchNorm does in evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


@dataclass(frozen=True)
class Span:
    """Along one axis: position i of ``count`` sees the input from ``low + i·step`` to ``high + i·step``."""

    step: int
    low: int
    high: int
    count: int

    @property
    def size(self) -> int:
        """How many input rows (or columns) one position sees."""
        return self.high - self.low + 1

    def window(self, kernel: int, stride: int, padding: int, dilation: int, *, count: int) -> Span:
        """Return the span after a sliding window that leaves *count* positions."""
        low = self.low - self.step * padding
        high = self.high + self.step * (dilation * (kernel - 1) - padding)
        return Span(self.step * stride, low, high, count)

    def whole(self) -> Span:
        """Return the span of something that sees every position."""
        return Span(0, self.low, self.high + self.step * (self.count - 1), 1)

    def united(self, other: Span) -> Span:
        """Return the span of something that sees what both see at a position: the hull of the two."""
        if (self.step, self.count) != (other.step, other.count):
            mine, others = self.whole(), other.whole()
            return Span(0, min(mine.low, others.low), max(mine.high, others.high), max(self.count, other.count))
        return replace(self, low=min(self.low, other.low), high=max(self.high, other.high))


@dataclass(frozen=True)
class Field:
    """What each position of a map sees; ``placed`` says that the last two dimensions still are rows and columns."""

    rows: Span
    columns: Span
    placed: bool = True

    @property
    def size(self) -> int | tuple[int, int]:
        """The side of the field in input pixels, or (height, width) where they differ."""
        height, width = self.rows.size, self.columns.size
        return height if height == width else (height, width)

    def whole(self) -> Field:
        """Return the field of something that sees the whole map."""
        return Field(self.rows.whole(), self.columns.whole(), placed=False)

    def united(self, other: Field) -> Field:
        """Return the field of something that sees both."""
        return Field(self.rows.united(other.rows), self.columns.united(other.columns), self.placed and other.placed)


Rule = Callable[[Field, Sequence[Any], Tensor], Field | None]


def pair(value: Any, default: Any = None) -> tuple[int, int]:
    """Return an argument that may be one number, a list of one or two, or empty, as (rows, columns)."""
    values = [value] if isinstance(value, int) else list(value or [])
    if not values:
        return pair(default)
    return int(values[0]), int(values[-1])


def slide(field: Field, kernel: Any, stride: Any, padding: Any, *, dilation: Any, output: Tensor) -> Field | None:
    """Return the field after a window of any kind, None where the map is no map of rows and columns any more."""
    if not field.placed or output.dim() != 4:
        return None
    sides = zip(pair(kernel), pair(stride, kernel), pair(padding, 0), pair(dilation, 1), output.shape[2:], strict=True)
    (k, s, p, d, rows), (k2, s2, p2, d2, columns) = sides
    return Field(field.rows.window(k, s, p, d, count=rows), field.columns.window(k2, s2, p2, d2, count=columns))


def convolution(field: Field, given: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, weight, bias, stride, padding, dilation, transposed, …)``; a transposed one is not followed."""
    weight, transposed = given[1], given[6]
    if transposed or output.dim() != 4:
        return None
    return slide(field, list(weight.shape[2:]), given[3], given[4], dilation=given[5], output=output)


def max_pool(field: Field, given: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, kernel, stride=[], padding=0, dilation=1, ceil_mode)``."""
    stride, padding, dilation = (*given[2:5], None, None, None)[:3]
    return slide(field, given[1], stride, padding, dilation=dilation, output=output)


def average_pool(field: Field, given: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, kernel, stride=[], padding=0, ceil_mode, …)``."""
    stride, padding = (*given[2:4], None, None)[:2]
    return slide(field, given[1], stride, padding, dilation=None, output=output)


def adaptive_pool(field: Field, given: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, output size)``: windows side by side, where they divide the map evenly."""
    before, after = given[0].shape[-2:], output.shape[-2:]
    if any(old % new for old, new in zip(before, after, strict=True)):
        return None
    kernel = [old // new for old, new in zip(before, after, strict=True)]
    return slide(field, kernel, kernel, None, dilation=None, output=output)


def reduce(field: Field, given: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, dims, keepdim)``: over rows and columns everything is seen, over channels nothing more than before."""
    dims = given[1] if len(given) > 1 else None
    dims = [dims] if isinstance(dims, int) else dims
    if not dims or not field.placed:
        return None
    reduced = {dim % given[0].dim() for dim in dims}
    spatial = {given[0].dim() - 2, given[0].dim() - 1}
    if spatial <= reduced and 0 not in reduced:
        return replace(field.whole(), placed=output.dim() == 4)
    return field if not reduced & (spatial | {0}) and output.dim() == 4 else None


def softmax(field: Field, given: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, dim, …)``: over the channels of a map it sees one position, otherwise everything."""
    return field if field.placed and given[1] % output.dim() == 1 and output.dim() == 4 else field.whole()


def matrix(field: Field, given: Sequence[Any], output: Tensor) -> Field | None:
    """A product with a constant matrix: each output sees the whole row, that is, the whole image."""
    return field.whole() if output.dim() == 2 else None


def rearrange(field: Field, given: Sequence[Any], output: Tensor) -> Field | None:
    """A view: rows and columns stay, or each value keeps its field but loses its place; images must not be mixed."""
    before = given[0]
    if not output.dim() or output.shape[0] != before.shape[0]:
        return None
    stays = field.placed and output.dim() >= 3 and output.shape[-2:] == before.shape[-2:]
    return replace(field, placed=stays)


def permute(field: Field, given: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, order)``: as a view, when rows and columns keep their places."""
    size = given[0].dim()
    order = [dim % size for dim in given[1]]
    if not order or order[0] != 0:
        return None
    return replace(field, placed=field.placed and order[-2:] == [size - 2, size - 1])


def transpose(field: Field, given: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, dim, dim)``: the same for two dimensions."""
    order = list(range(given[0].dim()))
    first, second = given[1], given[2]
    order[first], order[second] = order[second], order[first]
    return permute(field, [given[0], order], output)


def pad(field: Field, given: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, [left, right, top, bottom, front, back])``: positions shift; channels may be added."""
    if not field.placed or output.dim() != 4 or len(given[1]) > 6:
        return None
    left, _, top, _ = [*given[1], 0, 0][:4]
    rows, columns = output.shape[2:]
    return Field(field.rows.window(1, 1, top, 1, count=rows), field.columns.window(1, 1, left, 1, count=columns))


def unchanged(field: Field, given: Sequence[Any], output: Tensor) -> Field | None:
    """Each position sees what it saw."""
    return field


def cut(field: Field, given: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, dim=0, start=None, end=None, step=1)``: ``x[:, :, ::2]`` and the like; images must stay all there."""
    dim, start, step = (given[place] if len(given) > place else default for place, default in ((1, 0), (2, 0), (4, 1)))
    size, before = given[0].dim(), given[0].shape
    if dim % size == 0:
        return field if output.shape == before else None
    if not field.placed or size != 4 or dim % size == 1:
        return field
    first = range(before[dim])[slice(start, None)].start
    if dim % size == 2:
        return replace(field, rows=field.rows.window(1, step, -first, 1, count=output.shape[2]))
    return replace(field, columns=field.columns.window(1, step, -first, 1, count=output.shape[3]))


def join(field: Field, given: Sequence[Any], output: Tensor) -> Field | None:
    """``(inputs, dim=0)``: joining channels moves no position."""
    return field if len(given) > 1 and given[1] % output.dim() == 1 else None


def split(field: Field, given: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, size, dim=0)``: nor does parting them."""
    return field if len(given) > 2 and given[2] % output.dim() == 1 else None


RULES: Mapping[str, Rule] = {
    "convolution": convolution,
    "max_pool2d_with_indices": max_pool,
    "avg_pool2d": average_pool,
    "_adaptive_avg_pool2d": adaptive_pool,
    "adaptive_max_pool2d": adaptive_pool,
    **dict.fromkeys(("mean", "sum", "amax"), reduce),
    **dict.fromkeys(("_softmax", "_log_softmax"), softmax),
    **dict.fromkeys(("mm", "addmm"), matrix),
    **dict.fromkeys(("view", "_unsafe_view", "squeeze", "unsqueeze", "expand"), rearrange),
    "permute": permute,
    "transpose": transpose,
    **dict.fromkeys(("constant_pad_nd", "reflection_pad2d", "replication_pad2d"), pad),
    **dict.fromkeys(("native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm"), unchanged),
    **dict.fromkeys(("native_group_norm", "native_layer_norm", "native_dropout"), unchanged),
    **dict.fromkeys(("clone", "detach", "alias", "_to_copy", "lift_fresh"), unchanged),
    **dict.fromkeys(("split", "split_with_sizes"), split),
    "cat": join,
    "slice": cut,
}


class Follow(TorchDispatchMode):
    """While active, follows *image* (``[batch, channels, rows, columns]``) through every operation.

    An operation without a rule leaves its results unknown rather than guessed.
    """

    def __init__(self, image: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        # The tensors are kept alive so that no identity is used twice.
        self.known: dict[int, tuple[Tensor, Field | None]] = {}
        if image.dim() == 4:
            rows, columns = (Span(1, 0, 0, count) for count in image.shape[2:])
            self.known[id(image)] = (image, Field(rows, columns))
        else:
            self.known[id(image)] = (image, None)

    def size_of(self, tensor: Tensor) -> int | tuple[int, int] | None:
        """Return the receptive field of *tensor* in pixels of the image; None where it is not known."""
        field = self.known.get(id(tensor), (tensor, None))[1]
        return field.size if field else None

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run *func* and note what its results see."""
        result = func(*args, **(kwargs or {}))
        seen = [
            self.known[id(tensor)][1]
            for tensor in tensors_in([*args, *(kwargs or {}).values()])
            if id(tensor) in self.known
        ]
        if seen:
            for output in tensors_in(result if isinstance(result, list | tuple) else [result]):
                self.known[id(output)] = (output, follow(func, seen, args, output))
        return result


def tensors_in(values: Sequence[Any]) -> list[Tensor]:
    """Return the tensors among *values* and the lists in it."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found.extend(tensors_in(value))
    return found


def follow(func: Any, seen: Sequence[Field | None], args: Sequence[Any], output: Tensor) -> Field | None:
    """Return the field of *output*, a result of *func* whose followed inputs see *seen*."""
    name = func.overloadpacket.__name__
    rule = RULES.get(name) or (unchanged if torch.Tag.pointwise in func.tags else None)
    fields = [field for field in seen if field is not None]
    if rule is None or len(fields) < len(seen):
        return None
    if len(fields) > 1 and rule not in (unchanged, join):
        return None
    field = fields[0]
    for other in fields[1:]:
        field = field.united(other)
    if rule is unchanged and field.placed and output.dim() == 4:
        field = widened(field, output)
    return rule(field, args, output)


def widened(field: Field, output: Tensor) -> Field:
    """Return *field* with the counts of *output*: a map may have been broadcast over a larger one."""
    rows, columns = output.shape[2:]
    return replace(field, rows=replace(field.rows, count=rows), columns=replace(field.columns, count=columns))
