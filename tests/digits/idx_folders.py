"""Small folders of IDX files, written here from the format's description and not by the reader that they test."""

from __future__ import annotations

import gzip
import hashlib
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from handgrad.digits.data import fetch, load, mnist
from handgrad.digits.data import idx_folder as folder

Bytes = npt.NDArray[np.uint8]


def idx_bytes(values: Bytes) -> bytes:
    """Return *values* as an IDX file of unsigned bytes."""
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


def digit_arrays(train: int = 60, test: int = 20, seed: int = 0) -> dict[str, Bytes]:
    """Return random images and balanced labels under the stems of the four files."""
    rng = np.random.default_rng(seed)
    return {
        "train-images": rng.integers(0, 256, (train, 28, 28), dtype=np.uint8),
        "train-labels": rng.permutation(np.arange(train) % 10).astype(np.uint8),
        "t10k-images": rng.integers(0, 256, (test, 28, 28), dtype=np.uint8),
        "t10k-labels": rng.permutation(np.arange(test) % 10).astype(np.uint8),
    }


def file_name(stem: str, ending: str = "") -> str:
    return f"{stem}-idx{3 if stem.endswith('images') else 1}-ubyte{ending}"


def write_folder(place: Path, arrays: dict[str, Bytes], ending: str = ".gz") -> Path:
    """Write *arrays* into *place* under their usual names, packed where *ending* is ``.gz``."""
    place.mkdir(parents=True, exist_ok=True)
    for stem, values in arrays.items():
        data = idx_bytes(values)
        (place / file_name(stem, ending)).write_bytes(gzip.compress(data, mtime=0) if ending else data)
    return place


def pretend_mnist(monkeypatch: pytest.MonkeyPatch, arrays: dict[str, Bytes]) -> tuple[mnist.Part, ...]:
    """Let *arrays* pass for MNIST: the hashes that the package knows become theirs."""
    parts = []
    for part in mnist.PARTS:
        data = idx_bytes(arrays[part.stem])
        packed = gzip.compress(data, mtime=0)
        parts.append(
            replace(part, sha256=_sha256(data), packed_sha256=_sha256(packed), packed_size=len(packed)),
        )
    for module in (mnist, folder, fetch, load):
        monkeypatch.setattr(module, "PARTS", tuple(parts))
    return tuple(parts)


def change(path: Path, edit: Callable[[bytes], bytes]) -> None:
    """Replace the content of *path* by what *edit* makes of it, which must differ."""
    before = path.read_bytes()
    after = edit(before)
    assert after != before
    path.write_bytes(after)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
