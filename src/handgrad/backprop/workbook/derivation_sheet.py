"""The derivation: every equation in symbols, with the current numbers, its value, and the cell where it lives."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from handgrad.backprop.graph.graph import Factor, Kind, Quantity
from handgrad.backprop.symbols.names import defined_name
from handgrad.backprop.symbols.rendering import plain
from handgrad.backprop.workbook.content import DERIVATION, NETWORK, TABLE_TOP, TRAINING, Material
from handgrad.backprop.workbook.derivation_parts import Part, parts_of
from handgrad.backprop.workbook.file import ROW_HEIGHT
from handgrad.backprop.workbook.looks import (
    CELL_WRAPPED,
    HEADER,
    HEADING,
    LABEL,
    NOTE,
    STEP,
    SUBTITLE,
    TEXT,
    TITLE,
    VALUE,
)
from handgrad.backprop.workbook.plan import Page, SheetPlan
from handgrad.backprop.workbook.step_shown import STEP_SHOWN, at_step, first_shown
from handgrad.backprop.workbook.table_columns import DIVERGED, guard, look_of
from handgrad.xlsx.writer import Look, Print, Value, address, column_letters

# Row and panes that stay in sight while one scrolls, and are repeated on every printed page.
HEAD, TOP = 3, 4
NUMBER, QUANTITY, MEANING, CHAIN, RULE, NUMBERS, RESULT_AT, CELL_AT = range(8)
HEADS = (
    "no.",
    "quantity",
    "what it is",
    "chain rule",
    "rule in symbols",
    "with the numbers of this step",
    "value",
    "cell",
)
# Heights of rows are computed from these: no program fits them to the wrapped text of a formula when it opens a file.
WIDTHS = (5, 11, 34, 32, 34, 48, 12, 15)
# The result beside them has all its digits; more here would push the line of a sum over several rows.
DECIMALS = 6
PAGE_WIDTH, PAGE_HEIGHT = 10_000.0, 440.0
"""A4 across, inside its margins, at full size: percents times characters of width, and points of height. The width is that of a
machine without the sheet's font, whose replacement is wider; where the font is there, a page has room to spare."""
FULL = 0.75
"""A page so full begins no section that is longer than a page."""
MOST_GIVEN = 12
"""So many given numbers are listed; more are folded away, as they stand on the sheet Network and in the table."""
# Four digits of a small number: of Adam's mean of squares, 0.0000125, six decimals would leave too few to reckon with.
MOST_DECIMALS = 12
# What has no digit within these is rounding, which LibreOffice clears away where Python keeps it: shown as 0, without a sign.
NOTHING = "1E-12"
_DECIMALS_SHOWN = f"IF(ABS(@)<{NOTHING},{DECIMALS},MIN({MOST_DECIMALS},MAX({DECIMALS},3-INT(LOG10(ABS(@))))))"
LONGEST = 6_000
"""A line of numbers whose formula would be longer is left to the cell itself."""
ROUNDED = f"Numbers in the lines are rounded to {DECIMALS} decimals, small ones to 4 digits."
MARK = re.compile("\x00(.*?)\x00")
WRAPPED = replace(CELL_WRAPPED, size=9)
NAME = replace(LABEL, bold=True)
WHERE = replace(CELL_WRAPPED, size=9, align="center", indent=0)


def derivation_sheet(material: Material) -> SheetPlan:
    """Return the sheet that derives every gradient of the first step, formula beside numbers."""
    page = Page(DERIVATION)
    page.text(0, 0, "Derivation", TITLE)
    page.text(
        1,
        0,
        "One training step, equation by equation. Each value is in the training table; the last column says in which cell.",
        SUBTITLE,
    )
    rest = f"; another step is chosen on the sheet {NETWORK}. {ROUNDED}"
    rest = f"{rest} {material.left_out}".rstrip()
    page.formula(2, 0, f'"Shown is step "&{STEP_SHOWN}&"{rest}"', f"Shown is step 0{rest}", NOTE)
    for column, (head, width) in enumerate(zip(HEADS, WIDTHS, strict=True)):
        page.text(HEAD, column, head, HEADER)
        page.widths[column] = width
    # A bold name of this length needs a little more than its characters: ∂a_h1[1]/∂h1[1].
    page.widths[QUANTITY] = max(WIDTHS[QUANTITY], 1.15 * max(len(one.label) for one in material.graph) + 2)
    lines = _Lines(page, material)
    for part in parts_of(material.graph):
        lines.part(part)
    percent = min(100, int(PAGE_WIDTH / sum(page.widths.values())))
    printing = Print(1, (HEAD, HEAD), breaks=_breaks(page, lines.sections, lines.row, percent))
    return page.done(freeze=(TOP, 2), printing=printing)


