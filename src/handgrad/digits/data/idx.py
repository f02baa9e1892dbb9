"""Reads one IDX file, plain or gzipped, without trusting it: every size is checked before memory is spent on it.

The format: two zero bytes, the type of a value (8: one unsigned byte), the number of dimensions, each dimension as
a big-endian 32-bit number, then the values (yann.lecun.com/exdb/mnist, "the IDX file format").
"""

from __future__ import annotations

import hashlib
import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from handgrad.errors import MissingError
from handgrad.runs.kind import LARGEST_SIDE, SMALLEST_SIDE

LARGEST_COUNT = 300_000
"""More images than this are refused: a header can promise terabytes (the largest such set, EMNIST's, has 280,000)."""

# The format's code for the type of its numbers; MNIST and all that imitate it use this one alone.
_UNSIGNED_BYTE = 8
_IDX_START = bytes([0, 0, _UNSIGNED_BYTE])
_GZIP_START = b"\x1f\x8b"
# Looked at before a byte is read: what claims to be more is not a data set, and must not fill the memory.
_LARGEST_FILE = 16 + LARGEST_COUNT * LARGEST_SIDE**2


@dataclass(frozen=True, eq=False)
class IdxFile:
    """One file as read: ``values`` is uint8 of the shape the header gives; ``sha256`` is that of the unpacked bytes."""

    path: Path
    values: npt.NDArray[np.uint8]
    sha256: str


class _Source:
    """The unpacked bytes of a file, never more of them at once than are asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rest = _file_bytes(path)
        self._unpacker = None
        if self._rest.startswith(_GZIP_START):
            self._unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        elif path.suffix == ".gz" and not self._rest.startswith(_IDX_START):  # a browser that unpacks keeps the name
            raise damaged(path, "a gzip file", _beginning(self._rest))

    def read(self, count: int) -> bytes:
        """Return up to *count* bytes; fewer only where the data end. Raises `MissingError` where they do not unpack."""
        if self._unpacker is None:
            taken, self._rest = self._rest[:count], self._rest[count:]
            return taken
        if self._unpacker.eof:
            return b""
        try:
            taken = self._unpacker.decompress(self._rest, count)
        except zlib.error as error:
            raise damaged(self.path, "gzip data that unpack", str(error).rpartition(": ")[2]) from error
        self._rest = self._unpacker.unconsumed_tail
        return taken

    def finish(self, expected: int) -> None:
        """Check that nothing follows, and for gzip that the checksum was there and right."""
        if self.read(1):
            raise damaged(self.path, f"{expected:,} bytes", "more")
        if self._unpacker is None:
            return
        if not self._unpacker.eof:
            raise damaged(self.path, "a gzip file with its checksum at the end", "a file that is cut off")
        if self._unpacker.unused_data:
            extra = len(self._unpacker.unused_data)
            kind = "a second gzip member" if self._unpacker.unused_data.startswith(_GZIP_START) else "other bytes"
            raise damaged(self.path, "one gzip member", f"{kind} after it ({extra:,} bytes)")


def read_idx(path: Path, dimensions: int) -> IdxFile:
    """Read *path*: square images where it has three *dimensions*, labels where it has one.

    Returns values of shape ``[count, side, side]`` or ``[count]``. Raises `MissingError` (file, expected, found) for a file
    that is missing, cut off, longer than its header says, of another type or shape, or damaged inside its gzip wrapping.
    """
    source = _Source(path)
    header_size = 4 + 4 * dimensions
    header = source.read(header_size)
    count, *shape = _check_header(path, header, dimensions)
    size = count * math.prod(shape)
    body = source.read(size)
    if len(body) < size:
        raise damaged(path, f"{header_size + size:,} bytes for {count:,} items", f"{header_size + len(body):,}")
    source.finish(header_size + size)
    digest = hashlib.sha256(header)
    digest.update(body)
    values = np.frombuffer(body, dtype=np.uint8).reshape(count, *shape)
    return IdxFile(path, values, digest.hexdigest())


def damaged(path: Path, expected: str, found: str) -> MissingError:
    """Return the error for a file that is not what it should be."""
    return MissingError(f"{path} is damaged or another file – expected {expected}, found {found} – replace the file")


def _check_header(path: Path, header: bytes, dimensions: int) -> tuple[int, ...]:
    """Return the number of items that *header* promises, and the shape of each, once all else in it is as expected."""
    magic = bytes([0, 0, _UNSIGNED_BYTE, dimensions])
    if header[:4] != magic:
        expected = f"IDX magic number {int.from_bytes(magic)}"
        raise damaged(path, expected, str(int.from_bytes(header[:4])) if len(header) >= 4 else _beginning(header))
    if len(header) < 4 + 4 * dimensions:
        raise damaged(path, f"a header of {4 + 4 * dimensions} bytes", _beginning(header))
    count, *shape = (int(number) for number in np.frombuffer(header, dtype=">u4", offset=4))
    if shape and (len(set(shape)) > 1 or not SMALLEST_SIDE <= shape[0] <= LARGEST_SIDE):
        raise damaged(
            path, f"square images with sides of {SMALLEST_SIDE} to {LARGEST_SIDE} pixels", _times(tuple(shape))
        )
    if not 1 <= count <= LARGEST_COUNT:
        raise damaged(path, f"1 to {LARGEST_COUNT:,} items", f"{count:,}")
    return count, *shape


def _file_bytes(path: Path) -> bytes:
    if not path.is_file():
        raise MissingError(f"{path} is missing – expected a file, found {_kind(path)} – put the file there")
    try:
        size = path.stat().st_size
        if size > _LARGEST_FILE:
            raise damaged(path, f"at most {_LARGEST_FILE:,} bytes", f"{size:,}")
        return path.read_bytes()
    except OSError as error:
        raise MissingError(f"{path} cannot be read – {error.strerror} – correct the file or its permissions") from error


def _kind(path: Path) -> str:
    if path.is_dir():
        return "a folder"
    return "something else" if path.exists() else "nothing"


def _beginning(data: bytes) -> str:
    return "an empty file" if not data else f"{len(data):,} bytes that begin with {data[:8]!r}"


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(f"{number:,}" for number in shape)
