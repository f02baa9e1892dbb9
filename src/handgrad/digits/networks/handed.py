"""A network that Python hands in: a class, a function that makes one, or a module, beside the names of `load`."""

from __future__ import annotations

import copy
import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from handgrad.digits.networks.load import load_network, make_network
from handgrad.digits.networks.source import standalone_source
from handgrad.errors import HandgradError, UsageError
from handgrad.files import make_folder, write_whole

FOLDER = "networks"
"""The folder below that of the runs in which the sources of networks lie that were handed in."""

Network = str | type[nn.Module] | Callable[[], nn.Module] | nn.Module
"""What the verbs of Python take for a network."""


@dataclass(frozen=True, eq=False)
class Handed:
    """A network that was handed in: what it is called, how it is made again, and a file that defines it, where there is one.

    ``own_weights``: it is one module, and every training begins with the weights that it had.
    """

    name: str
    make: Callable[[], nn.Module]
    source: str | None
    own_weights: bool


def handed(thing: type[nn.Module] | Callable[[], nn.Module] | nn.Module) -> Handed:
    """Return *thing* as a network that a training can make again. Raises `UsageError` where it gives no ``nn.Module``."""
    if isinstance(thing, nn.Module):
        kind = type(thing)
        # A copy at once: what the caller does with the module afterwards must not change the weights of the next seed.
        kept = copied(thing)
        source = standalone_source(kind) if kind.__module__.partition(".")[0] != "torch" else None
        return Handed(kind.__name__, lambda: copy.deepcopy(kept), checked(source, kind.__name__, kept), True)
    if not callable(thing):
        raise UsageError(
            f"{type(thing).__name__} is not a network – give a name, file.py:Net, a class, a function or an nn.Module"
        )
    name = getattr(thing, "__name__", type(thing).__name__)
    # Making a sample draws weights, and the caller's random numbers are the caller's.
    with torch.random.fork_rng(devices=[]):
        sample = make_network(thing, name)
    written = inspect.isclass(thing) or inspect.isfunction(thing)
    source = standalone_source(thing) if written else None
    return Handed(name, lambda: make_network(thing, name), checked(source, name, sample), False)


def copied(module: nn.Module) -> nn.Module:
    """Return a copy of *module* on the CPU. Raises `UsageError` where it cannot be copied."""
    try:
        return copy.deepcopy(module).cpu()
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise UsageError(
            f"{type(module).__name__} cannot be copied: {reason} – give its class, or a function that makes it"
        ) from error


def checked(source: str | None, name: str, sample: nn.Module) -> str | None:
    """Return *source* where it makes, without arguments, a network of the same parameters; else None."""
    # "<lambda>" is no name that a file could define.
    if source is None or "<" in name:
        return None
    import tempfile

    with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]):
        file = Path(folder) / "network.py"
        file.write_text(source, encoding="utf-8")
        try:
            made = load_network(f"{file}:{name}")
        except HandgradError:
            return None
    # Shapes alone miss what has no weights; a source that names something else by now would resume another network.
    return source if shapes(made) == shapes(sample) and repr(made) == repr(sample) else None


def shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return the shape of every parameter and buffer by name."""
    return {name: tuple(value.shape) for name, value in module.state_dict().items()}


def named(network: Handed, root: Path) -> str | None:
    """Return what a recipe calls *network*: a file below *root* with its source, written where it is not there yet.

    None where its source is not available.
    """
    if network.source is None:
        return None
    content = network.source.encode()
    folder = root / FOLDER
    # The hash in the name: a cell that was changed and run again makes a second file, and the first run can still be
    # resumed.
    file = folder / f"{network.name}-{hashlib.sha256(content).hexdigest()[:8]}.py"
    if not file.is_file() or file.read_bytes() != content:
        make_folder(folder)
        write_whole(file, content)
    return f"{file}:{network.name}"
