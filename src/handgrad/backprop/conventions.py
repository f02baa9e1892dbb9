"""The choices that other texts make differently, each with the number that changes: computed, never quoted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from handgrad.backprop.graph.graph import Graph, Kind
from handgrad.backprop.network.network import BiasRule, Network, OverSamples, UpdateOrder, UpdateRule
from handgrad.backprop.simulate import trace
from handgrad.errors import UsageError


@dataclass(frozen=True, slots=True)
class Convention:
    """One choice: what is done here, what others do, and one number both ways (None: the other has no number here)."""

    topic: str
    here: str
    elsewhere: str
    number: str
    value_here: float
    value_elsewhere: float | None


def conventions(graph: Graph) -> tuple[Convention, ...]:
    """Return the conventions that concern this network, with numbers of its first step or of row 1."""
    rows = _Rows(graph)
    return tuple(
        convention
        for source in (_row, _error_scale, _samples, _biases, _order, _delta_sign, _optimizer, _kink)
        for convention in source(graph, rows)
    )


class _Rows:
    """The first two rows, of this network and of variants of it."""

    def __init__(self, graph: Graph) -> None:
        done = trace(graph, 1)
        self.now, self.after = done.row(0), done.row(1)

    def variant(self, network: Network, **changes: object) -> tuple[dict[str, float], dict[str, float]]:
        done = trace(dataclasses.replace(network, **changes), 1)  # type: ignore[arg-type]  # checked by Network
        return done.row(0), done.row(1)


def _row(graph: Graph, rows: _Rows) -> Iterator[Convention]:
    yield Convention(
        "what a row holds",
        "row k is the state before update k",
        "row k is the state after update k, so that the first row is already trained once",
        "E_total in the first row",
        rows.now["E_total"],
        rows.after["E_total"],
    )


def _error_scale(graph: Graph, rows: _Rows) -> Iterator[Convention]:
    network = graph.network
    first = _first_output_gradient(graph)
    here = rows.now[first]
    match network.loss:
        case "half-squared-error":
            label = graph[first].label
            yield Convention(
                "the factor ½ in the error",
                "½ (t − a)², so that the derivative is a − t",
                "(t − a)² without the ½; every derivative doubles, as if the learning rate did",
                label,
                here,
                2 * here,
            )
            now, _ = rows.variant(network, loss="mean-squared-error")
            yield Convention(
                "over the outputs",
                "the sum of ½ (t − a)²",
                "the mean of (t − a)²" + (", with two outputs the same number" if network.outputs == 2 else ""),
                label,
                here,
                now[first],
            )
        case "mean-squared-error":
            now, _ = rows.variant(network, loss="half-squared-error")
            yield Convention(
                "over the outputs",
                "the mean of (t − a)²",
                "the sum of ½ (t − a)²" + (", with two outputs the same number" if network.outputs == 2 else ""),
                graph[first].label,
                here,
                now[first],
            )
        case _:
            yield Convention(
                "over the outputs",
                "the sum",
                "the mean" + (", with one output the same number" if network.outputs == 1 else ""),
                graph[first].label,
                here,
                here / network.outputs,
            )


def _samples(graph: Graph, rows: _Rows) -> Iterator[Convention]:
    network = graph.network
    if len(network.samples) == 1:
        return
    words = {OverSamples.MEAN: "the mean", OverSamples.SUM: "the sum"}
    other = OverSamples.SUM if network.over_samples is OverSamples.MEAN else OverSamples.MEAN
    now, _ = rows.variant(network, over_samples=other)
    first = _first_output_gradient(graph)
    yield Convention(
        "over the samples",
        f"{words[network.over_samples]} of the samples' errors",
        f"{words[other]} of them",
        graph[first].label,
        rows.now[first],
        now[first],
    )
    if network.update.rule is UpdateRule.GRADIENT_DESCENT and network.order is UpdateOrder.OLD_WEIGHTS:
        yield Convention(
            "when the weights change",
            "once for all samples",
            "after each sample, which then sees the weights that the one before it left",
            "E_total after all samples were seen once",
            rows.after["E_total"],
            _one_by_one(network),
        )


def _one_by_one(network: Network) -> float:
    """Return E_total after an update for each sample in turn."""
    weights, biases = network.weights, network.biases
    for sample in network.samples:
        alone = dataclasses.replace(network, samples=(sample,), weights=weights, biases=biases)
        row = trace(alone, 1).row(1)
        weights = tuple(row[f"w{number}"] for number in range(1, len(weights) + 1))
        biases = tuple(row[f"b{number}"] for number in range(1, len(biases) + 1))
        if not all(abs(value) < float("inf") for value in (*weights, *biases)):
            return float("nan")
    return trace(dataclasses.replace(network, weights=weights, biases=biases), 0).row(0)["E_total"]


def _biases(graph: Graph, rows: _Rows) -> Iterator[Convention]:
    network = graph.network
    words = {
        BiasRule.NONE: "no biases",
        BiasRule.FIXED: "one a layer, never changed",
        BiasRule.NEURON: "one a unit, trained",
        BiasRule.LAYER: "one a layer, shared and trained",
    }
    for other in BiasRule:
        if other is network.bias or (network.bias is BiasRule.NONE and other is BiasRule.FIXED):
            continue
        try:
            _, after = rows.variant(network, bias=other, biases=_biases_for(network, other))
        except UsageError:
            continue
        yield Convention(
            "biases",
            words[network.bias],
            words[other] + (", from 0" if network.bias is BiasRule.NONE else ""),
            "E_total after one step",
            rows.after["E_total"],
            after["E_total"],
        )


def _biases_for(network: Network, other: BiasRule) -> tuple[float, ...]:
    if other is BiasRule.NONE or network.bias is BiasRule.NONE:
        return ()
    if network.bias is not BiasRule.NEURON:
        return network.biases
    # One a unit becomes one a layer only where the units of a layer agree; otherwise there is nothing to compare.
    values: list[float] = []
    left = list(network.biases)
    for layer in network.layers:
        mine, left = left[: layer.units], left[layer.units :]
        if len(set(mine)) > 1:
            raise UsageError("units of a layer have different biases")
        values.append(mine[0])
    return tuple(values)


def _order(graph: Graph, rows: _Rows) -> Iterator[Convention]:
    network = graph.network
    if len(network.layers) == 1:
        return
    words = {
        UpdateOrder.OLD_WEIGHTS: "all derivatives from the old weights",
        UpdateOrder.OUTPUT_FIRST: "the output layer is updated first, and the hidden derivatives use its new weights",
    }
    old = network.order is UpdateOrder.OLD_WEIGHTS
    other = UpdateOrder.OUTPUT_FIRST if old else UpdateOrder.OLD_WEIGHTS
    _, after = rows.variant(network, order=other)
    yield Convention(
        "order of the updates",
        words[network.order],
        words[other],
        "E_total after one step",
        rows.after["E_total"],
        after["E_total"],
    )


def _delta_sign(graph: Graph, rows: _Rows) -> Iterator[Convention]:
    delta = next(q for q in graph.of_kind(Kind.DELTA) if q.layer == len(graph.network.layers))
    here = rows.now[delta.name]
    yield Convention(
        "sign of δ",
        "δ = ∂E/∂z, and the update subtracts",
        "δ = −∂E/∂z, as in (t − a) times the slope, and the update adds",
        delta.label,
        here,
        -here,
    )


def _optimizer(graph: Graph, rows: _Rows) -> Iterator[Convention]:
    network, first = graph.network, _first_output_gradient(graph)
    weight = graph[first].of or ""
    moved = rows.after[weight] - rows.now[weight]
    update = network.update
    if update.rule is UpdateRule.MOMENTUM:
        yield Convention(
            "momentum",
            "u becomes μ u + ∂E/∂w",
            "u becomes μ u + (1 − μ) ∂E/∂w, which makes every step smaller by the same factor",
            f"first change of {weight}",
            moved,
            (1 - update.momentum) * moved,
        )
    if update.rule is UpdateRule.ADAM:
        slope = rows.now[first]
        uncorrected = (1 - update.beta1) * slope / ((1 - update.beta2) ** 0.5 * abs(slope) + update.epsilon)
        yield Convention(
            "Adam's first steps",
            "both moments are corrected for starting at 0",
            "no correction",
            f"first change of {weight}",
            moved,
            -network.learning_rate * uncorrected,
        )


def _kink(graph: Graph, rows: _Rows) -> Iterator[Convention]:
    used = [layer.activation for layer in graph.network.layers]
    for name, below in (("relu", 0.0), ("leaky-relu", 0.01)):
        if name in used:
            yield Convention(
                f"slope of {name} at 0",
                "the one below 0, as the point belongs to no side",
                "the one above 0, or one half",
                "slope at 0",
                below,
                1.0,
            )


def _first_output_gradient(graph: Graph) -> str:
    last = len(graph.network.layers)
    return next(q.name for q in graph.of_kind(Kind.GRADIENT) if q.layer == last)
