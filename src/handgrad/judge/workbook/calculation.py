"""Calculates formulas of a workbook as a spreadsheet program would: the functions such sheets use, within a budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product

from handgrad.judge.workbook.book import Book, Cell, CellError, Sheet, Value
from handgrad.judge.workbook.formula import (
    Area,
    Binary,
    Error,
    FormulaError,
    Function,
    Minus,
    Name,
    Number,
    Percent,
    Reference,
    Text,
    Tree,
    parse,
)

BUDGET = 40_000_000
MAX_CHAIN = 100
"""So many cells deep a calculation may reach at once; rows are asked for from the top, so that chains stay short."""
MAX_TEXT = 32_767

At = tuple[str, int, int]
"""Sheet, row, column."""
DIVISION, NUMBER, VALUE, NAME = CellError("#DIV/0!"), CellError("#NUM!"), CellError("#VALUE!"), CellError("#NAME?")


class Unsupported(Exception):  # noqa: N818 - it is no error of the sheet
    """A formula beyond what is calculated here."""


class Calculation:
    """Values of a book with some cells changed; whatever cannot be calculated is noted in ``beyond``."""

    def __init__(self, book: Book, changes: Mapping[At, float] | None = None, budget: int = BUDGET) -> None:
        self.book = book
        self.beyond: set[At] = set()
        self._changes = dict(changes or {})
        self._values: dict[At, Value] = {}
        self._working: list[At] = []
        self._sheets = {sheet.name.casefold(): sheet for sheet in book.sheets}
        self._left = budget

    def value(self, sheet: str, row: int, column: int) -> Value:
        """The value of a cell; one beyond this calculation keeps what the file stores."""
        at = (sheet, row, column)
        if at in self._values:
            return self._values[at]
        if at in self._changes:
            return self._changes[at]
        cell = self._cell(sheet, row, column)
        if cell is None or cell.formula is None:
            return None if cell is None else cell.value
        try:
            found = self._formula(at, cell)
        except (Unsupported, RecursionError):
            self.beyond.add(at)
            found = cell.value
        self._values[at] = found
        return found

    def _cell(self, sheet: str, row: int, column: int) -> Cell | None:
        page = self._sheets.get(sheet.casefold())
        return None if page is None else page.cells.get((row, column))

    def _formula(self, at: At, cell: Cell) -> Value:
        if cell.array or at in self._working or len(self._working) > MAX_CHAIN:
            raise Unsupported
        try:
            tree = parse(cell.formula or "")
        except FormulaError as error:
            raise Unsupported from error
        self._working.append(at)
        try:
            found = self._one(self._of(tree, at[0]))
        finally:
            self._working.pop()
        return 0.0 if found is None else found

    def _of(self, tree: Tree, sheet: str) -> Value | list[list[Value]]:
        self._left -= 1
        if self._left < 0:
            raise Unsupported
        match tree:
            case Number(value) | Text(value):
                return value
            case Error(value):
                return CellError(value)
            case Reference(other, row, column):
                return self._read(other or sheet, row, column)
            case Area(first, last):
                return self._area(first, last, sheet)
            case Name(value):
                return self._named(value, sheet)
            case Minus(operand):
                return _each(lambda x: -x, self._of(operand, sheet))
            case Percent(operand):
                return _each(lambda x: x / 100.0, self._of(operand, sheet))
            case Binary(sign, left, right):
                return _joined(sign, self._of(left, sheet), self._of(right, sheet))
            case Function(name, arguments):
                return self._call(name, arguments, sheet)

    def _read(self, sheet: str, row: int, column: int) -> Value:
        page = self._sheets.get(sheet.casefold())
        if page is None:
            raise Unsupported
        before = len(self.beyond)
        value = self.value(page.name, row, column)
        if len(self.beyond) > before or (page.name, row, column) in self.beyond:
            raise Unsupported
        return value

    def _area(self, first: Reference, last: Reference, sheet: str) -> list[list[Value]]:
        name = first.sheet or sheet
        rows = range(min(first.row, last.row), max(first.row, last.row) + 1)
        columns = range(min(first.column, last.column), max(first.column, last.column) + 1)
        self._left -= len(rows) * len(columns)
        if self._left < 0:
            raise Unsupported
        return [[self._read(name, row, column) for column in columns] for row in rows]

    def _named(self, name: str, sheet: str) -> Value | list[list[Value]]:
        if name.upper() in ("TRUE", "FALSE"):
            return name.upper() == "TRUE"
        text = self.book.names.get(name.casefold())
        if text is None:
            return NAME
        try:
            tree = parse(text)
        except FormulaError as error:
            raise Unsupported from error
        if isinstance(tree, Name):
            raise Unsupported
        return self._of(tree, sheet)

    def _call(self, name: str, arguments: Sequence[Tree], sheet: str) -> Value | list[list[Value]]:
        if name in ("IF", "IFERROR"):
            return self._chosen(name, arguments, sheet)
        values = [self._of(argument, sheet) for argument in arguments]
        if name in NUMERIC and len(values) in NUMERIC[name][0]:
            return _spread(NUMERIC[name][1], values)
        if name in GATHERING and values:
            return GATHERING[name](values)
        if name == "PI" and not values:
            return math.pi
        raise Unsupported

    def _chosen(self, name: str, arguments: Sequence[Tree], sheet: str) -> Value:
        if not 2 <= len(arguments) <= 3:
            raise Unsupported
        first = self._one(self._of(arguments[0], sheet))
        if name == "IFERROR":
            return self._one(self._of(arguments[1], sheet)) if isinstance(first, CellError) else first
        if isinstance(first, CellError):
            return first
        if isinstance(first, str):
            return VALUE
        if first:
            return self._one(self._of(arguments[1], sheet))
        return self._one(self._of(arguments[2], sheet)) if len(arguments) == 3 else False

    def _one(self, value: Value | list[list[Value]]) -> Value:
        if isinstance(value, list):
            if len(value) == 1 and len(value[0]) == 1:
                return value[0][0]
            raise Unsupported
        return value


def _number(value: Value) -> float | CellError:
    match value:
        case CellError():
            return value
        case None:
            return 0.0
        case str():
            try:
                return float(value)
            except ValueError:
                return VALUE
    return float(value)


def _finite(value: float | complex) -> Value:
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


def _spread(function: Callable[..., float], values: Sequence[Value | list[list[Value]]]) -> Value | list[list[Value]]:
    """A function of numbers, cell by cell where an argument is an area."""
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


def _each(function: Callable[[float], float], value: Value | list[list[Value]]) -> Value | list[list[Value]]:
    return _spread(function, [value])


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


def _joined(sign: str, left: Value | list[list[Value]], right: Value | list[list[Value]]) -> Value | list[list[Value]]:
    if sign in SIGNS:
        return _spread(SIGNS[sign], [left, right])
    if isinstance(left, list) or isinstance(right, list):
        raise Unsupported
    for side in (left, right):
        if isinstance(side, CellError):
            return side
    if sign == "&":
        text = _shown(left) + _shown(right)
        return text if len(text) <= MAX_TEXT else VALUE
    if isinstance(left, str) or isinstance(right, str):
        if sign not in ("=", "<>"):
            raise Unsupported
        same = isinstance(left, str) and isinstance(right, str) and left.casefold() == right.casefold()
        return same == (sign == "=")
    return COMPARISONS[sign](float(left or 0.0), float(right or 0.0))


def _shown(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.15g}"
    return "" if value is None else str(value)


def _numbers(values: Iterable[Value | list[list[Value]]]) -> Iterator[float | CellError]:
    """The numbers in the arguments, as SUM takes them: text in cells is passed over."""
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


def _gathered(function: Callable[[list[float]], float]) -> Callable[[Sequence[Value | list[list[Value]]]], Value]:
    def gather(values: Sequence[Value | list[list[Value]]]) -> Value:
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


def _sum_product(values: Sequence[Value | list[list[Value]]]) -> Value:
    if len(values) == 1:
        return GATHERING["SUM"](values)
    found = _spread(lambda *factors: math.prod(factors), values)
    return GATHERING["SUM"]([found])


def _sum_of_squares(values: Sequence[Value | list[list[Value]]]) -> Value:
    if len(values) != 2:
        raise Unsupported
    return GATHERING["SUM"]([_spread(lambda a, b: (a - b) ** 2, values)])


def _count(values: Sequence[Value | list[list[Value]]]) -> Value:
    return float(sum(not isinstance(number, CellError) for number in _numbers(values)))


def _log(value: float, base: float = 10.0) -> float:
    return math.log(value, base)


def _round(value: float, digits: float) -> float:
    """Halves away from zero, as spreadsheets do."""
    scale = 10.0 ** int(digits)
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
GATHERING: dict[str, Callable[[Sequence[Value | list[list[Value]]]], Value]] = {
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


def sheet_values(calculation: Calculation, sheet: Sheet) -> dict[tuple[int, int], Value]:
    """The values of a whole sheet, from the top."""
    return {place: calculation.value(sheet.name, *place) for place in sorted(sheet.cells)}
