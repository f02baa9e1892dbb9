"""Renders a plan as ONNX: one file, opset 17, raw bytes in, scores and probabilities out."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import MissingError
from handgrad.export.plan import (
    IMAGE,
    Add,
    Array,
    Concatenate,
    Convolution,
    Function,
    Gather,
    Linear,
    Multiply,
    Plan,
    Pool,
    Reshape,
    ScaleShift,
    Softmax,
    Standardise,
    Step,
    Window,
)

if TYPE_CHECKING:
    import onnx

OPSET, FORMAT = 17, 8
"""Format 8 is the one that came with opset 17: what runs the one reads the other."""
INPUT, SCORES, PROBABILITIES = "images", "scores", "probabilities"
FUNCTIONS = {
    "relu": "Relu",
    "leaky relu": "LeakyRelu",
    "elu": "Elu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "softplus": "Softplus",
    "erf": "Erf",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "reciprocal": "Reciprocal",
    "abs": "Abs",
    "sin": "Sin",
}


class Graph:
    """The nodes and constants of an ONNX graph under way; every value has a name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, operator: str, inputs: Sequence[str], name: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        from onnx import helper

        output = name or f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], name=output, **attributes))
        return output

    def constant(self, values: Any, kind: Any = np.float32) -> str:
        """Add a constant and return its name."""
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, kind), name))
        return name

    def reshape(self, value: str, shape: Sequence[int], name: str = "") -> str:
        """Return *value* under *shape*, the batch before it."""
        return self.node("Reshape", [value, self.constant([-1, *shape], np.int64)], name)


def check_onnx() -> None:
    """Raise `MissingError` where the package is missing."""
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise MissingError('onnx is not installed – pip install "handgrad[export]"') from error


def onnx_model(plan: Plan, head: Sequence[str]) -> onnx.ModelProto:
    """Return the model: ``images`` uint8 ``[n, 28, 28]`` to ``scores`` and ``probabilities`` float32 ``[n, classes]``.

    *head*, paragraphs of plain words, becomes its description. Raises `MissingError` without the package.
    """
    check_onnx()
    from onnx import TensorProto, checker, helper

    graph = Graph()
    raw = graph.node("Cast", [INPUT], to=TensorProto.FLOAT)
    values = [graph.reshape(raw, IMAGE)]
    for place, step in enumerate(plan.steps, 1):
        values.append(add_step(graph, step, [values[number] for number in step.inputs], plan, name=f"step_{place}"))
    graph.reshape(values[-1], (plan.classes,), SCORES)
    graph.node("Softmax", [SCORES], PROBABILITIES, axis=1)
    images = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["n", *IMAGE[1:]])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", plan.classes]) for name in (SCORES, PROBABILITIES)
    ]
    made = helper.make_graph(graph.nodes, "network", [images], outputs, graph.constants, doc_string="\n\n".join(head))
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=FORMAT, producer_name="handgrad"
    )
    model.doc_string = "\n\n".join(head)
    checker.check_model(model, full_check=True)
    return model


def add_step(graph: Graph, step: Step, inputs: list[str], plan: Plan, *, name: str) -> str:
    """Add the nodes of one step and return the name of its value."""
    first = inputs[0]
    match step:
        case Convolution():
            return add_convolution(graph, step, first, name)
        case Linear():
            return graph.node("Gemm", [first, graph.constant(step.weight), graph.constant(step.bias)], name, transB=1)
        case ScaleShift():
            scaled = graph.node("Mul", [first, graph.constant(step.scale)])
            return graph.node("Add", [scaled, graph.constant(step.shift)], name)
        case Function():
            return add_function(graph, step, first, name)
        case Pool():
            kind = "MaxPool" if step.kind == "max" else "AveragePool"
            # Only the largest in a window knows dilations: an average takes them from opset 19 on, and torch's never
            # has them.
            more: dict[str, Any] = (
                {"dilations": step.window.dilation}
                if step.kind == "max"
                else {"count_include_pad": int(step.counts_edge)}
            )
            return graph.node(kind, [first], name, **window_attributes(step.window), **more)
        case Add():
            return graph.node("Add", inputs, name)
        case Multiply():
            return graph.node("Mul", inputs, name)
        case Concatenate():
            return graph.node("Concat", inputs, name, axis=1)
        case Reshape():
            return graph.reshape(first, step.shape, name)
        case Gather():
            return add_gather(graph, step, first, prod(plan.shapes[step.inputs[0]]), name=name)
        case Standardise():
            return add_standardise(graph, step, first, name)
        case Softmax():
            return graph.node("LogSoftmax" if step.log else "Softmax", [first], name, axis=1)
        case _:
            raise TypeError(f"{type(step).__name__} is not a step that can be written as ONNX")


