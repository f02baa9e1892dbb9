"""The choices that other texts make differently, each with the number that changes: the only list of them.

The notes and the workbook both render it. Every number is an expression of quantities in rows 0 and 1 of the training
table (``E_total@1`` is E_total in row 1), so that a sheet can keep it alive; only what another network would have to be
trained for is a plain number, found by training that network.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from handgrad.backprop.graph.compiled import evaluate_expression
from handgrad.backprop.graph.graph import Graph, Kind
from handgrad.backprop.network.network import (
    BiasRule,
    Network,
    OverSamples,
    UpdateOrder,
    UpdateRule,
    biases_for,
)
from handgrad.backprop.network.words import BIASES, ORDERS, OVER_SAMPLES
from handgrad.backprop.simulate import trace
from handgrad.backprop.symbols.calculus import LEAKY_RELU_SLOPE, ONE, RELU_SLOPE, SQRT
from handgrad.backprop.symbols.expression import Call, Const, Neg, Node, Ref
from handgrad.errors import UsageError

ROWS = (0, 1)
"""The rows of the training table whose numbers conventions are told with."""
TOTAL, AFTER = Ref("E_total@0"), Ref("E_total@1")


@dataclass(frozen=True, slots=True)
class Convention:
    """One choice: what is done here, what others do, and one number both ways.

    ``number`` says what is compared; ``ours`` finds it here and ``theirs`` under the other choice, both from
    quantities named ``name@row``. Where the other number takes a training of its own, ``theirs`` is None.
    """

    topic: str
    here: str
    elsewhere: str
    number: str
    ours: Node
    theirs: Node | None
    value_here: float
    value_elsewhere: float


@dataclass(frozen=True, slots=True)
class _Choice:
    """A convention before its numbers are found; ``trained`` is the other number where it takes another training."""

    topic: str
    here: str
    elsewhere: str
    number: str
    ours: Node
    theirs: Node | None = None
    trained: float = math.nan


def conventions(graph: Graph) -> tuple[Convention, ...]:
    """Return the conventions that concern this network, with numbers of its first step."""
    rows = _Rows(graph)
    # In the order in which a reader of another text stumbles over them.
    sources = (_row, _error_scale, _samples, _biases, _order, _delta_sign, _momentum, _adam, _kink)
    return tuple(rows.convention(choice) for source in sources for choice in source(graph, rows))


def split_name(name: str) -> tuple[str, int]:
    """Return the quantity and the row that a name in a convention's expression stands for."""
    quantity, _, row = name.rpartition("@")
    return quantity, int(row)


