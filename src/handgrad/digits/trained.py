"""The network of a finished run, with the weights of its last epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from handgrad.digits.networks.load import load_network
from handgrad.digits.networks.published import NETWORKS
from handgrad.digits.provenance import NETWORK_SOURCE, check_named
from handgrad.errors import DamagedRunError, DivergedError, UsageError
from handgrad.runs.folder import MODEL
from handgrad.runs.kind import DIGITS
from handgrad.runs.read import Run

SHOWN = 3
"""Classes that a message names."""


def trained_module(run: Run) -> nn.Module:
    """Return the network of *run* in ``eval()`` on the CPU: normalised images ``[n, *run.kind.shape]`` to scores.

    A network from a user's file is made from the copy in the run folder. Raises `DivergedError` or `UsageError` for a run
    that has no last epoch, `DamagedRunError` where the weights cannot be read or do not fit the network.
    """
    if run.state == "diverged":
        raise DivergedError(f"{run.path} diverged – {run.reason} – it has no network to use, train again")
    if run.state == "unfinished":
        raise UsageError(f"{run.path} is not finished – continue with: handgrad train --resume {run.path}")
    check_named(run.network, run.path)
    network = load_network(network_name(run.path, run.network))
    load_weights(network, run.path / MODEL)
    return network.eval()


def check_digits(run: Run, what: str, *, names: bool = False) -> None:
    """Refuse *what*, which is made for MNIST's kind of images and ten classes, for a run of other data; raises `UsageError`.

    With *names* the classes may have names of their own, as those of Fashion-MNIST.
    """
    kind = run.kind
    if kind.shape != DIGITS.shape or kind.count != DIGITS.count or (kind.named and not names):
        about = f"{kind.words}: {listed(kind.classes)}" if kind.named else kind.words
        wanted = f"{DIGITS.words}" if names else "digits, ten classes of 28×28 pixels in grey"
        raise UsageError(
            f"{run.path} was trained on {run.dataset} ({about}) – {what} is for {wanted}; in Python, "
            "handgrad.load(run).module answers"
        )


def listed(classes: Sequence[str]) -> str:
    """Return the first names of *classes*, and a sign that there are more."""
    return ", ".join(classes[:SHOWN]) + (", …" if len(classes) > SHOWN else "")


def network_name(folder: Path, name: str) -> str:
    """Return *name* as `load_network` takes it: a class of a user's file is looked up in the copy that *folder* keeps."""
    if name in NETWORKS:
        return name
    _, _, attribute = name.rpartition(":")
    return f"{folder / NETWORK_SOURCE}:{attribute}"


def load_weights(network: nn.Module, path: Path) -> None:
    """Put the weights in the safetensors file *path* into *network*; raise `DamagedRunError` unless they fit exactly."""
    try:
        network.load_state_dict(load(path.read_bytes()))
    except OSError as error:
        raise DamagedRunError(
            f"{path} cannot be read: {error.strerror} – restore it from a copy, or train again"
        ) from error
    # RuntimeError is torch's word for weights of other names or shapes.
    except (SafetensorError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DamagedRunError(f"{path} does not hold the weights of its network: {reason} – train again") from error
