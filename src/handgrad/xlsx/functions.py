"""The functions and signs of spreadsheet formulas, as spreadsheet programs take them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import product

from handgrad.xlsx.limits import MAX_TEXT
from handgrad.xlsx.reader import CellError, Value

DIVISION, NUMBER, VALUE, NAME = CellError("#DIV/0!"), CellError("#NUM!"), CellError("#VALUE!"), CellError("#NAME?")

Result = Value | list[list[Value]]
"""A value, or the values of an area by row and column."""


class Unsupported(Exception):  # noqa: N818 - it is not an error of the sheet
    """A formula beyond what is calculated here."""


def _number(value: Value) -> float | CellError:
    match value:
        case CellError():
            return value
        case None:
            return 0.0
        case str():
            try:
                # A text that is a number counts as one, as in the arithmetic of spreadsheets.
                return float(value)
            except ValueError:
                return VALUE
    return float(value)


def _finite(value: float | complex) -> Value:
    # (-8)^(1/3) is a complex number in Python and #NUM! in a spreadsheet.
    if isinstance(value, complex) or not math.isfinite(value):
        return NUMBER
    return value


def _applied(function: Callable[..., float], values: Iterable[Value]) -> Value:
    numbers: list[float] = []
    for value in values:
        number = _number(value)
        if isinstance(number, CellError):
            return number
        numbers.append(number)
    try:
        return _finite(function(*numbers))
    except ZeroDivisionError:
        return DIVISION
    except (ValueError, OverflowError, TypeError):
        return NUMBER


def spread(function: Callable[..., float], values: Sequence[Result]) -> Result:
    """Apply a function of numbers, cell by cell where an argument is an area."""
    shapes = [(len(value), len(value[0])) for value in values if isinstance(value, list)]
    if not shapes:
        return _applied(function, [value for value in values if not isinstance(value, list)])
    if len(set(shapes)) > 1:
        raise Unsupported
    rows, columns = shapes[0]
    found: list[list[Value]] = [[None] * columns for _ in range(rows)]
    for row, column in product(range(rows), range(columns)):
        found[row][column] = _applied(function, [v[row][column] if isinstance(v, list) else v for v in values])
    return found


def each(function: Callable[[float], float], value: Result) -> Result:
    """Apply a function of one number to a value, or to every cell of a block."""
    return spread(function, [value])


SIGNS: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a**b,
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


def joined(sign: str, left: Result, right: Result) -> Result:
    """Return what a sign makes of its two sides; an error on one side is the result.

    Raises `Unsupported` for blocks that it cannot join.
    """
    if sign in SIGNS:
        return spread(SIGNS[sign], [left, right])
    if isinstance(left, list) or isinstance(right, list):
        raise Unsupported
    for side in (left, right):
        if isinstance(side, CellError):
            return side
    if sign == "&":
        text = _shown(left) + _shown(right)
        # Joining beyond the longest text gives #VALUE! in Excel and in LibreOffice.
        return text if len(text) <= MAX_TEXT else VALUE
    if isinstance(left, str) or isinstance(right, str):
        if sign not in ("=", "<>"):
            raise Unsupported
        # Spreadsheets compare texts without regard to case, and a text never equals a number.
        same = isinstance(left, str) and isinstance(right, str) and left.casefold() == right.casefold()
        return same == (sign == "=")
    return COMPARISONS[sign](float(left or 0.0), float(right or 0.0))


def _shown(value: Value) -> str:
    if isinstance(value, float):
        return shown_number(value)
    return "" if value is None else str(value)


def shown_number(value: float) -> str:
    """Return a number as ``&`` joins it to a text: 15 digits, small ones written out (0.000001, where Python says 1e-06)."""
    text = f"{value:.15g}"
    return f"{Decimal(text):f}" if "e-" in text else text


def _numbers(values: Iterable[Result]) -> Iterator[float | CellError]:
    """Yield the numbers in the arguments, as SUM takes them: text in cells is passed over."""
    for value in values:
        if isinstance(value, list):
            for row in value:
                for cell in row:
                    if isinstance(cell, CellError):
                        yield cell
                    elif isinstance(cell, float | int) and not isinstance(cell, bool):
                        yield float(cell)
        elif value is not None:
            yield _number(value)


def _gathered(function: Callable[[list[float]], float]) -> Callable[[Sequence[Result]], Value]:
    def gather(values: Sequence[Result]) -> Value:
        numbers: list[float] = []
        for number in _numbers(values):
            if isinstance(number, CellError):
                return number
            numbers.append(number)
        try:
            return _finite(function(numbers))
        except ZeroDivisionError:
            return DIVISION
        except (ValueError, OverflowError):
            return NUMBER

    return gather


def _sum_product(values: Sequence[Result]) -> Value:
    if len(values) == 1:
        return GATHERING["SUM"](values)
    found = spread(lambda *factors: math.prod(factors), values)
    return GATHERING["SUM"]([found])


def _sum_of_squares(values: Sequence[Result]) -> Value:
    if len(values) != 2:
        raise Unsupported
    return GATHERING["SUM"]([spread(lambda a, b: (a - b) ** 2, values)])


def _count(values: Sequence[Result]) -> Value:
    return float(sum(not isinstance(number, CellError) for number in _numbers(values)))


def _log(value: float, base: float = 10.0) -> float:
    return math.log(value, base)


def _round(value: float, digits: float) -> float:
    """Round halves away from zero, as spreadsheets do."""
    scale = 10.0 ** int(digits)
    # Python's own round would take halves to the even one.
    return math.copysign(math.floor(abs(value) * scale + 0.5) / scale, value)


NUMERIC: dict[str, tuple[tuple[int, ...], Callable[..., float]]] = {
    "EXP": ((1,), math.exp),
    "LN": ((1,), math.log),
    "LOG10": ((1,), math.log10),
    "LOG": ((1, 2), _log),
    "SQRT": ((1,), math.sqrt),
    "ABS": ((1,), abs),
    "SIGN": ((1,), lambda x: float((x > 0) - (x < 0))),
    "TANH": ((1,), math.tanh),
    "SINH": ((1,), math.sinh),
    "COSH": ((1,), math.cosh),
    "POWER": ((2,), lambda a, b: a**b),
    "NOT": ((1,), lambda x: float(not x)),
    "N": ((1,), lambda x: x),
    "ROUND": ((2,), _round),
}
GATHERING: dict[str, Callable[[Sequence[Result]], Value]] = {
    "SUM": _gathered(math.fsum),
    "PRODUCT": _gathered(math.prod),
    "AVERAGE": _gathered(lambda numbers: math.fsum(numbers) / len(numbers)),
    "MAX": _gathered(lambda numbers: max(numbers, default=0.0)),
    "MIN": _gathered(lambda numbers: min(numbers, default=0.0)),
    "SUMSQ": _gathered(lambda numbers: math.fsum(x * x for x in numbers)),
    "AND": _gathered(lambda numbers: float(all(numbers))),
    "OR": _gathered(lambda numbers: float(any(numbers))),
    "COUNT": _count,
    "SUMPRODUCT": _sum_product,
    "SUMXMY2": _sum_of_squares,
}
KNOWN = frozenset({*NUMERIC, *GATHERING, "IF", "IFERROR", "PI"})
"""Functions that are calculated here; nothing else is handed to another program either."""
