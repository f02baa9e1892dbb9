"""What each position of a map sees, and how every operation changes it: the arithmetic of windows and views."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from handgrad.digits.layers.spans import Field

Rule = Callable[[Field, Sequence[Any], Tensor], Field | None]


def pair(value: Any, default: Any = None) -> tuple[int, int]:
    """Return an argument that may be one number, a list of one or two, or empty, as (rows, columns)."""
    values = [value] if isinstance(value, int) else list(value or [])
    if not values:
        return pair(default)
    return int(values[0]), int(values[-1])


def slide(field: Field, kernel: Any, stride: Any, padding: Any, *, dilation: Any, output: Tensor) -> Field | None:
    """Return the field after a window of any kind, None where the map is not a map of rows and columns any more."""
    if not field.placed or output.dim() != 4:
        return None
    sides = zip(pair(kernel), pair(stride, kernel), pair(padding, 0), pair(dilation, 1), output.shape[2:], strict=True)
    (k, s, p, d, rows), (k2, s2, p2, d2, columns) = sides
    return replace(
        field,
        rows=field.rows.window(k, s, p, d, count=rows),
        columns=field.columns.window(k2, s2, p2, d2, count=columns),
    )


def convolution(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, weight, bias, stride, padding, dilation, transposed, …)``; a transposed one is not followed."""
    weight, transposed = arguments[1], arguments[6]
    if transposed or output.dim() != 4:
        return None
    return slide(field, list(weight.shape[2:]), arguments[3], arguments[4], dilation=arguments[5], output=output)


def max_pool(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, kernel, stride=[], padding=0, dilation=1, ceil_mode)``."""
    # torch leaves the last arguments out where they have their default values: what is missing is filled up with None.
    stride, padding, dilation = (*arguments[2:5], None, None, None)[:3]
    return slide(field, arguments[1], stride, padding, dilation=dilation, output=output)


def average_pool(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, kernel, stride=[], padding=0, ceil_mode, …)``."""
    stride, padding = (*arguments[2:4], None, None)[:2]
    return slide(field, arguments[1], stride, padding, dilation=None, output=output)


def adaptive_pool(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, output size)``: windows side by side, where they divide the map evenly."""
    before, after = arguments[0].shape[-2:], output.shape[-2:]
    # Else its windows overlap and are of different lengths: no one kernel and stride describes them.
    if any(old % new for old, new in zip(before, after, strict=True)):
        return None
    kernel = [old // new for old, new in zip(before, after, strict=True)]
    return slide(field, kernel, kernel, None, dilation=None, output=output)


def reduce(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, dims, keepdim)``: over rows and columns everything is seen, over channels nothing more than before."""
    dims = arguments[1] if len(arguments) > 1 else None
    dims = [dims] if isinstance(dims, int) else dims
    if not dims or not field.placed:
        return None
    reduced = {dim % arguments[0].dim() for dim in dims}
    spatial = {arguments[0].dim() - 2, arguments[0].dim() - 1}
    if spatial <= reduced and 0 not in reduced:
        return replace(field.whole(), placed=output.dim() == 4)
    return field if not reduced & (spatial | {0}) and output.dim() == 4 else None


def softmax(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, dim, …)``: over the channels of a map it sees one position, otherwise everything."""
    return field if field.placed and arguments[1] % output.dim() == 1 and output.dim() == 4 else field.whole()


def matrix(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """A product with a constant matrix: each output sees the whole row: the whole image, or the channels at one place."""
    if field.channels_last:
        return field
    return field.whole() if output.dim() == 2 and not field.joined else None


def rearrange(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """A view: rows and columns stay, or each value keeps its field but loses its place; images must not be mixed.

    With the channels last, positions may be joined to the images: each row of what comes out is one position. So may images
    and channels, as InstanceNorm does, as long as only what treats each value alike follows.
    """
    before = arguments[0]
    if not output.dim():
        return None
    same_end = before.dim() >= 1 and output.shape[-1] == before.shape[-1]
    if field.channels_last and same_end:
        return replace(field, joined=output.shape[0] != field.images)
    maps_stay = output.dim() >= 3 and before.dim() >= 3 and output.shape[-2:] == before.shape[-2:]
    if field.placed and maps_stay:
        return replace(field, joined=output.shape[0] != field.images)
    if field.joined or output.shape[0] != before.shape[0]:
        return None
    return replace(field, placed=False, channels_last=False)


def permute(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, order)``: as a view, when rows and columns keep their places; channels may go last and come back."""
    size = arguments[0].dim()
    order = [dim % size for dim in arguments[1]]
    if not order or order[0] != 0 or field.joined:
        return None
    if size == 4 and field.placed and order == [0, 2, 3, 1]:
        return replace(field, placed=False, channels_last=True)
    if size == 4 and field.channels_last:
        return replace(field, placed=order == [0, 3, 1, 2], channels_last=order == [0, 1, 2, 3])
    return replace(field, placed=field.placed and order[-2:] == [size - 2, size - 1])


