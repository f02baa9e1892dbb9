"""Writes down what a network computes: a list of operations from image to output, for any size of batch.

This runs beside the stranger's code and may be deceived by it. That does no harm: what is judged and trained afterwards is
what was written down (`handgrad.transcript.rebuild`), in a process where the stranger's code never runs.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.func import functional_call

from handgrad.transcript.modules import buffers_of, parameters_of
from handgrad.transcript.places import noted_places
from handgrad.transcript.writing import Recording, UntraceableError, without_seeds, written_down

SIZES = (13, 17)
"""Two batch sizes, prime and unlike anything else in a network: where the two recordings differ, the batch is meant."""

SHARED_OUT = (16, 32)
"""Sizes for networks that share a batch out while they learn (ghost batch normalisation), as no prime number can be."""


def weights_of(network: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return parameters and buffers by path, each once, whatever ``named_parameters()`` of a subclass says."""
    # Reversed, so that of several paths of one buffer the first remains.
    buffers = {id(each): path for path, each in reversed(buffers_of(network).items())}
    return dict(parameters_of(network)), {
        path: each for path, each in buffers_of(network).items() if buffers[id(each)] == path
    }


def record(network: nn.Module, images: Tensor) -> tuple[dict[str, Any], list[Tensor]]:
    """Return what *network* computes of *images* ``[≥ 17, 1, 28, 28]`` in training and in ``eval()``, and its constants.

    Raises `UntraceableError`. State and mode of *network* stay as they are, unless it changes itself.
    """
    parameters, buffers = weights_of(network)
    plans: dict[str, Any] = {"parameters": list(parameters), "buffers": list(buffers)}
    constants: list[Tensor] = []
    before = network.training
    # Twice, because a network is two: dropout and BatchNorm compute something else while it learns.
    for mode in ("answering", "training"):
        network.train(mode == "training")
        recording = for_every_batch(network, images)
        first = len(constants)
        # Of both modes in one list, each counted where it is: a table that only one mode reads is still the file's.
        constants += recording.constants
        plans[mode] = {
            "nodes": recording.nodes,
            "output": recording.output,
            "constants": list(range(first, len(constants))),
            "places": recording.places,
        }
    network.train(before)
    return plans, constants


def for_every_batch(network: nn.Module, images: Tensor) -> Recording:
    """Return one pass of *network* in the mode it is in, written down so that it holds for any size of batch.

    *images* are ``[≥ 17, 1, 28, 28]``, 32 where batches are shared out. Raises `UntraceableError` where passes over batches of
    two sizes do not agree.
    """
    chance = rng_state()
    (small, large), sizes = _two_passes(network, images)
    # In training alone: whoever draws while answering gives two different answers, and is found out by that.
    if network.training and rng_state() != chance:
        raise UntraceableError(
            "its training draws from Python's own chance, not torch's (use torch.rand)", author=False
        )
    # A generator that both passes share belongs to the network and goes on; one made again in each begins at its seed
    # each time.
    kept = {id(each) for each in small.generators} & {id(each) for each in large.generators}
    try:
        # Only where both agree is a number the batch's: 13 images may be 13 channels by chance, and 17 are not.
        pairs = zip_alike(without_seeds(small, kept), without_seeds(large, kept))
        nodes = [for_any_batch(first, second, sizes) for first, second in pairs]
    except UntraceableError:
        # A third pass tells the two causes apart: a network that differs from itself, or one that depends on the
        # batch.
        if one_pass(network, images[: sizes[0]]).nodes != small.nodes:
            raise UntraceableError("the network computes something else each time it runs", author=True) from None
        raise
    if [shape_of(each) for each in small.constants] != [shape_of(each) for each in large.constants] or any(
        not torch.equal(first, second) for first, second in zip(small.constants, large.constants, strict=True)
    ):
        raise UntraceableError(
            "the output is not computed from the image by the network alone: numbers that change from one batch to "
            "the next enter it from outside",
            author=True,
        )
    return replace(small, nodes=nodes, output=for_any_batch(small.output, large.output, sizes))


def _two_passes(network: nn.Module, images: Tensor) -> tuple[list[Recording], tuple[int, int]]:
    """Return passes over batches of two sizes, and the sizes."""
    try:
        return [one_pass(network, images[:size]) for size in SIZES], SIZES
    except UntraceableError as error:
        # Its own batches have a size that can be shared out: what it does with 13 images says nothing of it.
        if not network.training or "is invalid for input of size" not in str(error) or len(images) < SHARED_OUT[1]:
            raise
        return [one_pass(network, images[:size]) for size in SHARED_OUT], SHARED_OUT


def rng_state() -> tuple[Any, ...]:
    """Return the states of Python's and numpy's chance.

    A network that draws from them while it learns (leaving out a layer now and then) is honest, but what it draws is
    decided outside of what can be written down.
    """
    kind, keys, *rest = np.random.get_state()
    return random.getstate(), kind, np.asarray(keys).tobytes(), *rest


