"""What a run was made with besides its recipe: ``environment.json``, read again to continue the run or to show it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from handgrad.runs.kind import DataKind
from handgrad.runs.record import Stored

LEFT_OUT = ("population", "ancestry", "kind")
"""Keys that are left out where they say nothing."""
FORMAT = 1
"""Of everything in a run folder; a folder of another format is refused rather than guessed at."""


@dataclass(frozen=True)
class Machine(Stored):
    """What a training uses: the device's type, the arithmetic of the network, the threads on a CPU."""

    device: str
    precision: str
    threads: int


@dataclass(frozen=True)
class Ancestry(Stored):
    """What a run began with that was not drawn from its seed.

    ``run`` is the one whose weights it began with, ``weights_sha256`` that of the file that held them, both None where it
    began with none; ``new`` names what that run had no weight for, ``freeze`` the patterns of what learned nothing; ``rates``
    holds patterns of what learned at another rate, with the factor. ``folder`` is where that run lay.
    """

    run: str | None
    weights_sha256: str | None
    new: tuple[str, ...]
    freeze: tuple[str, ...]
    rates: dict[str, float] = field(default_factory=dict)
    folder: str | None = None
    trained: int | None = None
    """How many parameters were trained, where some were frozen."""


@dataclass(frozen=True)
class Environment(Stored):
    """What decides every byte of a run besides its recipe, then versions and machine for the reader."""

    format: int
    run: str
    """The run's name, which its folder had when it began."""
    seed: int
    dataset: str
    dataset_sha256: str
    data: str | None
    """The folder of the IDX files; None for the cache, the download or drawn digits."""
    holdout: int
    machine: Machine
    device_name: str
    platform: str
    began: str
    """Time of day in ISO 8601, UTC: for people; nothing is computed from it."""
    versions: dict[str, str]
    population: int | None = None
    """How many seeds were trained in one go with this one; None where it trained alone."""
    ancestry: Ancestry | None = None
    """What it began with besides its seed; None where all weights were drawn and all of them learn."""
    kind: DataKind | None = None
    """What the images and classes are; None where they are those of MNIST, and in records from before there were others."""

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain values; what does not apply is left out."""
        return {key: value for key, value in asdict(self).items() if key not in LEFT_OUT or value is not None}
