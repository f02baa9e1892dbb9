"""A network whose layers hold the weights of many members, one behind the other, and run them all in one go.

The members are folded into the batch: ``[members * batch, channels, height, width]``, channels last, so that whatever treats
each image by itself (activations, pools, flatten, additions, the network's own ``forward``) runs as it is. Only four kinds of
layer know about members: convolution, linear, BatchNorm and dropout; `handgrad.digits.population.stack` puts those in the
places of the usual ones.

A convolution is one batched product of the images' patches with the weights, because a grouped convolution, which is what
``torch.vmap`` makes of it, took longer for small networks, and ``vmap`` can draw no member's dropout as that member alone does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Stack = Callable[[str], nn.Parameter | None]
"""Gives the stacked parameter ``[members, …]`` of a layer by its name there, None where the layer has none."""


class Draws:
    """The members' random numbers: each member's own state of torch's generator, as if that member were alone."""

    def __init__(self, device: torch.device) -> None:
        index = torch.cuda.current_device() if device.type == "cuda" else 0
        # The default generator, because dropout takes no other: there is no argument for one.
        self.generator = torch.cuda.default_generators[index] if device.type == "cuda" else torch.default_generator
        self.states: list[Tensor] = []

    def begin(self, keys: Sequence[int]) -> None:
        """Seed each member by its key, as ``torch.manual_seed`` would."""
        # States and not seeds: a network with two dropout layers goes on, in the second, where the first stopped.
        self.states = [self.generator.manual_seed(key).get_state() for key in keys]

    def each(self, layer: nn.Module, values: Tensor) -> Tensor:
        """Run *layer* on each member's part of *values* with that member's random numbers."""
        parts = []
        for member, part in enumerate(values.chunk(len(self.states))):
            self.generator.set_state(self.states[member])
            parts.append(layer(part))
            self.states[member] = self.generator.get_state()
        return torch.cat(parts)


class StackedDropout(nn.Module):
    """A dropout layer that draws for each member what the member alone would draw."""

    def __init__(self, layer: nn.Module, draws: Draws) -> None:
        super().__init__()
        self.layer, self.draws = layer, draws

    def forward(self, values: Tensor) -> Tensor:
        """Return *values* ``[members * batch, …]`` with the mask of each member."""
        # Not even asked while evaluating: members are evaluated one by one, and a state moved there would be missed
        # later.
        return self.draws.each(self.layer, values) if self.training else values


class StackedLinear(nn.Module):
    """``nn.Linear`` with ``weight`` ``[members, outputs, inputs]`` and ``bias`` ``[members, outputs]``."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self.weight, self.bias = stack("weight"), stack("bias")

    def forward(self, values: Tensor) -> Tensor:
        """Return ``[members * batch, …, outputs]``."""
        assert self.weight is not None
        rows = values.reshape(len(self.weight), -1, values.shape[-1])
        weight = self.weight.transpose(1, 2)
        # baddbmm adds the bias in the same pass; a sum of its own would go over all scores once more.
        result = rows @ weight if self.bias is None else torch.baddbmm(self.bias[:, None], rows, weight)
        return result.view(*values.shape[:-1], -1)


class StackedNorm(nn.Module):
    """``nn.BatchNorm2d`` or ``1d`` with parameters and statistics ``[members, channels]``: each member's batch is its own."""

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self, layer: nn.BatchNorm2d | nn.BatchNorm1d, stack: Stack, statistics: Mapping[str, Tensor], members: int
    ) -> None:
        super().__init__()
        self.weight, self.bias = stack("weight"), stack("bias")
        self.momentum, self.eps, self.members = layer.momentum or 0.0, layer.eps, members
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, statistics.get(name))

    def forward(self, values: Tensor) -> Tensor:
        """Return the normalised values, and note mean and unbiased variance while training."""
        channels_last = values.movedim(1, -1)
        rows = channels_last.reshape(self.members, -1, values.shape[1])
        rows = rows.float() if rows.dtype in (torch.bfloat16, torch.float16) else rows  # as torch's own BatchNorm
        if self.training or self.running_mean is None or self.running_var is None:
            # torch's own words, because `check_trains` knows them and says what to change.
            if rows.shape[1] == 1:
                raise ValueError(f"Expected more than 1 value per channel when training, got {list(values.shape)}")
            normalised: Tensor
            with torch.autocast(values.device.type, enabled=False):  # sums in bf16 would be of no use
                normalised, mean, variance = Standardise.apply(rows, self.eps, len(values))  # type: ignore[no-untyped-call]
            self.note(mean, variance, rows.shape[1])
        else:
            inverse = (self.running_var + self.eps).rsqrt()
            normalised = (rows - self.running_mean[:, None]) * inverse[:, None]
        if self.weight is not None and self.bias is not None:
            normalised = torch.addcmul(self.bias[:, None], normalised, self.weight[:, None])
        return normalised.to(values.dtype).view(channels_last.shape).movedim(-1, 1)

    @torch.no_grad()
    def note(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move the running statistics towards those of this batch of *count* values a channel."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum)
        # torch normalises by the mean square and keeps the unbiased variance; a member alone does the same.
        self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)


