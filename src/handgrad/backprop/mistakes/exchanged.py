"""Formulas that read something else than they should: another quantity of the same kind, two in each other's place."""

from __future__ import annotations

from collections.abc import Iterator

from handgrad.backprop.graph.graph import Graph, Kind, Quantity
from handgrad.backprop.mistakes.kinds import Mistake, MistakeKind
from handgrad.backprop.symbols.calculus import ONE
from handgrad.backprop.symbols.expression import Neg, Node, Product, Quotient, Ref, Sum, names_in, substitute, walk


def exchanged(graph: Graph, q: Quantity, form: Node) -> Iterator[Mistake]:
    """Yield formulas with another quantity of the same kind instead of one; two weights in each other's place."""
    yield from _all_at_once(graph, q, form)
    names = [name for name in names_in(form) if name in graph and name != "learning_rate"]
    for name in names:
        own = graph[name]
        for other in graph.of_kind(*_alike(own.kind)):
            if other.name == name or other.sample != own.sample:
                continue
            likely, words = misread(q, own, other)
            yield Mistake(q.name, likely, words, substitute(form, {name: Ref(other.name)}))
    weights = [name for name in names if graph[name].kind is Kind.WEIGHT]
    for number, one in enumerate(weights):
        for two in weights[:number]:
            words = f"{two} and {one} are swapped"
            yield Mistake(q.name, MistakeKind.SWAPPED, words, substitute(form, {one: Ref(two), two: Ref(one)}))


def _all_at_once(graph: Graph, q: Quantity, form: Node) -> Iterator[Mistake]:
    """Every activation as its pre-activation; the whole of another's formula; half of a slope from elsewhere."""
    names = [name for name in names_in(form) if name in graph]
    activations = {
        name: graph[name] for name in names if graph[name].kind is Kind.ACTIVATION and graph[name].of in graph
    }
    if len(activations) > 1:
        nets: dict[str, Node] = {name: Ref(a.of or "") for name, a in activations.items()}
        read = ", ".join(graph[a.of or ""].label for a in activations.values())
        words = f"reads {read} where {', '.join(a.label for a in activations.values())} belong"
        yield Mistake(q.name, MistakeKind.NET_FOR_ACTIVATION, words, substitute(form, nets))
    for other in graph.of_kind(q.kind) if q.kind is Kind.PRE_ACTIVATION else ():
        if other.name == q.name or other.sample != q.sample:
            continue
        own, other_names = names_in(graph[q.name].expression or form), names_in(other.expression or form)
        if len(own) != len(other_names) or len(own) < 2:
            continue
        changed = [(graph[a].label, graph[b].label) for a, b in zip(own, other_names, strict=True) if a != b]
        words = f"reads {', '.join(b for _, b in changed)} where {', '.join(a for a, _ in changed)} belong"
        kind = MistakeKind.SWAPPED if other.layer == q.layer else MistakeKind.INPUT
        yield Mistake(q.name, kind, words, Ref(other.name))
    yield from _half_slopes(graph, q, form)


def _half_slopes(graph: Graph, q: Quantity, form: Node) -> Iterator[Mistake]:
    """One of the two factors of a · (1 − a), taken from another unit."""
    outs = [a for a in graph.of_kind(Kind.ACTIVATION) if a.of in graph]
    rests = [part for part in walk(form) if isinstance(part, Sum) and part.terms[0] == ONE and len(part.terms) == 2]
    for rest in dict.fromkeys(rests):
        own = rest.terms[1].operand if isinstance(rest.terms[1], Neg) else None
        if not isinstance(own, Ref):
            continue
        for other in outs:
            if other.name == own.name:
                continue
            words = f"reads 1 − {other.label} where 1 − {graph[own.name].label} belongs"
            yield Mistake(q.name, MistakeKind.OTHER_SLOPE, words, _swapped(form, rest, ONE - Ref(other.name)))
            words = f"reads {other.label} beside 1 − {graph[own.name].label}, where {graph[own.name].label} belongs"
            yield Mistake(q.name, MistakeKind.OTHER_SLOPE, words, _beside(form, rest, own, Ref(other.name)))


def _swapped(node: Node, old: Node, new: Node) -> Node:
    """The expression with one part replaced wherever it stands."""
    if node == old:
        return new
    match node:
        case Sum(terms):
            return Sum(tuple(_swapped(term, old, new) for term in terms))
        case Product(factors):
            return Product(tuple(_swapped(factor, old, new) for factor in factors))
        case Neg(operand):
            return Neg(_swapped(operand, old, new))
        case Quotient(top, bottom):
            return Quotient(_swapped(top, old, new), bottom)
    return node


def _beside(node: Node, rest: Node, own: Ref, new: Node) -> Node:
    """The expression with *own* replaced where it is a factor beside *rest*."""
    match node:
        case Sum(terms):
            return Sum(tuple(_beside(term, rest, own, new) for term in terms))
        case Product(factors):
            here = rest in factors and own in factors
            return Product(tuple(new if here and f == own else _beside(f, rest, own, new) for f in factors))
        case Neg(operand):
            return Neg(_beside(operand, rest, own, new))
        case Quotient(top, bottom):
            return Quotient(_beside(top, rest, own, new), bottom)
    return node


def _alike(kind: Kind) -> tuple[Kind, ...]:
    sources = (Kind.INPUT, Kind.ACTIVATION)
    if kind in sources:
        return (*sources, Kind.PRE_ACTIVATION)
    return (kind, Kind.ACTIVATION) if kind is Kind.PRE_ACTIVATION else (kind,)


def misread(of: Quantity, own: Quantity, other: Quantity) -> tuple[MistakeKind, str]:
    """Return the kind and words of reading another quantity into the formula *of* one than its own that belongs there."""
    words = f"reads {other.label} where {own.label} belongs"
    pair = (own.kind, other.kind)
    if pair == (Kind.WEIGHT, Kind.WEIGHT) and of.kind not in (Kind.UPDATED, Kind.WEIGHT, Kind.BIAS):
        return MistakeKind.SWAPPED, words
    if pair == (Kind.GRADIENT, Kind.GRADIENT):
        return MistakeKind.OTHER_GRADIENT, words
    if pair == (Kind.ACTIVATION_SLOPE, Kind.ACTIVATION_SLOPE):
        return MistakeKind.OTHER_SLOPE, words
    if (
        of.kind is Kind.ACTIVATION_SLOPE
        and own.kind is other.kind
        and own.kind in (Kind.ACTIVATION, Kind.PRE_ACTIVATION)
    ):
        # a(1 − a) with the a of another unit, in a column of its own.
        return MistakeKind.OTHER_SLOPE, words
    if pair == (Kind.ACTIVATION, Kind.PRE_ACTIVATION) and own.of == other.name:
        return MistakeKind.NET_FOR_ACTIVATION, words
    if pair == (Kind.PRE_ACTIVATION, Kind.ACTIVATION) and other.of == own.name:
        return MistakeKind.ACTIVATION_FOR_NET, words
    return MistakeKind.INPUT, words
