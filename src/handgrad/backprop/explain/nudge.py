"""What a partial derivative is, before any rule: one weight nudged, the error looked at."""

from __future__ import annotations

from collections.abc import Iterator

from handgrad.backprop.explain.document import Block, Math, Paragraph, say
from handgrad.backprop.explain.equations import Equations
from handgrad.backprop.explain.scope import Scope
from handgrad.backprop.graph.graph import Kind
from handgrad.backprop.simulate import evaluate
from handgrad.backprop.symbols.rendering import latex_number

# Small enough that the curve is nearly a line there, large enough that the difference of the errors has digits left.
NUDGE = 0.001


def what_a_partial_is(scope: Scope, write: Equations) -> Iterator[Block]:
    """Yield the nudge of one weight into the output layer, what it does to the error, and the number that all else is about."""
    graph = scope.graph
    gradients = [q for q in graph.of_kind(Kind.GRADIENT) if q.layer == len(graph.network.layers)]
    # A weight whose slope is 0 here would show that nothing moves.
    quantity = next((q for q in gradients if write.values[q.name]), gradients[0])
    weight = quantity.of or ""
    before, at = write.values["E_total"], write.values[weight]
    after = float(evaluate(graph, {weight: at + NUDGE})["E_total"])
    name = graph[weight].latex
    yield Paragraph(
        say(
            "The derivative can be measured. Nudge ",
            write.sign(weight),
            f" by {NUDGE:g}, from ",
            Math(latex_number(at, 6)),
            " to ",
            Math(latex_number(at + NUDGE, 6)),
            ", with all else fixed, and the error $E$ moves from ",
            Math(latex_number(before, 9)),
            " to ",
            Math(latex_number(after, 9)),
            ": by ",
            Math(latex_number(after - before, 3)),
            ". So $E$ moves about ",
            Math(latex_number((after - before) / NUDGE, 3)),
            " times as far as the weight. For smaller and smaller nudges this factor becomes the partial derivative ",
            Math(rf"\frac{{\partial E}}{{\partial {name}}}"),
            ". The rules below compute this number for every weight, exactly and without nudging. Section 5 nudges every "
            "weight as a check.",
        )
    )
