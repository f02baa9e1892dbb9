"""What first-time readers ask, answered on the page with the numbers of this network."""

from __future__ import annotations

from dataclasses import replace

from handgrad.backprop.graph.graph import Graph, Kind, Quantity
from handgrad.backprop.network.network import Network
from handgrad.backprop.presets import load_network
from handgrad.backprop.simulate import trace
from handgrad.html.markup import Markup, joined, tag

STUCK_RATE, STUCK_STEP = 1e6, 10
"""A rate at which the classic network stops at once, and a step by which it has."""


def questions_section(graph: Graph) -> Markup:
    """Return the questions, each with an answer that can be opened."""
    asked = [
        ("What is δ?", what_is_delta(graph)),
        ("Why a sum over the outputs?", why_a_sum(graph)),
        ("Why a product?", why_a_product(graph)),
        ("What does η do?", what_eta_does()),
        ("Why does it stop, at 0.2401 for example?", why_it_stops(graph.network)),
    ]
    return tag(
        "section",
        tag("h2", "Questions"),
        *(tag("details", tag("summary", question), answer, class_="question") for question, answer in asked),
    )


def live(name: str) -> Markup:
    """Return the current value of a quantity, kept up to date by the page."""
    return tag("b", "–", class_="live", data_live=name)


def first(graph: Graph, kind: Kind, layer: int) -> Quantity:
    """Return the first quantity of a kind in a layer."""
    return next(q for q in graph.of_kind(kind) if q.layer == layer)


def what_is_delta(graph: Graph) -> Markup:
    """Say what a delta is, with the first output's."""
    delta = first(graph, Kind.DELTA, len(graph.network.layers))
    gradient = first(graph, Kind.GRADIENT, len(graph.network.layers))
    return joined(
        tag(
            "p",
            f"δ of a unit is the derivative of the error with respect to the unit's pre-activation. {delta.label} is ",
            live(delta.name),
            f" now: move the pre-activation by a small ε, and E moves by {delta.label} · ε.",
        ),
        tag(
            "p",
            "It has its own letter because it saves work. Every weight into the unit needs it "
            f"({gradient.label} is {delta.label} times the value that comes through the arrow), and so does the "
            "layer before.",
        ),
    )


def why_a_sum(graph: Graph) -> Markup:
    """Say why the paths through the next layer are added up."""
    last = len(graph.network.layers)
    if last == 1 or graph.network.sizes[last] == 1:
        text = (
            "A hidden unit that feeds several units reaches the error on several paths at once. Move it a little,"
            " and each path moves the error by its own part; the change of the error is the sum of these parts. In this "
            "network each unit has only one path, so there is nothing to add up."
        )
        return tag("p", text)
    slope = first(graph, Kind.ERROR_SLOPE, last - 1)
    parts = [joined(" and " if at else "", live(name)) for at, name in enumerate(_deltas_of(graph, slope))]
    return joined(
        tag(
            "p",
            f"The activation behind {slope.label} feeds every unit of the next layer, so it reaches the error on "
            "as many paths. Move it a little, and each path moves the error by its own part. All of this happens at the same "
            "time, so the parts add up.",
        ),
        tag(
            "p",
            "Here the paths start from the deltas ",
            *parts,
            f", each is multiplied by its weight, and the sum is {slope.label} = ",
            live(slope.name),
            ".",
        ),
    )


def _deltas_of(graph: Graph, slope: Quantity) -> list[str]:
    return [name for name in graph.dependencies(slope.name) if graph[name].kind is Kind.DELTA]


def why_a_product(graph: Graph) -> Markup:
    """Say why slopes one behind the other are multiplied."""
    last = len(graph.network.layers)
    out = first(graph, Kind.ACTIVATION, last)
    pre = graph[out.of or ""]
    return tag(
        "p",
        f"Because one thing moves the next. If a sum moves {out.label} a quarter as fast as itself, and "
        f"{out.label} moves the error half as fast as itself, then the sum moves the error an eighth as fast: ¼ ·"
        " ½. That is the chain rule: slopes one behind the other are multiplied. Step to "
        f"∂{out.label}/∂{pre.label} and δ to see it with the current numbers.",
    )


def what_eta_does() -> Markup:
    """Say what the learning rate is for."""
    return tag(
        "p",
        "The derivative says which way the error falls and how steeply, but not how far to go: it is true only near the "
        "current point. η is a factor that says how far to trust it. Now it is ",
        live("learning_rate"),
        ". If η is too small, training is slow. If it is too large, a step goes past the lowest point, or the training "
        "diverges. Move the slider under ",
        tag("i", "One weight"),
        " to see all three.",
    )


def why_it_stops(network: Network) -> Markup:
    """Say what saturation is, with the classic network's numbers computed here."""
    done = trace(_classic_at(STUCK_RATE), STUCK_STEP)
    row = done.row(STUCK_STEP)
    is_classic = load_network("classic") == network
    slopes = max(abs(row[name]) for name in done.graph.names if name.startswith("dE/dw"))
    text = (
        "With η = 1,000,000 the classic network makes one very large step and then stops at E_total = "
        f"{row['E_total']:.4f}. The step made its weights so large that both hidden units are saturated: a_h1 = "
        f"{row['a_h1']:.1g}, a_h2 = {row['a_h2']:.1g}. The outputs then get almost no input and are sigmoid(0) = "
        f"{row['a_o1']:.2g}. A derivative contains the activation before its weight and a · (1 − a), and both are almost "
        f"0: the largest of the eight is {slopes:.1g}. The error is far from its minimum, but every slope is almost 0, so no "
        f"step changes anything."
    )
    return joined(
        tag("p", text),
        tag("p", tag("button", "Try it here", type="button", data_rate=f"{STUCK_RATE:.0f}", data_step=STUCK_STEP))
        if is_classic
        else tag(
            "p", "The same can happen in any network with an activation that becomes flat, such as sigmoid and tanh."
        ),
    )


def _classic_at(rate: float) -> Network:
    return replace(load_network("classic"), learning_rate=rate)
