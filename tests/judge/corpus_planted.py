# ruff: noqa: E501 - one kind a line reads as a table
"""Sixty kinds of mistake, each planted into every right book of a set that it can be made in.

A kind changes the formula that a book has, so that one kind gives another wrong formula in each layout.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from handgrad.judge.workbook import MistakeKind
from judge.corpus_workbooks import (
    BIASED,
    BIASES,
    DATA,
    DELTAS,
    ERRORS,
    FORMULAS,
    HIDDEN,
    INNER,
    LEIBNIZ,
    OUTER,
    OUTPUT,
    PARTIAL,
    SLOPES,
    SUBSCRIPT,
    WITH_DELTAS,
    Layout,
    Plant,
    spelling,
)

K = MistakeKind
XOR = tuple(
    {"i1": float(a), "i2": float(b), "t1": 0.1 + 0.8 * (a != b), "t2": 0.9 - 0.8 * (a != b)}
    for a, b in ((0, 1), (1, 0), (1, 1), (0, 0))
)
TANH = {
    "a_h1": "TANH({h1})", "a_h2": "(EXP({h2})-EXP(-{h2}))/(EXP({h2})+EXP(-{h2}))",
    **{f"dE/dw{n}": FORMULAS[f"dE/dw{n}"].replace(f"{{a_h{u}}}*(1-{{a_h{u}}})*{{i", f"(1-{{a_h{u}}}^2)*{{i") for n, u in ((1, 1), (2, 1), (3, 2), (4, 2))},
}  # fmt: skip


def _two_rows(name: str) -> str:
    match = re.fullmatch(r"dE/d(w\d)", name)
    return f"∂E_total/∂w|{match[1]}" if match else name


BOOKS: tuple[Layout, ...] = (
    Layout("published"),
    Layout("partial", spell=PARTIAL, top=9, left=2, eta_at="C3", eta=0.1),
    Layout("leibniz", spell=LEIBNIZ, columns=(*INNER, *OUTER, *DATA, *HIDDEN, *OUTPUT, *ERRORS, *SLOPES), eta_label="lr"),
    Layout("deltas", columns=WITH_DELTAS, formulas=DELTAS, spell=spelling(delta="δ_{u}{n}"), eta=1.5),
    Layout("biased", columns=(*DATA, "b1", "b2", *INNER, *HIDDEN, *OUTER, *OUTPUT, *ERRORS, *SLOPES), formulas=BIASED, values=BIASES),
    Layout("tanh", formulas=TANH, spell=SUBSCRIPT, top=12, left=4, eta_at="E3"),
    Layout("sample-a-row", samples=XOR, eta=0.8),
    Layout("two-rows", spell=_two_rows, top=5, eta_at="B2"),
    Layout("local-errors", columns=WITH_DELTAS, formulas=DELTAS, spell=spelling(delta="error_{u}{n}", slope="δE/δw{n}", total="E_total=E1+E2"), eta_label="η", eta=0.6),
    Layout("other-forms", formulas={"a_h1": "EXP({h1})/(1+EXP({h1}))", "E1": "({a_o1}-{t1})^2/2", "E_total": "SUM({E1}:{E2})", "h1": "{i1}*{w1}+{i2}*{w2}"}, values={"i1": 0.4, "i2": 0.7, "t1": 0.2, "t2": 0.6}, eta=0.3),
)  # fmt: skip

Change = Callable[[str], str]


@dataclass(frozen=True)
class KindOfMistake:
    """A mistake: what it is called, where it is made (the first of these columns whose formula it changes), and how."""

    name: str
    columns: tuple[str, ...]
    change: Change | float | str
    likely: tuple[MistakeKind, ...]
    first: int = 0
    last: int = 10**6


def _swap(old: str, new: str, count: int = -1) -> Change:
    return lambda formula: formula.replace(old, new, count)


def _all(text: str) -> Change:
    return lambda formula: text.replace("@", formula)


def _sub(pattern: str, new: str) -> Change:
    return lambda formula: re.sub(pattern, new, formula, count=1)


MISTAKES: tuple[KindOfMistake, ...] = (
    KindOfMistake("the whole with the other sign", ("dE/dw5",), _all("-(@)"), (K.SIGN, K.TARGET_MINUS)),
    KindOfMistake("target minus output", ("dE/dw7", "delta_o2"), _swap("({a_o2}-{t2})", "({t2}-{a_o2})"), (K.TARGET_MINUS, K.SIGN)),
    KindOfMistake("target minus output in a hidden slope", ("dE/dw1", "delta_o1"), _swap("({a_o1}-{t1})", "({t1}-{a_o1})"), (K.TARGET_MINUS, K.SIGN)),
    KindOfMistake("the exponent's sign", ("a_o1",), _swap("-{o1}", "{o1}"), (K.SIGN,)),
    KindOfMistake("minus in a weighted sum", ("h2",), _swap("+", "-", 1), (K.SIGN,)),
    KindOfMistake("minus in the error", ("E_total",), lambda f: "{E1}-{E2}", (K.SIGN,)),
    KindOfMistake("1 + a", ("dE/dw8", "delta_o2"), _swap("(1-{a_o2})", "(1+{a_o2})"), (K.SIGN,)),
    KindOfMistake("plus in the update", ("w3",), _swap("-{eta}", "+{eta}"), (K.PLUS,)),
    KindOfMistake("no slope at the output", ("dE/dw5", "delta_o1"), _swap("*{a_o1}*(1-{a_o1})", ""), (K.DERIVATIVE,)),
    KindOfMistake("half a slope at the output", ("dE/dw6", "delta_o1"), _swap("*{a_o1}*(1-{a_o1})", "*(1-{a_o1})"), (K.DERIVATIVE, K.FACTOR)),
    KindOfMistake("no slope at a hidden unit", ("dE/dw2", "delta_h1"), _sub(r"\*(\{a_h1\}\*\(1-\{a_h1\}\)|\(1-\{a_h1\}\^2\))", ""), (K.DERIVATIVE,)),
    KindOfMistake("the other unit's slope", ("dE/dw3", "delta_h2"), _sub(r"\*(\{a_h2\}\*\(1-\{a_h2\}\)|\(1-\{a_h2\}\^2\))", "*{a_h1}*(1-{a_h1})"), (K.OTHER_SLOPE,)),
    KindOfMistake("1 − a of another unit", ("dE/dw5", "delta_o1"), _swap("(1-{a_o1})", "(1-{a_o2})"), (K.OTHER_SLOPE,)),
    KindOfMistake("a of another unit in a slope", ("dE/dw8", "delta_o2"), _swap("*{a_o2}*(1-", "*{a_o1}*(1-"), (K.OTHER_SLOPE, K.INPUT)),
    KindOfMistake("net input for one activation", ("o1",), _swap("{a_h1}", "{h1}"), (K.NET_FOR_ACTIVATION,)),
    KindOfMistake("net input for every activation", ("o2",), lambda f: f.replace("{a_h1}", "{h1}").replace("{a_h2}", "{h2}"), (K.NET_FOR_ACTIVATION,)),
    KindOfMistake("net input in a slope", ("dE/dw6",), _sub(r"\{a_h2\}$", "{h2}"), (K.NET_FOR_ACTIVATION,)),
    KindOfMistake("net input in the error", ("E2",), _swap("{a_o2}", "{o2}"), (K.NET_FOR_ACTIVATION,)),
    KindOfMistake("times for minus, a and t", ("dE/dw5", "delta_o1"), _swap("({a_o1}-{t1})", "({a_o1}*{t1})"), (K.TIMES_FOR_MINUS,)),
    KindOfMistake("times for minus, 1 and a", ("dE/dw7", "delta_o2"), _swap("(1-{a_o2})", "(1*{a_o2})"), (K.TIMES_FOR_MINUS,)),
    KindOfMistake("times 2 for the square", ("E1",), _swap("^2", "*2"), (K.TWICE_FOR_SQUARE,)),
    KindOfMistake("no square", ("E2",), _swap("^2", ""), (K.FACTOR,)),
    KindOfMistake("no ½ in the error", ("E2",), _swap("0.5*", ""), (K.FACTOR,)),
    KindOfMistake("brackets missing: 1 − a", ("dE/dw5", "delta_o1"), _swap("(1-{a_o1})", "1-{a_o1}"), (K.BRACKETS,)),
    KindOfMistake("brackets missing: sigmoid", ("a_o2",), _swap("1/(1+EXP(-{o2}))", "1/1+EXP(-{o2})"), (K.BRACKETS,)),
    KindOfMistake("brackets missing: a sum of paths", ("dE/dw3", "delta_h2"), lambda f: re.sub(r"^\((.*?\{w6\}\+.*?\{w8\})\)", r"\1", f), (K.BRACKETS,)),
    KindOfMistake("brackets missing: the square", ("E2",), _swap("({t2}-{a_o2})", "{t2}-{a_o2}"), (K.BRACKETS,)),
    KindOfMistake("brackets missing: a − t", ("dE/dw8", "delta_o2"), _swap("({a_o2}-{t2})", "{a_o2}-{t2}"), (K.BRACKETS,)),
    KindOfMistake("new weights", ("dE/dw1", "delta_h1"), lambda f: f.replace("{w5}", "({w5}-{eta}*{dE/dw5})").replace("{w7}", "({w7}-{eta}*{dE/dw7})"), (K.NEW_WEIGHTS,)),
    KindOfMistake("one new weight", ("dE/dw4", "delta_h2"), _swap("{w6}", "({w6}-{eta}*{dE/dw6})"), (K.NEW_WEIGHTS,)),
    KindOfMistake("weights of the next row", ("o1",), lambda f: f.replace("{w5}", "{>w5}").replace("{w6}", "{>w6}"), (K.NEXT_ROW, K.STOPS), 0, 11),
    KindOfMistake("another weight's slope", ("w6",), _swap("{<dE/dw6}", "{<dE/dw5}"), (K.OTHER_GRADIENT,)),
    KindOfMistake("another weight", ("o1",), _swap("{w6}", "{w7}"), (K.SWAPPED,)),
    KindOfMistake("two weights exchanged", ("h1",), lambda f: f.replace("{w1}", "{x}").replace("{w2}", "{w1}").replace("{x}", "{w2}"), (K.SWAPPED,)),
    KindOfMistake("another weight on the way back", ("dE/dw2", "delta_h1"), _swap("{w7}", "{w6}"), (K.SWAPPED,)),
    KindOfMistake("the weights of another unit", ("h2",), lambda f: f.replace("{w3}", "{w1}").replace("{w4}", "{w2}"), (K.SWAPPED,)),
    KindOfMistake("another input in a slope", ("dE/dw4",), _swap("{i2}", "{i1}"), (K.INPUT,)),
    KindOfMistake("another activation in a slope", ("dE/dw6",), _sub(r"\{a_h2\}$", "{a_h1}"), (K.INPUT,)),
    KindOfMistake("another input in a sum", ("h2",), _swap("{i2}", "{i1}"), (K.INPUT,)),
    KindOfMistake("another unit's net input", ("a_o2",), _swap("{o2}", "{o1}"), (K.INPUT,)),
    KindOfMistake("another target", ("E2",), _swap("{t2}", "{t1}"), (K.INPUT,)),
    KindOfMistake("another target in a slope", ("dE/dw7", "delta_o2"), _swap("{t2}", "{t1}"), (K.INPUT,)),
    KindOfMistake("only one path", ("dE/dw1", "delta_h1"), lambda f: re.sub(r"\+(\(\{a_o2\}-\{t2\}\)\*\{a_o2\}\*\(1-\{a_o2\}\)|\{delta_o2\})\*\{w7\}", "", f), (K.ONE_PATH,)),
    KindOfMistake("only one error", ("E_total",), lambda f: "{E1}", (K.ONE_PATH,)),
    KindOfMistake("a mean of the errors", ("E_total",), lambda f: "({E1}+{E2})/2", (K.FACTOR, K.SAMPLES)),
    KindOfMistake("no bias", ("o1",), _swap("+{b2}", ""), (K.ONE_PATH, K.BIAS)),
    KindOfMistake("the other layer's bias", ("h2",), _swap("{b1}", "{b2}"), (K.INPUT,)),
    KindOfMistake("twice", ("dE/dw8",), _all("2*@"), (K.FACTOR,)),
    KindOfMistake("ten times", ("dE/dw5",), _all("10*@"), (K.TENFOLD,)),
    KindOfMistake("a percent sign", ("a_o1",), _all("@%"), (K.HUNDREDFOLD, K.BRACKETS)),
    KindOfMistake("no learning rate", ("w1",), _swap("{eta}*", ""), (K.FACTOR,)),
    KindOfMistake("the rate in the slope", ("dE/dw7",), _all("{eta}*@"), (K.FACTOR,)),
    KindOfMistake("over the rate", ("w8",), _swap("{eta}*{<dE/dw8}", "{<dE/dw8}/{eta}"), (K.FACTOR,)),
    KindOfMistake("a factor left out", ("dE/dw5",), _sub(r"\*\{a_h1\}$", ""), (K.FACTOR, K.CHAIN)),
    KindOfMistake("a factor too many", ("dE/dw2",), _all("@*{w2}"), (K.FACTOR,)),
    KindOfMistake("a typed weight", ("h1",), _swap("{w1}", "0.15"), (K.CONSTANT,)),
    KindOfMistake("a typed target", ("E1",), _swap("{t1}", "0.01"), (K.CONSTANT,)),
    KindOfMistake("a typed rate", ("w4",), _swap("{eta}", "0.5"), (K.CONSTANT,)),
    KindOfMistake("a typed column", ("dE/dw6",), 0.0826, (K.CONSTANT,)),
    KindOfMistake("e typed as 2.718", ("a_o1",), _swap("EXP(-{o1})", "2.718^(-{o1})"), (K.E_TYPED,)),
    KindOfMistake("a $ too many", ("h1",), _swap("{w1}", "{$w1}"), (K.STOPS,)),
    KindOfMistake("a missing $", ("w3",), _swap("{eta}", "{eta-}"), (K.DOLLAR,)),
    KindOfMistake("the row above", ("a_h2",), lambda f: f.replace("{h2}", "{<h2}"), (K.STOPS,), 1),
    KindOfMistake("a fill that stops", ("w2",), lambda f: "{<w2}", (K.STOPS,), 6),
    KindOfMistake("typed over", ("o2",), 1.2, (K.TYPED_OVER,), 4, 4),
    KindOfMistake("an empty cell", ("E2",), "", (K.NO_NUMBER,), 5, 5),
    KindOfMistake("the slope of the same row", ("w5",), _swap("{<dE/dw5}", "{dE/dw5}"), (K.STOPS, K.CIRCULAR)),
)  # fmt: skip


def formula_of(layout: Layout, column: str) -> str:
    """The formula that a book has in a column, in names; "" where it has none."""
    return {**FORMULAS, **layout.formulas}.get(column, "") if column in layout.columns else ""


def plant_of(mistake: KindOfMistake, layout: Layout) -> Plant | None:
    """The mistake as made in this book, or None where it cannot be made there."""
    for column in mistake.columns:
        formula = formula_of(layout, column)
        if not formula:
            continue
        if not callable(mistake.change):
            return Plant(column, mistake.change, mistake.likely, mistake.first, mistake.last)
        changed = mistake.change(formula)
        if changed != formula:
            return Plant(column, changed, mistake.likely, mistake.first, mistake.last)
    return None


def planted() -> Iterator[tuple[KindOfMistake, Layout, Plant]]:
    """Every kind in every book in which it can be made."""
    for mistake in MISTAKES:
        for layout in BOOKS:
            if (plant := plant_of(mistake, layout)) is not None:
                yield mistake, layout, plant