class Remembering(nn.Module):
    """A network that writes into its buffers what a pass puts in their place (``self.mean = 0.9 * self.mean + …``).

    Otherwise a new value would be gone after the pass, and the network would learn without its statistics.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.train(network.training)

    def train(self, mode: bool = True) -> Remembering:
        """Leave the network in the mode that it is in."""
        self.training = mode
        return self

    def forward(self, images: Tensor) -> Any:
        """Return what the network returns."""
        # By object: a buffer that was changed in place is the same tensor, and the recording has seen that already.
        before = buffers_of(self.network)
        output = self.network(images)
        for path, now in buffers_of(self.network).items():
            if path in before and now is not before[path]:
                before[path].copy_(now.detach())
        return output


def one_pass(network: nn.Module, images: Tensor) -> Recording:
    """Write down one pass of *network* over *images*."""
    from torch.fx.experimental.proxy_tensor import make_fx

    parameters, buffers = (
        # Clones: BatchNorm writes into its statistics, and recording must leave the network as it was.
        {name: value.detach().clone() for name, value in each.items()}
        for each in weights_of(network)
    )

    whole = Remembering(network)

    def forward(parameters: dict[str, Tensor], buffers: dict[str, Tensor], images: Tensor) -> Any:
        tensors = {f"network.{path}": value for path, value in {**parameters, **buffers}.items()}
        return functional_call(whole, tensors, (images,))

    try:
        with cumulative_means_as_tensors(), noted_places(network):
            # Before dispatch: operations as their author wrote them (conv2d, dropout) and not what a backend makes of
            # them. A private path of torch, pinned by the version range in pyproject.
            module = make_fx(forward, pre_dispatch=True)(parameters, buffers, images)
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        # torch gives these no type of their own, only words.
        if "tracing tensor" in lines[0] or "data-dependent" in str(error).lower():
            reason = (
                "the output is not computed from the image by the network alone: its forward reads single numbers out of "
                "tensors (item, tolist, numpy, if), where no computation can be followed"
            )
            raise UntraceableError(reason, author=True) from error
        raise UntraceableError(f"{type(error).__name__}: {lines[0][:200]}", author=False) from error
    return written_down(module, len(parameters) + len(buffers))


@contextmanager
def cumulative_means_as_tensors() -> Iterator[None]:
    """Let BatchNorm with ``momentum=None`` be followed: torch reads its count of batches as a Python number.

    The same mean over all batches so far is taken with the count as a tensor, so that it goes on counting when it is
    replayed. With momentum 0 the running statistics stay as they are while the batch is normalised by its own.
    """
    # The base class of all dimensions: replacing its forward reaches every BatchNorm that exists, also a stranger's.
    kind = nn.modules.batchnorm._BatchNorm
    usual = kind.forward

    def forward(norm: Any, images: Tensor) -> Tensor:
        counted = norm.num_batches_tracked if norm.training and norm.track_running_stats else None
        if norm.momentum is not None or counted is None or norm.running_mean is None or norm.running_var is None:
            return usual(norm, images)
        norm._check_input_dim(images)
        counted.add_(1)
        seen, others = images.detach(), [dim for dim in range(images.dim()) if dim != 1]
        norm.running_mean.add_((seen.mean(others) - norm.running_mean) / counted)
        norm.running_var.add_((seen.var(others) - norm.running_var) / counted)
        return F.batch_norm(images, norm.running_mean, norm.running_var, norm.weight, norm.bias, True, 0.0, norm.eps)

    # On the class, because instances are the author's; put back whatever happens.
    kind.forward = forward  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        kind.forward = usual  # type: ignore[method-assign]


def zip_alike(first: Sequence[Any], second: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Pair two recordings."""
    if len(first) != len(second):
        raise UntraceableError("the network computes something else for another size of batch", author=True)
    return list(zip(first, second, strict=True))


def for_any_batch(small: Any, large: Any, sizes: tuple[int, int] = SIZES) -> Any:
    """Return what two recordings have in common, with ``{"batch": k}`` for k times the size of the batch.

    *sizes* are those of the two batches; ``{"part": k}`` is a k-th of a batch, where that is shared out.
    """
    if isinstance(small, list) and isinstance(large, list):
        return [for_any_batch(*pair, sizes) for pair in zip_alike(small, large)]
    if isinstance(small, dict) and isinstance(large, dict) and small.keys() == large.keys():
        return {key: for_any_batch(small[key], large[key], sizes) for key in small}
    if type(small) is type(large) and small == large:
        return small
    # ``type``: True is an int too, and 13 · True must not pass for a size.
    if type(small) is int and type(large) is int and small and small * sizes[1] == large * sizes[0]:
        if small % sizes[0] == 0:
            return {"batch": small // sizes[0]}
        if sizes[0] % small == 0:
            return {"part": sizes[0] // small}
    if (
        isinstance(small, float)
        and isinstance(large, float)
        # A mean over the batch written out: 1 / 13 there and 1 / 17 here.
        and math.isclose(small * sizes[0], large * sizes[1], rel_tol=1e-9)
    ):
        return {"share": small * sizes[0]}
    raise UntraceableError("the network computes something else for another size of batch", author=True)


def shape_of(tensor: Tensor) -> tuple[list[int], str]:
    """Return shape and type."""
    return list(tensor.shape), str(tensor.dtype)
