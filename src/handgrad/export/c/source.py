"""Pieces of C99: kernels out of the files beside this one, arrays, records, names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from handgrad.errors import UsageError
from handgrad.export.plan import Shape, Window

LARGEST = 65_534
"""The largest size that the records of the kernels can hold in 16 bits, 65,535 being a sign."""


@dataclass
class Source:
    """What one rendering collects: the kernels it needs, constants, and the lines of the function that predicts."""

    kernels: Mapping[str, str]
    used: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    scratch: list[int] = field(default_factory=list)
    """How many numbers each tied kernel has, for the memory that one of them at a time is put together in."""

    def use(self, *names: str) -> None:
        """Make sure that the kernels *names* are in the file."""
        self.used += [name for name in names if name not in self.used]

    def kernel_text(self) -> str:
        """Return the kernels in the order of their file, in which each comes after those it calls."""
        return "\n".join(text for name, text in self.kernels.items() if name in self.used)

    def array(self, kind: str, name: str, values: Any) -> str:
        """Add a constant array and return its name."""
        self.data.append(array_text(kind, name, values))
        return name

    def record(self, kind: str, name: str, fields: Mapping[str, Any]) -> str:
        """Add a constant record and return its address."""
        words = ", ".join(f".{key} = {value}" for key, value in fields.items())
        self.data.append(f"static const {kind} {name} = {{{wrapped(words.split(' '))}}};\n")
        return f"&{name}"


@cache
def kernels(name: str) -> dict[str, str]:
    """Return the parts of the C file *name* beside this one, by the titles between their lines of equals signs."""
    text = files("handgrad.export.c").joinpath(name).read_text(encoding="ascii")
    parts = re.split(r"/\* == (.+?) == \*/\n", text)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def array_text(kind: str, name: str, values: Any, *, rows: bool = False) -> str:
    """Return the declaration of a constant array: flat, or with *rows* of two axes."""
    array = np.asarray(values)
    number = float_text if array.dtype.kind == "f" else str
    sizes = "".join(f"[{size}]" for size in array.shape) if rows else f"[{array.size}]"
    lines = [
        wrapped([f"{number(value)}," for value in row]) for row in array.reshape(len(array) if rows else 1, -1).tolist()
    ]
    body = "\n".join(f"    {{{line}}}," if rows else f"    {line}" for line in lines)
    return f"static const {kind} {name}{sizes} = {{\n{body}\n}};\n"


def float_text(value: float) -> str:
    """Return a float32 in the fewest digits that read back as the same."""
    # numpy writes the shortest text that reads back as the same float32; Python's own would write that of a double.
    text = str(np.float32(value))
    return f"{text}f" if any(sign in text for sign in ".e") else f"{text}.0f"


def wrapped(words: Iterable[str], width: int = 116) -> str:
    """Return *words* in lines."""
    lines, line = [], ""
    for word in words:
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = ""
        line += word if not line else f" {word}"
    return "\n    ".join([*lines, line])


def comment(text: str) -> str:
    """Return a stranger's *text* as it may stand in a comment of C."""
    # Only signs that cannot end a comment or a line: a layer's name is its author's.
    return re.sub(r"[^\w.,:()<> -]", "?", text, flags=re.ASCII)[:80]


def identifier(text: str) -> str:
    """Return *text* as a name in C."""
    return re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_").lower()


def axes(shape: Sequence[int]) -> str:
    """Return a shape as four sizes, ones before the first."""
    if len(shape) > 4:
        raise UsageError(f"a value of {len(shape)} axes – C is written for at most 4, export to onnx or xlsx")
    return "{" + ", ".join(map(str, (*[1] * (4 - len(shape)), *map(small, shape)))) + "}"


def window_fields(window: Window, source: Shape, shape: Shape, what: str) -> dict[str, Any]:
    """Return the fields that a convolution and a pool share; *what* is how the channels are called."""
    fields = {
        what: source[0],
        "rows": source[1],
        "columns": source[2],
        "out_rows": shape[1],
        "out_columns": shape[2],
        "kernel_rows": window.kernel[0],
        "kernel_columns": window.kernel[1],
        "row_stride": window.stride[0],
        "column_stride": window.stride[1],
        "row_dilation": window.dilation[0],
        "column_dilation": window.dilation[1],
        "top": window.padding[0],
        "left": window.padding[1],
    }
    # Paddings are counted from, and so signed, in 8 bits.
    return {key: small(value, 127 if key in ("top", "left") else LARGEST) for key, value in fields.items()}


def small(value: int, most: int = LARGEST) -> int:
    """Return *value*; raise `UsageError` where the kernels cannot hold it."""
    if value > most:
        raise UsageError(f"a size of {value:,} – C is written for at most {most:,}, export to onnx or xlsx")
    return value
