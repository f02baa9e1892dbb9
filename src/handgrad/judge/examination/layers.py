"""Which layers a trace shows, whatever they are called in the file.

A layer is known by what it computes: a product with weights of one row of features an image is fully connected, a result
that equals the mean of each map over all its positions is global average pooling, a mask of zeros and one other value,
drawn at random, is dropout, channels brought to mean 0 and variance 1 over the batch are BatchNorm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from handgrad.judge.examination.gates import only_gates
from handgrad.judge.examination.operations_seen import PRODUCTS, Node, Read, Trace
from handgrad.judge.verdict import UsedLayer

FUNCTIONS = {
    "batch_norm": "F.batch_norm",
    "dropout": "F.dropout",
    "global_average_pooling": "mean over the map",
    "fully_connected": "product with weights",
    "convolution": "F.conv2d",
    "max_pooling": "F.max_pool2d",
    "average_pooling": "F.avg_pool2d",
}
"""What a layer that is not a module of its own is called: the nearest function."""


@dataclass(frozen=True)
class Found:
    """A layer seen in a trace, before it is known whether it changes the output: the operation whose result is its own."""

    layer: UsedLayer
    node: Node


def layers_in(trace: Trace) -> list[Found]:
    """Return every layer that the operations of *trace* show, in their order."""
    found: list[Found] = []
    pooled = False
    for node in trace.nodes:
        if not node.images:
            continue
        layer = _layer_of(node, trace)
        if layer is not None:
            if layer.on_one_position and pooled:
                words = layer.detail.replace("on one position", "after pooling, counts as fully connected")
                layer = replace(layer, detail=words, after_pooling=True)
            found.append(Found(layer, node))
        pooled = pooled or "pooled" in node.facts
    return [_not_of_a_gate(each, trace) for each in found]


def _not_of_a_gate(found: Found, trace: Trace) -> Found:
    """Return *found*, as a part of squeeze-and-excitation where all that it computes only weighs the channels of a map.

    Such a mean and such a product of its own are no classifier's (Hu et al., Squeeze-and-Excitation Networks, 2018).
    """
    if found.layer.kind not in ("global_average_pooling", "fully_connected") or not only_gates(found.node, trace):
        return found
    detail = f"{found.layer.detail}, weights channels: squeeze-and-excitation, not the classifier"
    return Found(replace(found.layer, kind="squeeze_excitation", detail=detail), found.node)


def _layer_of(node: Node, trace: Trace) -> UsedLayer | None:
    """Return the layer that *node* is, None where it is none of those that assignments speak of."""
    name = node.name.rstrip("_")
    if "pooled" in node.facts:
        positions = node.facts["pooled"].shape
        return _named(node, "global_average_pooling", f"over {_shape_words(positions)}")
    if "batch_norm" in name:
        return _batch_norm(node, trace)
    if "normed" in node.facts:
        return _named(node, "batch_norm", "made by hand")
    if "mask" in node.facts or name in ("native_dropout", "_fused_dropout"):
        return _dropout(node, trace)
    if "conv" in name and len(node.reads) > 1 and node.reads[1].tensor.dim() >= 3:
        return None if _only_moves(node.reads[1].tensor) else _convolution(node)
    if name in PRODUCTS:
        return _product(node, trace)
    if name == "sum":
        return _summed_product(node, trace)
    if "max_pool" in name or "avg_pool" in name:
        kind = "max_pooling" if "max_pool" in name else "average_pooling"
        if kind == "average_pooling" and math.prod(node.shape[2:]) == 1:
            window = (
                node.arguments[1] if len(node.arguments) > 1 and isinstance(node.arguments[1], list | tuple) else ()
            )
            sides = list(window) * 2 if len(window) == 1 else window
            if sides and "adaptive" not in name:
                whole = _shape_words(node.reads[0].tensor.shape)
                return _named(node, kind, f"averages {'×'.join(str(side) for side in sides)} of {whole}")
        return _named(node, kind, f"{_shape_words(node.reads[0].tensor.shape)} to {_shape_words(node.shape)}")
    return None


def _named(node: Node, kind: str, detail: str, value: float | None = None) -> UsedLayer:
    """Return the record of a layer, with the path of its module or the function nearest to it."""
    if node.leaf and node.path:
        return UsedLayer(kind, node.path, detail, value)
    line = f", line {node.line}" if node.line else ""
    inside = f" in {node.path}" if node.path else ""
    return UsedLayer(kind, f"function {FUNCTIONS[kind]}{inside}{line}", detail, value)


def _shape_words(shape: Sequence[int]) -> str:
    """Return ``7×7`` for the shape of a batch of maps."""
    return "×".join(str(side) for side in shape[2:]) or "1"


def _batch_norm(node: Node, trace: Trace) -> UsedLayer | None:
    """Return the layer; statistics of single images (instance normalisation runs as this operation too) are none.

    A batch that is folded into the channels, several images in each statistic, is normalised in groups of images (ghost
    BatchNorm: Hoffer et al., Train longer, generalize better, 2017).
    """
    rows = node.shape[0] if node.shape else 0
    if rows % trace.batch == 0 and rows:
        return _named(node, "batch_norm", f"{node.shape[1]} channels")
    if rows < 2 or trace.batch % rows:
        return None
    groups = trace.batch // rows
    return _named(node, "batch_norm", f"{node.shape[1] // groups} channels, the batch in {groups} parts")


def _only_moves(weight: Tensor) -> bool:
    """Whether a kernel that does not learn puts each value of an image in one place as it is: that is a reshape."""
    if weight.requires_grad:
        return False
    filters = weight.detach().flatten(1)
    return bool((((filters != 0).sum(1) == 1) & (filters.sum(1) == 1)).all())


def _convolution(node: Node) -> UsedLayer:
    """Return a convolution, or a fully connected layer where it sees single positions of nothing but features.

    A kernel on a map of one position multiplies every feature with its own weights, which is what a fully connected
    layer does; so does a one-dimensional kernel over a row of all features.
    """
    image, weight = node.reads[0], node.reads[1].tensor
    before, kernel = image.tensor.shape, "×".join(str(side) for side in weight.shape[2:])
    depthwise = weight.shape[1] == 1 and before[1] > 1
    single = math.prod(node.shape[2:]) == 1
    if single and not depthwise and math.prod(before[2:]) == 1:
        found = _named(node, "fully_connected", f"{kernel} convolution on one position")
        return replace(found, on_one_position=True)
    if single and not depthwise and (min(before[2:]) == 1 or len(before) == 3 or image.memory.flat):
        return _named(node, "fully_connected", f"convolution of {kernel} over a row of all features")
    form = f"{kernel}, {before[1]} to {node.shape[1]} channels" + (", depthwise" if depthwise else "")
    return _named(node, "convolution", form)


def _product(node: Node, trace: Trace) -> UsedLayer | None:
    """Return the layer that a product of matrices is: fully connected where each image gives one row of results."""
    pair = node.reads[:2] if node.name in ("linear", "_trilinear") else node.reads[-2:]
    if len(pair) < 2 or pair[0].images == pair[1].images:
        return None
    first = pair[0].images
    weight = pair[1 if first else 0].tensor
    outputs = weight.shape[-1] if first else weight.shape[-2] if weight.dim() > 1 else 1
    if first and node.name in ("mv", "addmv", "dot"):
        outputs = 1
    if node.name in ("linear", "_trilinear"):
        outputs = weight.shape[0]
    # A stack of matrices, one for each group of features: their outputs stand side by side.
    if weight.dim() == 3 and weight.shape[0] not in (1, trace.batch):
        outputs *= weight.shape[0]
    rows = math.prod(node.shape) / (outputs * trace.batch)
    if rows == 1 or pair[0 if first else 1].memory.flat:
        return _named(node, "fully_connected", f"{outputs} outputs")
    if rows > 1:
        return _named(node, "convolution", f"1×1: the same product at {rows:.0f} positions")
    return None


def _summed_product(node: Node, trace: Trace) -> UsedLayer | None:
    """Return a fully connected layer written as a product of single numbers and a sum."""
    source = _producer(node.reads[0], trace)
    if source is None or source.name != "mul" or len(source.reads) != 2:
        return None
    image, weight = source.reads if source.reads[0].images else source.reads[::-1]
    if not image.images or weight.images or weight.tensor.numel() < 2:
        return None
    features, outputs = image.tensor.numel() / trace.batch, math.prod(node.shape) / trace.batch
    if (
        outputs > 1
        and weight.tensor.numel() == features * outputs
        and math.prod(source.shape) == features * outputs * trace.batch
    ):
        return _named(node, "fully_connected", f"{outputs:.0f} outputs, as products and a sum")
    return None


def _producer(read: Read, trace: Trace) -> Node | None:
    """Return the operation that last wrote what is read."""
    return trace.nodes[read.writers[-1]] if read.writers else None


def _dropout(node: Node, trace: Trace) -> UsedLayer | None:
    """Return a dropout with its probability: the one asked for where zeros bear it out, else the one the scale gives."""
    if "dropout" in node.name:
        return _named(node, "dropout", f"p={node.arguments[1]:g}", float(node.arguments[1]))
    share, scale, count = node.facts["mask"]
    if count <= trace.batch or not 0 < share < 1:
        return None  # one draw per image is stochastic depth; a mask without zeros drops nothing
    mask = next(read for read in node.reads if read.memory.random and not read.images)
    asked = [each for each in _probabilities(mask, trace) if 0 < each < 1]
    # Four standard deviations of a drawn share: one mask in sixteen thousand lies outside.
    allowed = 4 * math.sqrt(share * (1 - share) / count) + 1e-3
    scaled = [1 - 1 / scale] if scale > 1 else []
    for candidates in (asked, scaled):
        # What was asked for comes first: it is exact, where a scale read from float32 is 0.1 to seven digits only.
        near = [each for each in candidates if abs(each - share) <= allowed]
        if near:
            # 1 − 1 / scale of float32 gives 0.0999999: the author wrote 0.1.
            value = round(min(near, key=lambda each: abs(each - share)), 6)
            return _named(node, "dropout", f"p={value:g}", value)
    return _named(node, "dropout", f"p about {share:.3f}, measured on {count:,} values", share)


def _probabilities(mask: Read, trace: Trace) -> list[float]:
    """Return the probabilities of a zero that the operations behind *mask* were given."""
    found: list[float] = []
    waiting, seen = list(mask.writers), set[int]()
    while waiting:
        number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        node = trace.nodes[number]
        name = node.name.rstrip("_")
        if name == "bernoulli":
            found += [1 - each for each in _bernoulli_p(node)]
        elif name in ("gt", "ge", "lt", "le") and isinstance(node.arguments[1], float | int):
            # rand > p keeps and rand < p drops: which was meant is not seen here, so the share of zeros decides.
            found += [float(node.arguments[1]), 1 - float(node.arguments[1])]
        waiting += [writer for read in node.reads for writer in read.writers]
    return found


def _bernoulli_p(node: Node) -> list[float]:
    """Return the probability of a one: a number, or a tensor of one and the same number."""
    numbers = [each for each in node.arguments[1:] if isinstance(each, float)]
    if numbers:
        return numbers
    tensors = [each for each in node.arguments if isinstance(each, Tensor)]
    given = tensors[-1].detach()
    low, high = given.aminmax()
    return [float(low)] if float(low) == float(high) else []
