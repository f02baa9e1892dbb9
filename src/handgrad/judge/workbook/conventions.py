"""From a table's names to the network it trains: sizes, biases, activations, error, and which name means what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType

from handgrad.backprop.graph.build import build_graph
from handgrad.backprop.graph.graph import Graph, Kind
from handgrad.backprop.network.network import BiasRule, Layer, Network, OverSamples, Sample, weight_count
from handgrad.backprop.symbols.expression import Const
from handgrad.errors import HandgradError

INDEXED = re.compile(r"(?:net_|a_|delta_|d!|dE/d(?:a_)?)?([a-zE])(\d+)(?:_next)?(?:\[(\d+)\])?")
TWO = Const(2.0)


class MisfitError(ValueError):
    """Names that belong to no fully connected network; the text says why."""


@dataclass(frozen=True)
class Convention:
    """One way to read the table: its network, the graph of a step, and the graph's name of each spelled column."""

    graph: Graph
    names: Mapping[str, str]
    said: tuple[str, ...] = ()

    @property
    def network(self) -> Network:
        """The network that the graph is of."""
        return self.graph.network


@dataclass(frozen=True)
class Shape:
    """What the names alone say."""

    sizes: tuple[int, ...]
    samples: int
    biases: int
    letters: tuple[str, ...]


