"""The sheets of what comes out: the ten probabilities with a chart, and the check of every layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from handgrad.backprop.workbook import looks
from handgrad.export.workbook.areas import Area, Rectangle
from handgrad.export.workbook.digits import DIGIT, Hundred
from handgrad.export.workbook.layer_sheet import Floats, rounded
from handgrad.export.workbook.layers import Layer
from handgrad.export.workbook.looks import FINE
from handgrad.xlsx.writer import Bars, Book, Rule, address

ANSWER, CHECK = "Answer", "Check"
TOP = 5
SAME_SUM, SAME_LOG = 1e-6, 1e-4
"""Sums of a layer may differ by this part of them; log-probabilities by this, as the run computed them in float32."""


@dataclass(frozen=True, eq=False)
class Known:
    """What the program computed for the hundred digits: a sum and a sum of squares a layer ``[n, layers, 2]``, and
    log-probabilities ``[n, classes]`` as the run kept them."""

    sums: Floats
    logs: Floats


def answer_sheet(book: Book, title: str, area: Area, scores: Floats) -> Area:
    """Write the sheet *Answer* and return where the probabilities lie."""
    sheet = book.sheet(ANSWER, looks.ACCENT)
    classes = len(scores)
    # Less the largest, as the formula beside it does: the cached value and the formula go the same way.
    powers = np.exp(scores - scores.max())
    chances = powers / powers.sum()
    cells = {
        name: Rectangle(ANSWER, TOP, column, classes, 1)
        for column, name in enumerate(("digit", "score", "power", "chance"))
    }
    sheet.text(0, 0, f"{title}: the answer", looks.TITLE)
    best = f"INDEX({cells['digit'].text(ANSWER)},MATCH(MAX({cells['chance'].text(ANSWER)}),{cells['chance'].text(ANSWER)},0))"
    most = f"MAX({cells['chance'].text(ANSWER)})"
    sheet.text(1, 0, "The answer", looks.LABEL)
    sheet.formula(1, 1, best, value=int(scores.argmax()), look=replace(looks.RESULT, number="0", size=14))
    sheet.text(2, 0, "its share", looks.LABEL)
    sheet.formula(2, 1, most, value=rounded(chances.max()), look=looks.RESULT)
    sheet.text(2, 2, "A probability of the network is not a certainty: it is often too high.", looks.NOTE)
    for column, words in enumerate(("digit", "score", "exp(score − largest)", "probability")):
        sheet.text(TOP - 1, column, words, looks.HEADER)
    for digit in range(classes):
        row = TOP + digit
        score, power = address(row, 1), address(row, 2)
        sheet.number(row, 0, digit, looks.STEP)
        sheet.formula(row, 1, area.cell(digit).text(ANSWER), value=rounded(scores[digit]), look=FINE)
        text = f"EXP({score}-MAX({cells['score'].text(ANSWER)}))"
        sheet.formula(row, 2, text, value=rounded(powers[digit]), look=FINE)
        text = f"{power}/SUM({cells['power'].text(ANSWER)})"
        sheet.formula(row, 3, text, value=rounded(chances[digit]), look=looks.VALUE)
    first, last = (address(row, 0, fixed=True) for row in (TOP, TOP + classes - 1))
    values = [address(row, 3, fixed=True) for row in (TOP, TOP + classes - 1)]
    sheet.chart(
        Bars(TOP - 1, 5, 520, 280, "Probability of each digit", "digit", f"={ANSWER}!{first}:{last}",
             f"={ANSWER}!{':'.join(values)}", looks.ACCENT, 1.0)
    )  # fmt: skip
    sheet.heights({0: 28, 1: 20})
    sheet.widths({0: 12, 1: 13, 2: 20, 3: 13, 4: 3})
    return Area((classes,), (cells["chance"],))


def check_sheet(book: Book, layers: Sequence[Layer], answer: Area, hundred: Hundred, *, known: Known) -> None:
    """Write the sheet *Check*: sums of each layer and the ten log-probabilities, beside the program's own."""
    sheet = book.sheet(CHECK, looks.ACCENT)
    sheet.text(0, 0, "Does every layer agree with the program?", looks.TITLE)
    sheet.text(1, 0, "For the test digits the numbers of the program are stored below: for each layer the sum of its numbers "
               "and of their squares, and the ten log-probabilities that the run has kept.", looks.SUBTITLE)  # fmt: skip
    for column, words in enumerate(("what", "in this book", "the program's", "difference", "")):
        sheet.text(TOP - 1, column, words, looks.HEADER)
    rows = [*sum_rows(layers, known), *log_rows(answer, known)]
    table = TOP + len(rows) + 4
    width = len(rows)
    for number, row in enumerate(rows):
        at = TOP + number
        stored = Rectangle(CHECK, table, 1 + number, len(hundred.images), 1).text(CHECK)
        mine, theirs, apart = (address(at, column) for column in (1, 2, 3))
        sheet.text(at, 0, row.words, looks.LABEL)
        sheet.formula(at, 1, row.formula, value=rounded(row.value), look=looks.VALUE)
        sheet.formula(at, 2, f"INDEX({stored},test_digit)", value=rounded(row.stored[0]), look=looks.VALUE)
        sheet.formula(at, 3, f"ABS({mine}-{theirs})", value=rounded(abs(row.value - row.stored[0])), look=looks.SMALL)
        # An own digit first: the program has no numbers for it, and "DIFFERS" would alarm.
        verdict = f'IF({DIGIT}!$O$6,"own digit",IF({apart}<={row.allowed(theirs)},"same","DIFFERS"))'
        sheet.formula(at, 4, verdict, value="same", look=looks.VERDICT)
    last = TOP + width - 1
    verdicts = f"{address(TOP, 4, fixed=True)}:{address(last, 4, fixed=True)}"
    wrong = f'COUNTIF({verdicts},"DIFFERS")'
    text = (
        f'IF({DIGIT}!$O$6,"This is your own digit: the program has no numbers for it.",'
        f'IF({wrong}=0,"Everything is the same.",{wrong}&" of {width} differ."))'
    )
    sheet.formula(2, 0, text, value="Everything is the same.", look=looks.HEADING)
    # The column fixed and the row not: the rule is written once and holds for each line.
    first = address(TOP, 4).replace("E", "$E")
    sheet.rule(Rule((TOP, 0), (last, 4), f'{first}="DIFFERS"', looks.RED, looks.RED_FILL))
    sheet.rule(Rule((TOP, 4), (last, 4), f'{first}="same"', looks.GREEN, looks.GREEN_FILL))
    sheet.text(table - 2, 0, "The numbers of the program, one row per test digit", looks.HEADING)
    for number, row in enumerate(rows):
        sheet.text(table - 1, 1 + number, row.words, looks.HEADER_WRAPPED)
        for digit, value in enumerate(row.stored):
            sheet.number(table + digit, 1 + number, rounded(value), looks.VALUE)
    for digit in range(len(hundred.images)):
        sheet.number(table + digit, 0, digit + 1, looks.STEP)
    sheet.widths({0: 44} | dict.fromkeys(range(1, 1 + width), 15))
    sheet.freeze(TOP, 0)


