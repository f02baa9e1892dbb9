# ruff: noqa: E501 - one spelling a line reads as a table
"""Kinds of hand-ins, each in books of many looks: heads, places, orders, names and numbers are drawn, the right answer is known."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from handgrad.judge.workbook import BookVerdict, judge_workbook
from handgrad.judge.workbook.digits import rounding
from handgrad.xlsx.calculation import Calculation
from handgrad.xlsx.reader import read_book
from judge.corpus_planted import XOR
from judge.corpus_workbooks import (
    BIASED,
    DATA,
    DELTAS,
    ERRORS,
    FORMULAS,
    HIDDEN,
    INNER,
    OUTER,
    OUTPUT,
    PUBLISHED,
    SLOPES,
    WITH_DELTAS,
    Layout,
    Plant,
    fill,
    spelling,
    write,
)

Draw = Callable[..., Any]
WORDS = {
    "w": ("w{n}", "W{n}", "w_{n}", "weight {n}", "w{sub}"),
    "t": ("t{n}", "target {n}", "target_o{n}", "T{n}"),
    "i": ("i{n}", "x{n}", "input {n}", "x_{n}"),
    "error": ("E{n}", "Error {n}", "E_o{n}", "E(o{n})"),
    "total": ("E_total", "E_tot", "Total Error", "E_total=E1+E2", "Loss"),
    "slope": (
        "∂E/∂w{n}", "δE_tot/δw{n}", "d(E)/d(w{n})", "ΔE/Δw{n}", "gradient of w{n}", "w{n} grad", "dE_total/dw{n}", "E∂w{n}",
        "∂E_total/∂w{sub}", "∂E/∂w|w{n}", "gradients|w{n}",
    ),
    "delta": ("δ_{u}{n}", "delta_{u}{n}", "error_{u}{n}", "local grad {u}{n}", "error term {u}{n}", "∂E/∂net_{u}{n}"),
}  # fmt: skip
UNITS = (
    ("{u}{n}", "a_{u}{n}"),
    ("net_{u}{n}", "out_{u}{n}"),
    ("z_{u}{n}", "a_{u}{n}"),
    ("net {u}{n}", "σ({u}{n})"),
    ("{u}{n} net", "{u}{n} out"),
)
ORDERS = (
    PUBLISHED,
    (*INNER, *OUTER, *DATA, *HIDDEN, *OUTPUT, *ERRORS, *SLOPES),
    tuple(reversed(PUBLISHED)),
    ("step", *DATA, *INNER, *HIDDEN, "", *OUTER, *OUTPUT, *ERRORS, *SLOPES),
)


@st.composite
def layouts(draw: Draw, deltas: bool = False) -> Layout:
    """A right book: its heads, order, place, rate and numbers."""
    net, act = draw(st.sampled_from(UNITS))
    words = {kind: draw(st.sampled_from(each)) for kind, each in WORDS.items()}
    number = st.integers(5, 95).map(lambda n: n / 100)
    values = {name: draw(number) for name in ("i1", "i2", "t1", "t2")}
    values |= {f"w{n}": draw(number) * draw(st.sampled_from((1, 1, -1))) for n in range(1, 9)}
    if values["t1"] == values["t2"]:
        values["t2"] += 0.02
    formulas = DELTAS if deltas else {}
    return Layout(
        "drawn", columns=WITH_DELTAS if deltas else draw(st.sampled_from(ORDERS)), formulas=formulas, values=values,
        spell=spelling(net=net, act=act, **words), top=draw(st.integers(4, 20)), left=draw(st.integers(1, 6)),
        eta=draw(st.sampled_from((0.1, 0.25, 0.5, 0.8, 2.0))), eta_label=draw(st.sampled_from(("η", "lr", "learning rate", "Learning Rate (η)", "alpha"))),
        eta_at=draw(st.sampled_from(("B2", "D1", "G2"))), steps=draw(st.integers(3, 9)), sheet=draw(st.sampled_from(("Sheet1", "My work", "LR 0.5"))),
    )  # fmt: skip


Case = tuple[Path, str, dict[str, str]]
"""A book, its right verdict, and by column name a part of what must be said of it (all mistakes, no others)."""


def planted(layout: Layout, folder: Path, verdict: str, *plants: tuple[Plant, str]) -> Case:
    said = {plant.column: words for plant, words in plants}
    return write(layout, folder / "book.xlsx", *(plant for plant, _ in plants)), verdict, said


def changed(layout: Layout, column: str, old: str, new: str) -> Plant:
    formula = {**FORMULAS, **layout.formulas}[column]
    made = formula.replace(old, new)
    assert made != formula
    return Plant(column, made, ())


def nothing(draw: Draw, folder: Path) -> Case:
    return planted(draw(layouts(deltas=draw(st.booleans()))), folder, "met")


def other_slope(draw: Draw, folder: Path) -> Case:
    layout = draw(layouts())
    swap = lambda name: changed(layout, name, "*{a_h2}*(1-{a_h2})", "*{a_h1}*(1-{a_h1})")  # noqa: E731
    return planted(
        layout, folder, "not met", (swap("dE/dw3"), "other unit's slope"), (swap("dE/dw4"), "other unit's slope")
    )


def one_round(draw: Draw, folder: Path) -> Case:
    layout = draw(layouts())
    digits = draw(st.integers(2, 4))
    rounded = draw(st.sampled_from(("h1", "a_h2", "o1")))
    layout = replace(layout, formulas={rounded: f"ROUND({FORMULAS[rounded]},{digits})"})
    slope = draw(st.sampled_from(("dE/dw3", "dE/dw6", "dE/dw8")))
    return planted(
        layout,
        folder,
        "not met",
        (Plant("dE/dw1", "0*{i1}", ()), "constant"),
        (Plant(slope, f"-({FORMULAS[slope]})", ()), "sign"),
    )


def equal_numbers(draw: Draw, folder: Path) -> Case:
    layout = draw(layouts())
    same = draw(st.sampled_from(({f"w{n}": 0.3 for n in range(1, 9)}, {"t1": 0.4, "t2": 0.4}, {"i1": 0.2, "i2": 0.2})))
    layout = replace(layout, values={**layout.values, **same})
    if "t1" in same:
        return planted(layout, folder, "not met", (changed(layout, "E2", "{t2}", "{t1}"), "equal here only because"))
    if "i1" in same:
        return planted(
            layout, folder, "not met", (changed(layout, "dE/dw2", "{i2}", "{i1}"), "equal here only because")
        )
    return planted(
        layout, folder, "not met",
        (Plant("h2", "{w1}*{i1}+{w2}*{i2}", ()), "swapped"), (changed(layout, "dE/dw3", "{w6}", "{w5}"), "swapped"),
    )  # fmt: skip


def rounded(value: float, digits: int) -> float:
    return round(value, digits)


def significant(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def in_a_narrow_cell(value: float, digits: int) -> float:
    """The number as a cell without a format shows it: a minus costs a decimal, and below 0.0001 there is an exponent."""
    if abs(value) < 1e-4:
        return float(f"{value:.2e}")
    return round(value, digits + 1 - len(str(int(abs(value)))) - (value < 0))


def typed_digits(draw: Draw, folder: Path) -> Case:
    layout = draw(layouts())
    path = write(layout, folder / "book.xlsx")
    read = read_book(path)
    calculation = Calculation(read)
    book = openpyxl.load_workbook(path)
    shown = draw(st.sampled_from((rounded, significant, in_a_narrow_cell)))
    digits = {column: draw(st.sampled_from((3, 4, 6, 9))) for column in range(60)}
    for row in book.active.iter_rows():
        for cell in row:
            if cell.data_type == "f":
                value = calculation.value(book.active.title, cell.row - 1, cell.column - 1)
                if isinstance(value, float):
                    value = shown(value, digits[cell.column])
                cell.value = value
    book.save(path)
    return path, "met", {}


def several_tables(draw: Draw, folder: Path) -> Case:
    """Sheets with a rate each, tables stacked or side by side; some with a mistake."""
    layout = replace(draw(layouts()), columns=draw(st.sampled_from(ORDERS[:2])), steps=4)
    wrong = draw(st.sampled_from(("dE/dw5", "dE/dw7")))
    book = openpyxl.Workbook()
    book.remove(book.active)
    kind = draw(st.sampled_from(("sheets", "stacked", "side by side")))
    count = draw(st.integers(2, 4)) if kind == "sheets" else 2
    for number in range(count):
        sheet = book.create_sheet(f"LR {number}") if kind == "sheets" or not number else book.worksheets[0]
        rate = (0.1, 0.5, 1.0, 2.0)[number]
        place = {"sheets": {}, "stacked": {"top": layout.top + 14 * number, "eta_at": f"{'BD'[number % 2]}1"}, "side by side": {"left": layout.left + 40 * number, "eta_at": f"{'BD'[number % 2]}1"}}[kind]  # fmt: skip
        here = replace(layout, eta=rate, **place)
        fill(sheet, here, Plant(wrong, f"-({FORMULAS[wrong]})", ()) if number else None)
        sheet[here.eta_at].offset(0, -1).value = "η"
        sheet[here.eta_at] = rate
    book.save(folder / "book.xlsx")
    return folder / "book.xlsx", "not met", {wrong: "sign"}


def rate_list(draw: Draw, folder: Path) -> Case:
    layout = draw(layouts())
    place = draw(st.integers(0, 4))
    rates = [0.1, 0.2, 0.5, 0.8, 1.0]

    def listed(book: openpyxl.Workbook) -> None:
        book.active["J1"] = "learning rate"
        for number, rate in enumerate(rates):
            book.active.cell(1, 11 + number, rate)

    layout = replace(layout, eta_label="", eta_written=f"${'KLMNO'[place]}$1", before=listed)
    return planted(layout, folder, "met")


def net_for_activation(draw: Draw, folder: Path) -> Case:
    layout = draw(layouts())
    if draw(st.booleans()):
        return planted(
            layout,
            folder,
            "not met",
            (Plant("o1", "{w5}*{h1}+{w6}*{h2}", ()), "pre-activation where the activation belongs"),
        )
    return planted(
        layout,
        folder,
        "not met",
        (changed(layout, "dE/dw8", "*{a_h2}", "*{h2}"), "pre-activation where the activation belongs"),
    )


def times_for_minus(draw: Draw, folder: Path) -> Case:
    layout = draw(layouts())
    places = (
        ("dE/dw5", "({a_o1}-{t1})", "({a_o1}*{t1})"),
        ("dE/dw8", "(1-{a_o2})", "(1*{a_o2})"),
        ("w3", "-{eta}*", "*{eta}*"),
    )
    column, old, new = draw(st.sampled_from(places))
    return planted(layout, folder, "not met", (changed(layout, column, old, new), "times for minus"))


def sample_a_row(draw: Draw, folder: Path) -> Case:
    layout = replace(draw(layouts(deltas=draw(st.booleans()))), samples=XOR[: draw(st.integers(2, 4))], steps=8)
    if draw(st.booleans()):
        return planted(layout, folder, "met")
    return planted(layout, folder, "not met", (Plant("E1", "0.5*({t2}-{a_o1})^2", ()), "wrong input"))


def unlabelled_biases(draw: Draw, folder: Path) -> Case:
    layout = draw(layouts())
    biased = {
        name: formula.replace("{b1}", "$J$1").replace("{b2}", "$L$1")
        for name, formula in BIASED.items()
        if name[0] != "b"
    }

    def put(book: openpyxl.Workbook) -> None:
        book.active["J1"], book.active["L1"] = 0.35, 0.6

    layout = replace(layout, formulas=biased, before=put)
    if draw(st.booleans()):
        return planted(layout, folder, "met")
    return planted(layout, folder, "not met", (Plant("o1", FORMULAS["o1"], ()), "only one path"))


def two_rows(draw: Draw, folder: Path) -> Case:
    layout = draw(layouts())
    group = draw(st.sampled_from(("∂E_total/∂w", "∂E/∂w", "gradients", "dE/dw", "slopes")))
    usual = layout.spell
    spell = lambda name: f"{group}|{usual('w' + name[5:])}" if name.startswith("dE/dw") else usual(name)  # noqa: E731
    layout = replace(layout, spell=spell)
    return planted(layout, folder, "not met", (Plant("dE/dw5", f"2*{FORMULAS['dE/dw5']}", ()), "factor"))


def missing_dollar(draw: Draw, folder: Path) -> Case:
    layout = draw(layouts())
    column = draw(st.sampled_from(("w1", "w3", "w6", "w8")))
    return planted(layout, folder, "not met", (changed(layout, column, "{eta}", "{eta-}"), r"a \$ is missing"))


def rate_from_the_table(draw: Draw, folder: Path) -> Case:
    """The cell of the rate was cut and pasted elsewhere, and the updates hold on to a cell of the table."""
    layout = draw(layouts())
    other = draw(st.sampled_from(("w3", "a_h1", "E_total")))
    label = {"w3": "w3", "a_h1": "a_?h1", "E_total": "E_?tot"}[other]
    words = rf"\({label}.*\) where the learning rate, \w+, belongs"
    plants = [(changed(layout, f"w{n}", "{eta}", f"{{${other}}}"), words) for n in (1, 4, 6)]
    return planted(layout, folder, "not met", *plants)


def local_gradients(draw: Draw, folder: Path) -> Case:
    layout = draw(layouts(deltas=True))
    name, old, new = draw(
        st.sampled_from((("delta_o1", "({a_o1}-{t1})", "({t1}-{a_o1})"), ("delta_h2", "(1-{a_h2})", "(1+{a_h2})")))
    )
    return planted(layout, folder, "not met", (changed(layout, name, old, new), "sign|target minus"))


def typed_rate(draw: Draw, folder: Path) -> Case:
    layout = draw(layouts())
    plants = [(changed(layout, f"w{n}", "{eta}", "0.3"), "0.3 typed in where the learning rate") for n in range(1, 9)]
    return planted(layout, folder, "not met", *plants)


def unknown_heads(draw: Draw, folder: Path) -> Case:
    """A column of numbers that nobody understands is never part of a *met*."""
    layout = draw(layouts())
    head = draw(st.sampled_from(("accuracy", "foo", "my helper", "w1 squared")))
    columns = (*layout.columns[:5], head, *layout.columns[5:])
    return planted(replace(layout, columns=columns, formulas={**layout.formulas, head: "{w1}^2"}), folder, "no verdict")


def totals_below(draw: Draw, folder: Path) -> Case:
    layout = replace(draw(layouts()), columns=PUBLISHED)
    path = write(layout, folder / "book.xlsx")
    book = openpyxl.load_workbook(path)
    sheet = book.active
    first, last = layout.top + 1, layout.top + 1 + layout.steps
    for column in range(layout.left, layout.left + len(PUBLISHED)):
        letter = openpyxl.utils.get_column_letter(column)
        sheet.cell(last + draw(st.integers(1, 2)), column, f"=AVERAGE({letter}{first}:{letter}{last})")
    book.save(path)
    return path, "met", {}


KINDS = (
    nothing, other_slope, one_round, equal_numbers, typed_digits, several_tables, rate_list, net_for_activation, times_for_minus,
    sample_a_row, unlabelled_biases, two_rows, missing_dollar, rate_from_the_table, local_gradients, typed_rate, unknown_heads, totals_below,
)  # fmt: skip


def _judged(kind: Callable[[Draw, Path], Case], draw: Draw) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, right, said = kind(draw, Path(folder))
        verdict = judge_workbook(path, office=False)
    assert (verdict.verdict, _mistakes(verdict).keys()) == (right, said.keys()), verdict.text()
    for name, words in said.items():
        assert re.search(words, _mistakes(verdict)[name]), (name, words, verdict.text())


def _mistakes(verdict: BookVerdict) -> dict[str, str]:
    # A delta may be judged under another of its names.
    return {re.sub(r"^(minus:|raw-?:)", "", c.name): f"{c.mistake}: {c.explanation}" for c in verdict.mistakes}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=1, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_book_of_each_kind_is_judged_rightly(kind: Callable[[Draw, Path], Case], data: st.DataObject) -> None:
    _judged(kind, data.draw)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=12, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_many_books_of_each_kind_are_judged_rightly(kind: Callable[[Draw, Path], Case], data: st.DataObject) -> None:
    _judged(kind, data.draw)


def test_the_document_quotes_what_was_counted() -> None:
    root = Path(__file__).parents[3]
    counted = json.loads((root / "benchmarks" / "results" / "planted.json").read_text(encoding="utf-8"))
    whole, text = (
        counted["whole"],
        " ".join((root / "docs" / "judging-workbooks.md").read_text(encoding="utf-8").split()),
    )
    assert whole["planted"] == sum(kind["planted"] for kind in counted["by_kind"].values())
    assert (
        f"{counted['kinds']} kinds of mistake planted into {counted['books']} right books of different layouts, {whole['planted']} "
        f"books in all: {whole['found']} found at the right column, {whole['named']} with the right cause, {whole['extra']} other "
        "columns accused"
    ) in text


def test_a_typed_column_is_as_exact_as_its_digits() -> None:
    assert rounding([0.25, 0.5, None]).tolist() == [0.005, 0.005, 0.0]
    assert rounding([12.3, 0.0123, 0.456]).tolist() == [0.05, 0.00005, 0.0005]
    assert rounding([0.1234567890123]).tolist() == [0.0]
    # As wide as the cell: the minus takes the place of a decimal.
    assert rounding([0.004383, -0.00822, -0.02073]).tolist() == pytest.approx([5e-7, 5e-6, 5e-6])
    # What is shown with an exponent has digits of its own.
    assert rounding([0.000188256, 9.22e-05, -1.4e-05])[1:].tolist() == pytest.approx([5e-8, 5e-8])
