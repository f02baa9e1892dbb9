"""From a table's heads to the network it trains: sizes, biases, activations, error, and which head means what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from handgrad.backprop.graph.build import build_graph
from handgrad.backprop.graph.graph import Graph
from handgrad.backprop.network.network import (
    BiasRule,
    Layer,
    Network,
    Sample,
    Update,
)
from handgrad.errors import HandgradError
from handgrad.judge.workbook.choices import Choice, MisfitError, Shape
from handgrad.judge.workbook.derived import doubled, extended, still

SIGNED_DELTA = re.compile(r"delta_[fgho]\d+(?:\[\d+\])?")


@dataclass(frozen=True)
class UnderstoodConvention:
    """A choice worked out: the graph of a step, and the graph's name of each head that it knows."""

    graph: Graph
    names: Mapping[str, str]
    choice: Choice
    said: tuple[str, ...] = field(default=())

    @property
    def network(self) -> Network:
        """Return the network that the graph is of."""
        return self.graph.network


def settled(names: Mapping[str, int]) -> dict[str, str]:
    """Return what a table's heads are called once those that depend on each other are decided: spelled → settled.

    ``y1`` is a target where there is another name for the output, a head without a number belongs to the only output.
    """
    known = set(names)
    outputs = {name for name in known if re.fullmatch(r"(?:a_|net_)?o\d+|1!(?:a|net)_o1", name)}
    activations = {name for name in outputs if name.startswith("a_") or name == "1!a_o1"}
    targets = {name for name in known if re.fullmatch(r"t\d+(?:\[\d+\])?|1!t1", name)}
    found: dict[str, str] = {}
    for name in names:
        meant = name.removeprefix("1!")
        if meant.startswith("y!"):
            target = not targets and (activations or outputs)
            meant = f"t{meant[3:]}" if target else f"a_{meant[2:]}"
        if meant.startswith("b!"):
            meant = _bias_number(meant[2:], known) or f"?{name}"
        # Two heads of one meaning: the second is kept as not understood, rather than judged for the first.
        if meant != name and (meant in known or meant in found.values()):
            meant = f"?{name}"
        found[name] = meant
    return found


def _bias_number(of: str, names: set[str]) -> str | None:
    """Return what a bias is called that is named by its layer or unit, in a network of one hidden layer; else None."""
    units = dict.fromkeys("fgh", 0)
    for name in names:
        if (match := re.fullmatch(r"(?:a_|net_)?([fgh])(\d{1,2})", name)) is not None:
            units[match[1]] = max(units[match[1]], int(match[2]))
    if units["f"] or units["g"] or of[0] not in "ho":
        return None
    before = 0 if of[0] == "h" else units["h"] if len(of) > 1 else min(units["h"], 1)
    return f"b{before + int(of[1:] or 1)}"


# The same choices are worked out again for each table and in each round of trying.
@lru_cache(maxsize=256)
def _graph(sizes: tuple[int, ...], samples: int, choice: Choice) -> Graph:
    """The graph of such a network. Its numbers are of no importance: what judges brings its own.

    Raises :class:`HandgradError` for a loss that does not go with an activation.
    """
    layers = tuple(Layer(units, name) for units, name in zip(sizes[1:], choice.activations, strict=True))
    units = sum(sizes[1:])
    if choice.biases not in (0, len(layers), units):
        raise MisfitError(f"b1 to b{choice.biases} – {len(layers)} (one per layer) or {units} (one per unit) would fit")
    rule = BiasRule.NONE
    if choice.biases:
        per_layer = choice.biases == len(layers) and choice.biases != units
        rule = BiasRule.NEURON if not per_layer else BiasRule.LAYER if choice.moving else BiasRule.FIXED
    # A target that every loss takes: softmax's must add up to 1.
    target = (1.0, *(0.0,) * (sizes[-1] - 1))
    network = Network(
        "sheet", layers, (Sample((0.5,) * sizes[0], target),) * samples,
        loss="half-squared-error" if choice.loss == "squared-error" else choice.loss, bias=rule,
        update=Update(choice.rule), order=choice.order, over_samples=choice.over,
    )  # fmt: skip
    graph = build_graph(network)
    if choice.loss == "squared-error":
        graph = doubled(graph)
    return graph if choice.moving or rule is BiasRule.NONE else still(graph)


