"""ReLU, BatchNorm and the convolution after it as one operation, for training on a CPU, where memory traffic costs most.

BatchNorm is an affine map of each channel, so the convolution after it can be given scaled weights instead of scaled images,
and the normalised images are never written. The same holds on the way back: BatchNorm subtracts two sums a channel from the
gradient, and both follow from the gradients of the convolution's weight and bias, which are small. With the input r (after
ReLU), n = r.numel() / channels, inv = 1 / √(variance + eps), x̂ = (r - mean) · inv and y = W ∗ (γ x̂ + β) + b:

    forward     y = (W γ inv) ∗ r + b + Σ W (β - γ inv mean)                the sum over input channels and kernel
    backward    G = ∂E/∂y      S = Σ G over samples and positions           R = what r and G give as the gradient of W
                X = (R - S mean) · inv                                      what x̂ and G would give
                ∂E/∂W = γ X + β S      ∂E/∂b = S      ∂E/∂γ = Σ W X      ∂E/∂β = Σ W S
                ∂E/∂r = (W γ inv)ᵀ ∗ G - γ inv (∂E/∂β + x̂ ∂E/∂γ) / n

It holds where every tap of the kernel meets a pixel for every output: without padding. In exact arithmetic it is what the three
layers compute; in floating point the two differ by rounding.

In mixed precision the images are bf16, and so are the products of images with weights or gradients, as autocast has them. What
is one number per channel or per weight is small and stays fp32: mean, variance, S and the formulas between them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.grad import conv2d_weight

LARGE = 500_000
"""Numbers in a batch of activations from which fusing gains: at 200,000 it lost a half, at 2,400,000 it saved most."""


def multiplies_bf16() -> bool:
    """Return whether the processor has units for matrices in bf16 (AMX).

    Without them bf16 is no gain to count on: instructions for it (AVX512_BF16) were faster on one processor, and on another
    a step's convolutions took 20 ms instead of 14, while training in it is coarser everywhere.
    """
    tell: Callable[[], Mapping[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)  # not every torch tells them
    return bool(tell().get("amx_bf16", False))


# A switch on the class and not an argument: `forward(images)` is the form that hooks, exports and the judge rely on.
class Fusing(nn.Module):
    """A network that can run some of its layers as one operation. Off unless the training loop asks: hooks see every layer."""

    fused = False

    def fuses(self, images: Tensor) -> bool:
        """Whether to do so for *images*: it was asked for, the network trains, on a CPU, and it is a gain."""
        # In bf16 only with AMX, whose convolutions leave most of a step to the passes over memory that this saves. With
        # AVX512_BF16 alone nothing was gained (docs/speed.md).
        gains = not torch.is_autocast_enabled("cpu") or multiplies_bf16()
        return gains and self.fused and self.training and images.device.type == "cpu" and images.is_floating_point()


def fuse(network: nn.Module) -> None:
    """Let *network*, if it knows how, train with fused layers. Weights, their names and what is computed stay as they are."""
    # Not the modules in it: what a whole network may do in place depends on what stands around a chain, and it alone
    # knows.
    if isinstance(network, Fusing):
        network.fused = True


class Chain(nn.Sequential, Fusing):
    """``nn.Sequential`` that can take neighbours together: (ReLU and) BatchNorm with the unpadded convolution after them.

    A ReLU after a convolution or a BatchNorm then works in place, because neither needs its output again, and a 1×1
    convolution is a product of matrices.
    """

    def forward(self, values: Tensor) -> Tensor:
        """Return what the layers, one after the other, make of *values*."""
        if not self.fuses(values):
            for layer in self:
                values = layer(values)
            return values
        layers, at = list(self), 0
        # By hand and not with `for`: a step may take up to three layers.
        while at < len(layers):
            values, taken = run_some(layers, at, values)
            at += taken
        return values


def run_some(layers: list[nn.Module], at: int, values: Tensor) -> tuple[Tensor, int]:
    """Run the layer at *at*, with those after it where they are one operation; return its output and how many it took."""
    # ``type``, not isinstance: a subclass may compute anything. And only after a layer that makes a new tensor and
    # does not look at it again on the way back.
    relu = at > 0 and type(layers[at]) is nn.ReLU and type(layers[at - 1]) in (nn.Conv2d, nn.BatchNorm2d)
    pair = pair_in(layers[at + relu :])
    if pair and is_large(values):
        return norm_conv(*pair, values, relu=relu), 2 + relu
    layer = layers[at]
    if relu:
        return F.relu_(values), 1
    if type(layer) is nn.Conv2d and is_pointwise(layer):
        return pointwise(values, layer.weight, layer.bias), 1
    return layer(values), 1


def pair_in(layers: list[nn.Module]) -> tuple[nn.BatchNorm2d, nn.Conv2d] | None:
    """Return the first two of *layers* if they are a usual BatchNorm, with weights and statistics, and a plain convolution."""
    if len(layers) < 2:
        return None
    norm, convolution = layers[:2]
    if type(norm) is not nn.BatchNorm2d or type(convolution) is not nn.Conv2d or not is_plain(convolution):
        return None
    # The rest are forms that the formulas above do not cover: no γ, no statistics to update, a mean over all batches.
    return (norm, convolution) if norm.affine and norm.track_running_stats and norm.momentum is not None else None


def is_large(values: Tensor) -> bool:
    """Whether the passes over *values* that fusing saves cost more than the dozen small operations that it adds."""
    return values.numel() >= LARGE


def is_plain(convolution: nn.Conv2d) -> bool:
    """Whether *convolution* has no padding, stride 1, one group and no dilation."""
    step = convolution.stride == convolution.dilation == (1, 1) and convolution.padding == (0, 0)
    return step and convolution.groups == 1


def is_pointwise(convolution: nn.Conv2d) -> bool:
    """Whether *convolution* is plain and looks at one pixel at a time."""
    return is_plain(convolution) and convolution.kernel_size == (1, 1)


def rows(values: Tensor) -> Tensor:
    """Return *values* ``[n, channels, height, width]`` as a matrix, one row per pixel: a view where channels come last."""
    return values.permute(0, 2, 3, 1).reshape(-1, values.shape[1])


def images(matrix: Tensor, like: Tensor) -> Tensor:
    """Return *matrix*, one row per pixel, as ``[n, channels, height, width]`` of the size of *like*: `rows` undone."""
    return matrix.view(like.shape[0], like.shape[2], like.shape[3], -1).permute(0, 3, 1, 2)


def sum_of_rows(matrix: Tensor) -> Tensor:
    """Return the sum over the rows of *matrix*, several taken as one: over ten columns ``sum(0)`` takes ten times as long.

    The sum of bf16 is fp32.
    """
    # A divisor of the number of rows, so that they can be taken several at a time without a rest.
    several = math.gcd(len(matrix), 512)
    # torch adds bf16 up in fp32 and rounds the end: up to 512 rounded sums meet in fp32, where their roundings even out.
    # Asked for fp32 at once it would write the whole matrix again, fifteen times as long.
    sums = matrix.reshape(-1, several * matrix.shape[1]).sum(0)
    return full(sums).view(several, -1).sum(0)


def full(values: Tensor) -> Tensor:
    """Return *values* in fp32 where they have less, else as they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def pointwise(values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return the 1×1 convolution of *values* with *weight* ``[outputs, inputs, 1, 1]``."""
    return images(F.linear(rows(values), weight.flatten(1), bias), values)


def norm_conv(norm: nn.BatchNorm2d, convolution: nn.Conv2d, values: Tensor, *, relu: bool) -> Tensor:
    """Return ``convolution(norm(values))``, or with *relu* ``convolution(norm(relu(values)))``, and note the statistics.

    With *relu*, *values* are overwritten, so they must be what a layer has made that needs them no more.
    """
    assert norm.num_batches_tracked is not None  # pair_in has looked at track_running_stats
    # As the layer itself would: a state must not tell which way it was trained.
    norm.num_batches_tracked.add_(1)
    trained = norm.weight, norm.bias, convolution.weight, convolution.bias
    result: Tensor = NormConv.apply(values, *trained, norm, is_pointwise(convolution), relu)  # type: ignore[no-untyped-call]
    return result


def by_channel(values: Tensor) -> Tensor:
    """Return *values* ``[channels]`` so that they go with ``[…, channels, height, width]``."""
    return values[:, None, None]


class NormConv(torch.autograd.Function):
    """The operation of this module's text; `norm_conv` is how it is called."""

    @staticmethod
    def forward(
        ctx: Any,
        values: Tensor,
        gamma: Tensor,
        beta: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        norm: nn.BatchNorm2d,
        one_pixel: bool,
        relu: bool,
    ) -> Tensor:
        """Return y, and keep r, the small tensors and nothing else."""
        r = values.relu_() if relu else values
        assert norm.momentum is not None  # pair_in has looked
        # torch's own kernel, one pass over r, and it updates the running statistics with the unbiased variance as
        # BatchNorm does.
        mean, variance = torch.batch_norm_update_stats(r, norm.running_mean, norm.running_var, norm.momentum)
        inverse = (variance + norm.eps).rsqrt()
        scaled = weight * by_channel(gamma * inverse)
        shift = (weight * by_channel(beta - gamma * inverse * mean)).sum((1, 2, 3))
        shift = shift if bias is None else shift + bias
        scaled, shift = scaled.to(r.dtype), shift.to(r.dtype)
        # r and not its normalised form: that one is never written, and follows from r and two numbers a channel.
        ctx.save_for_backward(r, mean, inverse, gamma, beta, weight, scaled)
        ctx.one_pixel, ctx.relu, ctx.bias = one_pixel, relu, bias is not None
        # What is to be bf16 is so already; autocast would make a copy of each weight and look for it again.
        with torch.autocast("cpu", enabled=False):
            return pointwise(r, scaled, shift) if one_pixel else F.conv2d(r, scaled, shift)

    @staticmethod
    # The formulas are the first derivative; asked for a second, torch refuses rather than being wrong.
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of values, gamma, beta, weight and bias."""
        r, mean, inverse, gamma, beta, weight, scaled = ctx.saved_tensors
        matrix = rows(gradient)
        total = sum_of_rows(matrix)  # S
        outputs = total[:, None, None, None]
        by_r = (matrix.t() @ rows(r)).view_as(weight) if ctx.one_pixel else conv2d_weight(r, weight.shape, gradient)
        by_r = full(by_r)
        by_x = (by_r - outputs * by_channel(mean)) * by_channel(inverse)
        by_weight = by_x * by_channel(gamma) + outputs * by_channel(beta)
        by_gamma, by_beta = (weight * by_x).sum((0, 2, 3)), (weight * outputs).sum((0, 2, 3))

        pixels = r.numel() // r.shape[1]
        slope = gamma * inverse * inverse * by_gamma / pixels
        offset = (slope * mean - gamma * inverse * by_beta / pixels).to(r.dtype)
        slope = slope.to(r.dtype)
        if ctx.one_pixel:
            # addmm_ adds the product to what is there already: the two terms of ∂E/∂r in one pass.
            by_values = images(torch.addcmul(offset, rows(r), -slope).addmm_(matrix, scaled.flatten(1)), r)
        else:
            # The offset goes in as the bias: one pass over the images less.
            by_values = F.conv_transpose2d(gradient, scaled, offset).addcmul_(r, by_channel(-slope))
        if ctx.relu:
            # The variant with an output writes into by_values itself; r is what came out of the ReLU, so it is 0
            # where the slope is.
            torch.ops.aten.threshold_backward.grad_input(by_values, r, 0.0, grad_input=by_values)
        return by_values, by_gamma, by_beta, by_weight, total if ctx.bias else None, None, None, None