def shape_of(names: frozenset[str], given: Mapping[str, float]) -> Shape:
    """Count units, weights and biases; raises :class:`MisfitError` where they do not belong together."""
    largest: dict[str, int] = {}
    samples = 1
    for name in (*names, *given):
        match = INDEXED.fullmatch(name)
        if match is None:
            continue
        largest[match[1]] = max(largest.get(match[1], 0), int(match[2]))
        samples = max(samples, int(match[3] or 1))
    outputs = max(largest.get("o", 0), largest.get("t", 0), largest.get("E", 0))
    inputs, weights = largest.get("i", 0), largest.get("w", 0)
    hidden = [letter for letter in ("f", "g", "h") if largest.get(letter)]
    if not inputs or not outputs or not weights:
        missing = [
            word for word, count in (("inputs", inputs), ("outputs", outputs), ("weights", weights)) if not count
        ]
        raise MisfitError(f"no columns or labelled cells for {', '.join(missing)}")
    middle = [largest[letter] for letter in hidden]
    if not hidden and weights % (inputs + outputs) == 0 and weights != inputs * outputs:
        middle, hidden = [weights // (inputs + outputs)], ["h"]
    sizes = (inputs, *middle, outputs)
    if weight_count(sizes) != weights:
        shape = "-".join(map(str, sizes))
        raise MisfitError(f"w1 to w{weights} – a fully connected {shape} network has w1 to w{weight_count(sizes)}")
    return Shape(sizes, samples, largest.get("b", 0), (*hidden, "o"))


def conventions(
    shape: Shape, names: frozenset[str], given: Mapping[str, float], moving_biases: bool
) -> Iterator[Convention]:
    """The ways such a table can be meant, the usual one first.

    ``given`` are first values by graph name. Varied one after the other: which of net input and activation a bare h1 is,
    activations, error, and the order in which weights are numbered.
    """
    usual = True
    for bare_net in _bare(names):
        for hidden, output, loss, over in _kinds(shape):
            for turned in (False, True) if len(shape.sizes) == 3 else (False,):
                convention = _convention(
                    shape, names, given, moving_biases, hidden, output, loss, over, bare_net, turned
                )
                if convention is not None:
                    yield replace(convention, said=() if usual else convention.said)
                    usual = False


def _bare(names: frozenset[str]) -> tuple[bool, ...]:
    """Whether h1 and o1 are net inputs, in the order to try."""
    plain = {re.sub(r"\[\d+\]", "", name) for name in names}
    if any(name.startswith("net_") for name in plain):
        return (False, True) if not any(name.startswith("a_") for name in plain) else (True,)
    return (True,) if any(re.fullmatch(r"a_[fgho]\d+", name) for name in plain) else (False, True)


def _kinds(shape: Shape) -> Iterator[tuple[str, str, str, OverSamples]]:
    for over in OverSamples if shape.samples > 1 else (OverSamples.MEAN,):
        for hidden in ("sigmoid", "tanh", "relu", "leaky-relu", "identity") if len(shape.sizes) > 2 else ("sigmoid",):
            for output in ("sigmoid", "identity", "tanh", "relu"):
                for loss in ("half-squared-error", "squared-error", "mean-squared-error"):
                    yield hidden, output, loss, over
            yield hidden, "sigmoid", "binary-cross-entropy", over
            if shape.sizes[-1] > 1:
                yield hidden, "softmax", "softmax-cross-entropy", over
                yield hidden, "softmax", "half-squared-error", over


def _convention(
    shape: Shape, names: frozenset[str], given: Mapping[str, float], moving: bool, hidden: str, output: str, loss: str,
    over: OverSamples, bare_net: bool, turned: bool,
) -> Convention | None:  # fmt: skip
    layers = (*(Layer(units, hidden) for units in shape.sizes[1:-1]), Layer(shape.sizes[-1], output))
    units = sum(shape.sizes[1:])
    per_layer = shape.biases == len(layers) and (shape.biases != units)
    if shape.biases not in (0, len(layers), units):
        raise MisfitError(f"b1 to b{shape.biases} – {len(layers)} (one a layer) or {units} (one a unit) would fit")
    rule = BiasRule.NONE
    if shape.biases:
        rule = BiasRule.NEURON if not per_layer else BiasRule.LAYER if moving else BiasRule.FIXED
    several = shape.samples > 1

    def row(letter: str, count: int, sample: int) -> tuple[float, ...]:
        mark = f"[{sample}]" if several else ""
        return tuple(given[f"{letter}{n}{mark}"] for n in range(1, count + 1))

    order = _turned(shape.sizes) if turned else {}
    try:
        weights = tuple(given[order.get(f"w{n}", f"w{n}")] for n in range(1, weight_count(shape.sizes) + 1))
        network = Network(
            "sheet", layers,
            tuple(Sample(row("i", shape.sizes[0], s), row("t", shape.sizes[-1], s)) for s in range(1, shape.samples + 1)),
            loss="half-squared-error" if loss == "squared-error" else loss, bias=rule, weights=weights,
            biases=tuple(given[f"b{n}"] for n in range(1, shape.biases + 1)), learning_rate=given["learning_rate"],
            over_samples=over,
        )  # fmt: skip
        graph = build_graph(network)
    except KeyError as error:
        raise MisfitError(f"no column or labelled cell for {error.args[0]}") from error
    except HandgradError:
        return None
    if loss == "squared-error":
        graph = _doubled(graph)
    if not moving:
        graph = _still(graph)
    meant = {name: _graph_name(name, bare_net, order) for name in names}
    meant = {name: known for name, known in meant.items() if known in graph}
    return Convention(graph, meant, tuple(_said(hidden, output, loss, turned, layers)))


def _said(hidden: str, output: str, loss: str, turned: bool, layers: tuple[Layer, ...]) -> Iterator[str]:
    if len(layers) > 1 and hidden != "sigmoid":
        yield f"hidden units: {hidden}"
    if output != "sigmoid":
        yield f"output units: {output}"
    if loss != "half-squared-error":
        yield "error: (t − a)² without the factor ½" if loss == "squared-error" else f"error: {loss}"
    if turned:
        yield "weights numbered by where they start (w1, w2 lead out of i1)"


def _graph_name(name: str, bare_net: bool, order: Mapping[str, str]) -> str:
    """The graph's name of a spelled one."""
    name = re.sub(r"^net_", "", name) if name.startswith("net_") else _bare_name(name, bare_net)
    if name.startswith("d!"):
        name = f"delta_{name[2:]}" if bare_net else f"dE/da_{name[2:]}"
    if order:
        back = {before: after for after, before in order.items()}
        name = re.sub(r"w\d+", lambda match: back.get(match[0], match[0]), name)
    return name


def _bare_name(name: str, bare_net: bool) -> str:
    if not bare_net and re.fullmatch(r"[fgho]\d+(?:\[\d+\])?", name):
        return f"a_{name}"
    return name


def _turned(sizes: tuple[int, ...]) -> dict[str, str]:
    """The graph's weight → the sheet's, where the sheet counts the weights out of the first unit first."""
    order: dict[str, str] = {}
    start = 0
    for before, after in pairwise(sizes):
        for unit in range(after):
            for source in range(before):
                order[f"w{start + unit * before + source + 1}"] = f"w{start + source * after + unit + 1}"
        start += before * after
    return order


def _doubled(graph: Graph) -> Graph:
    """The same step with E = (t − a)² where the graph has ½ (t − a)²."""
    last = len(graph.network.layers)
    quantities = tuple(
        replace(q, expression=TWO * q.expression)
        if q.expression is not None and (q.kind is Kind.ERROR or (q.kind is Kind.ERROR_SLOPE and q.layer == last))
        else q
        for q in graph
    )
    return Graph(graph.network, quantities, MappingProxyType(dict(graph.successors)))


def _still(graph: Graph) -> Graph:
    """The same step with biases that never change."""
    kept = {name: after for name, after in graph.successors.items() if graph[name].kind is not Kind.BIAS}
    return Graph(graph.network, graph.quantities, MappingProxyType(kept))