@dataclass(frozen=True, eq=False)
class Row:
    """A line of the check: what, its formula and value for the first digit, the program's numbers for all, the tolerance."""

    words: str
    formula: str
    value: float
    stored: Floats
    tolerance: float
    relative: bool

    def allowed(self, theirs: str) -> str:
        """Return the formula of how far the two may lie apart."""
        return f"{self.tolerance}*MAX(1,ABS({theirs}))" if self.relative else str(self.tolerance)


def sum_rows(layers: Sequence[Layer], known: Known) -> list[Row]:
    """Return two rows a layer: the sum of its numbers, and of their squares."""
    rows = []
    for number, layer in enumerate(layers):
        # Between the maps of a sheet there is nothing: one range for all, where a thousand would be too long a formula.
        cells = layer.area.column().text(CHECK)
        for which, (name, words) in enumerate((("SUM", "sum"), ("SUMSQ", "squares"))):
            stored = known.sums[:, number, which]
            rows.append(Row(f"{layer.name}, {words}", f"{name}({cells})", float(stored[0]), stored, SAME_SUM, True))
    return rows


def log_rows(answer: Area, known: Known) -> list[Row]:
    """Return one row per class: the logarithm of its probability, kept from 0 as the smallest number of a spreadsheet is."""
    return [
        Row(
            f"log-probability of {digit}",
            f"LN(MAX(1E-300,{answer.cell(digit).text(CHECK)}))",
            float(known.logs[0, digit]),
            known.logs[:, digit],
            SAME_LOG,
            False,
        )
        for digit in range(known.logs.shape[1])
    ]