def transpose(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, dim, dim)``: the same for two dimensions."""
    order = list(range(arguments[0].dim()))
    first, second = arguments[1], arguments[2]
    order[first], order[second] = order[second], order[first]
    return permute(field, [arguments[0], order], output)


def pad(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, [left, right, top, bottom, front, back])``: positions shift; channels may be added."""
    # More than six numbers would pad the batch too, and an image that is none has no field.
    if not field.placed or output.dim() != 4 or len(arguments[1]) > 6:
        return None
    left, _, top, _ = [*arguments[1], 0, 0][:4]
    rows, columns = output.shape[2:]
    return replace(
        field,
        rows=field.rows.window(1, 1, top, 1, count=rows),
        columns=field.columns.window(1, 1, left, 1, count=columns),
    )


def unchanged(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """Each position sees what it saw."""
    return field


def cut(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, dim=0, start=None, end=None, step=1)``: ``x[:, :, ::2]`` and the like; images must stay all there."""
    dim, start, step = (
        arguments[place] if len(arguments) > place else default for place, default in ((1, 0), (2, 0), (4, 1))
    )
    size, before = arguments[0].dim(), arguments[0].shape
    if dim % size == 0:
        return field if output.shape == before else None
    if not field.placed or size != 4 or dim % size == 1:
        return field
    # range reads a start as slicing does: from the end where it is negative, and never beyond the end.
    first = range(before[dim])[slice(start, None)].start
    if dim % size == 2:
        return replace(field, rows=field.rows.window(1, step, -first, 1, count=output.shape[2]))
    return replace(field, columns=field.columns.window(1, step, -first, 1, count=output.shape[3]))


def join(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """``(inputs, dim=0)``: joining channels moves no position."""
    return field if len(arguments) > 1 and arguments[1] % output.dim() == 1 else None


def split(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, size, dim=0)``: nor does parting them."""
    return field if len(arguments) > 2 and arguments[2] % output.dim() == 1 else None


def halve(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, dim=-1)``: one half gates the other; over channels each position sees what it saw."""
    dim = (arguments[1] if len(arguments) > 1 else -1) % output.dim()
    return field if dim == 1 or not field.placed else None


def flip(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, dims)``: rows or columns in the other order; images must keep theirs."""
    dims = {dim % output.dim() for dim in arguments[1]}
    if 0 in dims:
        return None
    last = output.dim() - 1
    rows = field.rows.turned() if field.placed and last - 1 in dims else field.rows
    columns = field.columns.turned() if field.placed and last in dims else field.columns
    return replace(field, rows=rows, columns=columns)


def choose(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, dim, index)``: one channel stays a map; one row or column of a map is none any more."""
    size = arguments[0].dim()
    dim = arguments[1] % size
    if dim == 0:
        return None
    if not field.placed or dim < size - 2:
        return field
    rows = field.rows.at(arguments[2]) if dim == size - 2 else field.rows
    columns = field.columns.at(arguments[2]) if dim == size - 1 else field.columns
    return replace(field, rows=rows, columns=columns, placed=False)


def pick(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, indices)`` with one index a dimension: of channels some are taken, in any order."""
    used = [dim for dim, each in enumerate(arguments[1]) if each is not None]
    return field if used == [1] and arguments[0].dim() == output.dim() else None


def repeat(field: Field, arguments: Sequence[Any], output: Tensor) -> Field | None:
    """``(input, times)``: channels may be repeated, images and positions not."""
    times, size = list(arguments[1]), arguments[0].dim()
    others = [each for dim, each in enumerate(times) if dim != 1]
    return field if len(times) == size and all(each == 1 for each in others) else None


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
    # BatchNorm goes by many names: by device, by mode, by the version of torch.
    **dict.fromkeys(("native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm"), unchanged),
    **dict.fromkeys(("native_group_norm", "native_layer_norm", "native_dropout"), unchanged),
    **dict.fromkeys(("_native_batch_norm_legit", "_batch_norm_with_update"), unchanged),
    # Activations that torch does not mark as such.
    **dict.fromkeys(("_prelu_kernel", "hardswish", "log_sigmoid_forward"), unchanged),
    "glu": halve,
    "flip": flip,
    "select": choose,
    "index": pick,
    "repeat": repeat,
    **dict.fromkeys(("clone", "detach", "alias", "_to_copy", "lift_fresh"), unchanged),
    **dict.fromkeys(("split", "split_with_sizes"), split),
    "cat": join,
    "slice": cut,
}
