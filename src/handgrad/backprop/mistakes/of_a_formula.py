"""Ways to go wrong in a quantity, each as the expression that it leads to: found in a sheet by its values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from handgrad.backprop.graph.graph import Graph, Kind, Quantity
from handgrad.backprop.mistakes.exchanged import exchanged
from handgrad.backprop.mistakes.kinds import Mistake, MistakeKind
from handgrad.backprop.symbols.calculus import ONE, SIGMOID, TANH, TWO
from handgrad.backprop.symbols.expression import (
    Call,
    Const,
    Neg,
    Node,
    Power,
    Product,
    Quotient,
    Ref,
    Sum,
    names_in,
    substitute,
    total,
)
from handgrad.backprop.symbols.rendering import plain

PREVIOUS, FIRST = "@previous", "@first"
HALF = Const(0.5)
MOST = 1_500
"""So many suspects are tried for a column of a large network."""


def suspects(graph: Graph, name: str) -> Iterator[Mistake]:
    """The wrong ways to a quantity, the likelier first."""
    quantity = graph[name]
    if quantity.expression is None:
        return
    forms = _forms(graph, quantity.expression)
    count = 0
    # The likelier first: the first that fits the learner's numbers is the one that is named.
    for make in (_whole, _news, _pieces, exchanged, _rows):
        for form in forms:
            for suspect in make(graph, quantity, form):
                count += 1
                if count > MOST:
                    return
                yield suspect


def _forms(graph: Graph, expression: Node) -> list[Node]:
    """The expression as the graph has it; with deltas written out; with slopes written out too."""
    deltas: dict[str, Node] = {}
    slopes: dict[str, Node] = {}
    for q in graph:
        if q.expression is None:
            continue
        if q.kind in (Kind.DELTA, Kind.ERROR_SLOPE):
            deltas[q.name] = substitute(q.expression, deltas)
        elif q.kind is Kind.ACTIVATION_SLOPE:
            slopes[q.name] = q.expression
    # Three forms, since people write a gradient with or without the delta as a column of its own.
    once = _flat(substitute(expression, deltas))
    twice = _flat(substitute(once, slopes))
    return list(dict.fromkeys((expression, once, twice)))


def _flat(node: Node) -> Node:
    """Products within products as one, so that each factor can be left out."""
    match node:
        case Product(factors):
            flat: list[Node] = []
            for factor in map(_flat, factors):
                flat.extend(factor.factors if isinstance(factor, Product) else (factor,))
            return Product(tuple(flat))
        case Sum(terms):
            return total(_flat(term) for term in terms)
        case Neg(operand):
            return Neg(_flat(operand))
    return node


def _whole(graph: Graph, q: Quantity, form: Node) -> Iterator[Mistake]:
    """Changes of the whole: sign, factor 2, learning rate, activation."""
    if q.kind is Kind.UPDATED:
        yield from _update(graph, q, form)
        return
    if q.kind is Kind.ACTIVATION and q.of is not None:
        yield from _activation(graph, q)
    if q.kind in (Kind.ERROR_SLOPE, Kind.DELTA, Kind.GRADIENT):
        words = "the value is right, its sign is not: often target minus output where output minus target belongs"
        yield Mistake(q.name, MistakeKind.SIGN, words, -form)
    else:
        yield Mistake(q.name, MistakeKind.SIGN, "the value is right, its sign is not", -form)
    half = q.kind in (Kind.ERROR, Kind.TOTAL, Kind.SAMPLE_ERROR)
    yield Mistake(
        q.name,
        MistakeKind.FACTOR,
        "twice too large: the factor ½ is missing" if half else "twice too large",
        TWO * form,
    )
    yield Mistake(q.name, MistakeKind.FACTOR, "half of what it should be", HALF * form)
    for size, kind in ((Const(10.0), MistakeKind.TENFOLD), (Const(100.0), MistakeKind.HUNDREDFOLD)):
        yield Mistake(q.name, kind, f"{size.value:g} times too large", size * form)
        yield Mistake(q.name, kind, f"{size.value:g} times too small", form / size)
    if q.kind is Kind.GRADIENT:
        rate = Ref("learning_rate")
        yield Mistake(q.name, MistakeKind.FACTOR, "the learning rate belongs into the update, not here", rate * form)
        yield Mistake(
            q.name, MistakeKind.SIGN, "minus the learning rate belongs into the update, not here", -(rate * form)
        )


def _update(graph: Graph, q: Quantity, form: Node) -> Iterator[Mistake]:
    before, rate = Ref(q.of or ""), Ref("learning_rate")
    step = before - form
    yield Mistake(q.name, MistakeKind.PLUS, "the step goes against the derivative: subtract it", before + step)
    yield Mistake(q.name, MistakeKind.FACTOR, f"the learning rate is missing: η · ∂E/∂{q.of}", before - step / rate)
    yield Mistake(q.name, MistakeKind.PLUS, "added, and without the learning rate", before + step / rate)
    yield Mistake(q.name, MistakeKind.FACTOR, "the step is twice too large", before - TWO * step)
    yield Mistake(q.name, MistakeKind.FACTOR, "the step is half as large as it should be", before - HALF * step)
    yield Mistake(q.name, MistakeKind.STOPS, f"{q.of} stays as it was", before)
    yield Mistake(q.name, MistakeKind.FACTOR, "divided by the learning rate", before - step / rate / rate)
    yield Mistake(q.name, MistakeKind.SIGN, "the step alone: the old weight is missing", -step)


def _activation(graph: Graph, q: Quantity) -> Iterator[Mistake]:
    net = Ref(q.of or "")
    yield Mistake(
        q.name,
        MistakeKind.DERIVATIVE,
        f"the activation function is missing: that is {graph[net.name].label} itself",
        net,
    )
    yield Mistake(q.name, MistakeKind.SIGN, "the exponent has the wrong sign", Call(SIGMOID, (-net,)))
    other = TANH if graph.network.layers[(q.layer or 1) - 1].activation == "sigmoid" else SIGMOID
    yield Mistake(q.name, MistakeKind.UNKNOWN, f"that is {other.name} of {graph[net.name].label}", Call(other, (net,)))
    for pre in graph.of_kind(Kind.PRE_ACTIVATION):
        if pre.name != net.name and pre.sample == q.sample:
            words = f"reads {pre.label} where {graph[net.name].label} belongs"
            yield Mistake(q.name, MistakeKind.INPUT, words, Call(SIGMOID, (Ref(pre.name),)))
    a = Ref(q.name)
    yield Mistake(q.name, MistakeKind.UNKNOWN, "that is the derivative, not the activation", a * (ONE - a))


def _news(graph: Graph, q: Quantity, form: Node) -> Iterator[Mistake]:
    """Weights already updated where the old ones belong: all of them, or one."""
    if q.kind is Kind.UPDATED:
        return
    weights = [name for name in names_in(form) if name in graph.successors]
    everywhere: dict[str, Node] = {name: Ref(graph.successors[name]) for name in weights}
    # Whoever computes forward with the new weights has begun the next step.
    if not weights or q.kind is Kind.PRE_ACTIVATION:
        return
    listed = ", ".join(weights)
    yield Mistake(
        q.name,
        MistakeKind.NEW_WEIGHTS,
        f"takes {listed} as updated; take them as before the step",
        substitute(form, everywhere),
    )
    for name in weights:
        words = f"takes {name} as updated; take it as before the step"
        yield Mistake(q.name, MistakeKind.NEW_WEIGHTS, words, substitute(form, {name: everywhere[name]}))


def _pieces(graph: Graph, q: Quantity, form: Node) -> Iterator[Mistake]:
    """One term or factor left out, one sign turned, one constant changed, anywhere in the expression."""
    for likely, words, changed in _changes(graph, form):
        # Of w − η · slope "one path left out" would name the weight itself; the changes of an update say it better.
        if q.kind is Kind.UPDATED and likely is MistakeKind.ONE_PATH:
            continue
        yield Mistake(q.name, likely, words, changed)


def _changes(graph: Graph, node: Node) -> Iterator[tuple[MistakeKind, str, Node]]:
    match node:
        case Sum(terms):
            yield from _in_sum(graph, terms)
        case Product(factors):
            yield from _in_product(graph, factors)
        case Power(base, exponent):
            yield MistakeKind.FACTOR, "the square is missing", base
            yield MistakeKind.TWICE_FOR_SQUARE, "times 2 instead of the square", base * TWO
            yield from ((kind, words, Power(changed, exponent)) for kind, words, changed in _changes(graph, base))
        case Quotient(top, bottom):
            yield from ((kind, words, Quotient(changed, bottom)) for kind, words, changed in _changes(graph, top))
            yield MistakeKind.FACTOR, "a division is missing", top
        case Neg(operand):
            yield MistakeKind.SIGN, "a minus is missing", operand
            yield from ((kind, words, Neg(changed)) for kind, words, changed in _changes(graph, operand))


def _in_sum(graph: Graph, terms: tuple[Node, ...]) -> Iterator[tuple[MistakeKind, str, Node]]:
    difference = len(terms) == 2 and isinstance(terms[1], Neg) and isinstance(terms[1].operand, Ref)
    if not difference:
        for number, term in enumerate(terms):
            rest = total(terms[:number] + terms[number + 1 :])
            yield MistakeKind.ONE_PATH, f"{_shown(graph, term)} is left out", rest
        for term in terms if len(terms) > 2 else ():
            yield MistakeKind.ONE_PATH, f"only {_shown(graph, term)} is counted", term
    for number, term in enumerate(terms):
        turned = term.operand if isinstance(term, Neg) else Neg(term)
        changed = total((*terms[:number], turned, *terms[number + 1 :]))
        yield MistakeKind.SIGN, f"the sign of {_shown(graph, term)} is turned", changed
    if len(terms) == 2 and isinstance(terms[1], Neg) and _kind(graph, terms[1].operand) is Kind.TARGET:
        yield (
            MistakeKind.TARGET_MINUS,
            "target minus output where output minus target belongs",
            terms[1].operand - terms[0],
        )
    for number, term in enumerate(terms):
        for kind, words, changed in _changes(graph, term):
            yield kind, words, total((*terms[:number], changed, *terms[number + 1 :]))
    if difference or (len(terms) == 2 and terms[0] == ONE):
        shown = f"{_shown(graph, terms[0])} · {_shown(graph, terms[1].operand)}" if isinstance(terms[1], Neg) else ""
        words = f"{shown} instead of {_shown(graph, total(terms))}"
        factors = (terms[0], terms[1].operand if isinstance(terms[1], Neg) else terms[1])
        yield MistakeKind.TIMES_FOR_MINUS, words, Product(factors)
    if len(terms) == 2 and terms[0] == ONE:
        yield MistakeKind.DERIVATIVE, "of the derivative a · (1 − a) only 1 is left", ONE
    if len(terms) > 1 and not difference:
        yield MistakeKind.FACTOR, "a mean where the sum belongs", Sum(terms) / Const(float(len(terms)))


def _in_product(graph: Graph, factors: tuple[Node, ...]) -> Iterator[tuple[MistakeKind, str, Node]]:
    for number, factor in enumerate(factors):
        rest = factors[:number] + factors[number + 1 :]
        left = Product(rest) if len(rest) > 1 else rest[0] if rest else ONE
        yield _left_out(graph, factor), f"the factor {_shown(graph, factor)} is missing", left
    slopes = [number for number, factor in enumerate(factors) if _is_slope(graph, factor, factors)]
    if len(slopes) > 1:
        for first in slopes:
            for second in slopes:
                if first < second:
                    rest = tuple(f for number, f in enumerate(factors) if number not in (first, second))
                    words = f"{_shown(graph, factors[first])} · {_shown(graph, factors[second])} is missing"
                    yield MistakeKind.DERIVATIVE, f"the derivative {words}", Product(rest) if rest else ONE
    for number, factor in enumerate(factors):
        for kind, words, changed in _changes(graph, factor):
            yield kind, words, Product((*factors[:number], changed, *factors[number + 1 :]))


def _kind(graph: Graph, node: Node) -> Kind | None:
    return graph[node.name].kind if isinstance(node, Ref) and node.name in graph else None


def _is_slope(graph: Graph, factor: Node, among: Sequence[Node]) -> bool:
    if _kind(graph, factor) is Kind.ACTIVATION_SLOPE:
        return True
    if isinstance(factor, Sum) and factor.terms[0] == ONE:
        return True
    return _kind(graph, factor) is Kind.ACTIVATION and Sum((ONE, Neg(factor))) in among


def _left_out(graph: Graph, factor: Node) -> MistakeKind:
    if _kind(graph, factor) is Kind.ACTIVATION_SLOPE or (isinstance(factor, Sum) and factor.terms[0] == ONE):
        return MistakeKind.DERIVATIVE
    return MistakeKind.FACTOR


def _rows(graph: Graph, q: Quantity, form: Node) -> Iterator[Mistake]:
    """Some or all of it taken from the row before, or always from the first row."""
    names = [name for name in names_in(form) if name in graph and graph[name].kind not in (Kind.INPUT, Kind.TARGET)]
    for mark, words in ((PREVIOUS, "from the row before"), (FIRST, "always from the first row")):
        for chosen in ([name] for name in names):
            moved: dict[str, Node] = {name: Ref(name + mark) for name in chosen}
            yield Mistake(q.name, MistakeKind.STOPS, f"reads {', '.join(chosen)} {words}", substitute(form, moved))
        everything: dict[str, Node] = {name: Ref(name + mark) for name in names}
        yield Mistake(q.name, MistakeKind.STOPS, f"reads everything {words}", substitute(form, everything))


def _shown(graph: Graph, node: Node) -> str:
    return plain(node, lambda name: graph[name].label if name in graph else name)
