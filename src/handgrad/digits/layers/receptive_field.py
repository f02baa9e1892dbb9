"""The receptive field of every tensor of a forward pass, followed through the operations that torch really runs.

Following operations rather than layers makes functional pools, residual sums, gates and reused modules come out right,
where a rule over the list of layers could not know what feeds what. Arithmetic of windows: Dumoulin and Visin, "A guide
to convolution arithmetic for deep learning" (2016); a position i of a map sees the input rows ``low + i·step … high +
i·step``. The field is that of an unbounded input, as is usual: what lies in the padding counts. Normalisation is taken
to see what its input sees, as BatchNorm does in evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from handgrad.digits.layers.field_rules import RULES, join, matrix, permute, rearrange, unchanged
from handgrad.digits.layers.spans import Field, Span

Note = Callable[[Any, Sequence[Any], Any, bool], None]
"""Told of each operation: what it is, its arguments, its result, and whether the image had a part in it."""


class Follow(TorchDispatchMode):
    """While active, follows *image* (``[batch, channels, rows, columns]``) through every operation, and tells *note* of each.

    An operation without a rule leaves its results unknown rather than guessed.
    """

    def __init__(self, image: Tensor, note: Note | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.note = note
        # The tensors are kept alive so that no identity is used twice.
        self.known: dict[int, tuple[Tensor, Field | None]] = {}
        if image.dim() == 4:
            rows, columns = (Span(1, 0, 0, count) for count in image.shape[2:])
            self.known[id(image)] = (image, Field(rows, columns, images=len(image)))
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
        # torch calls this instead of each operation, and not again for what runs inside: the mode is off meanwhile.
        result = func(*args, **(kwargs or {}))
        seen = [
            self.known[id(tensor)][1]
            for tensor in tensors_in([*args, *(kwargs or {}).values()])
            if id(tensor) in self.known
        ]
        if self.note is not None:
            self.note(func, [*args, *(kwargs or {}).values()], result, bool(seen))
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
    # The packet's name is that of all overloads: `conv2d` whether a bias was given or not.
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
    if field.joined and rule not in (unchanged, rearrange, matrix, permute):
        return None
    if rule is unchanged and field.placed and output.dim() == 4 and not field.joined:
        field = widened(field, output)
    return rule(field, args, output)


def widened(field: Field, output: Tensor) -> Field:
    """Return *field* with the counts of *output*: a map may have been broadcast over a larger one."""
    rows, columns = output.shape[2:]
    return replace(field, rows=replace(field.rows, count=rows), columns=replace(field.columns, count=columns))