class Standardise(torch.autograd.Function):
    """x̂ = (x - mean) / √(variance + eps) over the middle of ``[members, values, channels]``, with mean and variance.

    Backward: ∂E/∂x = (g - mean(g) - x̂ mean(g x̂)) / √(variance + eps). One function, because autograd through its parts would
    keep and pass over five copies of the images.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, eps: float, images: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return x̂ ``[members, values, channels]``, mean and variance ``[members, channels]``; *images* are all members'."""
        mean = totals(values, images) / values.shape[1]
        centred = values - mean[:, None]
        variance = totals(centred * centred, images) / values.shape[1]
        inverse = (variance + eps).rsqrt()[:, None]
        # In place: the centred images are needed no more, and a batch of all members is the largest tensor there is.
        normalised = centred.mul_(inverse)
        ctx.save_for_backward(normalised, inverse)
        ctx.images = images
        # They only feed the running statistics; without this autograd would keep their graph alive from step to step.
        ctx.mark_non_differentiable(mean, variance)
        return normalised, mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient of the values."""
        normalised, inverse = ctx.saved_tensors
        along = totals(gradient * normalised, ctx.images)[:, None] / gradient.shape[1]
        level = totals(gradient, ctx.images)[:, None] / gradient.shape[1]
        return (gradient - level).sub_(normalised * along).mul_(inverse), None, None


def totals(values: Tensor, images: int) -> Tensor:
    """Return the sums ``[members, channels]`` over the middle of *values* ``[members, values, channels]`` of *images* images.

    Each image's by a product with ones, which is quicker than a sum over rows, then over images: one product over all would
    add up a hundred thousand numbers one after the other, and lose two digits on the way.
    """
    members, count, channels = values.shape
    pixels = members * count // images
    by_image = values.new_ones(images, 1, pixels) @ values.reshape(images, pixels, channels)
    return by_image.view(members, -1, channels).sum(1)


class StackedConv(nn.Module):
    """``nn.Conv2d`` with ``weight`` ``[members, outputs, inputs / groups, …]`` and ``bias`` ``[members, outputs]``."""

    def __init__(self, layer: nn.Conv2d, stack: Stack) -> None:
        super().__init__()
        self.weight, self.bias = stack("weight"), stack("bias")
        self.groups, self.stride, self.dilation = layer.groups, layer.stride, layer.dilation
        # What torch itself pads: left, right, top, bottom; it stands for padding="same" too.
        self.padding: tuple[int, ...] = tuple(layer._reversed_padding_repeated_twice)

    def forward(self, values: Tensor) -> Tensor:
        """Return ``[members * batch, outputs, height, width]``, channels last."""
        assert self.weight is not None
        weight: Tensor = self.weight
        bias: Tensor | None = self.bias
        if torch.is_autocast_enabled(values.device.type):
            # autocast knows torch's own operations; a function of ours has to convert by itself.
            kind = torch.get_autocast_dtype(values.device.type)
            values, weight, bias = values.to(kind), weight.to(kind), None if bias is None else bias.to(kind)
        # Padded first, so that patches are a view of one block: with the padding left out each edge would be a case
        # of its own.
        values = F.pad(values, self.padding) if any(self.padding) else values
        if self.groups > 1:
            return self.grouped(values, weight, bias)
        result: Tensor = Convolve.apply(values, weight, bias, self.stride, self.dilation)  # type: ignore[no-untyped-call]
        return result

    def grouped(self, values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Take the members' groups as groups of one convolution: torch has quick kernels for depthwise ones."""
        members, outputs = weight.shape[:2]
        side_by_side = values.unflatten(0, (members, -1)).transpose(0, 1).flatten(1, 2)
        bias = None if bias is None else bias.flatten()
        groups = members * self.groups
        result: Tensor = F.conv2d(side_by_side, weight.flatten(0, 1), bias, self.stride, 0, self.dilation, groups)
        folded: Tensor = result.unflatten(1, (members, outputs)).transpose(0, 1).flatten(0, 1)
        return folded.contiguous(memory_format=torch.channels_last)