class _Rows:
    """The first two rows, of this network and of variants of it."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.network = graph, graph.network

    @cached_property
    def values(self) -> Mapping[str, float]:
        """Every quantity of both rows, by ``name@row``."""
        done = trace(self.graph, max(ROWS))
        return {f"{name}@{row}": value for row in ROWS for name, value in done.row(row).items()}

    def convention(self, choice: _Choice) -> Convention:
        """Find the numbers of a choice."""
        theirs = choice.trained if choice.theirs is None else evaluate_expression(choice.theirs, self.values)
        words = (choice.topic, choice.here, choice.elsewhere, choice.number)
        return Convention(*words, choice.ours, choice.theirs, evaluate_expression(choice.ours, self.values), theirs)

    def error_after(self, **changes: object) -> float:
        """Return E_total after one step of the network with some of its fields replaced."""
        # Trained and not reckoned: no formula of this file could be wrong in the same way.
        changed = dataclasses.replace(self.network, **changes)  # type: ignore[arg-type]  # checked by Network
        return trace(changed, 1, ["E_total"]).row(1)["E_total"]


def _row(graph: Graph, rows: _Rows) -> Iterator[_Choice]:
    yield _Choice(
        "what row k holds",
        "the state before update k: the first row is the untrained network",
        "the state after the update that is made in row k: the first row is already trained once",
        "E_total in the first row",
        TOTAL,
        AFTER,
    )


def _error_scale(graph: Graph, rows: _Rows) -> Iterator[_Choice]:
    """Yield what else the error of one sample may be: without the ½, as a mean over outputs, in bits."""
    outputs = graph.network.outputs
    count, same = Const(float(outputs)), ", with two outputs the same number" if outputs == 2 else ""
    the_mean = f"the mean over the {outputs} outputs"

    def scale(topic: str, here: str, elsewhere: str, theirs: Node) -> _Choice:
        return _Choice(topic, here, elsewhere, "E_total in row 0", TOTAL, theirs)

    match graph.network.loss:
        case "half-squared-error":
            half = "½ (t − a)², so that the 2 of its derivative cancels"
            said = "(t − a)² without the ½: error and derivatives are twice as large, and so is each step"
            yield scale("the factor ½", half, said, Const(2.0) * TOTAL)
            if outputs > 1:
                yield scale("over the outputs", "the sum of ½ (t − a)²", f"{the_mean}, the ½ kept", TOTAL / count)
                squares = f"the mean squared error, (1/{outputs}) Σ (t − a)²{same}"
                yield scale("over the outputs", "the sum of ½ (t − a)²", squares, Const(2.0) * TOTAL / count)
        case "mean-squared-error":
            here = the_mean if outputs > 1 else "(t − a)²"
            if outputs > 1:
                yield scale("over the outputs", here, "the sum over the outputs", count * TOTAL)
            halves = f"½ (t − a)², summed over the outputs{same}"
            yield scale("the factor ½", f"{here}, without ½", halves, count * TOTAL / Const(2.0))
        case _:
            if outputs > 1 and graph.network.loss == "binary-cross-entropy":
                yield scale("over the outputs", "the sum over the outputs", the_mean, TOTAL / count)
            bits = "logarithms to base 2 (bits): error and derivatives are larger by 1 / ln 2"
            yield scale("unit of the error", "natural logarithms (nats)", bits, TOTAL / Const(math.log(2.0)))


def _samples(graph: Graph, rows: _Rows) -> Iterator[_Choice]:
    network, count = graph.network, len(graph.network.samples)
    if count == 1:
        return
    mean = network.over_samples is OverSamples.MEAN
    other = OVER_SAMPLES[OverSamples.SUM if mean else OverSamples.MEAN]
    yield _Choice(
        "over the samples",
        f"the {OVER_SAMPLES[network.over_samples]} of the {count} samples' errors",
        f"their {other}: every derivative changes by the same factor",
        "E_total in row 0",
        TOTAL,
        Const(float(count)) * TOTAL if mean else TOTAL / Const(float(count)),
    )
    if network.update.rule is UpdateRule.GRADIENT_DESCENT and network.order is UpdateOrder.OLD_WEIGHTS:
        yield _Choice(
            "when the weights change",
            "once for all samples",
            "after each sample, so that the next sample is computed with the new weights",
            "E_total when all samples were seen once",
            AFTER,
            trained=_one_by_one(network),
        )


def _one_by_one(network: Network) -> float:
    """Return E_total after an update for each sample in turn."""
    weights, biases = network.weights, network.biases
    for sample in network.samples:
        alone = dataclasses.replace(network, samples=(sample,), weights=weights, biases=biases)
        row = trace(alone, 1).row(1)
        weights = tuple(row[f"w{number}"] for number in range(1, len(weights) + 1))
        biases = tuple(row[f"b{number}"] for number in range(1, len(biases) + 1))
        # A network cannot be made of weights that overflowed; nor could anybody go on from them.
        if not all(math.isfinite(value) for value in (*weights, *biases)):
            return math.nan
    return trace(dataclasses.replace(network, weights=weights, biases=biases), 0).row(0)["E_total"]


def _biases(graph: Graph, rows: _Rows) -> Iterator[_Choice]:
    network = graph.network
    for other in BiasRule:
        # Biases that start at 0 and never change are no biases.
        if other is network.bias or (network.bias is BiasRule.NONE and other is BiasRule.FIXED):
            continue
        try:
            biases = biases_for(network, other)
        except UsageError:
            continue  # the units of a layer have different biases: one per layer could not be told from them
        yield _Choice(
            "biases",
            BIASES[network.bias],
            BIASES[other] + (", from 0" if network.bias is BiasRule.NONE else ""),
            "E_total in row 1",
            AFTER,
            trained=rows.error_after(bias=other, biases=biases),
        )


def _order(graph: Graph, rows: _Rows) -> Iterator[_Choice]:
    network = graph.network
    if len(network.layers) == 1:
        return
    ours_is_old = network.order is UpdateOrder.OLD_WEIGHTS
    other = UpdateOrder.OUTPUT_FIRST if ours_is_old else UpdateOrder.OLD_WEIGHTS
    yield _Choice(
        "order of the updates",
        ORDERS[network.order],
        ORDERS[other],
        "E_total in row 1",
        AFTER,
        trained=rows.error_after(order=other),
    )


def _delta_sign(graph: Graph, rows: _Rows) -> Iterator[_Choice]:
    delta = next(q for q in graph.of_kind(Kind.DELTA) if q.layer == len(graph.network.layers))
    yield _Choice(
        "sign of δ",
        f"{delta.label} = ∂E/∂{graph[delta.of or ''].label}, and the update subtracts",
        "with the other sign, as in (t − a) times the slope, and the update adds it: this gives the same weights",
        f"{delta.label} in row 0",
        Ref(f"{delta.name}@0"),
        Neg(Ref(f"{delta.name}@0")),
    )


def _first_change(graph: Graph) -> tuple[str, Node]:
    """Return what the number is, and the first change of the output layer's first weight."""
    weight = graph[_first_output_gradient(graph)].of or ""
    return f"first change of {weight}", Ref(f"{weight}@1") - Ref(f"{weight}@0")


