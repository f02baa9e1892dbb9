"""What every script of the comparison is given alike: network, data, settings, and the clock that looks on.

Nothing heavy is imported here, so that the seconds to the first batch are those of the tool.
"""

from __future__ import annotations

import json
import re
import struct
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
MEAN, STANDARD_DEVIATION = 0.1307, 0.3081
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@dataclass(frozen=True)
class Given:
    """One training: SGD with momentum at a constant learning rate, rotation of up to *rotation* degrees, every image used."""

    network: str
    data: str
    """Folder with the four IDX files, unpacked."""
    epochs: int = 2
    batch_size: int = 128
    learning_rate: float = 0.01
    momentum: float = 0.9
    rotation: float = 5.0
    workers: int = 0
    """Processes that a ``DataLoader`` prepares batches in."""
    seeds: int = 1
    """How many seeds a study trains."""


def read_digits(folder: str) -> tuple[Bytes, Bytes, Bytes, Bytes]:
    """Return training images ``[n, 28, 28]`` and labels ``[n]``, test images and labels, all bytes."""
    train_images, train_labels, test_images, test_labels = (read_idx(Path(folder) / name) for name in FILES)
    return train_images, train_labels, test_images, test_labels


def read_idx(path: Path) -> Bytes:
    """Return the bytes of an unpacked IDX file in their shape."""
    content = path.read_bytes()
    shape = struct.unpack(f">{content[3]}I", content[4 : 4 + 4 * content[3]])
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape).copy()


def write_digits(folder: Path, arrays: tuple[Bytes, Bytes, Bytes, Bytes]) -> None:
    """Write the four IDX files into *folder*, unpacked: reading packed ones would be a second of everyone's start."""
    for name, values in zip(FILES, arrays, strict=True):
        head = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
        (folder / name).write_bytes(head + values.tobytes())


@dataclass
class Clock:
    """Notes when epochs begin and batches end. An epoch lasts from its beginning to the end of its last batch.

    Every tool evaluates at another place of its loop, and none of that is counted.
    """

    started: float
    """When the process was started, on the machine's monotonic clock."""
    first_batch: float | None = None
    epochs: list[float] = field(default_factory=list)
    steps: int = 0
    accuracy: float | None = None
    """Of the last epoch, on the test images, in percent."""
    parameters: int | None = None
    began: float = 0.0

    def epoch_begins(self, *_: object, **__: object) -> None:
        """An epoch begins; whatever a callback is given along is of no interest."""
        self.began = time.monotonic()
        self.epochs.append(0.0)

    def batch_ends(self, *_: object, **__: object) -> None:
        """A training step is done."""
        now = time.monotonic()
        self.steps += 1
        self.epochs[-1] = now - self.began
        if self.first_batch is None:
            self.first_batch = now - self.started

    def ends(self, accuracy: float, parameters: int) -> None:
        """Training is over: *accuracy* of the last epoch in percent, *parameters* that were trained."""
        self.accuracy, self.parameters = float(accuracy), int(parameters)

    def record(self) -> dict[str, Any]:
        """Return what was seen as plain values."""
        return {
            "seconds_to_first_batch": self.first_batch,
            "seconds_by_epoch": self.epochs,
            "steps": self.steps,
            "accuracy": self.accuracy,
            "parameters": self.parameters,
            "peak_bytes": peak_bytes(),
        }


def peak_bytes() -> int:
    """Return the most memory that this process ever held.

    On Linux ``ru_maxrss`` starts at what the parent held when it started this process, and would then tell of the parent:
    the high-water mark of the process's own memory (VmHWM) does not.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    if found is None:
        raise SystemExit("/proc/self/status has no VmHWM – the peak memory cannot be read")
    return int(found[1]) * 1024


def given_from(text: str) -> Given:
    """Return the `Given` that *text* holds as JSON."""
    return Given(**json.loads(text))
