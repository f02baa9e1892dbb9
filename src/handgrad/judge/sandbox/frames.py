"""How a child answers: length, JSON head, length, raw bytes. Nothing in it is ever evaluated or unpickled."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

# Answers to 10,000 images are 400 KB, in the body; heads are tables of layers and operations.
LARGEST_HEAD = 4 << 20
# The sender is not trusted: its length is looked at before memory is taken for it. All test images are 8 MB.
LARGEST_BODY = 64 << 20
PREFIX = struct.Struct("<4sII")
# Four letters that no Python prints by chance: output on the wrong pipe is known at its first byte.
MARK = b"HGJ1"


@dataclass(frozen=True)
class Frame:
    """One message: ``head`` is a JSON object with at least ``"kind"``, ``body`` raw numbers or empty."""

    head: dict[str, Any]
    body: bytes = b""

    @property
    def kind(self) -> str:
        """What the frame is, in one word of the sender's."""
        return str(self.head.get("kind", ""))


class FrameError(Exception):
    """Bytes that are no frame."""


def packed_frame(kind: str, body: bytes = b"", **head: Any) -> bytes:
    """Return the bytes of one frame."""
    text = json.dumps({"kind": kind} | head).encode()
    return PREFIX.pack(MARK, len(text), len(body)) + text + body


class FrameReader:
    """Cuts a stream into frames; what comes after the first malformed byte is not read."""

    def __init__(self) -> None:
        self.waiting = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Take *data* and return the frames that are complete now; raise `FrameError` for what can be none."""
        # One buffer that grows, because a pipe gives pieces of any size: a frame may come in many, or many in one.
        self.waiting += data
        frames = []
        while len(self.waiting) >= PREFIX.size:
            mark, head, body = PREFIX.unpack_from(self.waiting)
            # Before waiting for the rest: a length of 4 GB would else have us gather it.
            if mark != MARK or head > LARGEST_HEAD or body > LARGEST_BODY:
                raise FrameError("the answer is not in the agreed form")
            end = PREFIX.size + head + body
            if len(self.waiting) < end:
                break
            frames.append(_read_frame(bytes(self.waiting[PREFIX.size : end]), head))
            del self.waiting[:end]
        return frames


def _read_frame(data: bytes, head: int) -> Frame:
    """Return the frame in *data*, whose first *head* bytes are JSON."""
    try:
        # JSON and never pickle: reading a pickle runs what its sender wrote.
        table = json.loads(data[:head])
    # RecursionError: ten thousand brackets are short and valid JSON.
    except (ValueError, RecursionError) as error:
        raise FrameError("the answer is not in the agreed form") from error
    if not isinstance(table, dict):
        raise FrameError("the answer is not in the agreed form")
    return Frame(table, data[head:])