def window_attributes(window: Window) -> dict[str, Any]:
    """Return a window as ONNX names it."""
    # A window's padding is in ONNX's own order: both sides before, then both after.
    return {"kernel_shape": window.kernel, "strides": window.stride, "pads": window.padding}


def add_convolution(graph: Graph, step: Convolution, value: str, name: str) -> str:
    """Add a convolution; one whose border is not 0 as one of its input minus the border, which ONNX can pad with zeros."""
    bias: Any = step.bias
    if step.border.any():
        value = graph.node("Sub", [value, graph.constant(step.border.reshape(-1, 1, 1))])
        by_group = step.border.reshape(step.groups, -1).repeat(step.shape[0] // step.groups, axis=0)
        # What the border gives through each weight, at every place alike: so the bias can take it.
        weight = step.weight.astype(np.float64)
        bias = bias + (weight * by_group[:, :, None, None]).sum(axis=(1, 2, 3))
    return graph.node(
        "Conv",
        [value, graph.constant(step.weight), graph.constant(bias)],
        name,
        group=step.groups,
        dilations=step.window.dilation,
        **window_attributes(step.window),
    )


def add_function(graph: Graph, step: Function, value: str, name: str) -> str:
    """Add a function of each number."""
    if step.function == "clip":
        return graph.node("Clip", [value, *(graph.constant(number) for number in step.numbers)], name)
    if step.function == "square":
        return graph.node("Mul", [value, value], name)
    alpha = {"alpha": step.numbers[0]} if step.numbers else {}
    return graph.node(FUNCTIONS[step.function], [value], name, **alpha)


def add_gather(graph: Graph, step: Gather, value: str, size: int, *, name: str) -> str:
    """Add a taking of numbers from their places; a zero is put behind them where one is asked for."""
    flat = graph.reshape(value, (size,))
    index = step.index.astype(np.int64)
    if index.min() < 0:
        flat = graph.node("Pad", [flat, graph.constant([0, 0, 0, 1], np.int64)])
        index = np.where(index < 0, size, index)
    return graph.reshape(graph.node("Gather", [flat, graph.constant(index, np.int64)], axis=1), step.shape, name)


def add_standardise(graph: Graph, step: Standardise, value: str, name: str) -> str:
    """Add the bringing of each group to mean 0 and variance 1."""
    parts = graph.reshape(value, (step.groups, prod(step.shape) // step.groups))
    # Up to opset 17 the axes are an attribute, from 18 on an input: another opset needs other lines here.
    centred = graph.node("Sub", [parts, graph.node("ReduceMean", [parts], axes=[2])])
    variance = graph.node("ReduceMean", [graph.node("Mul", [centred, centred])], axes=[2])
    deviation = graph.node("Sqrt", [graph.node("Add", [variance, graph.constant(step.epsilon)])])
    return graph.reshape(graph.node("Div", [centred, deviation]), step.shape, name)


def run_onnx(data: bytes, images: NDArray[np.uint8]) -> tuple[Array, str] | None:
    """Return the scores that onnxruntime gives for *images*, and its name and version; None where it is not installed."""
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    # Errors alone: its warnings would stand among the lines of the command.
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    # A thousand at a time: the maps of all test images at once would fill the memory.
    parts = [session.run([SCORES], {INPUT: images[at : at + 1000]})[0] for at in range(0, len(images), 1000)]
    return np.concatenate(parts), f"onnxruntime {onnxruntime.__version__}"