def convention_of(shape: Shape, names: Mapping[str, str], choice: Choice) -> UnderstoodConvention | None:
    """Work out a choice for a table's ``names`` (spelled → text of the head); None where its parts do not go together."""
    try:
        graph = _graph(shape.sizes, shape.samples, choice)
    except MisfitError:
        raise
    except HandgradError:
        return None
    order = _turned(shape.sizes) if choice.turned else {}
    labels = {quantity.label: quantity.name for quantity in graph}
    meant: dict[str, str] = {}
    for name, text in names.items():
        own = labels.get(text.strip()) if name.startswith("?") else _graph_name(name, choice, order, graph)
        # The first head of a name has it; a second one is not understood rather than judged for the first.
        if own is not None and own not in meant.values():
            meant[name] = own
    graph = extended(graph, meant.values())
    known = {name: own for name, own in meant.items() if own in graph}
    return UnderstoodConvention(graph, known, choice, tuple(_said(choice)))


def _said(choice: Choice) -> Iterator[str]:
    *hidden, output = choice.activations
    if set(hidden) - {"sigmoid"}:
        yield f"hidden units: {', '.join(dict.fromkeys(hidden))}"
    if output != "sigmoid":
        yield f"output units: {output}"
    if choice.loss != "half-squared-error":
        yield "error: (t − a)² without the factor ½" if choice.loss == "squared-error" else f"error: {choice.loss}"
    if choice.turned:
        yield "weights numbered by where they start (w1, w2 start at i1)"
    if choice.errors != "E":
        yield f"error: {'target minus output' if choice.errors == 'raw:' else 'output minus target'}"
    if "minus" in choice.delta + choice.error_out + choice.error_hidden or choice.error_out == "raw:":
        yield "error terms as target minus output"


def _graph_name(name: str, choice: Choice, order: Mapping[str, str], graph: Graph) -> str | None:
    """The graph's name of a spelled one."""
    if name.startswith("p!"):
        above, below = (_graph_name(part, choice, order, graph) for part in name[2:].split("/"))
        return f"d{above}/d{below}"
    name = re.sub(r"^net_", "", name) if name.startswith("net_") else _bare_name(name, choice.bare_net)
    if name.startswith("d!"):
        name = f"delta_{name[2:]}" if choice.bare_net else f"dE/da_{name[2:]}"
    if name.startswith("err!"):
        name = _error_name(name[4:], choice)
    if name.startswith("step!"):
        name = f"dE/d{name[5:]}" if choice.step == "slope" else f"{choice.step}:{name[5:]}"
    if choice.errors != "E" and (unit := error_unit(name, graph.network.sizes[-1])) is not None:
        name = f"{choice.errors}{unit}"
    if SIGNED_DELTA.fullmatch(name) and choice.delta != "delta":
        name = f"minus:{name}"
    if order:
        back = {before: after for after, before in order.items()}
        name = re.sub(r"w\d+", lambda match: back.get(match[0], match[0]), name)
    return name


def error_unit(name: str, outputs: int) -> str | None:
    """Return the output unit whose error a name is (``o1`` for ``E1``), or None; of one output it is the total as well."""
    if name == "E_total":
        return "o1" if outputs == 1 else None
    match = re.fullmatch(r"E(\d+(?:\[\d+\])?)", name)
    return None if match is None else f"o{match[1]}"


def _error_name(unit: str, choice: Choice) -> str:
    kind = choice.error_out if unit.startswith("o") else choice.error_hidden
    if kind == "E":
        return f"E{unit[1:]}"
    return f"{kind}{unit}" if kind.startswith("raw") else f"{kind}_{unit}"


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
