"""The gradient a second time, by automatic differentiation in 40 digits: what the checks compare with.

It reads the forward half of the graph alone. Every formula there is differentiated by the rules of +, ·, /, powers, exp and
ln, and the slopes are multiplied back from E_total (reverse accumulation). The backward half, with its deltas and its
written derivatives, is not looked at: a mistake there cannot be repeated here, nor can rounding hide one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext

from handgrad.backprop.graph.graph import FIRST_VALUES, FORWARD, Graph
from handgrad.backprop.symbols.calculus import LEAK
from handgrad.backprop.symbols.expression import Call, Const, Neg, Node, Power, Product, Quotient, Ref, Sum

DIGITS = 40
"""A double has 16: what is left over hides no cancellation that a small network can have."""
# No traps: what is not a number (an infinity less itself) stays none, as in the floats that it is compared with.
CONTEXT = Context(prec=DIGITS, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


@dataclass(frozen=True, slots=True)
class Dual:
    """A value and its slopes: by name, how it moves with each quantity that it is made of."""

    value: Decimal
    slopes: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class ErrorSlopes:
    """E_total, and how it moves with each parameter at the first weights, rounded once, at the end."""

    error: float
    gradient: Mapping[str, float]


def error_slopes(graph: Graph) -> ErrorSlopes:
    """Differentiate E_total by every trained parameter; the order of the updates plays no part."""
    with localcontext(CONTEXT):
        # Exactly the double, not its decimal text: 0.1 here is the 0.1000000000000000055… that the sheet computes
        # with.
        values = {q.name: Decimal(q.value or 0.0) for q in graph.of_kind(*FIRST_VALUES)}
        slopes: dict[str, Mapping[str, Decimal]] = {}
        for quantity in graph.of_kind(*FORWARD):
            assert quantity.expression is not None
            found = _differentiate(quantity.expression, values)
            values[quantity.name], slopes[quantity.name] = found.value, found.slopes
        # The graph is in order, so backwards every quantity has all its contributions before it is passed on; one pop
        # each.
        reached = {"E_total": Decimal(1)}
        for name in reversed(slopes):
            moved = reached.pop(name, None)
            if moved is not None:
                for inner, slope in slopes[name].items():
                    reached[inner] = reached.get(inner, Decimal(0)) + moved * slope
        gradient = {name: float(reached.get(name, Decimal(0))) for name in graph.parameters}
        return ErrorSlopes(float(values["E_total"]), gradient)


def _differentiate(node: Node, values: Mapping[str, Decimal]) -> Dual:
    def of(part: Node) -> Dual:
        return _differentiate(part, values)

    match node:
        case Ref(name):
            return Dual(values[name], {name: Decimal(1)})
        case Const(value):
            return _number(value)
        case Neg(operand):
            return _times(_number(-1), of(operand))
        case Sum(terms):
            return _plus([of(term) for term in terms])
        case Product(factors):
            product = of(factors[0])
            for factor in factors[1:]:
                product = _times(product, of(factor))
            return product
        case Quotient(numerator, denominator):
            return _over(of(numerator), of(denominator))
        case Power(base, Const(exponent)):
            return _power(of(base), Decimal(exponent))
        case Call(function, arguments):
            return FUNCTIONS[function.name](*map(of, arguments))
    raise TypeError(f"not an expression of the forward pass: {node!r}")


def _number(value: float) -> Dual:
    return Dual(Decimal(value), {})


def _scaled(slopes: Mapping[str, Decimal], factor: Decimal) -> dict[str, Decimal]:
    return {name: factor * slope for name, slope in slopes.items()}


def _plus(terms: list[Dual]) -> Dual:
    slopes: dict[str, Decimal] = {}
    for term in terms:
        for name, slope in term.slopes.items():
            slopes[name] = slopes.get(name, Decimal(0)) + slope
    return Dual(sum((term.value for term in terms), Decimal(0)), slopes)


def _times(a: Dual, b: Dual) -> Dual:
    both = _plus([Dual(Decimal(0), _scaled(a.slopes, b.value)), Dual(Decimal(0), _scaled(b.slopes, a.value))])
    return Dual(a.value * b.value, both.slopes)


def _over(a: Dual, b: Dual) -> Dual:
    return _times(a, Dual(1 / b.value, _scaled(b.slopes, -1 / (b.value * b.value))))


def _power(base: Dual, exponent: Decimal) -> Dual:
    return Dual(base.value**exponent, _scaled(base.slopes, exponent * base.value ** (exponent - 1)))


def _exp(x: Dual) -> Dual:
    value = x.value.exp()
    return Dual(value, _scaled(x.slopes, value))


def _ln(x: Dual) -> Dual:
    return Dual(x.value.ln(), _scaled(x.slopes, 1 / x.value))


def _sigmoid(x: Dual) -> Dual:
    return _over(_number(1), _plus([_number(1), _exp(_times(_number(-1), x))]))


def _tanh(x: Dual) -> Dual:
    double = _exp(_times(_number(2), x))
    return _over(_plus([double, _number(-1)]), _plus([double, _number(1)]))


def _softplus(x: Dual) -> Dual:
    return _ln(_plus([_number(1), _exp(x)]))


def _bent(below: float) -> Callable[[Dual], Dual]:
    """Return the function that is its argument above 0 and *below* times it otherwise."""
    # The side below at 0 itself, as the sheet's IF(x>0, …) and torch have it.
    return lambda x: x if x.value > 0 else _times(_number(below), x)


def _largest(*values: Dual) -> Dual:
    # The slope of the largest alone; it is subtracted again from every exponent, so ties change nothing.
    return max(values, key=lambda one: one.value)


FUNCTIONS: Mapping[str, Callable[..., Dual]] = {
    "exp": _exp,
    "ln": _ln,
    "sqrt": lambda x: _power(x, Decimal("0.5")),
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "relu": _bent(0.0),
    "leaky_relu": _bent(LEAK),
    "softplus": _softplus,
    "largest": _largest,
}
"""Each function from exp, ln and arithmetic alone, so that no derivative of the program's own is repeated."""