def _breaks(page: Page, sections: list[int], end: int, percent: int) -> tuple[int, ...]:
    """Return the rows at which a page begins: sections that would be cut.

    One that is longer than a page is cut in any case, and begins a page only where little is left of the one before.
    """
    room = PAGE_HEIGHT * 100 / percent - ROW_HEIGHT
    found: list[int] = []
    used = ROW_HEIGHT * TOP
    for start, stop in pairwise([*sections, end]):
        rows = (row for row in range(start, stop) if row not in page.folded)
        height = sum(page.heights.get(row, ROW_HEIGHT) for row in rows)
        if used + height > room and (height <= room or used > FULL * room):
            found.append(start)
            used = 0.0
        used = (used + height) % room
    return tuple(found)


class _Lines:
    """Writes the sections line by line; remembers the row of each quantity, which later lines refer to."""

    def __init__(self, page: Page, material: Material) -> None:
        self.page, self.material, self.graph = page, material, material.graph
        self.row, self.count = TOP, 0
        self.sections: list[int] = []
        self.rows: dict[str, int] = {}
        self.shown: dict[str, Value] = {}
        self.bases = {successor: base for base, successor in self.graph.successors.items()}

    def part(self, part: Part) -> None:
        if not part.quantities:
            return
        self.sections.append(self.row)
        self.page.text(self.row, 0, part.title, HEADING)
        self.page.heights[self.row] = 21
        self.row += 1
        if part.note:
            self.page.text(self.row, 0, part.note, replace(TEXT, ink=NOTE.ink))
            self.row += 1
        first = self.row
        for quantity in part.quantities:
            self._line(quantity)
        if part.quantities[0].expression is None and len(part.quantities) > MOST_GIVEN:
            self._fold(first)
        self.row += 1

    def _fold(self, first: int) -> None:
        """Fold the lines since *first* away, and say where they are."""
        self.page.folded |= set(range(first, self.row))
        said = (
            f"{self.row - first} numbers, folded away in rows {first + 1} to {self.row} (mark the rows around them, "
            f"right-click, Unhide). They are on the sheet {NETWORK} and in the first row of the table."
        )
        self.page.text(first - 1, MEANING, said, NOTE)

    def _line(self, quantity: Quantity) -> None:
        self.count += 1
        page, row, name = self.page, self.row, quantity.name
        self.rows[name] = row
        page.number(row, NUMBER, float(self.count), STEP)
        page.text(row, QUANTITY, quantity.label, NAME)
        page.text(row, MEANING, quantity.meaning, WRAPPED)
        terms = quantity.chain
        written = [list(self._factors(term)) if len(terms) == 1 else [part.label for part in term] for term in terms]
        chain = " + ".join(map(" · ".join, written))
        page.text(row, CHAIN, f"= {chain}" if chain else "", WRAPPED)
        rule, numbers_length = self._rule(quantity)
        self._value(quantity)
        lengths = ((quantity.meaning, MEANING), (chain, CHAIN), (rule, RULE), ("x" * numbers_length, NUMBERS))
        lines = max(-(-len(text) // round(WIDTHS[column] * 1.1)) for text, column in lengths)
        if lines > 1:
            page.heights[row] = 12.5 * lines + 3
        self.row += 1

    def _factors(self, term: tuple[Factor, ...]) -> Iterator[str]:
        """Yield the partials of a product; a delta that is itself one product is written out: ∂E/∂a_o1 · ∂a_o1/∂o1 · …"""
        for factor in term:
            name = factor.quantity
            delta = name is not None and name in self.graph and self.graph[name].kind is Kind.DELTA
            inner = self.graph[name].chain if name is not None and delta else ()
            yield from (part.label for part in inner[0]) if len(inner) == 1 else (factor.label,)

    def _rule(self, quantity: Quantity) -> tuple[str, int]:
        """Write the equation in symbols and in numbers; return the first and the length of the second."""
        page, row = self.page, self.row
        if quantity.expression is None:
            page.text(row, RULE, "given", WRAPPED)
            page.text(row, NUMBERS, "", WRAPPED)
            return "", 0
        rule = f"= {self.graph.plain(quantity.name)}"
        page.text(row, RULE, rule, WRAPPED)
        pieces = MARK.split(plain(quantity.expression, lambda ref: f"\x00{ref}\x00"))
        if len(pieces) == 1:
            page.text(row, NUMBERS, rule, WRAPPED)
            return rule, len(rule)
        formula, text = self._numbers(pieces)
        if len(formula) > LONGEST:
            text = "too long for a line; see the cell"
            page.text(row, NUMBERS, text, WRAPPED)
        else:
            page.formula(row, NUMBERS, formula, text, WRAPPED)
        return rule, len(text)

    def _numbers(self, pieces: list[str]) -> tuple[str, str]:
        """Return the same line with numbers for names: pieces of text, each followed by a name."""
        formula, text, diverged = ['"= "'], ["= "], False
        for number, piece in enumerate(pieces):
            if number % 2 == 0:
                if piece:
                    formula.append('"' + piece.replace('"', '""') + '"')
                    text.append(piece)
                continue
            cell = address(self.rows[piece], RESULT_AT)
            value = self.shown[piece]
            # Alone between brackets, as in tanh(h1), a negative number needs none of its own.
            alone = pieces[number - 1].endswith("(") and pieces[number + 1].startswith(")")
            opened, closed = ("−", "") if alone else ("(−", ")")
            size = f"FIXED(ABS({cell}),{_DECIMALS_SHOWN.replace('@', cell)},TRUE)"
            below = f"{cell}<=-{NOTHING}"
            formula.append(f'REPT("{opened}",{below})&{size}' + (f'&REPT("{closed}",{below})' if closed else ""))
            diverged = diverged or isinstance(value, str)
            text.append(
                f"{opened}{_decimals(value)}{closed}"
                if not isinstance(value, str) and value <= -float(NOTHING)
                else _decimals(value)
            )
        whole = "&".join(formula)
        return (guard(whole) if self.material.guarded else whole), DIVERGED if diverged else "".join(text)

    def _value(self, quantity: Quantity) -> None:
        page, row, name = self.page, self.row, quantity.name
        material = self.material
        if name in material.layout.columns or quantity.kind is Kind.SETTING:
            value = first_shown(material, name)
            page.formula(row, RESULT_AT, at_step(material, name), value, self._look(quantity))
        else:
            formula = self.graph.formula(name, lambda ref: address(self.rows[ref], RESULT_AT))
            value = material.values[name][0]
            page.formula(row, RESULT_AT, guard(formula) if material.guarded else formula, value, self._look(quantity))
        self.shown[name] = value
        self._where(quantity)

    def _look(self, quantity: Quantity) -> Look:
        """Return the look that it has in the table, but without the frames of its own that some columns have there."""
        look = look_of(self.graph, quantity.name)
        return replace(VALUE, number=look.number, least=look.least)

    def _where(self, quantity: Quantity) -> None:
        """Write the address of the value: of what is updated, the cell in the next row."""
        page, row, columns = self.page, self.row, self.material.layout.columns
        if quantity.kind is Kind.SETTING:
            page.text(row, CELL_AT, defined_name(quantity.name), WHERE)
            return
        below = 0 if quantity.name in columns else 1
        letters = column_letters(columns[quantity.name if not below else self.bases[quantity.name]])
        start = TABLE_TOP + 1 + below
        formula, value = f'"{TRAINING}!{letters}"&({start}+{STEP_SHOWN})', f"{TRAINING}!{letters}{start}"
        if below:
            last = self.material.steps
            formula = f'IF({STEP_SHOWN}<{last},{formula},"beyond the table")'
            value = value if last else "beyond the table"
        page.formula(row, CELL_AT, formula, value, WHERE)


def _decimals(value: Value) -> str:
    """Return the size of a number as the lines write it; see `_DECIMALS_SHOWN`."""
    if isinstance(value, str):
        return value
    size = abs(value)
    decimals = (
        DECIMALS if size < float(NOTHING) else min(MOST_DECIMALS, max(DECIMALS, 3 - math.floor(math.log10(size))))
    )
    return f"{size:.{decimals}f}"