class Convolve(torch.autograd.Function):
    """Unpadded convolutions of all members: patches ``[members, positions, k]`` times weights ``[members, k, outputs]``.

    Backward makes the patches again from the images instead of keeping them, which would take kernel height × width the memory.
    """

    @staticmethod
    def forward(
        ctx: Any,
        values: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: tuple[int, int],
        dilation: tuple[int, int],
    ) -> Tensor:
        """Return ``[members * batch, outputs, height, width]``, channels last."""
        # Channels last, so that a tap's channels lie side by side and the product reads memory in order.
        images = values.permute(0, 2, 3, 1).contiguous()
        taps = patches(images, weight.shape[-2:], stride, dilation)
        matrix = weight.permute(0, 3, 4, 2, 1).flatten(1, 3)
        rows = taps.reshape(len(weight), -1, matrix.shape[1])
        result = rows @ matrix if bias is None else torch.baddbmm(bias[:, None], rows, matrix)
        ctx.save_for_backward(images, weight)
        ctx.stride, ctx.dilation, ctx.bias = stride, dilation, bias is not None
        return result.view(*taps.shape[:3], -1).permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of values, weight and bias."""
        images, weight = ctx.saved_tensors
        members, outputs, inputs, height, width = weight.shape
        taps = patches(images, (height, width), ctx.stride, ctx.dilation)
        shape = taps.shape
        # A gradient may come in any layout; reshape copies only where it must.
        by_rows = gradient.permute(0, 2, 3, 1).reshape(members, -1, outputs)
        by_matrix = taps.reshape(members, -1, height * width * inputs).transpose(1, 2) @ by_rows
        by_weight = by_matrix.view(members, height, width, inputs, outputs).permute(0, 4, 3, 1, 2)
        by_bias = totals(by_rows, len(images)) if ctx.bias else None
        by_values = None
        # The first convolution's input is the images, which need no gradient: theirs would be the largest tensor of all.
        if ctx.needs_input_grad[0]:
            matrix = weight.permute(0, 1, 3, 4, 2).flatten(2)
            by_taps = (by_rows @ matrix).view(shape)
            by_values = fold(by_taps, images, ctx.stride, ctx.dilation).permute(0, 3, 1, 2)
        return by_values, by_weight, by_bias, None, None


def patches(images: Tensor, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Tensor:
    """Return a view ``[n, rows, columns, kernel height, kernel width, channels]`` of *images* ``[n, …, channels]``."""
    n, *sizes, channels = images.shape
    counts = [(sizes[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1 for i in (0, 1)]
    image, row, column, channel = images.stride()
    steps = (image, row * stride[0], column * stride[1], row * dilation[0], column * dilation[1], channel)
    # A view: kernels overlap, so the same pixel is seen at several places without being copied. `fold` must add, not
    # assign.
    return images.as_strided((n, *counts, *kernel, channels), steps)


def fold(taps: Tensor, like: Tensor, stride: Sequence[int], dilation: Sequence[int]) -> Tensor:
    """Return ``[n, height, width, channels]``, the size of *like*: each tap of `patches` added where it was taken from."""
    rows, columns, height, width = taps.shape[1:5]
    result = torch.zeros_like(like)
    # A loop over taps (a few dozen) of additions over whole tensors: scatter_add would visit each number.
    for i in range(height):
        for j in range(width):
            top, left = i * dilation[0], j * dilation[1]
            bottom, right = top + stride[0] * (rows - 1) + 1, left + stride[1] * (columns - 1) + 1
            result[:, top : bottom : stride[0], left : right : stride[1]] += taps[:, :, :, i, j]
    return result
