"""What a training begins with that is not drawn from its seed: the weights of an earlier run, and what is kept as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from handgrad.errors import DamagedRunError, UsageError, counted, did_you_mean
from handgrad.runs import open_run
from handgrad.runs.environment import Ancestry
from handgrad.runs.folder import MODEL
from handgrad.runs.read import read_end
from handgrad.runs.record import RunSummary

# A message is one line: the first few tell what is wrong, the rest is counted.
MOST_NAMED = 6
LARGEST_FACTOR = 1000
"""Of a learning rate."""


@dataclass(frozen=True, eq=False)
class Start:
    """Weights by name, and the record of where they come from and what is frozen.

    A run that goes on has its weights from its checkpoint: then there are none here.
    """

    record: Ancestry
    weights: Mapping[str, Tensor]

    def into(self, network: nn.Module) -> None:
        """Put the weights into *network*, and let what is frozen learn nothing."""
        own = network.state_dict()
        for name, value in self.weights.items():
            if name in own and own[name].shape == value.shape:
                own[name].copy_(value)
        for name, parameter in network.named_parameters():
            if frozen(name, self.record.freeze):
                parameter.requires_grad_(False)

    def factors(self, network: nn.Module) -> dict[str, float]:
        """Return by name what the learning rate of each parameter of *network* is multiplied with, where that is not 1."""
        found = {}
        for name, _ in network.named_parameters():
            # The last that means it: a general pattern first, what is special about a layer after it.
            meant = [factor for pattern, factor in self.record.rates.items() if frozen(name, (pattern,))]
            if meant and meant[-1] != 1:
                found[name] = meant[-1]
        return found

    @property
    def words(self) -> str:
        """Return what a person should know of it, in a line."""
        record, parts = self.record, []
        if record.run is not None:
            parts.append(f"begins with the weights of {record.run}")
            if record.new:
                parts.append(f"new weights for {listed(record.new)}")
        if record.freeze:
            trained = "" if record.trained is None else f" ({counted(record.trained, 'parameter')} trained)"
            parts.append(f"frozen: {', '.join(record.freeze)}{trained}")
        if record.rates:
            parts.append(f"learning rates: {rates_in_words(record.rates)}")
        return "; ".join(parts)


def start_of(
    run: str | Path | None, freeze: Sequence[str], network: nn.Module, *, rates: Mapping[str, float] | None = None
) -> Start | None:
    """Return what a training of *network* begins with, None where no run is named, nothing frozen, and no rate another.

    Every weight of *run* is taken that has the name and the shape of one of *network*; the others are new (another head).
    Raises `UsageError` where nothing fits, or a pattern means no parameter; `DamagedRunError`.
    """
    names = [name for name, _ in network.named_parameters()]
    rates = dict(rates or {})
    for option, patterns in (("--freeze", freeze), ("--rate", rates)):
        for pattern in patterns:
            if not any(frozen(name, (pattern,)) for name in names):
                hint = did_you_mean(pattern, [*names, *tops(names)]) or f" – there are {listed(tops(names))}"
                raise UsageError(f'{option} "{pattern}" means no parameter{hint}')
    for pattern, factor in rates.items():
        if not 0 < factor <= LARGEST_FACTOR:
            raise UsageError(
                f"--rate {pattern}={factor:g} – a factor above 0 and up to {LARGEST_FACTOR} is needed; --freeze keeps "
                "the weights of a layer fixed"
            )
    # A network of 15,000 parameters stays one when most are frozen; how many learn is said beside it.
    learning = (each for name, each in network.named_parameters() if each.requires_grad and not frozen(name, freeze))
    trained = sum(each.numel() for each in learning) if freeze else None
    if run is None:
        return Start(Ancestry(None, None, (), tuple(freeze), rates, trained=trained), {}) if freeze or rates else None
    weights, name, digest = weights_of_run(Path(run))
    own = network.state_dict()
    new = tuple(key for key, value in own.items() if key not in weights or weights[key].shape != value.shape)
    if not any(names_one in weights and names_one not in new for names_one in names):
        raise UsageError(f"--from {run}: none of its weights fits this network – name a run of the same layers")
    return Start(Ancestry(name, digest, new, tuple(freeze), rates, str(Path(run).resolve()), trained), weights)


def weights_of_run(path: Path) -> tuple[dict[str, Tensor], str, str]:
    """Return the weights of a finished run by name, the run's name, and the SHA-256 of the file that holds them."""
    folder = open_run(path)
    if not isinstance(read_end(folder), RunSummary):
        raise UsageError(f"--from {path}: this run is not finished – continue with: handgrad train --resume {path}")
    content = folder.read_bytes(MODEL)
    try:
        return load(content), folder.name, hashlib.sha256(content).hexdigest()
    except (SafetensorError, ValueError) as error:
        raise DamagedRunError(
            f"{path / MODEL} does not hold weights – restore it from a copy, or train again"
        ) from error


def frozen(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a parameter is meant: by a pattern (``conv1.*``), its own name, or the layer that it is in."""
    return any(fnmatchcase(name, pattern) or name.startswith(f"{pattern}.") for pattern in patterns)


def rates_in_words(rates: Mapping[str, float]) -> str:
    """Return the factors of learning rates in words: ``conv1.* × 0.1``."""
    return ", ".join(f"{pattern} × {factor:g}" for pattern, factor in rates.items())


def tops(names: Sequence[str]) -> list[str]:
    """Return the layers at the top of a network, in order."""
    return list(dict.fromkeys(name.partition(".")[0] for name in names))


def listed(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
