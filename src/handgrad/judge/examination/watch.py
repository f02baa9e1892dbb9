"""What shows only in the numbers of an operation: spatial means, channels brought to mean 0 and variance 1, random masks."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from handgrad.judge.examination.operations_seen import PRODUCTS, Node, Trace


def watch(trace: Trace, node: Node) -> None:
    """Note what only shows in the numbers: spatial means, masks, channels brought to mean 0 and variance 1."""
    if not node.results or not node.images or not node.results[0].is_floating_point():
        return
    result = node.results[0].detach()
    with torch.no_grad():
        _watch_means(trace, node, result)
        _watch_norm(trace, node, result)
        _watch_mask(node)


def _watch_means(trace: Trace, node: Node, result: Tensor) -> None:
    """Compare a row of features an image with the spatial means of every map before it; keep the means of a map."""
    batch, shape = trace.batch, result.shape
    # A multiple of the batch is several views of each image, side by side.
    whole = len(shape) >= 2 and shape[0] > 0 and shape[0] % batch == 0
    if whole and result.numel() == shape[0] * max(shape[1:], default=0):
        # Half precision has an eps of 1e-3, and sums over a map of it are no better.
        features, precision = result.double().reshape(shape[0], -1), max(1e-4, 2 * torch.finfo(result.dtype).eps)
        for earlier in trace.nodes[:-1]:
            for means in earlier.facts.get("means", ()):
                # By the numbers and not by the operation: mean(), a pool, a convolution with 1/49 all are the same
                # layer.
                if means.shape == features.shape and _same(means, features, precision):
                    node.facts["pooled"] = earlier
                    trace.memory(result).flat = True
                    return
    weighted = any(read.memory.weighted for read in node.reads) or "conv" in node.name or node.name in PRODUCTS
    if len(shape) in (3, 4) and whole and weighted:
        exact = result.double()
        # Both layouts, channels before and after positions: networks written by hand have either.
        spatial = ((2, 3), (1, 2)) if len(shape) == 4 else ((2,), (1,))
        node.facts["means"] = [exact.mean(dims) for dims in spatial if math.prod(shape[dim] for dim in dims) > 1]


def _same(means: Tensor, features: Tensor, precision: float) -> bool:
    """Whether two rows of features are equal up to rounding, and not merely both nothing."""
    size = float(means.abs().max())
    return size > 1e-9 and float((means - features).abs().max()) <= precision * size


def _watch_norm(trace: Trace, node: Node, result: Tensor) -> None:
    """Note a result whose channels have mean 0 and variance 1 over the batch, while single images have not."""
    already = any(read.memory.normed for read in node.reads)
    shape = result.shape
    if node.name not in ("mul", "mul_", "div", "div_", "addcmul", "sub", "sub_") or len(shape) not in (2, 4) or already:
        return
    # Of two images any normalisation gives ±1.
    if shape[0] != trace.batch or trace.batch < 4:
        return
    channels = result.double().transpose(0, 1).flatten(1)
    mean, variance = channels.mean(1), channels.var(1, unbiased=False)
    # A channel that is the same everywhere has no variance to bring to 1.
    alive = variance > 1e-3
    # 5 %, because eps is added to the variance below the root and counts where that is small.
    if not alive.any() or float(mean.abs().max()) > 1e-3 or float((variance[alive] - 1).abs().max()) > 0.05:
        return
    if len(shape) == 4 and float(result.double().mean((2, 3)).abs().max()) < 1e-2:
        return  # every image for itself: that is instance normalisation
    node.facts["normed"] = True
    for tensor in node.results:
        trace.memory(tensor).normed = True


def _watch_mask(node: Node) -> None:
    """Note the zeros and the other value of a random mask that a result was multiplied with, or filled by."""
    masks = [read for read in node.reads if read.memory.random and not read.images]
    # Noise combined with noise is still being drawn; only where it meets the images something is dropped.
    if not masks or len(masks) == len(node.reads):
        return
    mask = masks[0].tensor.detach()
    name = node.name.rstrip("_")
    if name in ("mul", "div") and mask.numel() > 1:
        # Divided by a mask, a dropped value is divided by infinity.
        kept = mask != 0 if name == "mul" else torch.isfinite(mask)
        values = mask[kept].double()
        if len(values) and float(values.max() - values.min()) <= 1e-6 * float(values.abs().max()):
            node.facts["mask"] = (float((~kept).double().mean()), float(values[0]), mask.numel())
    elif name in ("masked_fill", "where", "index_put") and mask.dtype == torch.bool and mask.numel() > 1:
        share = float(mask.double().mean())
        # `where` drops where its first choice is not the images' own.
        drops = share if name != "where" or not node.reads[1].images else 1 - share
        node.facts["mask"] = (drops, 1.0, mask.numel())
