"""What a finished run keeps for its pictures: answers to the whole test set, and the images worth showing."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from handgrad.runs.kind import DIGITS, DataKind

Bytes = NDArray[np.uint8]
Labels = NDArray[np.integer[Any]]
"""Bytes, as long as they hold the largest label."""
Integers = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Evidence:
    """The arrays of ``evidence.safetensors``.

    ``log_probabilities`` ``[n, classes]`` and ``labels`` ``[n]`` of the whole test set; ``mistake_index`` ``[m]`` and
    ``mistake_images`` ``[m, 28, 28]``, the surest wrong answers first; ``digit_index`` and ``digit_images``, one test image a
    class; ``sample_before``, ``sample_after`` ``[s, 28, 28]`` and ``sample_labels``, training images unchanged and augmented,
    all of the size of the data, in colour ``[…, 3, side, side]``; ``learning_rates``, one per step of the whole run. Images are
    bytes, 0 for paper and 255 for ink.
    """

    log_probabilities: Floats
    labels: Labels
    mistake_index: Integers
    mistake_images: Bytes
    digit_index: Integers
    digit_images: Bytes
    sample_before: Bytes
    sample_after: Bytes
    sample_labels: Labels
    learning_rates: Floats

    @property
    def answers(self) -> Integers:
        """The class with the highest probability for each test image."""
        answers: Integers = self.log_probabilities.argmax(axis=1).astype(np.int64)
        return answers

    def confusion(self) -> Integers:
        """Return counts ``[classes, classes]``: the row is the true class, the column the answer."""
        count = self.log_probabilities.shape[1]
        # Widened first: labels are bytes, and ten times 26 is already too large for one.
        pairs = count * self.labels.astype(np.int64) + self.answers
        return np.bincount(pairs, minlength=count * count).reshape(count, count)

    def probabilities(self, index: int) -> list[float]:
        """Return the probability of each class for test image *index*."""
        return [float(value) for value in np.exp(self.log_probabilities[index].astype(np.float64))]

    def check(self, correct: int, total: int) -> None:
        """Raise ValueError unless these answers give *correct* of *total*.

        Where two classes share the highest probability either may have been counted, so ties are allowed for.
        """
        # Equality of floats is meant: a tie is a tie in the very numbers that were stored.
        given = self.log_probabilities[np.arange(len(self.labels)), self.labels]
        ranked = np.sort(self.log_probabilities, axis=1)
        most = int((given == ranked[:, -1]).sum())
        least = int(((given == ranked[:, -1]) & (ranked[:, -1] > ranked[:, -2])).sum())
        if len(self.labels) != total or not least <= correct <= most:
            found = f"{most:,} of {len(self.labels):,}"
            raise ValueError(f"the evidence gives {found} right, the summary says {correct:,} of {total:,}")


def read_evidence(path: Path, run: str, kind: DataKind = DIGITS) -> Evidence:
    """Return the evidence in *path*; raise ValueError when it is damaged, incomplete, or not of *run* and its *kind*."""
    try:
        # numpy: a report is made without torch, which takes seconds to import.
        with safe_open(path, framework="numpy") as file:
            record = json.loads((file.metadata() or {}).get("record", "{}"))
            arrays: dict[str, Any] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (OSError, SafetensorError, ValueError) as error:
        raise ValueError(f"{path.name} cannot be read: {error}") from error
    if record.get("run") != run:
        raise ValueError(f"{path.name} belongs to run {record.get('run')}, not to {run}")
    missing = [field.name for field in fields(Evidence) if field.name not in arrays]
    if missing:
        raise ValueError(f"{path.name} lacks {', '.join(missing)}")
    evidence = Evidence(**{field.name: arrays[field.name] for field in fields(Evidence)})
    check_shapes(evidence, path.name, kind)
    return evidence


def check_shapes(evidence: Evidence, name: str, kind: DataKind) -> None:
    """Raise ValueError unless the arrays fit together."""
    count = len(evidence.labels)
    sets = (
        (evidence.mistake_images, evidence.mistake_index),
        (evidence.digit_images, evidence.digit_index),
        (evidence.sample_before, evidence.sample_labels),
        (evidence.sample_after, evidence.sample_labels),
    )
    fits = (
        count > 0
        and evidence.log_probabilities.shape == (count, kind.count)
        and evidence.labels.max() < kind.count
        and evidence.learning_rates.ndim == 1
        and all(images.dtype == np.uint8 and images.shape == (len(index), *kind.bytes_shape) for images, index in sets)
        and all(((index >= 0) & (index < count)).all() for index in (evidence.mistake_index, evidence.digit_index))
    )
    if not fits:
        raise ValueError(f"{name} holds arrays that do not fit together")