def _momentum(graph: Graph, rows: _Rows) -> Iterator[_Choice]:
    if graph.network.update.rule is not UpdateRule.MOMENTUM:
        return
    number, moved = _first_change(graph)
    here = "u⁺ = μ · u + ∂E/∂w, and w⁺ = w − η · u⁺"
    factor = Ref("momentum@0")
    damped = "u⁺ = μ · u + (1 − μ) · ∂E/∂w: every step is smaller by the factor 1 − μ"
    yield _Choice("momentum", here, damped, number, moved, (ONE - factor) * moved)
    nesterov = "Nesterov's: the step is η · (∂E/∂w + μ · u⁺), as if the error were seen one step ahead"
    yield _Choice("momentum", here, nesterov, number, moved, (ONE + factor) * moved)


def _adam(graph: Graph, rows: _Rows) -> Iterator[_Choice]:
    if graph.network.update.rule is not UpdateRule.ADAM:
        return
    number, moved = _first_change(graph)
    slope = Ref(f"{_first_output_gradient(graph)}@0")
    rate, beta1, beta2, epsilon = (Ref(f"{name}@0") for name in ("learning_rate", "beta1", "beta2", "epsilon"))
    mean, square = (ONE - beta1) * slope, (ONE - beta2) * slope ** Const(2.0)
    yield _Choice(
        "Adam's first steps",
        "both means are corrected for starting at 0",
        "no correction",
        number,
        moved,
        Neg(rate * (mean / (Call(SQRT, (square,)) + epsilon))),
    )


def _kink(graph: Graph, rows: _Rows) -> Iterator[_Choice]:
    used = [layer.activation for layer in graph.network.layers]
    for name, slope in (("relu", RELU_SLOPE), ("leaky-relu", LEAKY_RELU_SLOPE)):
        if name in used:
            yield _Choice(
                f"slope of {name} at 0, where it has none",
                "the one below 0",
                "the one above 0, or one half",
                "slope at 0",
                Call(slope, (Const(0.0),)),
                ONE,
            )


def _first_output_gradient(graph: Graph) -> str:
    last = len(graph.network.layers)
    return next(q.name for q in graph.of_kind(Kind.GRADIENT) if q.layer == last)
